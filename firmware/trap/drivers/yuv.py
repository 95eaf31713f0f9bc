"""The detector's picture out of the camera's low-resolution stream: YUV 4:2:0 to RGB, full range, BT.601 (JPEG's own).

A Zero 2 W's ISP gives planar YUV420 only; other pipelines give NV12. Both come with padded rows.
No part of its own: a buffer of another size is an error that ``camera`` turns into a ``PartError`` (lying).
"""

import numpy as np
from numpy.typing import NDArray

from trap.ports import Pixels

FORMATS = ("YUV420", "NV12")
Plane = NDArray[np.uint8]


def to_rgb(buffer: Plane, width: int, height: int, layout: str) -> Pixels:
    """(height, width, 3) RGB from a buffer of (height * 3 / 2, stride); ``layout`` is one of FORMATS, sides are even."""
    y = buffer[:height, :width].astype(np.int32)
    u, v = _chroma(buffer, width, height, layout)
    red = y + ((_doubled(v) * 91881) >> 16)
    green = y - ((_doubled(u) * 22554 + _doubled(v) * 46802) >> 16)
    blue = y + ((_doubled(u) * 116130) >> 16)
    rgb: Pixels = np.clip(np.stack([red, green, blue], axis=-1), 0, 255).astype(np.uint8)
    return rgb


def _chroma(buffer: Plane, width: int, height: int, layout: str) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    below = buffer[height : height + height // 2]
    if layout == "NV12":
        u, v = below[:, 0:width:2], below[:, 1:width:2]
    else:
        # Planar: rows of half the stride, first all of U, then all of V, packed one after the other.
        halves = np.ascontiguousarray(below).reshape(height, -1)
        u, v = halves[: height // 2, : width // 2], halves[height // 2 :, : width // 2]
    return u.astype(np.int32) - 128, v.astype(np.int32) - 128


def _doubled(plane: NDArray[np.int32]) -> NDArray[np.int32]:
    return plane.repeat(2, axis=0).repeat(2, axis=1)
