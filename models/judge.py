"""The held-out camera: NACTI CA-01, 1,933 frames that no training and no range has seen.

Its bursts have five frames; dates are dealt into two halves, one to set thresholds and choose between candidates, one to
report. Only the second half's figures are called held out.
"""

import csv
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from PIL import Image

from models.corrections import corrections
from models.photographs import Pixels
from trap_models.scoring import Labelled

SOURCE = "nacti_ca01"
BURST = 5
SHAPE = (342, 256)  # the frames were squashed to 256 x 256 from 4:3 (their SOURCES.md); a unit's frames are 4:3
NAMES = {"None": "empty", "Human": "human", "Vehicle_Truck_ATV": "vehicle"}  # everything else is an animal
CHOOSE, REPORT = "choose", "report"


@dataclass(frozen=True)
class Judged:
    """A frame of the held-out camera; ``half`` is CHOOSE or REPORT."""

    row: Labelled
    species: str
    date: str
    half: str


def frames(data: Path, mended: bool = True) -> list[Judged]:
    """Every frame in order, with its burst; corrections applied unless ``mended`` is False."""
    with (data / SOURCE / "labels.csv").open(newline="") as file:
        rows = sorted(csv.DictReader(file), key=lambda row: row["FileName"])
    dates = sorted({row["ImageDate"] for row in rows}, key=lambda date: datetime.strptime(date, "%m/%d/%Y"))  # noqa: DTZ007
    half = {date: (CHOOSE, REPORT)[number % 2] for number, date in enumerate(dates)}
    bursts, known, found = _bursts(rows), corrections() if mended else {}, []
    for row, burst in zip(rows, bursts, strict=True):
        name = f"{Path(row['FileName']).stem}.jpg"
        label = NAMES.get(row["CommonName"], "animal")
        mark = known.get((SOURCE, name))
        if mark and mark.action == "drop":
            continue
        judged = Labelled(name, mark.action if mark else label, burst, "CA-01")
        found.append(Judged(judged, row["CommonName"], row["ImageDate"], half[row["ImageDate"]]))
    return found


def unsquashed(pixels: Pixels) -> Pixels:
    """The frame in the shape in which the camera took it: width 4/3 of the height, nothing cut, nothing gained."""
    return np.asarray(Image.fromarray(pixels).resize(SHAPE, Image.Resampling.BILINEAR))


def _bursts(rows: Sequence[dict[str, str]]) -> list[str]:
    """Name of each frame's burst: five file numbers in a row within a date, counted from where that gives fewest mixed ones."""
    by_date: dict[str, list[tuple[int, str]]] = defaultdict(list)
    for row in rows:
        by_date[row["ImageDate"]].append((_number(row), row["CommonName"]))
    starts = {date: min(range(BURST), key=lambda start: _mixed(pairs, start)) for date, pairs in by_date.items()}
    return [f"{row['ImageDate']}#{(_number(row) - starts[row['ImageDate']]) // BURST}" for row in rows]


def _number(row: dict[str, str]) -> int:
    return int(Path(row["FileName"]).stem.rsplit("_", 1)[1])


def _mixed(pairs: Sequence[tuple[int, str]], start: int) -> tuple[int, int]:
    """Bursts that a start gives, and how many of them hold two species."""
    species: dict[int, set[str]] = defaultdict(set)
    for number, name in pairs:
        species[(number - start) // BURST].add(name)
    return len(species), sum(len(names - {"None"}) > 1 for names in species.values())


def write_labels(path: Path, rows: Sequence[Labelled]) -> None:
    """The label file that ``manul model evaluate`` reads."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "label", "sequence", "camera"])
        writer.writerows([row.file, row.label, row.sequence, row.camera] for row in rows)
