"""The worker's side: one picture through one detector. The only module of the tools that runs the unit's own detector code.

Looking again must mean looking in the same way: same decoding, same preprocessing, same box decoding as on the unit.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, UnidentifiedImageError

from trap.drivers import detector as unit_detector
from trap.ports import Detector
from trap_wire.errors import TrapError

# What the camera's low-resolution stream gives; a larger picture would be shrunk to the network's input anyway.
LORES_PX = (640, 480)


@dataclass(frozen=True, slots=True)
class Job:
    """One file to look at; ``sha256`` is what its journal says and the key of the result."""

    sha256: str
    path: str


@dataclass(frozen=True, slots=True)
class Result:
    """What the detector saw in a file; ``fault`` is why it saw nothing at all. Boxes relative to the frame."""

    sha256: str
    boxes: tuple[dict[str, Any], ...]
    fault: str = ""


def look(folder: str, jobs: Sequence[Job]) -> list[Result]:
    """Results of some files, in their order. A file that cannot be read is a result too, with its fault."""
    return [_look(_detector(folder), job) for job in jobs]


@lru_cache(maxsize=2)
def _detector(folder: str) -> Detector:
    """Loaded once a process: one thread each, because the processes share the processors already."""
    return unit_detector.load(Path(folder), threads=1)


def _look(detector: Detector, job: Job) -> Result:
    try:
        with Image.open(job.path) as image:
            image.draft("RGB", LORES_PX)
            pixels = np.asarray(image.convert("RGB"))
        found = detector.look(pixels)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError, TrapError) as error:
        return Result(job.sha256, (), f"{type(error).__name__}: {error}")
    return Result(job.sha256, tuple(_box(one.label, one.score, asdict(one.box)) for one in found))


def _box(label: str, score: float, box: dict[str, float]) -> dict[str, Any]:
    return {"label": str(label), "score": round(score, 4), **{name: round(value, 4) for name, value in box.items()}}


@dataclass(frozen=True, slots=True)
class Card:
    """Which detector speaks, and from which score on it keeps and discards."""

    name: str
    sha256: str
    keep_at: float
    blank_at: float


def card(folder: Path) -> Card:
    """Identity and thresholds of a detector folder; ``TrapError`` when it cannot be used, before any work is begun."""
    loaded = unit_detector.load(folder)
    at = loaded.thresholds
    return Card(str(loaded.identity), loaded.identity.sha256, at.keep_at, at.blank_at)
