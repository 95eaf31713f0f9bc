"""Animals where there are none: cut-outs pasted small and half hidden into empty frames, and pastes that are no animal.

The paste itself must not be the clue, so stones, bark and sky are pasted with the same edges, light and shadows.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from models.photographs import ANIMAL, Pixels
from models.warp import HEIGHT, WIDTH, Frame, clipped, clouds, warp

SMALLEST, LARGEST = 20, 230  # longest side of a pasted animal, pixels of the frame
VISIBLE = 0.35  # share of the animal that must show for a positive; below it the place is unsure


class Studio:
    """Everything that composites are made from. ``rocks``: views that hold no animal by nature; ``scenes``: by label."""

    def __init__(
        self, cutouts: Sequence[Pixels], rocks: Sequence[Pixels], meadows: Sequence[Pixels], scenes: Sequence[Pixels]
    ):
        self.cutouts, self.rocks, self.meadows, self.scenes = cutouts, rocks, meadows, scenes

    def background(self, rng: np.random.Generator) -> Pixels:
        """An empty frame: rock in most, the straw bank of a real trap, or a scene of another kind."""
        drawn = rng.random()
        pool = self.rocks if drawn < 0.62 else self.meadows if drawn < 0.7 else self.scenes
        pool = pool or self.rocks or self.scenes
        pixels = warp(rng, pool[int(rng.integers(len(pool)))], (1.0, 2.5), mirror=True).pixels
        if rng.random() < 0.3:
            light = 0.6 + 0.8 * clouds(rng, WIDTH, HEIGHT, int(rng.integers(2, 6)))
            pixels = clipped(pixels * light[..., None])
        if pool is not self.scenes and rng.random() < 0.7:  # Mars is red: toward grey, then any earth
            grey, mix = pixels.mean(2, keepdims=True), rng.uniform(0.2, 1)
            pixels = clipped((grey * mix + pixels * (1 - mix)) * rng.uniform(0.87, 1.13, 3))
        return blades(rng, pixels) if rng.random() < 0.3 else pixels

    def stone(self, rng: np.random.Generator) -> Pixels:
        """RGBA: a blot of some empty view, to be pasted as an animal would be."""
        pool = self.rocks if (self.rocks and rng.random() < 0.6) or not self.scenes else self.scenes
        pixels = pool[int(rng.integers(len(pool)))]
        side = int(rng.uniform(0.15, 0.6) * min(pixels.shape[:2]))
        y, x = (int(rng.integers(0, length - side)) for length in pixels.shape[:2])
        down, across = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
        ragged = 0.6 * (clouds(rng, side, side, int(rng.integers(3, 7))) - 0.3)
        outline = (1.1 - np.hypot(across, down) - ragged > 0.3).astype(np.uint8) * 255
        return np.dstack([pixels[y : y + side, x : x + side], outline])

    def frame(self, rng: np.random.Generator, animals: int) -> Frame:
        """An empty frame with ``animals`` in it, and some stones: more of them when there is no animal."""
        frame = Frame(self.background(rng))
        for _ in range(int(rng.integers(0, 3 if animals else 5))):
            size = float(np.exp(rng.uniform(np.log(14), np.log(170))))
            frame.pixels, _, _ = paste(
                rng, frame.pixels, self.stone(rng), size, (rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT))
            )
        for _ in range(animals):
            self._add_animal(rng, frame)
        if rng.random() < 0.15:
            frame.pixels = shadow(rng, frame.pixels)
        return frame

    def _add_animal(self, rng: np.random.Generator, frame: Frame) -> None:
        size = float(np.exp(rng.uniform(np.log(SMALLEST), np.log(LARGEST))))
        at = (rng.uniform(0, WIDTH), rng.uniform(0.2 * HEIGHT, HEIGHT))
        if rng.random() < 0.3:  # walking in or out
            at = (float(rng.choice([0.0, WIDTH])) + rng.normal(0, size * 0.25), rng.uniform(0.3 * HEIGHT, HEIGHT))
        cut = self.cutouts[int(rng.integers(len(self.cutouts)))]
        frame.pixels, box, visible = paste(rng, frame.pixels, cut, size, at)
        if box is not None:
            good = visible > VISIBLE and (box[2] - box[0]) * (box[3] - box[1]) > 40
            (frame.boxes if good else frame.unsure).append((*box, ANIMAL))


Corners = tuple[float, float, float, float]


def paste(
    rng: np.random.Generator, pixels: Pixels, cut: Pixels, size: float, at: tuple[float, float]
) -> tuple[Pixels, Corners | None, float]:
    """Paste an RGBA cut-out of ``size`` pixels centred ``at``: the frame, the visible part's box, the visible share."""
    cut = posed(rng, cut, size)
    height, width = cut.shape[:2]
    left, top = int(at[0] - width / 2), int(at[1] - height / 2)
    x0, y0, x1, y1 = max(0, left), max(0, top), min(WIDTH, left + width), min(HEIGHT, top + height)
    if x1 - x0 < 3 or y1 - y0 < 3:
        return pixels, None, 0.0
    whole = float(cut[..., 3].sum()) / 255
    cut = cut[y0 - top : y1 - top, x0 - left : x1 - left]
    kernel = 1 + 2 * int(rng.integers(0, 2 if size < 60 else 3))
    alpha = cv2.GaussianBlur(cut[..., 3].astype(np.float32) / 255, (kernel, kernel), 0)
    under = pixels[y0:y1, x0:x1].astype(np.float32)
    over = lit(rng, cut[..., :3].astype(np.float32), alpha, under)
    if rng.random() < 0.5:  # contact shadow
        dark = np.roll(cv2.GaussianBlur(alpha, (0, 0), max(1.0, height * 0.06)), int(height * 0.06), 0)
        under = under * (1 - rng.uniform(0.1, 0.5) * dark * (1 - alpha))[..., None]
    if rng.random() < 0.3:
        alpha = alpha * (1 - hiding(rng, x1 - x0, y1 - y0))
    result = pixels.copy()
    result[y0:y1, x0:x1] = clipped(under * (1 - alpha[..., None]) + over * alpha[..., None])
    down, across = np.nonzero(alpha > 0.4)
    if len(down) < 6:
        return result, None, 0.0
    box = (float(x0 + across.min()), float(y0 + down.min()), float(x0 + across.max() + 1), float(y0 + down.max() + 1))
    return result, box, float(alpha.sum()) / max(1.0, whole)


def posed(rng: np.random.Generator, cut: Pixels, size: float) -> Pixels:
    """The cut-out at its size, sometimes mirrored, squashed or leaning."""
    scale, squash = size / max(cut.shape[:2]), float(np.exp(rng.normal(0, 0.12)))
    shape = (max(3, int(cut.shape[1] * scale * squash)), max(3, int(cut.shape[0] * scale / squash)))
    cut = cv2.resize(cut, shape, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    if rng.random() < 0.5:
        cut = np.ascontiguousarray(cut[:, ::-1])
    if rng.random() < 0.25:
        turn = cv2.getRotationMatrix2D((shape[0] / 2, shape[1] / 2), rng.uniform(-20, 20), 1)
        cut = cv2.warpAffine(cut, turn, shape)
    return cut


def lit(rng: np.random.Generator, over: np.ndarray, alpha: np.ndarray, under: np.ndarray) -> np.ndarray:
    """Exposure, contrast and colour of the animal moved toward its place; sometimes nearly onto it, as camouflage is."""
    inside = alpha > 0.5
    if rng.random() < 0.2 or inside.sum() < 5:
        return over
    mean, spread = over[inside].mean(0), over[inside].std() + 1
    place, contrast = under.reshape(-1, 3).mean(0), min(2.0, (under.std() + 1) / spread * rng.uniform(0.7, 1.5))
    mix = rng.uniform(0.1, 0.7)
    target = place * np.exp(rng.normal(0, 0.25))
    over = (over - mean) * (1 - mix + mix * contrast) + mean * (1 - mix) + target * mix
    if rng.random() < 0.5:
        grey, bleach = over.mean(2, keepdims=True), rng.uniform(0.3, 1)
        over = over * (1 - bleach) + bleach * grey * (place / (place.mean() + 1))
    return over


def hiding(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    """What comes back in front of the animal, 0..1: a ridge from below, a boulder from a side, or stalks."""
    rough = clouds(rng, width, height, int(rng.integers(2, 5))) - 0.5
    drawn = rng.random()
    if drawn < 0.5:
        mask = np.linspace(0, 1, height)[:, None] + 0.35 * rough > rng.uniform(0.45, 0.95)
    elif drawn < 0.75:
        across = np.linspace(0, 1, width)[None, :: 1 if rng.random() < 0.5 else -1]
        mask = across + 0.3 * rough > rng.uniform(0.4, 0.9)
    else:
        mask = np.zeros((height, width), np.float32)
        for _ in range(int(rng.integers(3, 14))):
            x = int(rng.integers(0, width))
            tip = (int(x + rng.normal(0, 8)), int(rng.uniform(0, height * 0.7)))
            cv2.line(mask, (x, height), tip, 1.0, int(rng.integers(1, 3)), cv2.LINE_AA)
    return cv2.GaussianBlur(mask.astype(np.float32), (3, 3), 0)


def blades(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """Grass before the lens: thin bent strokes, green to straw."""
    result = pixels.copy()
    base, centre, spread = rng.uniform(0.3, 1.0) * HEIGHT, rng.uniform(0, WIDTH), rng.uniform(20, WIDTH)
    colour = np.array([rng.uniform(60, 190), rng.uniform(90, 170), rng.uniform(30, 90)])
    for _ in range(int(rng.integers(10, 90))):
        x, length = rng.normal(centre, spread / 2), rng.uniform(10, 90)
        bend, foot = rng.normal(0, length / 3), base + rng.uniform(0, HEIGHT - base + 1)
        points = [[x, foot], [x + bend * 0.3, foot - length * 0.6], [x + bend, foot - length]]
        shade = tuple(float(c) for c in np.clip(colour * rng.uniform(0.5, 1.4), 0, 255))
        cv2.polylines(result, [np.array(points, np.int32)], False, shade, int(rng.integers(1, 3)), cv2.LINE_AA)
    return result


def shadow(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    """A shadow with nothing that throws it."""
    mask = np.zeros((HEIGHT, WIDTH), np.float32)
    centre, radius = np.array([rng.uniform(0, WIDTH), rng.uniform(0.3 * HEIGHT, HEIGHT)]), rng.uniform(15, 120)
    corners = [
        centre + radius * rng.uniform(0.3, 1) * np.array([np.cos(turn) * rng.uniform(1, 2.5), np.sin(turn)])
        for turn in np.linspace(0, 2 * np.pi, int(rng.integers(3, 7)))
    ]
    cv2.fillPoly(mask, [np.array(corners, np.int32)], 1.0)
    mask = cv2.GaussianBlur(mask, (0, 0), rng.uniform(1, 6))
    return clipped(pixels * (1 - rng.uniform(0.3, 0.75) * mask[..., None]))
