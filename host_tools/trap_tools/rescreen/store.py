"""What one detector said of an archive: one SQLite file a detector, every look keyed by the file's hash, nothing done twice.

Looks are forever: the same network says the same of the same file. Verdicts hang on the thresholds and on what the scene
remembered, so a deployment whose rules, thresholds or files have changed is judged again from its looks.
"""

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from trap.ports import Box, Detection
from trap_tools.rescreen.work import Found, Result
from trap_wire.errors import StorageError
from trap_wire.vocabulary import ObservationType

FOLDER = "rescreen"
COMMIT_S = 1.0  # at most this much work is lost to a power cut
SCHEMA = """
CREATE TABLE IF NOT EXISTS looks (sha256 TEXT, place TEXT, found TEXT NOT NULL, PRIMARY KEY (sha256, place)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS verdicts (unit TEXT, deployment TEXT, burst TEXT, sequence INTEGER NOT NULL, decision TEXT NOT NULL,
  observation_type TEXT NOT NULL, score REAL NOT NULL, frames INTEGER NOT NULL, looked_again INTEGER NOT NULL,
  basis TEXT NOT NULL,
  PRIMARY KEY (unit, deployment, burst)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS scenes (unit TEXT, deployment TEXT, upto INTEGER NOT NULL, scene BLOB NOT NULL,
  PRIMARY KEY (unit, deployment)) WITHOUT ROWID;
"""
Who = tuple[str, str]  # unit, deployment


@dataclass(frozen=True, slots=True)
class Judged:
    """What the detector decides of a burst. ``basis`` is everything that the verdict hangs on, in short."""

    burst: str
    sequence: int
    decision: str
    observation_type: str
    score: float
    frames: int
    looked_again: int
    basis: str


class Results:
    """Owner of ``FOLDER/rescreen/<model hash>.sqlite3``; a ``.sqlite`` would be taken for the journal of a card."""

    def __init__(self, archive: Path, model_sha256: str) -> None:
        self.path = archive / FOLDER / f"{model_sha256[:16]}.sqlite3"
        with self._words():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._database = sqlite3.connect(self.path)
            self._database.execute("PRAGMA synchronous = FULL")
            self._database.executescript(SCHEMA)
            self._committed = time.monotonic()

    @contextmanager
    def _words(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            words = "remove it to begin anew" if isinstance(error, sqlite3.DatabaseError) else "is the disk full?"
            raise StorageError(f"{self.path}: {error}; {words}") from error

    def __len__(self) -> int:
        """How many files were looked at."""
        return int(self._one("SELECT count(*) FROM looks WHERE place = ''")[0])

    def look(self, sha256: str, place: Box | None = None) -> Found | None:
        """What was seen in a file or at a place in it, None when nobody looked."""
        row = self._one("SELECT found FROM looks WHERE sha256 = ? AND place = ?", sha256, _key(place))
        return _detections(row[0]) if row else None

    def add(self, result: Result) -> None:
        """Keep a look. Faults are not kept: the next run tries those files again."""
        if result.found is not None:
            values = (result.job.sha256, _key(result.job.place), _text(result.found))
            self._do("INSERT OR IGNORE INTO looks VALUES (?, ?, ?)", values)

    def judged(self, who: Who) -> dict[str, Judged]:
        """Verdicts of a deployment by burst."""
        names = ", ".join(spec.name for spec in fields(Judged))
        with self._words():
            rows = self._database.execute(f"SELECT {names} FROM verdicts WHERE unit = ? AND deployment = ?", who)  # noqa: S608
            return {row[0]: Judged(*row) for row in rows}

    def judge(self, who: Who, verdict: Judged) -> None:
        """Keep a verdict in place of an earlier one."""
        self._do("INSERT OR REPLACE INTO verdicts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", (*who, *astuple(verdict)))

    def scene(self, who: Who) -> tuple[int, bytes]:
        """Up to which entry a deployment was judged, and what its scene then remembered."""
        row = self._one("SELECT upto, scene FROM scenes WHERE unit = ? AND deployment = ?", *who)
        return (int(row[0]), bytes(row[1])) if row else (0, b"")

    def remember(self, who: Who, upto: int, scene: bytes) -> None:
        """Keep the scene together with every verdict up to this entry."""
        self._do("INSERT OR REPLACE INTO scenes VALUES (?, ?, ?, ?)", (*who, upto, scene))

    def is_due(self) -> bool:
        """Whether it is time to commit."""
        return time.monotonic() - self._committed >= COMMIT_S

    def commit(self) -> None:
        """Everything that was added is on the disk when this returns."""
        with self._words():
            self._database.commit()
        self._committed = time.monotonic()

    def close(self) -> None:
        """Commit and close."""
        self.commit()
        self._database.close()

    def _one(self, question: str, *values: Any) -> Any:
        with self._words():
            return self._database.execute(question, values).fetchone()

    def _do(self, order: str, values: tuple[Any, ...]) -> None:
        with self._words():
            self._database.execute(order, values)


def _key(place: Box | None) -> str:
    return "" if place is None else f"{place.x!r},{place.y!r},{place.width!r},{place.height!r}"


def _text(found: Found) -> str:
    rows = [[one.label, one.score, one.box.x, one.box.y, one.box.width, one.box.height] for one in found]
    return json.dumps(rows, separators=(",", ":"))


def _detections(text: str) -> Found:
    return tuple(Detection(ObservationType(label), score, Box(*box)) for label, score, *box in json.loads(text))
