"""A unit that judged with its own triage, and the same bursts judged again on the laptop: the same words, or it is a defect."""

import dataclasses
import io
import json
import shutil
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from skimage import data

from tests.pulled import START, Unit
from trap.deployment import Deployment, Protocol, Station
from trap.ports import Shot
from trap.records import verdict_body
from trap.store.thumbnail import thumbnail
from trap.triage import model_folder
from trap.triage.judge import Triage
from trap.triage.looks import Steps
from trap_tools.archive.whole import whole
from trap_tools.cli import main
from trap_tools.rescreen.store import Results
from trap_tools.rescreen.work import lores
from trap_wire.entries import Kind

pytest.importorskip("ai_edge_litert", reason="no LiteRT here (pip install 'manul[sim]')")
DETECTOR = Path(__file__).parents[4] / "models" / "nanodet-m-collapsed"
GRAVEL = np.asarray(Image.fromarray(np.repeat(data.gravel()[:, :, None], 3, axis=2)).resize((960, 720)))
CAT = Image.fromarray(data.chelsea()[:, 100:400])
LORES_PX = (320, 240)
ROCK = (600, 400, 72)  # a cat that never moves: left, top and edge in pixels
# Bursts of one place: what stands in each frame. A rock seen again and again, a cat that walks by, nothing, a cat near by.
STORY = [
    *[[[ROCK]] * 3] * 8,
    *[[[ROCK, (80 + 90 * n + 100 * k, 120, 60)] for k in range(3)] for n in range(3)],
    *[[[]] * 3] * 4,
    [[(200, 300, 200)]] * 3,
    *[[[ROCK]] * 3] * 2,
]


@pytest.fixture(scope="module")
def detector_folder(tmp_path_factory):
    """A real detector that looks twice: thresholds between which this story lies."""
    folder = tmp_path_factory.mktemp("detector") / "twice"
    shutil.copytree(DETECTOR, folder)
    card = (folder / "model.toml").read_text()
    card = card.replace(
        "keep_at = 0.355469\nblank_at = 0.250000", "keep_at = 0.345\nblank_at = 0.26\nsecond_look_at = 0.05"
    )
    (folder / "model.toml").write_text(card)
    return folder


@pytest.fixture(scope="module")
def bursts():
    noise = np.random.default_rng(3).normal(0, 3, (720, 960, 1)).astype(np.float32)
    return [
        [_shot(places, START + timedelta(minutes=at, seconds=n), noise) for n, places in enumerate(frames)]
        for at, frames in enumerate(STORY)
    ]


def _shot(places, at, noise):
    picture = GRAVEL.astype(np.float32)
    for x, y, edge in places:
        picture[y : y + edge, x : x + edge] = np.asarray(CAT.resize((edge, edge)))
    file = io.BytesIO()
    grain = np.roll(noise, (at.second * 31 + at.minute * 57, at.minute * 73), axis=(0, 1))  # another one in each frame
    noisy = np.clip(picture + grain, 0, 255).astype(np.uint8)
    Image.fromarray(noisy).save(file, "JPEG", quality=90)
    # A camera whose small stream is its photograph made small: what is left of the difference is the ISP's.
    return Shot(file.getvalue(), lores(file, LORES_PX), at, 8_000, 1.0, infrared=False)


def unit_of(folder, bursts, detector_folder, protocol, *, name="MN-01", heartbeat=3):
    """A unit that lives through the bursts with its real triage; what it throws away is gone. One burst is a heartbeat."""
    from trap.drivers import detector

    triage = Triage(detector.load(detector_folder), Deployment(station=Station(), protocol=protocol), lambda: 0)
    unit = Unit(folder, name)
    rules = dataclasses.asdict(protocol)
    unit.boot(protocol=f"{protocol.name}@1", protocol_hash=protocol.digest, rules=rules)
    for number, shots in enumerate(bursts):
        unit.at = shots[0].taken_at
        beats = number == heartbeat
        wake = unit.wake("schedule" if beats else "pir")
        burst = f"{name}-{wake.sequence:08d}"
        verdict = triage.judge(burst, shots, heartbeat=beats)
        unit.add(Kind.BURST, burst=burst, wake=wake.sequence, capture_method=wake.body["capture_method"],
                 frames=len(shots), first_frame_ms=3_900, infrared=False, lores_px=list(LORES_PX))  # fmt: skip
        unit.add(Kind.VERDICT, **verdict_body(burst, verdict))
        if verdict.decision != "blank":
            for frame, shot in enumerate(shots):
                unit.picture(burst, frame, "photograph", data=shot.jpeg)
        best = shots[verdict.best_frame].jpeg
        unit.picture(burst, verdict.best_frame, "thumbnail", data=thumbnail(best, 320))
    unit.close()


def rescreen(folder, detector_folder, *arguments):
    result = CliRunner().invoke(
        main, ["rescreen", str(folder), "--detector", str(detector_folder), "--json", *arguments]
    )
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def both(folder, detector_folder):
    """What the unit said and what the laptop says, per burst that is left in full."""
    words = {}
    with closing(Results(folder, model_folder.load(detector_folder).identity.sha256)) as results:
        for one in whole(folder):
            judged = results.judged((one.log.unit, one.log.deployment))
            for burst, verdict in one.log.verdicts.items():
                if again := judged.get(burst):
                    before = (verdict.decision, verdict.observation_type, verdict.score)
                    words[burst] = (before, (again.decision, again.observation_type, again.score))
    return words


@pytest.mark.parametrize(("processes", "protocol"), [
    ("1", Protocol(name="plain")),
    ("2", Protocol(name="doubting", keep_bias=0.3)),
    ("1", Protocol(name="everything", filter_blanks=False)),
])  # fmt: skip
def test_same_detector_gives_every_burst_the_verdict_that_the_unit_gave(
    tmp_path, bursts, detector_folder, processes, protocol
):
    unit_of(tmp_path, bursts, detector_folder, protocol)
    rescreen(tmp_path, detector_folder, "--processes", processes)
    words = both(tmp_path, detector_folder)
    assert len(words) >= 14
    assert {burst: before for burst, (before, _) in words.items()} == {
        burst: after for burst, (_, after) in words.items()
    }


def test_story_is_one_that_neither_a_single_look_nor_a_memory_of_nothing_tells_right(bursts, detector_folder):
    from trap.drivers import detector

    def told(steps=None, remember=True):
        made, said = None, []
        for number, shots in enumerate(bursts):
            if made is None or not remember:
                deployment = Deployment(station=Station(), protocol=Protocol())
                made = Triage(detector.load(detector_folder), deployment, lambda: 0, steps=steps or Steps())
            said.append(made.judge(str(number), shots).decision)
        return said

    assert len({tuple(told()), tuple(told(Steps(zoom=False))), tuple(told(remember=False))}) == 3


def test_run_that_is_stopped_goes_on_with_the_memory_that_it_had(tmp_path, bursts, detector_folder):
    protocol = Protocol(name="plain")
    unit_of(tmp_path / "short", bursts[:7], detector_folder, protocol)
    unit_of(tmp_path / "long", bursts, detector_folder, protocol)
    first = rescreen(tmp_path / "short", detector_folder, "--processes", "1")
    shutil.copytree(tmp_path / "short" / "rescreen", tmp_path / "long" / "rescreen")
    second = rescreen(tmp_path / "long", detector_folder, "--processes", "1")
    assert second["known_before"] == first["looked_at"] == 21
    words = both(tmp_path / "long", detector_folder)
    assert all(before == after for before, after in words.values())


def test_other_rules_judge_again_without_looking_again(tmp_path, bursts, detector_folder):
    unit_of(tmp_path, bursts[:8], detector_folder, Protocol(name="plain"))
    assert rescreen(tmp_path, detector_folder, "--processes", "1")["looked_at"] == 24
    shutil.copytree(detector_folder, tmp_path / "strict")
    card = (tmp_path / "strict" / "model.toml").read_text()
    (tmp_path / "strict" / "model.toml").write_text(card.replace("keep_at = 0.345", "keep_at = 0.99"))
    again = rescreen(tmp_path, tmp_path / "strict", "--processes", "1")
    assert again["looked_at"] == 0 and again["decisions"]["keep"]["keep"] == 0


def test_two_units_keep_their_memories_apart(tmp_path, bursts, detector_folder):
    for name, story in (("MN-01", bursts[:9]), ("MN-02", bursts[8:])):
        unit_of(tmp_path, story, detector_folder, Protocol(name="plain"), name=name)
    rescreen(tmp_path, detector_folder, "--processes", "2")
    words = both(tmp_path, detector_folder)
    assert {burst[:5] for burst in words} == {"MN-01", "MN-02"}
    assert all(before == after for before, after in words.values())
