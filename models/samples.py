"""The mix of frames that a network trains on, and the stream of batches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from torch.utils.data import IterableDataset, get_worker_info

from models.composites import Studio
from models.photographs import ANIMAL, Box, Photo, Pixels
from models.warp import HEIGHT, WIDTH, Frame, warp
from models.weather import shoot

SIZES = ((320, 256), (320, 256), (320, 256), (384, 288), (256, 192))
SWALLOWED = 6.0  # grey levels of spread in and around a box below which the night has swallowed the animal
Targets = tuple[np.ndarray, np.ndarray, bool]  # boxes (n, 5), unsure (m, 5), weak


@dataclass(frozen=True)
class Loaded:
    """A photograph and its pixels."""

    photo: Photo
    pixels: Pixels


class Mix:
    """Draws training frames. Shares: see ``RECIPE``."""

    def __init__(self, photos: Sequence[Loaded], studio: Studio) -> None:
        self.studio = studio
        self.owls = [p for p in photos if p.photo.source == "burrowing_owl" and not p.photo.weak]
        self.weak = [p for p in photos if p.photo.weak]
        self.animals = [p for p in photos if not p.photo.weak and any(box[4] == ANIMAL for box in p.photo.boxes)]
        self.without = [p for p in photos if not p.photo.animal]
        self.people = [p for p in photos if any(box[4] != ANIMAL for box in p.photo.boxes)]

    def frame(self, rng: np.random.Generator) -> Frame:
        """One frame of any kind, as the camera took it; animals that cannot be made out have become unsure."""
        drawn, shares = rng.random(), np.cumsum([share for share, _ in RECIPE])
        _, make = RECIPE[int(np.searchsorted(shares, drawn))]
        frame = make(self, rng)
        frame.pixels = shoot(rng, frame.pixels, frame.boxes)
        grey = cv2.GaussianBlur(frame.pixels.mean(2).astype(np.float32), (0, 0), 1.8)  # noise is no contrast
        lost = [box for box in frame.boxes if box[4] == ANIMAL and _spread(grey, box) < SWALLOWED]
        frame.boxes = [box for box in frame.boxes if box not in lost]
        frame.unsure += lost
        return frame

    def photo(self, rng: np.random.Generator, pool: Sequence[Loaded], zoom: tuple[float, float]) -> Frame:
        """A photograph of ``pool`` (or any, when the data has none of that kind) at some zoom."""
        pool = pool or self.animals or self.without
        chosen = pool[int(rng.integers(len(pool)))]
        photo = chosen.photo
        frame = warp(rng, chosen.pixels, zoom, photo.boxes, photo.unsure, mirror=photo.empty)
        frame.weak = photo.weak
        return frame

    def mosaic(self, rng: np.random.Generator) -> Frame:
        """Four photographs in one frame: small things, many at once."""
        x, y = (int(rng.uniform(0.35, 0.65) * side) for side in (WIDTH, HEIGHT))
        whole = Frame(np.zeros((HEIGHT, WIDTH, 3), np.uint8))
        for x0, y0, x1, y1 in ((0, 0, x, y), (x, 0, WIDTH, y), (0, y, x, HEIGHT), (x, y, WIDTH, HEIGHT)):
            pool = self.animals if rng.random() < 0.5 else self.people if rng.random() < 0.5 else self.without
            part = self.photo(rng, pool, (0.8, 1.2))
            size = (x1 - x0, y1 - y0)
            whole.pixels[y0:y1, x0:x1] = cv2.resize(part.pixels, size, interpolation=cv2.INTER_AREA)
            scale = (size[0] / WIDTH, size[1] / HEIGHT)
            whole.boxes += [_moved(box, scale, (x0, y0)) for box in part.boxes]
            whole.unsure += [_moved(box, scale, (x0, y0)) for box in part.unsure]
        return whole


RECIPE: tuple[tuple[float, Callable[[Mix, np.random.Generator], Frame]], ...] = (
    (0.30, lambda mix, rng: mix.studio.frame(rng, 1 + int(rng.random() < 0.25))),
    (0.22, lambda mix, rng: mix.studio.frame(rng, 0)),
    (0.15, lambda mix, rng: mix.photo(rng, mix.animals, (0.45, 1.6))),
    (0.05, lambda mix, rng: mix.photo(rng, mix.owls, (0.8, 2.2))),
    (0.09, lambda mix, rng: mix.photo(rng, mix.people, (0.5, 1.8))),
    (0.09, lambda mix, rng: mix.photo(rng, mix.without, (0.7, 2.0))),
    (0.05, lambda mix, rng: mix.photo(rng, mix.weak, (0.6, 1.1))),
    (0.05, lambda mix, rng: mix.mosaic(rng)),
)


def _spread(grey: np.ndarray, box: Box) -> float:
    rim = 0.1 * (box[2] - box[0] + box[3] - box[1])
    down = slice(max(0, int(box[1] - rim)), int(np.ceil(box[3] + rim)))
    across = slice(max(0, int(box[0] - rim)), int(np.ceil(box[2] + rim)))
    return float(grey[down, across].std()) if grey[down, across].size else 0.0


def _moved(box: Box, scale: tuple[float, float], by: tuple[int, int]) -> Box:
    x0, x1 = (box[i] * scale[0] + by[0] for i in (0, 2))
    y0, y1 = (box[i] * scale[1] + by[1] for i in (1, 3))
    return x0, y0, x1, y1, box[4]


class Batches(IterableDataset):
    """An endless stream of (pictures (batch, 3, h, w) uint8, targets): the same for the same seed and worker."""

    def __init__(self, mix: Mix, seed: int, size: int, shapes: Sequence[tuple[int, int]] = SIZES) -> None:
        super().__init__()
        self.mix, self.seed, self.size, self.shapes = mix, seed, size, shapes

    def __iter__(self) -> Iterator[tuple[np.ndarray, list[Targets]]]:
        worker = get_worker_info()
        rng = np.random.default_rng((self.seed, worker.id if worker else 0))
        while True:
            width, height = self.shapes[int(rng.integers(len(self.shapes)))]
            frames = [self.mix.frame(rng) for _ in range(self.size)]
            yield (
                np.stack([_shrunk(rng, f.pixels, width, height) for f in frames]),
                [_targets(f, width, height) for f in frames],
            )


def _shrunk(rng: np.random.Generator, pixels: Pixels, width: int, height: int) -> np.ndarray:
    """(3, height, width). Area and bilinear both, because a unit's ISP and Pillow do not agree."""
    way = cv2.INTER_AREA if rng.random() < 0.7 else cv2.INTER_LINEAR
    return cv2.resize(pixels, (width, height), interpolation=way).transpose(2, 0, 1).copy()


def _targets(frame: Frame, width: int, height: int) -> Targets:
    across, down = width / WIDTH, height / HEIGHT
    scale = np.array([across, down, across, down, 1], np.float32)
    boxes, unsure = (np.array(b, np.float32).reshape(-1, 5) * scale for b in (frame.boxes, frame.unsure))
    return boxes, unsure, frame.weak
