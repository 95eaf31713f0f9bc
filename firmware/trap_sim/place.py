"""Where a pretend unit stands: ground in perspective, hills, sky, stones and grass, drawn once from a seed."""

from dataclasses import dataclass

import numpy as np

from trap_sim.textures import Plane, clouds, grey, plane, tiled

CAMERA_HEIGHT_M = 0.45  # Pallas's cat surveys mount at 30-50 cm
FOCAL_PER_WIDTH = 0.77  # 66 degrees across, Raspberry Pi Camera Module 3 standard lens
SKY_M = 1_000.0
SIZE = (800, 600)  # of the pretend sensor: enough to look at, small enough for a night in a minute
# Boulders, and reflectance of stone, soil and grass, of a few kinds of country: open steppe, meadow, scree. Every detector
# that we tried takes a lone boulder for an animal: the scree shows what it cannot do, the open sites what it can.
_COUNTRY = (
    (0, (0.52, 0.47, 0.40), (0.56, 0.48, 0.35), (0.64, 0.56, 0.32)),
    (0, (0.45, 0.43, 0.39), (0.42, 0.38, 0.28), (0.40, 0.45, 0.26)),
    (6, (0.50, 0.49, 0.47), (0.47, 0.44, 0.41), (0.50, 0.50, 0.30)),
)
GRASS_M = (0.05, 0.15)  # grazed steppe grass; a lone tall tuft looks like an animal too


@dataclass(frozen=True, slots=True, eq=False)
class Stone:
    """A boulder as a flat cut-out; ``left`` and ``top`` in pixels of the picture, ``depth_m`` its distance."""

    colour: Plane
    alpha: Plane
    left: int
    top: int
    depth_m: float


@dataclass(frozen=True, slots=True)
class Tuft:
    """A tuft of grass: where its foot is (pixels), how far, how tall (pixels), and the seed of its blades."""

    x: int
    y: int
    depth_m: float
    tall_px: int
    seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Reflectance of everything that does not move (0..1) and its distance in metres, both by pixel."""

    colour: Plane
    depth_m: Plane
    stones: tuple[Stone, ...]  # far to near; already in ``colour``, again here to hide what walks behind them
    tufts: tuple[Tuft, ...]
    grass: tuple[float, float, float]
    horizon: int

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return self.colour.shape[1], self.colour.shape[0]

    def foot(self, depth_m: float) -> int:
        """Row at which something stands at a distance."""
        return self.horizon + round(self.px(CAMERA_HEIGHT_M, depth_m))

    def px(self, metres: float, depth_m: float) -> float:
        """Size in the picture of a length at a distance."""
        return self.size[0] * FOCAL_PER_WIDTH * metres / depth_m


def build(seed: int, size: tuple[int, int] = SIZE) -> Place:
    """The place of one unit. The same seed gives the same place."""
    rng = np.random.default_rng([seed, 1])
    boulders, stone, soil, grass = _COUNTRY[seed % len(_COUNTRY)]
    width, height = size
    horizon = int(height * rng.uniform(0.2, 0.34))
    colour, depth = _backdrop(rng, width, height, horizon, stone)
    _lay_ground(rng, colour, depth, horizon, (soil, grass))
    empty = Place(colour, depth, (), (), grass, horizon)
    stones = tuple(_stone(rng, empty, far, stone) for far in sorted(rng.uniform(1.5, 7.5, size=boulders), reverse=True))
    for one in stones:
        ground_shadow(colour, one.left, one.top + one.alpha.shape[0] * 8 // 10, one.alpha.shape[1], 0.55)
        put(colour, one.colour, one.alpha, one.left, one.top)
        put(depth, np.full_like(one.alpha, one.depth_m), one.alpha, one.left, one.top)
    return Place(colour, depth, stones, _tufts(rng, empty), grass, horizon)


def put(picture: Plane, piece: Plane, alpha: Plane, left: int, top: int) -> None:
    """Lay a piece with alpha over a picture, in place; what hangs over the edge is cut off."""
    x0, y0 = max(0, left), max(0, top)
    x1, y1 = min(picture.shape[1], left + alpha.shape[1]), min(picture.shape[0], top + alpha.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    cut = np.s_[y0 - top : y1 - top, x0 - left : x1 - left]
    cover = alpha[cut][..., None] if picture.ndim == 3 else alpha[cut]
    under = picture[y0:y1, x0:x1]
    under += (piece[cut] - under) * cover


def ground_shadow(picture: Plane, left: int, foot: int, wide: int, dark: float) -> None:
    """The dark below a thing that makes it stand on the ground; ``foot`` is the row it stands on."""
    tall = max(3, wide // 6)
    y, x = np.mgrid[-1 : 1 : tall * 1j, -1.1 : 1.1 : wide * 1.1 * 1j].astype(np.float32)
    alpha = (dark * np.clip(1.15 - x**2 - y**2, 0, 1)).astype(np.float32)
    put(picture, np.full((*alpha.shape, 3), 0.05, dtype=np.float32), alpha, left - wide // 20, foot - tall // 2)


def _backdrop(
    rng: np.random.Generator, width: int, height: int, horizon: int, rock: tuple[float, ...]
) -> tuple[Plane, Plane]:
    """Sky, and two ridges of hills paler with distance."""
    rows = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    colour = np.broadcast_to(np.array((0.62, 0.72, 0.86), dtype=np.float32) + 0.25 * rows, (height, width, 3)).copy()
    depth = np.full((height, width), SKY_M, dtype=np.float32)
    texture = clouds(rng, (height, width), 24)
    for far, rise, haze in ((400.0, 0.8, 0.55), (60.0, 0.45, 0.15)):
        ridge = horizon - horizon * rise * clouds(rng, (2, width), 5)[0] + 2
        below = np.arange(height)[:, None] >= ridge[None, :]
        hill = np.array(rock, dtype=np.float32) * (0.65 + 0.5 * texture[..., None])
        colour[below] = (hill * (1 - haze) + haze * np.array((0.66, 0.72, 0.80), dtype=np.float32))[below]
        depth[below] = far
    return colour, depth


def _lay_ground(
    rng: np.random.Generator, colour: Plane, depth: Plane, horizon: int, tints: tuple[tuple[float, ...], ...]
) -> None:
    """Gravel and grass under the camera in true perspective, blurring into the distance as a lens does."""
    height, width = depth.shape
    rows = np.arange(horizon + 2, height, dtype=np.float32)
    far = width * FOCAL_PER_WIDTH * CAMERA_HEIGHT_M / (rows - horizon)
    across = (np.arange(width, dtype=np.float32) - width / 2) / (width * FOCAL_PER_WIDTH)
    scale = 520.0  # texture pixels to a metre
    u = (across[None, :] * far[:, None] * scale + rng.uniform(0, 400)).astype(np.float32)
    v = np.broadcast_to((far * scale)[:, None], u.shape).astype(np.float32)
    sharp = np.clip(1.5 / far, 0.12, 1.0)[:, None]
    gravel = 1 + (tiled(grey("gravel.png"), u, v) - 1) * sharp
    turf = 1 + (tiled(grey("grass.png"), plane(u * 0.9 + 37), plane(v * 0.9)) - 1) * sharp
    patches = np.clip((tiled(clouds(rng, (512, 512), 5), plane(u / 4), plane(v / 4)) - 0.47) * 6, 0, 1)[..., None]
    soil, grass = (np.array(tint, dtype=np.float32) for tint in tints)
    colour[horizon + 2 :] = (soil * gravel[..., None]) * (1 - patches) + (grass * turf[..., None] * 0.9) * patches
    depth[horizon + 2 :] = far[:, None]


def _stone(rng: np.random.Generator, place: Place, depth_m: float, tint: tuple[float, ...]) -> Stone:
    """A boulder: a knobbly half-buried blob, lit from above, its grain from the gravel picture seen close."""
    wide = int(np.clip(place.px(rng.uniform(0.5, 1.8), depth_m), 12, place.size[0] * 0.6))
    tall = max(8, int(wide * rng.uniform(0.3, 0.6)))
    y, x = np.mgrid[-1 : 1 : tall * 1j, -1 : 1 : wide * 1j].astype(np.float32)
    angle = np.arctan2(y, x)
    edge = 0.78 + sum(rng.uniform(0.02, 0.12) / k * np.cos(k * angle + rng.uniform(0, 6.28)) for k in range(2, 9))
    radius = np.hypot(x, y) / edge
    alpha = np.clip((1 - radius) * wide / 5, 0, 1) * np.clip((0.62 - y) * tall / 6, 0, 1)
    bumps = clouds(rng, (tall, wide), 4, octaves=5)
    u, v = (plane(at * size * 0.25 + rng.uniform(0, 300)) for at, size in ((x, wide), (y, tall)))
    grain = tiled(grey("gravel.png"), u, v)
    slope = np.gradient(bumps + 0.9 * np.sqrt(np.clip(1.2 - radius**2, 0.05, None)), axis=0) * tall / 2
    light = np.clip(0.72 + 0.42 * slope, 0.18, 1.25) * (0.75 + 0.25 * grain) * (0.8 + 0.3 * bumps)
    colour = np.array(tint, dtype=np.float32) * light[..., None] * rng.uniform(0.8, 1.15)
    left = int(rng.uniform(-0.1, 1.0) * place.size[0] - wide / 2)
    return Stone(
        colour.clip(0, 1).astype(np.float32),
        alpha.astype(np.float32),
        left,
        place.foot(depth_m) - int(tall * 0.8),
        depth_m,
    )


def _tufts(rng: np.random.Generator, place: Place) -> tuple[Tuft, ...]:
    """Grass from four metres up to the lens."""
    found: list[Tuft] = []
    for depth_m in sorted(1.05 + 3.6 * rng.random(34) ** 1.5, reverse=True):
        x = int(rng.uniform(-0.05, 1.05) * place.size[0])
        tall = int(min(place.px(rng.uniform(*GRASS_M), depth_m), place.size[1] * 0.42))
        found.append(Tuft(x, place.foot(depth_m), depth_m, max(3, tall), int(rng.integers(1 << 30))))
    return tuple(found)
