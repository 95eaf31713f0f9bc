"""What a running release says of itself."""

from pathlib import Path

import pytest

from tests.unit.update.test_update import release, update
from trap import cli, launcher, releases
from trap.drivers.card import FolderCard
from trap.update import boot, state


@pytest.fixture
def card(tmp_path):
    """A unit that runs 1.0 and has 1.1 on trial, started once."""
    made = FolderCard(tmp_path)
    for version in ("1.0", "1.1"):
        update(made, release(tmp_path / "bundles" / version, version))
        boot.choose(made)
        if version == "1.0":
            boot.confirm(made)
    return made


def started(card):
    return {releases.FOLDER: str(card.root / state.folder(boot.current(card).name))}


def test_release_that_arms_the_unit_stays(card):
    assert "1.1 is healthy" in releases.decided("", started(card))
    assert boot.choose(card).version == "1.1"
    assert releases.decided("", started(card)) == ""


def test_release_that_never_armed_the_unit_is_told_of_by_the_one_that_runs_again(card):
    for _ in range(state.STARTS):
        boot.choose(card)
    assert boot.current(card).version == "1.0"
    said = "release 1.1 was left: it did not become healthy in its starts; 1.0 runs again"
    assert releases.decided("", started(card)) == said


def test_release_whose_camera_does_not_open_is_left_with_the_reason(card):
    assert "the camera is absent" in releases.decided("the camera is absent", started(card))
    assert boot.choose(card).version == "1.0"


def test_program_that_no_launcher_started_decides_nothing(card):
    assert releases.decided("the camera is absent", {}) == ""
    assert boot.current(card).on_trial


def test_only_a_run_counts_as_a_start(card):
    said = []
    words = ["--data", str(card.root), "doctor", "--json"]
    before = state.load(card).starts_left
    assert launcher.main(words, run=lambda *call: said.append(call[1][1:])) == 0
    assert said == [["-m", "trap.cli", "doctor", "--json"]]
    assert state.load(card).starts_left == before
    launcher.main(words[:2], run=lambda *call: said.append(call[1][1:]))
    assert said[-1] == ["-m", "trap.cli", "run"]
    assert state.load(card).starts_left == before - 1


def test_release_brings_the_detector_that_the_unit_runs(card, monkeypatch, tmp_path):
    """Behind one that somebody copied onto the unit, and before the image's."""
    monkeypatch.setenv(releases.FOLDER, started(card)[releases.FOLDER])
    args = cli._parser().parse_args(["run", "--data", str(tmp_path / "data")])
    brought = Path(started(card)[releases.FOLDER]) / "model" / "m"
    assert (brought / "model.toml").read_text() == "v1.1"
    assert cli._config(args).detector_folder() == brought
    (tmp_path / "data" / "journal" / "detector").mkdir(parents=True)
    assert cli._config(args).detector_folder() == tmp_path / "data" / "journal" / "detector"


def test_program_that_no_launcher_started_has_no_release_and_no_detector_of_one():
    assert releases.detectors({}) == ()
