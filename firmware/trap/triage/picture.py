"""From a picture to the network's input, and from the network's boxes back to the picture."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from trap.ports import Box, Pixels
from trap.triage.model_folder import Input


@dataclass(frozen=True, slots=True)
class Fit:
    """Where the picture lies in the input, in input pixels: its left, top, width, height."""

    left: int
    top: int
    width: int
    height: int

    def box(self, x0: float, y0: float, x1: float, y1: float) -> Box:
        """A rectangle in input pixels, as a share of the picture and cut at its edges."""
        left, right = ((x - self.left) / self.width for x in (x0, x1))
        top, bottom = ((y - self.top) / self.height for y in (y0, y1))
        x, y = min(max(left, 0.0), 1.0), min(max(top, 0.0), 1.0)
        return Box(x, y, min(max(right, x), 1.0) - x, min(max(bottom, y), 1.0) - y)


def fit(picture: Pixels, wanted: Input) -> Fit:
    """Where a picture of this shape goes: the whole input when stretched, centred and undistorted in a letterbox."""
    if not wanted.letterbox:
        return Fit(0, 0, wanted.width, wanted.height)
    height, width = picture.shape[:2]
    ratio = min(wanted.width / width, wanted.height / height)
    inner = (max(1, round(width * ratio)), max(1, round(height * ratio)))
    return Fit((wanted.width - inner[0]) // 2, (wanted.height - inner[1]) // 2, *inner)


def prepare(picture: Pixels, wanted: Input, where: Fit) -> Pixels:
    """The input as uint8 (height, width, 3), in the network's channel order."""
    image = Image.fromarray(picture)
    # Whole-number averaging first: at 640 × 480 to 320 × 240 it is all that is needed, at a sixth of the time of resize.
    if (factor := min(image.width // where.width, image.height // where.height)) > 1:
        image = image.reduce(factor)
    if image.size != (where.width, where.height):
        image = image.resize((where.width, where.height), Image.Resampling.BILINEAR)
    pixels: Pixels = np.asarray(image)
    if wanted.bgr:
        pixels = pixels[:, :, ::-1]
    if (where.width, where.height) == (wanted.width, wanted.height):
        return pixels
    canvas = np.full((wanted.height, wanted.width, 3), wanted.pad, dtype=np.uint8)
    canvas[where.top : where.top + where.height, where.left : where.left + where.width] = pixels
    return canvas


def as_float(pixels: Pixels, wanted: Input) -> NDArray[np.float32]:
    """Input of a float network: (pixel - mean) / scale per channel."""
    values: NDArray[np.float32] = pixels.astype(np.float32)
    values -= np.asarray(wanted.mean, dtype=np.float32)
    values /= np.asarray(wanted.scale, dtype=np.float32)
    return values
