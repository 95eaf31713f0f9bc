"""The worker's side: one picture, or one place in it, through one detector, with the unit's own code.

Looking again must mean looking in the same way: same decoding, same preprocessing, same box decoding as on the unit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image, UnidentifiedImageError

from trap.drivers import detector as unit_detector
from trap.ports import Box, Detection, Detector, Pixels
from trap.triage.change import Cells, cells_of
from trap.triage.zoom import look_into
from trap_wire.errors import TrapError

Found = tuple[Detection, ...]
Ticket = tuple[int, int, int]  # deployment, burst and frame, as they are counted in this run
FAULTS = (OSError, UnidentifiedImageError, Image.DecompressionBombError, TrapError)


@dataclass(frozen=True, slots=True)
class Job:
    """One look at a file. ``sha256`` is what its journal says and the key of the result.

    ``lores_px`` is the size that the unit's detector saw. ``place`` is where to look again at native resolution, None for the
    whole frame. ``known``: what the detector says of it is known already, and only its cells are wanted.
    """

    ticket: Ticket
    sha256: str
    path: str
    lores_px: tuple[int, int]
    place: Box | None = None
    known: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """What came of a job; ``fault`` is why nothing did. ``found`` is None where it was known, ``cells`` of a place."""

    job: Job
    found: Found | None = None
    cells: Cells | None = None
    fault: str = ""


def work(folder: str, jobs: Sequence[Job]) -> list[Result]:
    """Results of some jobs, in their order. A file that cannot be read is a result too, with its fault."""
    return [_done(folder, job) for job in jobs]


@lru_cache(maxsize=2)
def _detector(folder: str) -> Detector:
    """Loaded once a process: one thread each, because the processes share the processors already."""
    return unit_detector.load(Path(folder), threads=1)


def _done(folder: str, job: Job) -> Result:
    detector = _detector(folder)  # a detector that cannot be loaded is no fault of the file: it ends the run
    try:
        if job.place is not None:
            return Result(job, look_into(detector, Path(job.path).read_bytes(), job.place, lores_size(job)[0]))
        pixels = lores(job.path, job.lores_px)
        return Result(job, None if job.known else detector.look(pixels), cells_of(pixels))
    except FAULTS as error:
        return Result(job, fault=f"{type(error).__name__}: {error}")


def lores_size(job: Job) -> tuple[int, int]:
    """Pixels that the first look had."""
    with Image.open(job.path) as image:
        return _inside(image.size, job.lores_px)


def _inside(size: tuple[int, int], inside_px: tuple[int, int]) -> tuple[int, int]:
    ratio = min(inside_px[0] / size[0], inside_px[1] / size[1])
    return max(1, round(size[0] * ratio)), max(1, round(size[1] * ratio))


def lores(path: str, inside_px: tuple[int, int]) -> Pixels:
    """The photograph as the unit's low-resolution stream had it: inside that size, undistorted; a thumbnail is enlarged."""
    with Image.open(path) as image:
        size = _inside(image.size, inside_px)
        image.draft("RGB", size)
        pixels: Pixels = np.asarray(image.convert("RGB").resize(size, Image.Resampling.BILINEAR, reducing_gap=2.0))
    return pixels
