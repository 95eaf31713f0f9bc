"""Whether the infrared flash lights anything: pictures without it, with it and without it again, on one exposure.

The second picture without it is the control: what moved or changed between the two is not the flash's.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trap.capture.burst import take
from trap.ports import BurstPlan, Camera, Lighting, Pixels, Shot

PAIR = BurstPlan(frames=3, interval_ms=0, lighting=Lighting.PAIRED)
ADDS_LEAST = 8.0  # of 255; the mean of a cell of 400 pixels is known to about 0.5 at the highest gain
_BRIGHT = 200.0  # of 255: above it the flash has no room left to show
_CELLS = 12, 16
_NEAR = 90  # per cent: the flash lights what is near, and a tenth of the picture always is


@dataclass(frozen=True, slots=True)
class Effect:
    """``dark`` and ``lit``: mean grey, 0..255; ``adds``: what the flash adds where it adds most. ``why`` is the verdict."""

    dark: float
    lit: float
    adds: float
    why: str


def paired_shots(camera: Camera, monotonic_ms: Callable[[], int]) -> tuple[Shot, ...]:
    """Three frames: without, with, without; fewer when the camera fails."""
    return tuple(take(camera, PAIR, monotonic_ms).shots)


def effect(dark: Shot, lit: Shot, again: Shot) -> Effect:
    """The verdict on ``paired_shots``: ``adds``, ``weak``, ``too_bright``, or ``unlit`` when it could not be switched."""
    before, by_flash, after = (_cells(shot.lores) for shot in (dark, lit, again))
    adds = float(np.percentile(by_flash - np.maximum(before, after), _NEAR))
    if not lit.infrared:
        why = "unlit"
    elif adds >= ADDS_LEAST:
        why = "adds"
    else:
        why = "too_bright" if float(np.median(np.maximum(before, after))) > _BRIGHT else "weak"
    return Effect(round(float(before.mean()), 1), round(float(by_flash.mean()), 1), round(adds, 1), why)


def _cells(picture: Pixels) -> NDArray[np.float32]:
    """Mean grey of each cell of a coarse grid."""
    grey = np.asarray(picture, dtype=np.float32).mean(axis=2)
    rows, columns = _CELLS
    high, wide = max(1, grey.shape[0] // rows), max(1, grey.shape[1] // columns)
    whole = grey[: grey.shape[0] // high * high, : grey.shape[1] // wide * wide]
    cells: NDArray[np.float32] = whole.reshape(whole.shape[0] // high, high, -1, wide).mean(axis=(1, 3))
    return cells
