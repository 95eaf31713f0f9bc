"""What goes wrong before a night even starts: each is one clear message, and the unit keeps everything."""

import shutil
from pathlib import Path

import pytest

from tests.sim.rig import STATION, entries, pulses, unit
from trap_sim.assembly import RESERVE
from trap_sim.card import CardFaults
from trap_sim.unit import Fate
from trap_wire import slot
from trap_wire.entries import Kind
from trap_wire.vocabulary import Role

MODELS = Path(__file__).parents[2] / "models"
MINUTE = 60_000


@pytest.fixture
def detector(tmp_path):
    """A copy of a released detector, to be spoilt."""
    released = sorted(folder for folder in MODELS.glob("*") if (folder / "model.toml").is_file())
    if not released:
        pytest.skip("no detector below models/ yet")
    return Path(shutil.copytree(released[0], tmp_path / "detector"))


def night(tmp_path, detector=None, fate=None, station=STATION):
    folder = tmp_path / "unit"
    made = unit(folder, fate, station=station, detector=detector)
    made.run(pulses(2, 10, 30), 60 * MINUTE)
    return folder


def verdicts(folder):
    return [entry.body for entry in entries(folder, Kind.VERDICT)]


def troubles(folder):
    return {entry.body["trouble"] for entry in entries(folder, Kind.BOOT)}


def photographs(folder):
    return [entry.body for entry in entries(folder, Kind.MEDIA) if entry.body["role"] == Role.PHOTOGRAPH]


def kept_everything(folder):
    """Every burst was kept, each with the reason, and every photograph is there."""
    assert len(verdicts(folder)) >= 3
    assert {body["decision"] for body in verdicts(folder)} == {"keep"}
    assert {body["observation_type"] for body in verdicts(folder)} == {"unclassified"}
    return len(photographs(folder)) >= 9 and all(body["fail_open"] for body in verdicts(folder))


def test_healthy_detector_discards_a_grey_wall(tmp_path, detector):
    assert {body["decision"] for body in verdicts(night(tmp_path, detector)) if body["decision"] == "blank"}


def test_wrong_model_hash_keeps_everything_and_says_which_file_to_copy_again(tmp_path, detector):
    card = detector / "model.toml"
    (sha,) = [line for line in card.read_text().splitlines() if line.startswith("sha256")]
    card.write_text(card.read_text().replace(sha, f'sha256 = "{"0" * 64}"'))
    folder = night(tmp_path, detector)
    assert kept_everything(folder)
    (words,) = troubles(folder)
    assert "sha256" in words
    assert "copy the folder again" in words


@pytest.mark.parametrize("told", [True, False], ids=["hash-follows", "hash-of-the-whole-file"])
def test_truncated_network_keeps_everything_whether_or_not_its_hash_fits(tmp_path, detector, told):
    (network,) = detector.glob("*.tflite")
    network.write_bytes(network.read_bytes()[: network.stat().st_size // 2])
    if told:
        import hashlib

        card, digest = detector / "model.toml", hashlib.sha256(network.read_bytes()).hexdigest()
        lines = [
            f'sha256 = "{digest}"' if line.startswith("sha256") else line for line in card.read_text().splitlines()
        ]
        card.write_text("\n".join(lines))
    folder = night(tmp_path, detector)
    assert kept_everything(folder)
    (words,) = troubles(folder)
    assert network.name in words


@pytest.mark.parametrize(
    "spoil", [lambda card: card.unlink(), lambda card: card.write_text("[model\n")], ids=["no-card", "no-toml"]
)
def test_folder_that_is_no_detector_keeps_everything(tmp_path, detector, spoil):
    spoil(detector / "model.toml")
    folder = night(tmp_path, detector)
    assert kept_everything(folder)
    assert all("model.toml" in words for words in troubles(folder))


def test_unit_without_a_detector_keeps_everything(tmp_path):
    assert kept_everything(night(tmp_path))


CORRUPT = {
    "empty": b"",
    "zeroes": bytes(slot.SLOT_SIZE),
    "torn": slot.fill(STATION)[:60] + bytes(100),
    "no-toml": slot.fill("[station\n"),
    "bad-fields": slot.fill('[station]\nunit = "MN 1"\ndeployment = "x"\n[protocol]\nburst_frames = 99\n'),
    "not-utf-8": b"\xff\xfe[station]",
}


@pytest.mark.parametrize("raw", CORRUPT.values(), ids=CORRUPT.keys())
def test_corrupt_station_file_runs_on_the_safe_default_and_says_what_is_wrong(tmp_path, detector, raw):
    folder = tmp_path / "unit"
    (folder / "boot").mkdir(parents=True)
    (folder / "boot" / "station.toml").write_bytes(raw)
    night(tmp_path, detector)
    assert {body["decision"] for body in verdicts(folder)} == {"keep"}
    assert len(photographs(folder)) >= 9
    (words,) = troubles(folder)
    assert "station" in words
    assert "burst_frames = 99" in words or raw != CORRUPT["bad-fields"]


def test_full_card_loses_photographs_but_no_entry_and_no_photograph_it_had(tmp_path):
    room = RESERVE.journal + RESERVE.heartbeat + 8_000
    folder = night(tmp_path, fate=Fate(card=CardFaults(capacity_bytes=room)))
    wakes = [entry for entry in entries(folder, Kind.WAKE) if entry.body["reason"] == "pir"]
    said = [entry.body["words"] for entry in entries(folder, Kind.ERROR)]
    assert len(wakes) == 3
    assert said
    assert all("card full" in words for words in said)
    assert photographs(folder)
    assert all((folder / "card" / body["path"]).stat().st_size == body["size"] for body in photographs(folder))
