"""The file of people's verdicts: one JSON line each, only ever added to, forced to the disk before the next key is read.

A later line of the same observer on the same burst replaces the earlier one; a line with ``undo`` takes the last one back.
"""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from trap_wire.errors import BadInputError, StorageError
from trap_wire.vocabulary import ObservationType

NAME = "labels.jsonl"
Burst = tuple[str, str, str]  # unit, deployment, burst


@dataclass(frozen=True, slots=True)
class Label:
    """What one observer says of one burst. Empty texts and None where nothing was said. ``at`` is the laptop's time, UTC."""

    at: str
    observer: str
    unit: str
    deployment: str
    burst: str
    observation_type: str
    scientific_name: str = ""
    count: int | None = None
    sex: str = ""
    life_stage: str = ""
    comments: str = ""
    undo: bool = False

    @property
    def key(self) -> Burst:
        """What it is about."""
        return self.unit, self.deployment, self.burst


class Labels:
    """Owner of a folder's labels. ``BadInputError`` names a line that is no label; ``StorageError`` when none can be added."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / NAME
        self._all = list(_read(self._path))

    def add(self, *labels: Label) -> None:
        """Add lines; they are on the disk when this returns."""
        known = {str(kind) for kind in ObservationType}
        if wrong := next((label.observation_type for label in labels if label.observation_type not in known), None):
            raise BadInputError(f"{wrong!r} is no observation type")
        lines = "".join(json.dumps(asdict(label), ensure_ascii=False, sort_keys=True) + "\n" for label in labels)
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(lines)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(f"{self._path}: {error.strerror}") from error
        self._all.extend(labels)

    def undo(self, observer: str, at: datetime) -> Label | None:
        """Take this observer's last verdict back; the label that was taken back, None when there is none."""
        standing = _standing(label for label in self._all if label.observer == observer)
        if not standing:
            return None
        last = standing[-1]
        self.add(Label(at.isoformat(), observer, *last.key, last.observation_type, undo=True))
        return last

    def of(self, observer: str) -> dict[Burst, Label]:
        """What stands of one observer."""
        return {label.key: label for label in _standing(label for label in self._all if label.observer == observer)}

    def observers(self) -> list[str]:
        """Everybody who said something, in the order of their first word."""
        return list(dict.fromkeys(label.observer for label in self._all))

    def standing(self) -> dict[Burst, list[Label]]:
        """What stands, of every observer, per burst."""
        found: dict[Burst, list[Label]] = {}
        for observer in self.observers():
            for key, label in self.of(observer).items():
                found.setdefault(key, []).append(label)
        return found


def _read(path: Path) -> Iterator[Label]:
    if not path.is_file():
        return
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        try:
            yield Label(**json.loads(line))
        except (ValueError, TypeError) as error:
            raise BadInputError(
                f"{path.name} line {number}: not a label ({error}); mend or remove this line"
            ) from error


def _standing(labels: Iterable[Label]) -> list[Label]:
    """Labels that were neither replaced nor taken back, oldest first."""
    found: dict[Burst, Label] = {}
    for label in labels:
        found.pop(label.key, None)
        if not label.undo:
            found[label.key] = label
    return list(found.values())
