"""``python -m models.steps FOLDER``: what each step of triage adds, on the held-out camera's bursts in their order.

The unit's own ``look_at`` and memory run. The frames are 256 pixels wide, so the second look enlarges and finds no more detail
than the first: on a real sensor, with ten times the pixels, it has more to give than this table shows.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from models import judge
from models.evaluate import DARK
from trap.drivers import detector as driver
from trap.ports import Detector, Shot
from trap.triage.looks import Steps, look_at
from trap.triage.scene import Hour, Scene
from trap_models.measure import RECALLS, Floats, auc, threshold_for
from trap_models.scoring import photograph

NOON = datetime(2016, 1, 1, 12, tzinfo=UTC)  # the labels hold no time of day
VARIANTS = {
    "one frame, the first": (Steps(zoom=False, repeats=False), True),
    "whole burst": (Steps(zoom=False, repeats=False), False),
    "+ second look": (Steps(zoom=True, repeats=False), False),
    "+ repeat memory": (Steps(zoom=True, repeats=True), False),
}


def shots(data: Path, frames: Sequence[judge.Judged]) -> list[Shot]:
    """Frames as the camera would hand them over; flash frames stand for infra-red ones."""
    found = []
    for frame in frames:
        path = data / judge.SOURCE / "images" / frame.row.file
        pixels = photograph(path)
        found.append(Shot(path.read_bytes(), pixels, NOON, 0, 1.0, float(pixels.mean()) < DARK))
    return found


def bursts(frames: Sequence[judge.Judged]) -> Iterator[tuple[str, list[judge.Judged]]]:
    """Label and frames of each burst, in order; bursts of people and vehicles are played but not counted."""
    by_name: dict[str, list[judge.Judged]] = {}
    for frame in frames:
        by_name.setdefault(frame.row.sequence, []).append(frame)
    for members in by_name.values():
        labels = {frame.row.label for frame in members}
        yield next(label for label in ("animal", "human", "vehicle", "empty") if label in labels), members


def play(
    detector: Detector, played: Sequence[tuple[str, list[Shot]]], steps: Steps, first: bool
) -> tuple[Floats, np.ndarray]:
    """Best score and label of every burst; the memory learns as on the unit."""
    scene, scores = Scene(), []
    for _, burst in played:
        looked = look_at(detector, burst[:1] if first else burst, scene, steps, lambda _: None)
        scores.append(max((found.score for frame in looked.boxes for found in frame), default=0.0))
        standing = tuple(found for found in looked.standing if found.score >= detector.thresholds.blank_at)
        scene.learn(Hour.of(burst[0]), looked.still, [region for frame in looked.regions for region in frame], standing)
    return np.array(scores), np.array([label for label, _ in played])


def main() -> int:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m models.steps", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/photos"))
    given = parser.parse_args()
    detector = driver.load(given.folder)
    played = [(label, shots(given.data, members)) for label, members in bursts(judge.frames(given.data, mended=False))]
    print("| step | burst AUC | " + " | ".join(f"blanks discarded at {recall:.2f}" for recall in RECALLS) + " |")
    for name, (steps, first) in VARIANTS.items():
        scores, labels = play(detector, played, replace(steps), first)
        animal, empty = scores[labels == "animal"], scores[labels == "empty"]
        shares = [f"{(empty < threshold_for(animal, recall)).mean():.2f}" for recall in RECALLS]
        print(f"| {name} | {auc(animal, empty):.3f} | " + " | ".join(shares) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
