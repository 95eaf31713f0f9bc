"""Geometry: one photograph to one frame of the training size, with its boxes.

A frame is RGB uint8 (HEIGHT, WIDTH, 3); boxes in frames are (x0, y0, x1, y1, class) in pixels.
"""

from dataclasses import dataclass, field

import cv2
import numpy as np

from models.photographs import Box, Pixels

cv2.setNumThreads(1)  # its thread pool does not survive the fork into the loader's workers, which then hang
WIDTH, HEIGHT = 384, 288  # 4:3 like the sensor; training shrinks it to the sizes it draws
GREY = (114, 114, 114)
SEEN, GLIMPSED = 0.3, 0.03  # share of a box inside the frame: below the first unsure, below the second gone


@dataclass
class Frame:
    """A training frame; ``weak`` as in ``Photo``."""

    pixels: Pixels
    boxes: list[Box] = field(default_factory=list)
    unsure: list[Box] = field(default_factory=list)
    weak: bool = False


@dataclass(frozen=True)
class Placement:
    """Where a photograph lands: pixel x becomes ``scale_x * x + x0``, mirrored after that when ``flip``."""

    scale_x: float
    scale_y: float
    x0: float
    y0: float
    flip: bool

    def box(self, box: Box, width: int, height: int) -> tuple[Box, float]:
        """A relative box in frame pixels, cut at the frame's edge, and the share of it that is inside."""
        left, right = (box[i] * width * self.scale_x + self.x0 for i in (0, 2))
        top, bottom = (box[i] * height * self.scale_y + self.y0 for i in (1, 3))
        if self.flip:
            left, right = WIDTH - right, WIDTH - left
        inside = (max(0.0, left), max(0.0, top), min(float(WIDTH), right), min(float(HEIGHT), bottom), box[4])
        area = max(0.0, inside[2] - inside[0]) * max(0.0, inside[3] - inside[1])
        return inside, area / max(1e-6, (right - left) * (bottom - top))

    def matrix(self) -> np.ndarray:
        """For ``cv2.warpAffine``."""
        across = [-self.scale_x, 0.0, WIDTH - self.x0] if self.flip else [self.scale_x, 0.0, self.x0]
        return np.array([across, [0.0, self.scale_y, self.y0]], np.float32)


def place(rng: np.random.Generator, size: tuple[int, int], aim: Box | None, zoom: tuple[float, float]) -> Placement:
    """A random placement: zoom (1 = the whole photograph just fits), some squash, aimed so that ``aim`` stays inside."""
    width, height = size
    squash = float(np.exp(rng.normal(0, 0.15)))  # traps and data sets squash 4:3 into squares
    scale = min(WIDTH / width, HEIGHT / height) * float(np.exp(rng.uniform(*np.log(zoom))))
    scale_x, scale_y = scale * squash**0.5, scale / squash**0.5
    flip, starts = bool(rng.random() < 0.5), []
    aimed = aim is not None and rng.random() < 0.8
    for side, length, whole, at in ((WIDTH, width, scale_x, 0), (HEIGHT, height, scale_y, 1)):
        free = side - length * whole
        start = rng.uniform(min(0.0, free), max(0.0, free))
        if aimed and aim is not None and free < 0:
            middle = (aim[at] + aim[at + 2]) / 2 * length * whole
            start = float(np.clip(rng.uniform(0.05, 0.95) * side - middle, free, 0.0))
        starts.append(start)
    return Placement(scale_x, scale_y, starts[0], starts[1], flip)


def warp(
    rng: np.random.Generator,
    pixels: Pixels,
    zoom: tuple[float, float],
    boxes: tuple[Box, ...] = (),
    unsure: tuple[Box, ...] = (),
    *,
    mirror: bool = False,
) -> Frame:
    """The photograph placed at random. ``mirror`` continues it beyond its edges: only where nothing is in it to repeat."""
    height, width = pixels.shape[:2]
    aim = boxes[rng.integers(len(boxes))] if boxes else None
    where = place(rng, (width, height), aim, zoom)
    source, matrix = pixels, where.matrix()
    if max(where.scale_x, where.scale_y) < 0.6:  # shrink in two steps, or fine texture turns to noise
        source = cv2.resize(pixels, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
        matrix[:, :2] *= np.array([width / source.shape[1], height / source.shape[0]], np.float32)
    border = cv2.BORDER_REFLECT_101 if mirror and rng.random() < 0.5 else cv2.BORDER_CONSTANT
    frame = Frame(
        cv2.warpAffine(source, matrix, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR, borderMode=border, borderValue=GREY)
    )
    for box in boxes:
        inside, share = where.box(box, width, height)
        if share > GLIMPSED:
            (frame.boxes if share > SEEN else frame.unsure).append(inside)
    for box in unsure:
        inside, share = where.box(box, width, height)
        if share > GLIMPSED:
            frame.unsure.append(inside)
    return frame


def clouds(rng: np.random.Generator, width: int, height: int, cells: int) -> np.ndarray:
    """Smooth noise about 0..1, float32 (height, width), ``cells`` blots across."""
    return cv2.resize(rng.random((cells, cells)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)


def clipped(values: np.ndarray) -> Pixels:
    """To uint8 with the ends cut."""
    return np.clip(values, 0, 255).astype(np.uint8)
