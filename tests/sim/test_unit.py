"""A pretend unit from pulse to journal: the real policy, the real duty cycle, real frames between them."""

from tests.sim.rig import MINUTE, STATION, entries, pulses, unit
from trap_sim.camera import CameraFaults
from trap_sim.card import CardFaults
from trap_sim.clock import RtcFaults
from trap_sim.unit import Fate
from trap_wire.entries import Kind, verified
from trap_wire.vocabulary import Role

HOUR = 60


def run(folder, fate=None, at=(2, 10, 30), hours=1, **changes):
    made = unit(folder, fate, **changes)
    made.run(pulses(*at), hours * HOUR * MINUTE)
    return made


def wakes(folder):
    return [entry.body["reason"] for entry in entries(folder, Kind.WAKE)]


def media(folder):
    return [entry.body for entry in entries(folder, Kind.MEDIA)]


def test_each_spaced_pulse_becomes_a_burst_of_photographs(tmp_path):
    run(tmp_path)
    assert wakes(tmp_path).count("pir") == 3
    kept = [body["path"] for body in media(tmp_path) if body["role"] == Role.PHOTOGRAPH]
    assert len(kept) >= 9
    assert all((tmp_path / "card" / path).is_file() for path in kept)


def test_journal_of_a_night_is_one_unbroken_chain(tmp_path):
    run(tmp_path, at=range(2, 50, 4))
    assert len(list(verified(entries(tmp_path)))) > 50


def test_pulses_while_the_sensor_settles_after_power_up_are_no_triggers(tmp_path):
    run(tmp_path, at=(0.1, 0.3))
    assert wakes(tmp_path).count("pir") == 0


def test_second_pulse_inside_the_hold_off_makes_no_second_burst(tmp_path):
    run(tmp_path, at=(5, 5.05))
    assert wakes(tmp_path).count("pir") == 1


def test_pulse_while_the_pi_is_up_is_a_trigger_without_a_second_boot(tmp_path):
    run(tmp_path, at=(5, 5 + 5.4 / 60))
    boots = len(entries(tmp_path, Kind.BOOT))
    assert wakes(tmp_path).count("pir") == 2
    assert boots < len(wakes(tmp_path))


def test_storm_is_thinned_and_the_lost_effort_is_in_the_journal(tmp_path):
    made = run(tmp_path, at=[2 + n / 4 for n in range(200)])
    admitted = wakes(tmp_path).count("pir")
    assert 30 <= admitted < 60
    told = sum(entry.body["throttled_triggers"] for entry in entries(tmp_path, Kind.WAKE))
    assert told > 100
    assert made.board.pulses == 200


def test_trigger_to_first_frame_latency_is_on_every_burst(tmp_path):
    run(tmp_path)
    latencies = [entry.body["first_frame_ms"] for entry in entries(tmp_path, Kind.BURST)]
    assert all(4_000 < ms < 8_000 for ms in latencies if ms is not None)


def test_same_seed_writes_the_same_journal(tmp_path):
    digests = []
    for name in ("one", "two"):
        run(tmp_path / name, seed=5)
        digests.append(entries(tmp_path / name)[-1].digest)
    assert digests[0] == digests[1]


def test_noisy_wire_between_the_processors_loses_no_trigger(tmp_path):
    run(tmp_path, Fate(uart_noise=0.05), at=range(2, 58, 4))
    assert wakes(tmp_path).count("pir") >= 12


def test_flat_battery_stops_triggers_and_says_what_is_lost(tmp_path):
    fresh, flat = run(tmp_path / "fresh"), run(tmp_path / "flat", Fate(used_mah=9_100))
    assert wakes(tmp_path / "fresh").count("pir") == 3
    assert wakes(tmp_path / "flat").count("pir") == 0
    assert flat.battery.used_mah > 9_100 > fresh.battery.used_mah


def test_power_cut_in_mid_write_is_recovered_at_the_next_start(tmp_path):
    made = run(tmp_path, Fate(cut_at_ms=9 * MINUTE), at=(2, 10, 30, 50), hours=2)
    assert made.power_cuts == 1
    assert made.card.faults.cut_at is not None
    kinds = [entry.kind for entry in verified(entries(tmp_path))]
    assert kinds.count(Kind.WAKE) >= 3
    for body in media(tmp_path):
        assert (tmp_path / "card" / body["path"]).stat().st_size == body["size"]
    assert not list((tmp_path / "card").rglob("*.tmp"))


def test_camera_that_hangs_costs_its_burst_and_is_named(tmp_path):
    run(tmp_path, Fate(camera=CameraFaults(hangs_after=2)))
    frames = {
        entry.body["frames"] for entry in entries(tmp_path, Kind.BURST) if entry.body["first_frame_ms"] is not None
    }
    assert 2 in frames
    assert any(entry.body["part"] == "camera" for entry in entries(tmp_path, Kind.ERROR))


def test_stopped_rtc_is_flagged_on_the_wakes(tmp_path):
    run(tmp_path, Fate(rtc=RtcFaults(stopped_at_ms=5 * MINUTE)))
    flags = [entry.body["flags"] for entry in entries(tmp_path, Kind.WAKE)]
    assert "rtc_compromised" not in flags[0]
    assert "rtc_compromised" in flags[-1]


def test_full_card_keeps_the_journal_and_says_so(tmp_path):
    run(tmp_path, Fate(card=CardFaults(capacity_bytes=1_000_000)))
    assert wakes(tmp_path).count("pir") == 3
    assert any("full" in entry.body["words"] for entry in entries(tmp_path, Kind.ERROR))
    assert not [body for body in media(tmp_path) if body["role"] == Role.PHOTOGRAPH]


def test_read_only_card_is_said_in_the_journal(tmp_path):
    run(tmp_path, Fate(card=CardFaults(read_only=True)))
    assert any("Read-only" in entry.body["words"] for entry in entries(tmp_path, Kind.ERROR))


def test_daily_heartbeat_comes_by_the_alarm_and_after_an_orderly_sleep(tmp_path):
    run(tmp_path, at=(2, 10, 30, 50), hours=2, station=STATION + "heartbeat_hour = 10\n")
    (beat,) = [entry for entry in entries(tmp_path, Kind.WAKE) if entry.body["reason"] == "schedule"]
    assert (beat.at.hour, beat.at.minute, beat.body["flags"]) == (10, 0, [])
    assert {entry.body["decision"] for entry in entries(tmp_path, Kind.VERDICT)} == {"keep"}


def test_pulse_in_the_moment_of_the_alarm_is_not_taken_for_a_power_cut(tmp_path):
    run(tmp_path, at=(2, 60, 60.001, 60.002), hours=2, station=STATION + "heartbeat_hour = 10\n")
    assert not any("last_wake_killed" in entry.body["flags"] for entry in entries(tmp_path, Kind.WAKE))


def test_supervisors_records_come_into_the_journal_once_each_and_without_a_gap(tmp_path):
    run(tmp_path, Fate(uart_noise=0.03), at=range(2, 58, 4))
    numbers = [entry.body["ring"] for entry in entries(tmp_path, Kind.SUPERVISOR)]
    assert numbers == list(range(1, len(numbers) + 1))
    assert len(numbers) > 20


def test_protocol_reaches_the_gate_at_the_first_boot(tmp_path):
    run(tmp_path, at=(5, 5.5, 6, 6.5, 10), station=STATION + "hold_off_ms = 120000\n")
    assert wakes(tmp_path).count("pir") == 2
