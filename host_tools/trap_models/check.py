"""Is a detector folder sound? Hash, known answer, runtime, thresholds, shapes: one line each, all of them at once."""

import resource
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from time import perf_counter

import numpy as np
from PIL import Image

from trap.drivers import detector as driver
from trap.triage import model_folder
from trap.triage.decode import FLOOR
from trap.triage.model_folder import ModelFolder
from trap_wire.errors import TrapError

REPEATS = 30
STEP = 1 / 256  # of an int8 or uint8 score; float networks are held to it too
BIGGEST_BYTES, MOST_MEMORY_MB = 2_000_000, 120  # what a Zero 2 W has to spare beside the camera


@dataclass(frozen=True)
class Finding:
    """One line of the check. ``serious``: the unit would not use this folder as it is."""

    what: str
    well: bool
    words: str
    serious: bool = True


def findings(folder: Path) -> Iterator[Finding]:
    """Everything that can be said, in the order in which it can be known."""
    try:
        card = model_folder.load(folder)
    except TrapError as error:
        yield Finding("folder", False, str(error))
        return
    yield Finding("hash", True, f"{card.identity}, {card.licence}, format {card.format}")
    yield from _paper(card)
    try:
        detector = driver.load(folder)
        yield Finding("runtime", True, f"{detector.runtime}, {card.input.width} x {card.input.height}")
        yield from _answer(card, detector)
        yield _speed(card, detector)
    except TrapError as error:
        yield Finding("runtime", False, str(error))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Finding("memory", peak <= MOST_MEMORY_MB, f"{peak:.0f} MB at the most, bar {MOST_MEMORY_MB}", serious=False)


def _paper(card: ModelFolder) -> Iterator[Finding]:
    size = card.network.stat().st_size
    yield Finding("size", size <= BIGGEST_BYTES, f"{size:,} bytes, bar {BIGGEST_BYTES:,}", serious=False)
    at, rows = card.thresholds, card.calibration
    yield Finding("thresholds", True, f"blank below {at.blank_at}, keep from {at.keep_at}")
    ordered = sorted(rows, key=lambda row: row["recall"])
    falling = all(a["blank_at"] >= b["blank_at"] for a, b in pairwise(ordered))
    words = ", ".join(f"{row['recall']:.2f} at {row['blank_at']}" for row in ordered) or "no table on the card"
    yield Finding("calibration", falling and bool(rows), words, serious=not falling)


def _answer(card: ModelFolder, detector: driver.TfliteDetector) -> Iterator[Finding]:
    if card.known_answer is None:
        yield Finding("known answer", False, "none on the card: a damaged runtime would not be noticed", serious=False)
        return
    picture = np.asarray(Image.open(card.known_answer.image).convert("RGB"))
    seen = detector.look(picture)
    allowed = card.known_answer.tolerance_steps * STEP
    for label, wanted in card.known_answer.scores.items():
        found = max((one.score for one in seen if one.label is label), default=0.0)
        near = abs(found - wanted) <= allowed + 1e-6 or max(found, wanted) < 2 * FLOOR
        yield Finding("known answer", near, f"{label} {found:.4f}, card {wanted:.4f}, allowed {allowed:.4f} apart")


def _speed(card: ModelFolder, detector: driver.TfliteDetector) -> Finding:
    picture = np.full((card.input.height, card.input.width, 3), card.input.pad, np.uint8)
    times = []
    for _ in range(REPEATS):
        began = perf_counter()
        detector.look(picture)
        times.append(perf_counter() - began)
    return Finding("speed", True, f"{np.median(times) * 1000:.1f} ms a look on this machine, one thread", serious=False)
