"""Animals cut out of bundled pictures: a cat with a soft matte, and a hoofed animal from a silhouette and the cat's fur."""

from dataclasses import dataclass
from functools import cache

import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from trap_sim.textures import Plane, picture, plane

# Outline of the head in ``chelsea.png`` (451 x 300), drawn by eye; y is negative where the photograph cut off the ears
# and the fur is mirrored upwards. The matte is feathered, so hairs at the edge fade instead of ending in a knife cut.
_TOP = 70
_HEAD = (
    (36, 60), (30, 10), (34, -30), (46, -58), (60, -62), (84, -44), (118, -20), (160, -32), (215, -38), (270, -34),
    (306, -22), (336, -46), (372, -62), (392, -56), (396, -30), (388, 10), (372, 48), (357, 76), (358, 98), (366, 116),
    (363, 140), (355, 168), (337, 196), (322, 222), (312, 250), (296, 270), (268, 280), (220, 282), (160, 278),
    (96, 262), (52, 226), (34, 180), (33, 120),
)  # fmt: skip
_EYES = ((171, 112, 13), (313, 128, 11))  # x, y, radius of the pupils, for the shine that a flash brings back


@dataclass(frozen=True, slots=True, eq=False)
class Sprite:
    """A cut-out: colour (h, w, 3) and alpha (h, w), 0..1; ``shine`` (h, w) is what the eyes send back to a flash.

    ``tall_m`` is the height of the real thing, which with its distance gives its size in the picture.
    """

    colour: Plane
    alpha: Plane
    shine: Plane
    tall_m: float

    def scaled(self, tall_px: int, *, mirrored: bool) -> "Sprite":
        """The same at another height in pixels; ``mirrored`` looks the other way."""
        size = (max(2, round(tall_px * self.alpha.shape[1] / self.alpha.shape[0])), max(2, tall_px))
        colour = np.stack([_resized(self.colour[..., c], size) for c in range(3)], axis=-1)
        planes = [colour, _resized(self.alpha, size), _resized(self.shine, size)]
        if mirrored:
            planes = [plane[:, ::-1] for plane in planes]
        return Sprite(planes[0], planes[1].clip(0, 1), planes[2].clip(0, 1), self.tall_m)


def _resized(plane: Plane, size: tuple[int, int]) -> Plane:
    return np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BOX if size[1] < 200 else 3))


@cache
def cat() -> Sprite:
    """A cat that sits facing the camera, ears to paws, about as fluffy and round as a manul."""
    colour, alpha, shine = _head()
    height, width = 620, 560
    canvas, matte = _body(height, width)
    glow = np.zeros((height, width), dtype=np.float32)
    y, x = 0, 60
    box = np.s_[y : y + alpha.shape[0], x : x + alpha.shape[1]]
    canvas[box] = colour * alpha[..., None] + canvas[box] * (1 - alpha[..., None])
    matte[box] = np.maximum(matte[box], alpha)
    glow[box] = shine
    return Sprite(_greyed(canvas, 0.35), matte, glow, tall_m=0.36)


@cache
def peeking() -> Sprite:
    """The head alone, for a cat behind a stone."""
    colour, alpha, shine = _head()
    return Sprite(_greyed(colour, 0.35), alpha, shine, tall_m=0.21)


@cache
def hoofed() -> Sprite:
    """A wild horse seen from the side: the bundled silhouette filled with fur and shaded round."""
    shape = 1 - np.asarray(picture("horse.png").convert("L"), dtype=np.float32) / 255.0
    rows, columns = np.nonzero(shape > 0.5)
    shape = shape[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    soft = _blurred(shape, 1.0)
    roundness = _blurred(shape, 9.0) * soft
    fur = _greyed(_fur(shape.shape[0], shape.shape[1], scale=0.22), 0.15)
    down = np.linspace(1.12, 0.62, shape.shape[0], dtype=np.float32)[:, None]
    shade = (0.45 + 0.65 * roundness) * down
    legs = np.clip((np.linspace(0, 1, shape.shape[0], dtype=np.float32)[:, None] - 0.62) * 3, 0, 1)
    colour = fur * shade[..., None] * (1 - 0.45 * legs[..., None])
    return Sprite(colour.clip(0, 1), soft, np.zeros_like(soft), tall_m=1.25)


def _head() -> tuple[Plane, Plane, Plane]:
    photo = np.asarray(picture("chelsea.png").convert("RGB"), dtype=np.float32) / 255.0
    colour = np.concatenate([photo[_TOP:0:-1], photo])
    mask = Image.new("L", (colour.shape[1], colour.shape[0]))
    ImageDraw.Draw(mask).polygon([(x, y + _TOP) for x, y in _HEAD], fill=255)
    alpha = _blurred(np.asarray(mask, dtype=np.float32) / 255.0, 3.5)
    shine = Image.new("L", mask.size)
    for x, y, radius in _EYES:
        ImageDraw.Draw(shine).ellipse((x - radius, y + _TOP - radius, x + radius, y + _TOP + radius), fill=255)
    return colour, alpha, _blurred(np.asarray(shine, dtype=np.float32) / 255.0, 3.0)


def _body(height: int, width: int) -> tuple[Plane, Plane]:
    """Fur for the body below the head and its matte: shoulders, haunches and two front paws."""
    mask = Image.new("L", (width, height))
    draw = ImageDraw.Draw(mask)
    draw.ellipse((60, 190, 480, 640), fill=255)
    draw.ellipse((20, 330, 240, 640), fill=255)
    draw.ellipse((320, 330, 540, 640), fill=255)
    draw.rectangle((0, 606, width, height), fill=0)
    shape = np.asarray(mask, dtype=np.float32) / 255.0
    roundness = _blurred(shape, 26.0)
    fur = _fur(height, width, scale=0.8)
    chest = np.exp(-(((np.arange(width, dtype=np.float32) - 270) / 70) ** 2))[None, :]
    shade = (0.3 + 0.62 * roundness) * (1 + 0.22 * chest)
    neck = 1 - 0.45 * np.exp(-(((np.arange(height, dtype=np.float32) - 345) / 38) ** 2))[:, None]
    return (fur * (shade * neck)[..., None]).clip(0, 1).astype(np.float32), _blurred(shape, 4.0)


def _fur(height: int, width: int, scale: float) -> Plane:
    """Fur of any size: feathered pieces of the cat's brow and cheek, thrown on at random with the hair lying downwards."""
    pieces = [
        _piece(box, scale) for box in ((100, 4, 200, 64), (60, 20, 140, 80), (210, 6, 300, 66), (120, 160, 190, 205))
    ]
    rng = np.random.default_rng(7)
    weight = np.full((height + 160, width + 200, 1), 1e-4, dtype=np.float32)
    total = weight * pieces[0][0].mean(axis=(0, 1))
    for _ in range(int(14 * height * width / (100 * 60 * scale * scale))):
        piece, feather = pieces[rng.integers(len(pieces))]
        y = int(rng.integers(0, total.shape[0] - piece.shape[0]))
        x = int(rng.integers(0, total.shape[1] - piece.shape[1]))
        at = np.s_[y : y + piece.shape[0], x : x + piece.shape[1]]
        total[at] = total[at] * (1 - feather) + piece * feather
        weight[at] = weight[at] * (1 - feather) + feather
    return plane(total / weight)[80 : 80 + height, 100 : 100 + width]


def _piece(box: tuple[int, int, int, int], scale: float) -> tuple[Plane, Plane]:
    """A piece of fur upside down (the brow's hair grows upwards) and the window that feathers it."""
    size = (int((box[2] - box[0]) * scale), int((box[3] - box[1]) * scale))
    photo = picture("chelsea.png").convert("RGB").crop(box).resize(size).transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    across, down = (np.hanning(n + 2)[1:-1].astype(np.float32) for n in size)
    return np.asarray(photo, dtype=np.float32) / 255.0, (down[:, None] * across[None, :])[..., None]


def _greyed(colour: Plane, share: float) -> Plane:
    """Less colour: a house cat in lamplight is more orange than a manul on a hill."""
    return plane(colour + (colour.mean(axis=2, keepdims=True) - colour) * share)


def _blurred(plane: Plane, radius_px: float) -> Plane:
    levels = Image.fromarray((plane.clip(0, 1) * 255).astype(np.uint8))
    blurred = levels.filter(ImageFilter.GaussianBlur(radius_px))
    return np.asarray(blurred, dtype=np.float32) / 255.0
