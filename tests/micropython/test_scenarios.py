"""Whole units through their troubles: the real main, board and body on a pretend machine, under both interpreters.

Each scenario of ``scenarios.py`` runs once under CPython and once under MicroPython; both tellings are kept for every test.
"""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.micropython.engine import ROOT
from trap_wire import codes

HERE = Path(__file__).parent
SCRIPT, PRETEND, FIRMWARE = HERE / "scenarios.py", str(HERE / "pretend"), str(ROOT / "firmware")
MEMORY = Path("/dev/shm")  # the scenarios write and fsync thousands of small files


def told(lines):
    return {
        entry["scenario"]: entry for entry in map(json.loads, (li for li in lines.splitlines() if li.startswith("{")))
    }


def once(tmp_path_factory, name, tell):
    """What ``tell`` gives, for all workers of this run: the first one works, the others wait for it."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = shared / f"{name}.json"
        if not kept.exists():
            kept.write_text(json.dumps(told(tell())))
        return json.loads(kept.read_text())


@pytest.fixture(scope="session")
def cpython(tmp_path_factory):
    def tell():
        with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
            command = [sys.executable, str(SCRIPT), folder, PRETEND, FIRMWARE]
            env = {**os.environ, "PYTHONPATH": FIRMWARE, "PYTHONDONTWRITEBYTECODE": "1"}
            return subprocess.run(command, capture_output=True, text=True, env=env, check=True, timeout=250).stdout

    return once(tmp_path_factory, "cpython", tell)


@pytest.fixture(scope="session")
def both(cpython, micropython, tmp_path_factory):
    def tell():
        with tempfile.TemporaryDirectory() as folder:
            return micropython.run(SCRIPT, folder, PRETEND, FIRMWARE)

    return cpython, once(tmp_path_factory, "micropython", tell)


def test_both_interpreters_take_the_same_decisions_entry_by_entry(both):
    cpython, micropython = both
    assert list(cpython) == list(micropython)
    for name, telling in cpython.items():
        for what, value in telling.items():
            assert micropython[name][what] == value, f"{name}: {what}"


@pytest.fixture(scope="session")
def simulated(tmp_path_factory):
    def tell():
        command = [sys.executable, str(HERE / "simulated.py"), "unused", PRETEND, FIRMWARE]
        env = {**os.environ, "PYTHONPATH": f"{FIRMWARE}:{ROOT}", "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(command, capture_output=True, text=True, env=env, check=False, timeout=250)
        assert not done.returncode, done.stderr
        return done.stdout

    return once(tmp_path_factory, "simulated", tell)


# The mountain's supervisor goes round every 40 ms and starts at once, the simulator's when it is due and after 150 ms: durations
# (ms, lost seconds, mA·s) may differ by that, no count and no decision may.


NOT_SIMULATED = {"good_update", "update_that_cannot_be_compiled", "update_that_never_speaks"}


def slack(kind, code, value):
    if kind == "throttled":
        return 5 if code & codes.THROTTLED_SECONDS else 0
    if (kind, code) == ("fault", codes.FAULT_RTC) and value > 1:  # how far it ran back
        return 2
    return {"sleep": 200, "killed": 200, "clock": 2, "charge": max(60, value // 50)}.get(kind, 0)


def test_simulated_unit_takes_the_same_decisions_entry_by_entry_as_the_rp2040s_firmware_under_micropython(
    simulated, both
):
    _, micropython = both
    assert len(simulated) == len(micropython) - len(NOT_SIMULATED)
    assert not NOT_SIMULATED & set(simulated)
    for name, telling in simulated.items():
        assert telling["rises"] == micropython[name]["rises"], name
        ours, theirs = telling["ring"], micropython[name]["ring"]
        assert [entry[:2] for entry in ours] == [entry[:2] for entry in theirs], name
        for (kind, code, value), (_, _, other) in zip(ours, theirs, strict=True):
            assert abs(value - other) <= slack(kind, code, other), (name, kind, code, value, other)


def records(telling, *kinds):
    return [tuple(record) for record in telling["ring"] if record[0] in kinds]


def test_batch_of_the_ring_is_longer_than_the_uarts_own_buffer_and_comes_whole(cpython):
    assert [record[0] for record in cpython["long_ring_is_handed_over"]["handed"]] == list(range(1, 105))


def test_good_day_is_wake_and_sleep_and_nothing_else(cpython):
    assert [kind for kind, _, _ in cpython["good_day"]["ring"]] == ["boot"] + ["wake", "sleep"] * 3


def test_every_power_up_of_a_good_day_ends_in_the_dark(cpython):
    assert [ended for _, ended in cpython["good_day"]["ups"]] == ["dark"] * 3


def test_line_to_a_dark_pi_is_never_high(cpython):
    for scenario in ("good_day", "mute_pi", "trigger_while_the_pi_is_up_and_while_it_halts"):
        moments = [(pin, value) for _, pin, value in cpython[scenario]["pins"] if pin in (0, 3)]
        assert moments == [(0, 1), (3, 1), (0, 0), (3, 0)] * cpython[scenario]["rises"]


def test_chip_waits_for_the_pi_at_a_third_of_its_clock(cpython):
    assert cpython["good_day"]["heard_at_hz"] == [48_000_000] * 3


def test_wind_takes_the_bucket_and_the_lost_effort_is_written_down(cpython):
    storm = cpython["flood_of_wind"]
    assert len(storm["ups"]) - storm["rises"] == sum(
        value for _, code, value in records(storm, "throttled") if code == 3
    )
    assert records(storm, "throttled")


def test_heartbeat_comes_at_six_each_morning(cpython):
    assert [second for second, _ in cpython["heartbeat_at_six"]["ups"]] == [0, 64_800, 151_200, 237_600]
    assert [wake[0] for wake in cpython["heartbeat_at_six"]["wakes"][1:]] == [codes.REASON_SCHEDULE] * 3


@pytest.mark.parametrize(
    ("scenario", "cause", "after_ms"),
    [
        ("mute_pi", codes.KILL_NO_HELLO, 60_000),
        ("silent_pi", codes.KILL_SILENT, 64_000),
        ("sleepless_pi", codes.KILL_MAX_ON, 180_000),
        ("pi_that_never_halts", codes.KILL_NO_HALT, 29_100),
    ],
)
def test_pi_that_hangs_is_cut_with_its_cause(cpython, scenario, cause, after_ms):
    _, code, on_ms = records(cpython[scenario], "killed")[0]
    assert (code, on_ms // 100) == (cause, after_ms // 100)
    assert records(cpython[scenario], "fault")[0] == ("fault", codes.FAULT_HUNG_PI, 1)


def test_pi_that_has_halted_is_believed_though_its_request_to_sleep_was_lost(cpython):
    lost = cpython["pi_whose_request_to_sleep_is_lost"]
    assert [kind for kind, _, _ in lost["ring"]] == ["boot"] + ["wake", "sleep"] * 3


def test_battery_that_collapses_under_every_boot_is_no_boot_loop(cpython):
    assert len(cpython["battery_that_collapses"]["ups"]) == 41
    assert cpython["battery_that_collapses"]["rises"] == 4
    assert records(cpython["battery_that_collapses"], "fault") == [
        ("fault", codes.FAULT_BROWN_OUT, n) for n in (1, 2, 3)
    ]


def test_pack_that_sags_under_the_pi_costs_it_the_rail_at_once_and_the_next_wake_says_so(cpython):
    sags = cpython["battery_that_sags_under_the_pi"]
    ((_, cause, on_ms),) = records(sags, "killed")
    assert (cause, on_ms < 10_000) == (codes.KILL_BROWN_OUT, True)
    assert sags["wakes"][-1][1] == codes.FLAG_LAST_WAKE_KILLED
    assert records(sags, "throttled")[0] == ("throttled", codes.BACKED_OFF, 1)  # the pulse a minute later


def test_pi_that_never_speaks_is_tried_less_and_less_often_and_what_that_lost_is_told_to_the_first_that_does(cpython):
    mute = cpython["mute_pi"]
    assert [value for _, code, value in records(mute, "fault")] == [1, 2, 3]
    refused = sum(value for _, code, value in records(mute, "throttled") if code == codes.BACKED_OFF)
    assert (mute["rises"], refused) == (5, 3)
    assert mute["wakes"][-1][-1][0][:2] == [codes.BACKED_OFF, refused]


def test_battery_that_swings_about_a_step_is_written_down_once_a_rung_and_climbs_only_with_150_mv(cpython):
    assert records(cpython["battery_that_swings_about_a_step"], "ladder") == [
        ("ladder", 1, 5_350), ("ladder", 0, 5_560), ("ladder", 1, 5_350),
    ]  # fmt: skip


def test_cold_excuses_the_same_volts_that_warmth_does_not(cpython):
    assert records(cpython["same_volts_warm_and_cold"], "ladder") == [("ladder", 1, 5_250)]


def test_steps_of_the_ladder_are_those_of_the_stations_cells(cpython):
    """4.85 V: nickel cells are still above their second step (4.6 V), lithium ones would be below theirs."""
    nickel = records(cpython["nickel_cells_by_the_station"], "ladder")
    assert nickel == [("ladder", 1, 5_250), ("ladder", 2, 4_550), ("ladder", 3, 4_150)]


def test_reserve_below_the_last_trigger_is_kept_for_one_frame_a_day(cpython):
    reserve = cpython["reserve_for_the_heartbeat"]
    assert [wake[0] for wake in reserve["wakes"][1:]] == [codes.REASON_SCHEDULE] * 4
    assert [code for _, code, _ in records(reserve, "ladder")] == [2, 3, 0]
    days = [second // 86_400 for second, _ in reserve["ups"][2:]]
    assert days == list(range(7))  # it looks at its cells each morning, also on the lowest rung


def test_day_over_its_budget_is_lost_to_the_budget_and_to_nothing_else(cpython):
    day = cpython["day_over_its_budget"]
    ((cause, triggers, seconds),) = day["wakes"][2][-1]
    assert (day["wakes"][2][0], cause, triggers) == (codes.REASON_SCHEDULE, codes.OVERSPENT, 5)
    assert 41_000 < seconds <= 43_200  # to midnight
    assert {code & 0x7F for _, code, _ in records(day, "throttled")} == {codes.OVERSPENT}


def test_battery_goes_down_the_ladder_and_up_again_with_hysteresis(cpython):
    flat = cpython["battery_that_runs_flat_in_the_cold"]
    assert [code for _, code, _ in records(flat, "ladder")] == [1, 2, 3, 2, 1, 0]


def test_time_without_triggers_on_the_lower_rungs_is_lost_effort(cpython):
    flat = cpython["battery_that_runs_flat_in_the_cold"]
    seconds = sum(value for _, code, value in records(flat, "throttled") if code == codes.TOO_LOW | 0x80)
    assert 80_000 < seconds < 140_000


def test_dead_gauge_stops_nothing(cpython):
    assert records(cpython["dead_gauge"], "fault") == [("fault", codes.FAULT_GAUGE, 1), ("fault", codes.FAULT_GAUGE, 0)]
    assert cpython["dead_gauge"]["rises"] == 3


def test_dead_clock_stops_nothing_and_still_thins_a_flood(cpython):
    dead = cpython["dead_rtc"]
    assert records(dead, "fault") == [("fault", codes.FAULT_RTC, 1)]
    assert 30 < dead["rises"] < 45


def test_clock_set_by_the_pi_heals_the_fault(cpython):
    healed = cpython["rtc_that_lost_its_time"]
    assert [r[:2] for r in records(healed, "fault", "clock")] == [("fault", 5), ("clock", 0), ("fault", 5)]
    assert healed["wakes"][-1][1] == 0


def test_clock_that_runs_back_is_said_with_its_seconds_and_blocks_nothing(cpython):
    back = cpython["rtc_that_runs_back"]
    ((_, code, seconds),) = records(back, "fault")
    assert (code, abs(seconds - 4_400) <= 1) == (codes.FAULT_RTC, True)
    assert back["rises"] == 3


def test_torn_memory_and_torn_settings_are_each_said_and_the_unit_goes_on_with_defaults(cpython):
    torn = cpython["memory_and_settings_that_are_torn"]
    assert ("fault", codes.FAULT_SETTINGS, 1) in records(torn, "fault")
    assert ("boot", codes.FAULT_MEMORY, 0) in records(torn, "boot")
    assert torn["rises"] == 4


def test_stuck_pir_is_named_and_costs_no_trigger(cpython):
    assert records(cpython["stuck_pir"], "fault") == [("fault", codes.FAULT_PIR_STUCK, 1)]
    assert [wake[0] for wake in cpython["stuck_pir"]["wakes"]] == [4, 1, 2, 2]


def test_trigger_during_the_halt_gets_its_own_wake(cpython):
    during = cpython["trigger_while_the_pi_is_up_and_while_it_halts"]
    assert [wake[2] for wake in during["wakes"]] == [1, 2, 3, 4]
    assert during["rises"] == 3


def test_cable_wakes_the_pi_for_the_host(cpython):
    assert cpython["cable"]["wakes"][-1][0] == codes.REASON_HOST


def test_walk_test_shows_each_pulse_on_the_led(cpython):
    walk = cpython["walk_test"]
    flashes = [value for _, pin, value in walk["pins"] if pin == 25]
    ((_, _, count),) = records(walk, "walk_test")
    assert count == flashes.count(1) == 4


def test_full_ring_keeps_the_newest_and_says_so(cpython):
    full = cpython["full_ring"]
    assert ("fault", codes.FAULT_RING_FULL, 1) in records(full, "fault")
    assert full["ring"][-1][0] == "sleep"
    assert records(full, "marker") == [("marker", 0, 64)]  # a segment
    assert full["wakes"][0][1] & codes.FLAG_RING_OVERFLOW


def test_bus_that_hangs_starves_the_watchdog_and_the_next_life_says_so(cpython):
    hang = cpython["bus_that_hangs"]
    assert [ended for _, ended in hang["ups"]] == ["dark", "reset", "dark", "dark"]
    assert ("fault", codes.FAULT_WATCHDOG, 1) in records(hang, "fault")


def test_ring_goes_to_the_pi_and_is_forgotten_only_as_far_as_it_confirms(cpython):
    handed = cpython["ring_is_handed_over"]
    assert [record[0] for record in handed["handed"]] == [1, 2, 3, 4, 5, 6]
    assert [kind for kind, _, _ in handed["ring"]] == ["sleep", "wake", "sleep"]  # 5, 6 and what came after


def test_settings_from_the_pi_outlive_the_power(cpython):
    settings = cpython["settings_from_the_pi"]
    assert settings["ups"][2][0] - settings["ups"][1][0] < 60
    assert settings["rises"] == 3  # the pulse inside the new hold-off raised nothing
    assert settings["ups"][3][0] == 8 * 3_600  # the new heartbeat hour


def test_good_update_is_swapped_and_confirmed_by_the_pi(cpython):
    update = cpython["good_update"]
    assert update["hellos"] == [[0, 1, 0], [0, 1, 0], [0, 9, 0], [0, 9, 0]]
    assert [code for _, code, _ in records(update, "update")] == [1, 2, 3]


def test_update_that_cannot_be_compiled_gives_way_at_once(cpython):
    broken = cpython["update_that_cannot_be_compiled"]
    assert [ended for _, ended in broken["ups"]] == ["dark", "dark", "reset", "dark"]
    assert [code for _, code, _ in records(broken, "update")] == [codes.UPDATE_STAGED, codes.UPDATE_ROLLED_BACK]
    assert broken["hellos"][-1] == [0, 1, 0]


def test_update_that_never_hears_the_pi_is_rolled_back_and_the_camera_works_again(cpython):
    deaf = cpython["update_that_never_speaks"]
    assert [code for _, code, _ in records(deaf, "update")] == [1, 2, codes.UPDATE_ROLLED_BACK]
    assert deaf["hellos"][-1] == [0, 1, 0]
    assert deaf["ring"][-1][0] == "sleep"
