"""Scores of a detector on labelled photographs, exactly as the unit would give them.

Labels are a CSV with the columns ``file,label[,sequence,camera]``; label is animal, human, vehicle or empty.
"""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from trap.ports import Detector, Pixels
from trap_wire.errors import BadInputError
from trap_wire.vocabulary import ObservationType

LABELS = ("animal", "human", "vehicle", "empty")
LONGEST = 1280  # the unit's low-resolution stream is smaller still; a 200-megapixel file must not fill the memory
MOST_PIXELS = 120_000_000
GREY_SPREAD = 3.0  # mean difference of the channels, grey levels: below it a frame was taken in infra-red
BROKEN = (OSError, ValueError, SyntaxError, UnidentifiedImageError, Image.DecompressionBombError)


@dataclass(frozen=True)
class Labelled:
    """One row of the label file."""

    file: str
    label: str
    sequence: str
    camera: str


@dataclass(frozen=True)
class Scored:
    """A labelled photograph with the detector's best score a class. ``trouble`` says why it could not be looked at."""

    row: Labelled
    animal: float = 1.0
    human: float = 0.0
    vehicle: float = 0.0
    infrared: bool = False
    trouble: str = ""

    @property
    def best(self) -> float:
        """What the unit's verdict looks at: the best score of any class; 1 for a file that nobody could read, so it is kept."""
        return max(self.animal, self.human, self.vehicle)


def labels(path: Path) -> list[Labelled]:
    """Rows in file order; ``BadInputError`` names every bad line at once."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise BadInputError(f"{path}: {error}") from error
    if rows and not {"file", "label"} <= rows[0].keys():
        raise BadInputError(f"{path}: needs the columns file and label, has {', '.join(map(str, rows[0]))}")
    wrong = [f"line {at}: {row['label']!r}" for at, row in enumerate(rows, 2) if row["label"] not in LABELS]
    if wrong or not rows:
        raise BadInputError(f"{path}: label must be one of {', '.join(LABELS)}: {'; '.join(wrong[:10]) or 'no rows'}")
    return [Labelled(r["file"], r["label"], r.get("sequence") or r["file"], r.get("camera") or "") for r in rows]


def photograph(path: Path) -> Pixels:
    """RGB pixels, upright, at most LONGEST on the longer edge; one of BROKEN when there is no photograph to be had."""
    with Image.open(path) as image:
        if image.width * image.height > MOST_PIXELS:
            raise ValueError(f"{image.width} x {image.height} is more than {MOST_PIXELS // 1_000_000} megapixels")
        image.draft("RGB", (LONGEST, LONGEST))
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith("I;16"):  # 16-bit grey: the upper byte
            upright = Image.fromarray((np.asarray(upright) >> 8).astype(np.uint8))
        colour = upright.convert("RGB")
    if max(colour.size) > LONGEST:
        colour.thumbnail((LONGEST, LONGEST), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return np.asarray(colour)


def infrared(pixels: Pixels) -> bool:
    """Whether the three channels say the same."""
    small = pixels[::4, ::4].astype(np.int16)
    return float((small.max(axis=2) - small.min(axis=2)).mean()) < GREY_SPREAD


def score(detector: Detector, photos: Path, row: Labelled) -> Scored:
    """One photograph; never raises for what is in the file."""
    try:
        pixels = photograph(photos / row.file)
    except BROKEN as error:
        return Scored(row, trouble=f"{type(error).__name__}: {error}")
    best = dict.fromkeys((ObservationType.ANIMAL, ObservationType.HUMAN, ObservationType.VEHICLE), 0.0)
    for found in detector.look(pixels):
        best[found.label] = max(best.get(found.label, 0.0), found.score)
    animal, human, vehicle = best.values()
    return Scored(row, animal, human, vehicle, infrared(pixels))


def score_all(
    detector: Detector, photos: Path, rows: Sequence[Labelled], tick: Callable[[], None] = lambda: None
) -> Iterator[Scored]:
    """Every row in order; ``tick`` after each."""
    for row in rows:
        yield score(detector, photos, row)
        tick()
