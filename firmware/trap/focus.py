"""Whether a picture is in focus, told from two of one moment: what they have in common is the scene, the rest is noise.

The variance of one picture's Laplacian is mostly the sensor's noise by night, and passes a lens that is out of focus. The
covariance of two pictures' Laplacians is the scene's alone. Natural scenes have about as much of it at one scale as at the
next (Field 1987, "Relations between the statistics of natural images and the response properties of cortical cells"); a
blurred lens takes it from the finest first. Bounds are from 209 camera-trap and other photographs (docs/link.md).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trap.ports import Pixels

Grey = NDArray[np.float32]
DETAIL_LEAST = 4.0  # grey levels squared; a cap, fog or a lens far out of focus leave less
FINENESS_LEAST = 0.35  # of the detail at half the size


@dataclass(frozen=True, slots=True)
class Focus:
    """``detail``: covariance of the Laplacians; ``fineness``: its share of that at half the size."""

    detail: float
    fineness: float

    @property
    def sharp(self) -> bool:
        """Whether the lens is clear and in focus."""
        return self.detail >= DETAIL_LEAST and self.fineness >= FINENESS_LEAST


def focus(one: Pixels, other: Pixels) -> Focus:
    """Of two pictures of the same scene, one right after the other."""
    fine, coarse = [_grey(one), _grey(other)], [_halved(_grey(one)), _halved(_grey(other))]
    detail, below = _shared(*map(_laplacian, fine)), _shared(*map(_laplacian, coarse))
    return Focus(round(detail, 1), round(detail / below, 2) if below > 0 else float(detail > 0))


def _grey(picture: Pixels) -> Grey:
    grey: Grey = np.asarray(picture, dtype=np.float32).mean(axis=2)
    return grey


def _halved(grey: Grey) -> Grey:
    high, wide = (side // 2 for side in grey.shape)
    half: Grey = grey[: 2 * high, : 2 * wide].reshape(high, 2, wide, 2).mean(axis=(1, 3))
    return half


def _laplacian(grey: Grey) -> Grey:
    edges: Grey = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4 * grey[1:-1, 1:-1]
    return edges


def _shared(one: Grey, other: Grey) -> float:
    """Covariance."""
    return float(((one - one.mean()) * (other - other.mean())).mean())
