"""What a training photograph is, and which of them are held out.

Boxes are (x0, y0, x1, y1, class) relative to the picture, class 0 animal, 1 human, 2 vehicle. ``unsure`` boxes are places
where something may be: they are neither positive nor empty. ``weak``: an animal is in the picture, its place unknown.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]  # (height, width, 3) RGB
Box = tuple[float, float, float, float, int]
ANIMAL, HUMAN, VEHICLE = range(3)
CLASSES = ("animal", "human", "vehicle")
EDGE = 512  # photographs are kept at this longest edge: the network never sees more


@dataclass(frozen=True)
class Photo:
    """One photograph with what is known about it; ``group`` is what must not be split (a camera, a scene)."""

    path: Path
    source: str
    group: str
    boxes: tuple[Box, ...] = ()
    unsure: tuple[Box, ...] = ()
    weak: bool = False
    complete: bool = False  # every animal, person and vehicle has a box

    @property
    def animal(self) -> bool:
        """True when an animal is known to be in it."""
        return self.weak or any(box[4] == ANIMAL for box in self.boxes)

    @property
    def empty(self) -> bool:
        """True when nothing is in it, and nothing may be."""
        return not self.weak and not self.boxes and not self.unsure


@dataclass(frozen=True)
class Split:
    """Photographs for training, and those that only judge."""

    train: tuple[Photo, ...]
    held_out: tuple[Photo, ...] = field(default=())


def share(name: str) -> float:
    """A number 0..1 that belongs to a name for ever, on every machine."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:8], 16) / 2**32


def split(photos: Iterable[Photo], held_out: float) -> Split:
    """Hold out this share of the groups; a group is never on both sides."""
    train: list[Photo] = []
    judge: list[Photo] = []
    for photo in photos:
        (judge if share(photo.group) < held_out else train).append(photo)
    return Split(tuple(train), tuple(judge))


def read(path: Path, edge: int = EDGE) -> Pixels:
    """RGB at most ``edge`` long; ValueError when the file is no photograph."""
    import cv2  # an extra: label files are read without it

    image = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if image is None:
        raise ValueError(f"{path}: not a photograph that can be read")
    ratio = edge / max(image.shape[:2])
    if ratio < 1:
        image = cv2.resize(image, None, fx=ratio, fy=ratio, interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(image[..., ::-1])


def overlap(a: Box, b: Box) -> float:
    """Common area over the smaller area, 0..1: a box inside another counts as the same thing."""
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (a, b))
    return width * height / max(smaller, 1e-9)


def add_opinion(photo: Photo, seen: Iterable[tuple[Box, float]], sure: float = 0.45, doubt: float = 0.12) -> Photo:
    """Add what another detector saw: people and vehicles above ``sure`` become boxes, the rest above ``doubt`` unsure.

    Animals only ever become unsure, except where ``weak`` says that one is there: a detector that takes boulders for
    bears must not teach this one.
    """
    if photo.complete:
        return photo
    boxes, unsure, weak = list(photo.boxes), list(photo.unsure), photo.weak
    for box, score in seen:
        if score < doubt or any(overlap(box, known) > 0.4 and known[4] == box[4] for known in photo.boxes):
            continue
        trusted = box[4] != ANIMAL or photo.weak
        (boxes if trusted and score >= sure else unsure).append(box)
    if weak and photo.source == "burrowing_owl":  # looked at by eye: the boxes above ``sure`` are owls, all of them
        weak = not any(box[4] == ANIMAL for box in boxes)
    return replace(photo, boxes=tuple(boxes), unsure=tuple(unsure), weak=weak)
