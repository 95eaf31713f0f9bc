"""What a person has said is in a photograph: a CSV beside or inside the folder, in one of the shapes that people use."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from trap_wire.errors import BadInputError
from trap_wire.vocabulary import ObservationType

_FILE = ("filename", "file", "image", "path", "filepath", "file_name", "image_name")
_LABEL = ("commonname", "label", "observationtype", "species", "category", "class", "common_name")
_EMPTY = {"none", "empty", "blank", "nothing", "no animal", "ghost", "misfire"}
_HUMAN = {"human", "person", "people", "homo sapiens"}
_VEHICLE = ("vehicle", "car", "truck", "motorcycle", "bike", "atv")


@dataclass(frozen=True, slots=True)
class Labels:
    """Labels by file name in lower case. ``source`` is the CSV, None when there is none."""

    source: Path | None
    by_name: Mapping[str, str]

    def of(self, relative: str) -> str | None:
        """The words for a photograph, by its path within the folder or its bare name; None when nobody said anything."""
        key = relative.lower()
        return self.by_name.get(key) or self.by_name.get(key.rpartition("/")[2])


def find(folder: Path) -> Labels:
    """The first table of labels inside the folder or right beside it; ``BadInputError`` when ``labels.csv`` is none."""
    for path in (*sorted(folder.glob("*.csv")), *sorted(folder.parent.glob("labels*.csv"))):
        table = _read(path)
        if table is not None:
            return Labels(path, table)
    return Labels(None, {})


def meaning(label: str | None) -> ObservationType | None:
    """What a person's words mean to triage; None for no label or one that says that nobody knows."""
    words = (label or "").strip().lower().replace("_", " ")
    if words in ("", "unknown", "?", "unclassified"):
        return None
    if words in _EMPTY:
        return ObservationType.BLANK
    if words in _HUMAN:
        return ObservationType.HUMAN
    return ObservationType.VEHICLE if words.startswith(_VEHICLE) else ObservationType.ANIMAL


def _read(path: Path) -> dict[str, str] | None:
    """Name -> label; None when the table is about something else."""
    try:
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as file:
            rows = csv.DictReader(file)
            columns = {(name or "").strip().lower(): name for name in rows.fieldnames or ()}
            names, labels = _first(columns, _FILE), _first(columns, _LABEL)
            if names is None or labels is None:
                _refuse(path)
                return None
            return {row[names].strip().replace("\\", "/").lower(): row[labels].strip() for row in rows if row[labels]}
    except (OSError, csv.Error) as error:
        raise BadInputError(f"{path}: cannot be read as a table of labels: {error}") from error


def _refuse(path: Path) -> None:
    """Any other CSV is none of our business; one that is called labels.csv is meant for us."""
    if path.name.lower() == "labels.csv":
        raise BadInputError(f"{path}: needs a column for the file ({_FILE[0]}, file) and one for the label (label)")


def _first(columns: Mapping[str, str], wanted: Iterable[str]) -> str | None:
    return next((columns[name] for name in wanted if name in columns), None)
