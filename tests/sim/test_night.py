"""A night of a small site through the command that a newcomer types."""

import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from tests.sim.rig import FlatShow, entries
from trap_sim import night
from trap_sim.clock import RtcFaults
from trap_sim.pir import Rates
from trap_sim.reckoning import reckon
from trap_sim.site import FLAT, NIGHT_MS, plans, write_station
from trap_sim.sky import HOUR_MS
from trap_sim.unit import Fate, Setting, SimUnit
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


def lived(folder: Path, seed: int = 3, number: int = 0, **changes):
    """A unit of the site through its night, with scenes of one grey: its plan, the unit, and how it was in the morning."""
    plan = replace(plans(folder, seed, 6, None)[number], **changes)
    write_station(plan, seed)
    unit = SimUnit(Setting(plan.folder, plan.started, plan.sky, plan.seed, None), plan.fate, lambda _: FlatShow())
    unit.run(plan.pulses(), NIGHT_MS)
    return plan, unit, night.morning_of(plan, unit)


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
    for name, seed in (("one", 3), ("two", 3), ("other", 4)):
        plan, _, _ = lived(tmp_path / name, seed, rates=CALM)
        digests.append(entries(plan.folder)[-1].digest)
    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("lies_by_s", [0, -700])
def test_every_scene_that_was_shown_is_reckoned_once_even_by_a_clock_that_lies(tmp_path, lies_by_s):
    _, _, morning = lived(tmp_path, rates=CALM, fate=Fate(rtc=RtcFaults(lies_by_s=lies_by_s)))
    total = reckon([morning])
    animals = sum(shown.truth is ObservationType.ANIMAL for shown in morning.shown)
    assert sum(total.bursts.values()) == len(morning.shown) > 3
    assert total.lost == 0
    assert total.kept(ObservationType.ANIMAL, total.bursts)[1] == animals > 0


def test_flat_battery_ends_the_triggers_of_its_unit_in_the_night(tmp_path):
    plan, _, morning = lived(tmp_path, number=FLAT, rates=Rates(visits=30, wind=30))
    bursts = [
        entry for entry in entries(plan.folder, Kind.BURST) if entry.body["capture_method"] == "activityDetection"
    ]
    hours = [(entry.at - plan.started).total_seconds() / 3_600 for entry in bursts]
    assert 0 < max(hours) < 7
    assert morning.pulses > 1.5 * len(bursts)


def test_unit_that_lost_power_in_mid_write_has_its_chain_and_its_later_bursts(tmp_path):
    plan, unit, _ = lived(tmp_path, seed=1, number=2)
    assert unit.power_cuts == 1
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
