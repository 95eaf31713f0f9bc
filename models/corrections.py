"""What a person saw on the contact sheets: ``corrections.csv``, one photograph a row."""

import csv
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).parent / "corrections.csv"


@dataclass(frozen=True)
class Correction:
    """``drop`` the photograph, or relabel it ``animal`` or ``empty``."""

    source: str
    file: str
    action: str
    reason: str


def corrections(path: Path = FILE) -> dict[tuple[str, str], Correction]:
    """By (source, file)."""
    with path.open(newline="") as file:
        rows = [Correction(**row) for row in csv.DictReader(file)]
    return {(row.source, row.file): row for row in rows}
