"""Textures of the pretend place: pictures that scikit-image's wheel carries, read from disk and never from the network.

``chelsea`` (Stefan van der Walt), ``gravel`` and ``grass`` are CC0; ``horse`` is the CC0 silhouette of the Open Clip Art
Library. ``skimage.data`` would download what is missing, so the files are opened by path.
"""

from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trap_wire.errors import BadInputError

Plane = NDArray[np.float32]  # (height, width) or (height, width, channels), 0..1


def plane(values: Any) -> Plane:
    """Anything as 32-bit numbers."""
    made: Plane = np.asarray(values, dtype=np.float32)
    return made


def picture(name: str) -> Image.Image:
    """One bundled picture; ``BadInputError`` when scikit-image is not installed."""
    spec = find_spec("skimage")
    if spec is None or spec.origin is None:
        raise BadInputError(
            "scikit-image is not installed, so there are no scenes: pip install 'manul[sim]', or give --photos"
        )
    return Image.open(Path(spec.origin).parent / "data" / name)


@cache
def grey(name: str) -> Plane:
    """A bundled picture as one plane with mean 1: a relief to multiply a colour with."""
    levels = plane(picture(name).convert("L"))
    return plane(levels / levels.mean())


def tiled(texture: Plane, u: Plane, v: Plane) -> Plane:
    """Texture at real-valued positions (in texture pixels), wrapped and mirrored so that no seam shows."""
    height, width = texture.shape
    x, y = _mirror(u, width), _mirror(v, height)
    left, top = np.minimum(x.astype(np.intp), width - 2), np.minimum(y.astype(np.intp), height - 2)
    across, down = x - left, y - top
    above = texture[top, left] * (1 - across) + texture[top, left + 1] * across
    below = texture[top + 1, left] * (1 - across) + texture[top + 1, left + 1] * across
    return plane(above * (1 - down) + below * down)


def _mirror(position: Plane, size: int) -> Plane:
    folded = np.mod(position, 2 * (size - 1))
    return plane(np.where(folded > size - 1, 2 * (size - 1) - folded, folded))


def clouds(rng: np.random.Generator, shape: tuple[int, int], cells: int, octaves: int = 4) -> Plane:
    """Smooth noise 0..1 of a shape (height, width); ``cells`` is the number of blobs across the coarsest octave."""
    total = np.zeros(shape, dtype=np.float32)
    for octave in range(octaves):
        n = cells * 2**octave
        rows = max(2, n * shape[0] // shape[1])
        coarse = Image.fromarray(rng.random((rows, n), dtype=np.float32))
        layer = np.asarray(coarse.resize((shape[1], shape[0]), Image.Resampling.BICUBIC))
        total += layer / 2**octave
    total -= total.min()
    return plane(total / total.max())
