"""What stands before a pretend camera at one moment: a place, its light, its wind, and perhaps an animal.

A frame is drawn from distance: what is far first, the animal in its place, what is nearer over it. Grass bends with the
wind from frame to frame, so a burst without an animal still has movement, as a real one has.
"""

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Protocol

import numpy as np
from PIL import Image, ImageDraw

from trap.ports import Pixels
from trap_sim.place import Place, Stone, Tuft, ground_shadow, put
from trap_sim.sprites import Sprite, cat, hoofed, peeking
from trap_sim.textures import Plane, plane

LEANS = 32  # steps of lean that are told apart, to a blade's own height


class Subject(StrEnum):
    """What made the PIR fire."""

    CAT = "cat"
    PEEKING_CAT = "peeking_cat"
    HOOFED = "hoofed"
    WIND = "wind"
    SHADOW = "shadow"
    WARM_STONE = "warm_stone"
    NOTHING = "nothing"

    @property
    def animal(self) -> bool:
        """Whether a person would find an animal in the frames."""
        return self in (Subject.CAT, Subject.PEEKING_CAT, Subject.HOOFED)


@dataclass(frozen=True, slots=True)
class Light:
    """``lux`` of the sky and the colour of it; ``sun`` 0..1 is how hard the shadows are."""

    lux: float
    warmth: float
    sun: float


@dataclass(frozen=True, slots=True)
class Sight:
    """One look through the lens: ``pixels`` as a perfect camera would see them.

    ``developed`` marks a photograph that some camera has exposed already; ``infrared`` is then what that camera did.
    """

    pixels: Pixels
    developed: bool = False
    infrared: bool = False


class Scene(Protocol):
    """Anything that a pretend camera can look at. ``frames`` is how many there are to take, None: as many as asked for."""

    @property
    def frames(self) -> int | None:
        """Frames that exist."""

    def look(self, at_ms: int, *, infrared: bool) -> Sight:
        """The view ``at_ms`` milliseconds after the pulse, by daylight or by the unit's own flash."""


@dataclass(frozen=True, slots=True)
class Walker:
    """An animal that crosses: where it is at the pulse (0..1 of the width), how far off, how fast (metres a second)."""

    sprite: Sprite
    x: float
    depth_m: float
    speed_m_s: float
    mirrored: bool
    raised_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Composite:
    """A scene put together from a place and what moves in it. ``seed`` fixes every draw."""

    place: Place
    subject: Subject
    light: Light
    wind: float
    walker: Walker | None
    seed: int
    frames: None = None

    def look(self, at_ms: int, *, infrared: bool) -> Sight:
        """Reflectances, then light or flash, then the eyes."""
        picture = self.place.colour.copy()
        depth = self.place.depth_m
        shine: Plane | None = None
        if self.walker is not None:
            depth = depth.copy()
            shine = self._walk(picture, depth, self.walker, at_ms)
        _grow(picture, self.place, self._bend(at_ms))
        if infrared:
            return Sight(np.repeat(_levels(_flashed(picture, depth, shine))[..., None], 3, axis=2))
        return Sight(_levels(self._lit(picture, at_ms)))

    def _walk(self, picture: Plane, depth: Plane, walker: Walker, at_ms: int) -> Plane:
        """Paint the animal, its shadow, and the stones that stand before it; return where its eyes shine."""
        place, far = self.place, walker.depth_m
        left, top, sprite = _stand(place, walker, at_ms)
        ground_shadow(picture, left, place.foot(far), sprite.alpha.shape[1], 0.4 + 0.35 * self.light.sun)
        put(picture, sprite.colour, sprite.alpha, left, top)
        put(depth, np.full_like(sprite.alpha, far), sprite.alpha, left, top)
        shine = np.zeros_like(depth)
        put(shine, sprite.shine, sprite.alpha, left, top)
        for stone in place.stones:
            if stone.depth_m < far:
                put(picture, stone.colour, stone.alpha, stone.left, stone.top)
                put(depth, np.full_like(stone.alpha, stone.depth_m), stone.alpha, stone.left, stone.top)
                put(shine, np.zeros_like(stone.alpha), stone.alpha, stone.left, stone.top)
        return shine

    def _bend(self, at_ms: int) -> float:
        """How far the grass leans, in its own heights: gusts of about a second."""
        phase = self.seed % 100
        return self.wind * (0.35 + 0.65 * float(np.sin(at_ms / 170 + phase) * np.cos(at_ms / 610 + phase)))

    def _lit(self, picture: Plane, at_ms: int) -> Plane:
        warm = np.array((1 + self.light.warmth, 1.0, 1 - self.light.warmth), dtype=np.float32)
        if self.subject is Subject.SHADOW or self.light.sun > 0.5:
            picture *= _shadow(self.place, self.seed, at_ms if self.subject is Subject.SHADOW else 0)[..., None]
        return picture * warm


@lru_cache(maxsize=2)
def _shadow(place: Place, seed: int, at_ms: int) -> Plane:
    """Shadows of branches and clouds that drift over the ground, 0.45..1."""
    width, height = place.size
    rng = np.random.default_rng([seed, 5])
    x = np.linspace(0, 1, width, dtype=np.float32)[None, :] + at_ms / 9_000
    y = np.linspace(0, 1, height, dtype=np.float32)[:, None]
    waves = np.zeros((height, width), dtype=np.float32)
    for _ in range(4):
        fx, fy, phase = rng.uniform(2, 9), rng.uniform(-7, 7), rng.uniform(0, 6.28)
        waves += np.sin(fx * x * 2 + fy * y + phase)
    soft = 1 / (1 + np.exp(-3 * (waves - 1.1)))
    return np.where(place.depth_m < 30, 1 - 0.5 * soft, 1).astype(np.float32)


def _grow(picture: Plane, place: Place, lean: float) -> None:
    """Lay every tuft over the picture, in place."""
    top, drawn = _tufts_at(place, round(lean * LEANS))
    layer = drawn.astype(np.float32) / 255.0
    put(picture, layer[..., :3], layer[..., 3], 0, top)


@lru_cache(maxsize=48)
def _tufts_at(place: Place, step: int) -> tuple[int, Pixels]:
    """Every tuft at one lean, and the row where the layer begins (h, w, 4). Drawing them costs more than all the rest."""
    width, height = place.size
    layer = Image.new("RGBA", (width, height), (*(int(255 * c) for c in place.grass), 0))
    draw = ImageDraw.Draw(layer)
    for tuft in place.tufts:
        _blades(draw, tuft, place.grass, step / LEANS)
    top = max(0, min((t.y - int(1.3 * t.tall_px) for t in place.tufts), default=0))
    drawn: Pixels = np.asarray(layer.crop((0, top, width, height)))
    return top, drawn


def _blades(draw: ImageDraw.ImageDraw, tuft: Tuft, grass: tuple[float, float, float], lean: float) -> None:
    rng = np.random.default_rng(tuft.seed)
    thick = max(1, round(5.5 / tuft.depth_m * tuft.tall_px / 150))
    for _ in range(int(rng.integers(16, 30))):
        root = tuft.x + float(rng.normal(0, 0.12)) * tuft.tall_px
        tall = float(rng.uniform(0.4, 1.0)) * tuft.tall_px
        out = (float(rng.normal(0, 0.28)) + lean * float(rng.uniform(0.5, 1.1))) * tall
        shade = float(rng.uniform(0.5, 1.12))
        tint = tuple(int(min(255, 255 * c * shade)) for c in grass)
        middle, tip = (root + out * 0.28, tuft.y - tall * 0.6), (root + out, tuft.y - tall * (1 - 0.12 * abs(lean)))
        draw.line([(root, tuft.y), middle], fill=(*tint, 235), width=thick)
        draw.line([middle, tip], fill=(*tint, 205), width=max(1, thick - 1))


def _flashed(picture: Plane, depth: Plane, shine: Plane | None) -> Plane:
    """By infrared flash: grey, falling off with the square of the distance, eyes bright, sky black."""
    grey = picture @ np.array((0.5, 0.3, 0.2), dtype=np.float32)  # silicon at 940 nm weighs red most
    lit = 0.02 + grey * np.minimum(1.25, (2.6 / depth) ** 1.6)
    if shine is not None:
        lit = np.maximum(lit, shine * 1.4)
    height, width = depth.shape
    y, x = np.ogrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    beam = 1.08 - 0.55 * (x**2 + y**2) / 2
    return plane(lit * beam)


def _levels(lit: Plane) -> Pixels:
    levels: Pixels = (lit.clip(0, 1) * 255).astype(np.uint8)
    return levels


def compose(place: Place, subject: Subject, light: Light, seed: int, wind: float = 0.08) -> Composite:
    """A scene of a subject at a place, drawn from a seed."""
    rng = np.random.default_rng([seed, 3])
    wind = float(rng.uniform(0.45, 0.9)) if subject is Subject.WIND else wind
    walker = _walker(rng, place, subject)
    while walker is not None and hidden_share(place, walker) > 0.55:
        walker = _walker(rng, place, Subject.CAT)
    return Composite(place, subject, light, wind, walker, seed)


def hidden_share(place: Place, walker: Walker) -> float:
    """How much of an animal the stones before it cover at the pulse, 0..1; a labelled animal must be there to see."""
    left, top, sprite = _stand(place, walker, 0)
    seen = np.zeros((place.size[1], place.size[0]), dtype=np.float32)
    put(seen, np.ones_like(sprite.alpha), sprite.alpha, left, top)
    for stone in place.stones:
        if stone.depth_m < walker.depth_m:
            put(seen, np.zeros_like(stone.alpha), stone.alpha, stone.left, stone.top)
    return 1 - float(seen.sum() / sprite.alpha.sum())


def _stand(place: Place, walker: Walker, at_ms: int) -> tuple[int, int, Sprite]:
    """Left and top in pixels of the animal at a moment, and the animal at its size."""
    far, seconds = walker.depth_m, at_ms / 1000
    sprite = walker.sprite.scaled(int(place.px(walker.sprite.tall_m, far)), mirrored=walker.mirrored)
    centre = walker.x * place.size[0] + place.px(walker.speed_m_s * seconds, far)
    bob = place.px(0.012, far) * np.sin(seconds * 9 + far * 20) * (walker.speed_m_s != 0)
    foot = place.foot(far) + int(bob) - int(place.px(walker.raised_m, far))
    return int(centre - sprite.alpha.shape[1] / 2), foot - sprite.alpha.shape[0] + 1, sprite


def _walker(rng: np.random.Generator, place: Place, subject: Subject) -> Walker | None:
    mirrored = bool(rng.integers(2))
    x = float(rng.uniform(0.15, 0.85))
    if subject is Subject.CAT:
        return Walker(cat(), x, float(rng.uniform(1.1, 2.8)), float(rng.choice([0.0, 0.12, -0.12])), mirrored)
    if subject is Subject.HOOFED:
        toward = -1 if mirrored else 1
        return Walker(
            hoofed(), 0.5 - toward * float(rng.uniform(0, 0.35)), float(rng.uniform(3.6, 7.5)), 0.9 * toward, mirrored
        )
    if subject is Subject.PEEKING_CAT:
        behind = [s for s in place.stones if s.depth_m < 4.0 and 0 < s.left + s.alpha.shape[1] / 2 < place.size[0]]
        if behind:
            stone = behind[int(rng.integers(len(behind)))]
            middle = (stone.left + stone.alpha.shape[1] * float(rng.uniform(0.3, 0.7))) / place.size[0]
            far = stone.depth_m + 0.2
            return Walker(peeking(), middle, far, 0.0, mirrored, raised_m=_over(place, stone, middle, far))
        return Walker(cat(), x, 2.0, 0.1, mirrored)
    return None


def _over(place: Place, stone: Stone, middle: float, far: float) -> float:
    """How high a head must be, in metres above the ground behind a stone, to look over it: chin below the edge."""
    column = int(middle * place.size[0]) - stone.left
    edge = stone.top + int(np.argmax(stone.alpha[:, column] > 0.5))
    return (place.foot(far) - edge) / place.px(1.0, far) - 0.4 * peeking().tall_m
