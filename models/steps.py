"""``python -m models.steps FOLDER``: what each step of triage adds, on the held-out camera's bursts in their order.

The unit's own ``look_at`` and memory run. The frames have 256 rows, so a crop of them holds no more detail than the first look
had, and the unit does not look again; the rows that enlarge all the same show why.
"""

import argparse
import io
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from PIL import Image

from models import judge
from models.evaluate import DARK
from models.photographs import Pixels
from trap.drivers import detector as driver
from trap.ports import Detection, Detector, ModelIdentity, Shot, Thresholds
from trap.triage.looks import Steps, look_at
from trap.triage.scene import Hour, Scene
from trap_models.measure import RECALLS, Floats, auc, threshold_for
from trap_models.scoring import photograph

NOON = datetime(2016, 1, 1, 12, tzinfo=UTC)  # the labels hold no time of day
ALL = 1e9  # enlarges as much as it likes
VARIANTS = {
    "one frame, the first": (Steps(zoom=False, repeats=False), True),
    "whole burst": (Steps(zoom=False, repeats=False), False),
    "whole burst + second look that never enlarges": (Steps(repeats=False), False),
    "whole burst + second look that enlarges up to 1.5 times": (Steps(repeats=False, enlarge=1.5), False),
    "whole burst + second look that enlarges freely": (Steps(repeats=False, enlarge=ALL), False),
    "whole burst + repeat memory": (Steps(zoom=False), False),
    "everything": (Steps(), False),
}


@dataclass(frozen=True)
class LooksTwice:
    """A detector whose card asks for a second look from half of ``blank_at`` on."""

    inner: Detector

    @property
    def identity(self) -> ModelIdentity:
        """The network's."""
        return self.inner.identity

    @property
    def thresholds(self) -> Thresholds:
        """The card's, with a second look."""
        at = self.inner.thresholds
        return replace(at, second_look_at=at.blank_at / 2)

    def look(self, image: Pixels) -> tuple[Detection, ...]:
        """As the network."""
        return self.inner.look(image)


def shots(data: Path, frames: Sequence[judge.Judged]) -> list[Shot]:
    """Frames as the camera would hand them over; flash frames stand for infra-red ones."""
    found = []
    for frame in frames:
        path = data / judge.SOURCE / "images" / frame.row.file
        pixels = judge.unsquashed(photograph(path))
        found.append(Shot(_jpeg(pixels), pixels, NOON, 0, 1.0, float(pixels.mean()) < DARK))
    return found


def _jpeg(pixels: Pixels) -> bytes:
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "JPEG", quality=95)
    return target.getvalue()


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


def row(scores: Floats, labels: np.ndarray, halves: np.ndarray) -> list[str]:
    """Burst AUC of the choosing, the reporting and all dates; recall and blanks discarded by the choosing dates' threshold."""
    animal, empty = labels == "animal", labels == "empty"
    choose, report = halves == judge.CHOOSE, halves == judge.REPORT
    words = [f"{auc(scores[animal & part], scores[empty & part]):.3f}" for part in (choose, report, choose | report)]
    for recall in RECALLS:
        threshold = threshold_for(scores[animal & choose], recall)
        kept, gone = (scores[animal & report] >= threshold).mean(), (scores[empty & report] < threshold).mean()
        words.append(f"{kept:.3f}, {gone:.2f}")
    return words


def main() -> int:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(prog="python -m models.steps", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--data", type=Path, default=Path("../shared/photos"))
    given = parser.parse_args()
    detector = LooksTwice(driver.load(given.folder))
    grouped = list(bursts(judge.frames(given.data, mended=False)))
    halves = np.array([members[0].half for _, members in grouped])
    played = [(label, shots(given.data, members)) for label, members in grouped]
    print(
        "| step | burst AUC, choosing | reporting | all | "
        + " | ".join(f"at {recall:.2f}" for recall in RECALLS)
        + " |"
    )
    print("| --- " * (4 + len(RECALLS)) + "|")
    for name, (steps, first) in VARIANTS.items():
        print(" | ".join([f"| {name}", *row(*play(detector, played, steps, first), halves)]) + " |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
