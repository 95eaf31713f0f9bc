"""A night of a small site through the command that a newcomer types."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from tests.sim.rig import entries
from trap_sim import night
from trap_sim.pir import Rates
from trap_sim.reckoning import reckon
from trap_sim.site import NIGHT_MS, plans, write_station
from trap_sim.sky import HOUR_MS
from trap_sim.unit import Fate
from trap_tools.cli import main
from trap_wire.entries import Kind, verified
from trap_wire.vocabulary import ObservationType

CALM = Rates(visits=8, wind=6, warm_stones=0, shadows=0)


def manul(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def photographs(folder: Path, count: int) -> Path:
    """Empties and animals in turn, two frames each, with their labels, and two files that are damaged."""
    folder.mkdir()
    rows = ["file,label"]
    for number in range(count):
        empty = number // 2 % 2 == 0
        picture = (
            Image.new("RGB", (96, 72), (110, 100, 90)) if empty else Image.effect_noise((96, 72), 90).convert("RGB")
        )
        picture.save(folder / f"IMG_{number:04d}.jpg")
        rows.append(f"IMG_{number:04d}.jpg,{'empty' if empty else 'fox'}")
    (folder / "labels.csv").write_text("\n".join(rows))
    (folder / "IMG_9000.jpg").write_text("no picture at all")
    whole = (folder / f"IMG_{count - 1:04d}.jpg").read_bytes()
    (folder / f"IMG_{count - 1:04d}.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    return folder


def lived(folder: Path, seed: int = 3, **changes):
    plan = replace(plans(folder, seed, 1, None)[0], rates=CALM, **changes)
    write_station(plan, seed)
    return night.sleep_through(plan, None)


def test_night_of_ones_own_photographs_is_pulled_reported_and_reckoned(tmp_path):
    photos = photographs(tmp_path / "photos", 24)
    done = manul("sim", "night", "--to", tmp_path / "night", "--photos", photos, "--units", 2, "--json")
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    assert [unit["unit"] for unit in told["units"]] == ["MN-101", "MN-102"]
    assert told["complete"]
    assert Path(told["report"]).read_text().startswith("<!")
    frames = told["labelled"]["frames"]
    assert frames["empty"] + frames["animal"] >= 20
    assert frames["animal_kept"] <= frames["animal"]
    assert told["unreadable"] == {"IMG_9000.jpg": "is no picture inside"}
    assert told["damaged"].keys() <= {"IMG_0023.jpg"}
    for unit in told["units"]:
        assert unit["triggers"] >= unit["bursts"] == unit["kept"] + unit["unknown"] + unit["discarded"]


def test_folder_without_photographs_ends_with_one_line_and_exit_code_3(tmp_path):
    (tmp_path / "empty").mkdir()
    done = manul("sim", "night", "--to", tmp_path / "night", "--photos", tmp_path / "empty")
    assert done.exit_code == 3
    assert "no photograph" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "night").exists()


def test_folder_of_somebody_elses_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("three years of work")
    done = manul("sim", "night", "--to", tmp_path)
    assert done.exit_code == 9
    assert (tmp_path / "thesis.txt").read_text() == "three years of work"


def test_detector_folder_that_is_not_there_is_one_line(tmp_path):
    done = manul("sim", "night", "--to", tmp_path / "night", "--detector", tmp_path / "nothing")
    assert (done.exit_code, "no such folder" in done.stderr) == (3, True)


def test_same_seed_gives_the_same_night_to_the_last_hash(tmp_path):
    digests = []
    for name in ("one", "two"):
        lived(tmp_path / name)
        digests.append(entries(tmp_path / name / "units" / "MN-101")[-1].digest)
    lived(tmp_path / "other", seed=4)
    assert digests[0] == digests[1] != entries(tmp_path / "other" / "units" / "MN-101")[-1].digest


def test_every_scene_that_was_shown_is_reckoned_once(tmp_path):
    morning = lived(tmp_path)
    total = reckon([morning])
    assert sum(total.bursts.values()) == len(morning.shown) > 3
    assert total.lost == 0
    assert total.kept(ObservationType.ANIMAL, total.bursts)[1] == sum(
        s.truth is ObservationType.ANIMAL for s in morning.shown
    )


def test_clock_that_lies_does_not_spoil_the_reckoning(tmp_path):
    from trap_sim.clock import RtcFaults

    morning = lived(tmp_path, fate=Fate(rtc=RtcFaults(lies_by_s=-700)))
    assert reckon([morning]).lost == 0


def test_flat_battery_ends_the_triggers_of_its_unit_in_the_night(tmp_path):
    plan = plans(tmp_path, 1, 6, None)[1]
    write_station(plan, 1)
    morning = night.sleep_through(replace(plan, rates=replace(CALM, visits=30, wind=30)), None)
    hours = [(entry.at - plan.started).total_seconds() / 3_600 for entry in entries(plan.folder, Kind.BURST)]
    assert 0 < max(hours) < 6
    assert morning.pulses > len(hours)


def test_unit_that_lost_power_in_mid_write_has_its_chain_and_its_later_bursts(tmp_path):
    plan = plans(tmp_path, 1, 6, None)[2]
    write_station(plan, 1)
    morning = night.sleep_through(plan, None)
    assert morning.power_cuts >= 1
    chain = list(verified(entries(plan.folder)))
    after = [e for e in chain if e.kind is Kind.BURST and (e.at - plan.started).total_seconds() > 6 * 3_600]
    assert len(after) > 3


def test_storm_unit_refuses_most_of_its_storm(tmp_path):
    plan = plans(tmp_path, 1, 6, None)[3]
    pulses = plan.pulses()
    start, end = plan.rates.storm
    assert sum(start <= pulse.at_ms < end for pulse in pulses) > 300
    assert max(pulse.at_ms for pulse in pulses) < NIGHT_MS == 17 * HOUR_MS


@pytest.mark.skipif(sys.platform != "linux", reason="ptys")
def test_year_through_the_policy_alone_keeps_the_energy_of_a_year():
    done = manul("sim", "year", "--days", 40, "--json")
    assert done.exit_code == 0
    told = json.loads(done.stdout)
    january = told["months"][0]
    assert january["admitted"]["schedule"] in (30, 31)
    assert january["admitted"]["pir"] + january["refused"] <= january["pulses"]
    assert 0.8 < told["battery_left"] < 1
