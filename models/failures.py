"""A contact sheet of what a network would have thrown away: every animal burst of the held-out camera below its threshold.

Its photographs belong to the data, so it lies beside the released folder and never in it.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from models import judge
from models.evaluate import Seen
from trap_models.scoring import photograph

COLUMNS, TILE, CAPTION = 5, judge.SHAPE, 14


def missed(seen: Seen, threshold: float) -> Iterator[tuple[judge.Judged, float]]:
    """The frame with the animal that scored best in each animal burst in which no frame reaches ``threshold``."""
    rows: dict[str, list[int]] = {}
    for number, frame in enumerate(seen.frames):
        rows.setdefault(frame.row.sequence, []).append(number)
    for numbers in rows.values():
        animals = [number for number in numbers if seen.frames[number].row.label == "animal"]
        if animals and seen.best[numbers].max() < threshold:
            best = max(animals, key=lambda number: float(seen.best[number]))
            yield seen.frames[best], float(seen.best[best])


def draw(path: Path, data: Path, seen: Seen, threshold: float) -> int:
    """Write the sheet, worst first; how many bursts are on it."""
    found = sorted(missed(seen, threshold), key=lambda pair: pair[1])
    rows = max(1, -(-len(found) // COLUMNS))
    sheet = Image.new("RGB", (COLUMNS * TILE[0], rows * (TILE[1] + CAPTION)))
    pen = ImageDraw.Draw(sheet)
    for number, (frame, score) in enumerate(found):
        left, top = number % COLUMNS * TILE[0], number // COLUMNS * (TILE[1] + CAPTION)
        pixels = judge.unsquashed(photograph(data / judge.SOURCE / "images" / frame.row.file))
        sheet.paste(Image.fromarray(np.ascontiguousarray(pixels)), (left, top))
        pen.text((left + 2, top + TILE[1]), f"{frame.species} {score:.2f} {frame.row.file}", fill="white")
    sheet.save(path)
    return len(found)
