"""The journal: SQLite, one committed row an entry, gapless and chained by hash. The unit's memory and its proof."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from trap.ports import Item
from trap.store.schema import PRAGMAS, RANGES_OF_OLD, SCHEMA
from trap.store.tallies import measures_of, tallies_of
from trap_wire.entries import GENESIS, Entry, Kind, canonical, chained, from_us, to_us
from trap_wire.errors import StorageError


class Journal:
    """Owner of the journal file. ``append`` returns only when the entry would survive a power cut.

    Raises ``StorageError`` when the file cannot be opened, is not a journal, or the card takes no more.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # The link's thread reads while the duty cycle writes; every access is one short statement or transaction.
            self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            for pragma in PRAGMAS:
                self._db.execute(pragma)
            old = self._has("entries") and not self._has("ranges")
            self._db.executescript(SCHEMA)
            if old:
                self._db.execute(RANGES_OF_OLD)
            self._head = self._read_head()
        except (sqlite3.Error, OSError) as error:
            raise StorageError(f"journal {path}: {error}") from error

    @property
    def head(self) -> int:
        """Sequence number of the newest entry; 0 for an empty journal."""
        return self._head[0]

    def append(self, kind: Kind, at: datetime, body: Mapping[str, Any]) -> Entry:
        """Write one entry and all its sums in one transaction."""
        return self.append_all(at, [(kind, body)])[0]

    def append_all(self, at: datetime, lines: list[tuple[Kind, Mapping[str, Any]]]) -> list[Entry]:
        """Write several entries of one moment; all of them or, after a power cut, none."""
        entries = list(self._chain(at, lines))
        try:
            with self._transaction():
                for entry in entries:
                    self._insert(entry)
        except sqlite3.Error as error:
            raise StorageError(f"journal {self._path}: {error}") from error
        if entries:
            self._head = (entries[-1].sequence, entries[-1].digest)
        return entries

    def entries(self, first: int = 1, last: int | None = None, kind: Kind | None = None) -> Iterator[Entry]:
        """Entries first..last, oldest first, of one kind if given."""
        query = "SELECT seq, at_us, kind, body, hash FROM entries WHERE seq BETWEEN ? AND ?"
        bounds: list[Any] = [first, self.head if last is None else last]
        if kind is not None:
            query, bounds = query + " AND kind = ?", [*bounds, kind]
        for seq, at_us, name, body, digest in self._db.execute(query + " ORDER BY seq", bounds):
            yield Entry(seq, from_us(at_us), Kind(name), json.loads(body), digest)

    def lines(self, first: int, last: int) -> str:
        """Entries first..last as ``Entry.to_line`` writes them, from the texts as they are kept: a tenth of the work."""
        query = "SELECT at_us, body, hash, kind, seq FROM entries WHERE seq BETWEEN ? AND ? ORDER BY seq"
        return "".join(
            f'{{"at_us":{at_us},"body":{body},"hash":"{digest.hex()}","kind":"{kind}","seq":{seq}}}\n'
            for at_us, body, digest, kind, seq in self._db.execute(query, (first, last))
        )

    def newest(self, kind: Kind, count: int = 1) -> list[Entry]:
        """The newest entries of one kind, newest first."""
        rows = self._db.execute("SELECT seq FROM entries WHERE kind = ? ORDER BY seq DESC LIMIT ?", (kind, count))
        return [entry for (seq,) in rows.fetchall() for entry in self.entries(seq, seq)]

    def files(
        self, after: int = 0, limit: int | None = None, role: str | None = None, *, sealed: bool | None = None
    ) -> list[Item]:
        """Files that are on the card, in the order of their entries; only those that are ``sealed``, or are not."""
        rows = self._db.execute(
            "SELECT path, size, sha256, role, seq FROM files WHERE present AND seq > ? AND role = ifnull(?, role)"
            " AND (substr(path, -4) = '.age') = ifnull(?, substr(path, -4) = '.age') ORDER BY seq LIMIT ?",
            (after, role, sealed, -1 if limit is None else limit),
        )
        return [Item(*row) for row in rows]

    def unsealed(self) -> int:
        """How many files on the card are in the clear."""
        (count,) = self._db.execute(
            "SELECT count(*) FROM files WHERE present AND substr(path, -4) <> '.age'"
        ).fetchone()
        return int(count)

    def file(self, path: str) -> Item | None:
        """One file by its path, if it is on the card."""
        query = "SELECT path, size, sha256, role, seq FROM files WHERE present AND path = ?"
        row = self._db.execute(query, (path,)).fetchone()
        return Item(*row) if row else None

    def tallies(self, since_day: str = "") -> dict[str, dict[str, int]]:
        """Counts per UTC day: day -> name -> n, oldest first."""
        days: dict[str, dict[str, int]] = {}
        query = "SELECT day, name, n FROM tallies WHERE day >= ? ORDER BY day, name"
        for day, name, n in self._db.execute(query, (since_day,)):
            days.setdefault(day, {})[name] = n
        return days

    def range(self, name: str, since_day: str = "") -> tuple[float, float] | None:
        """Lowest and highest value of a measure since a UTC day; None when there was none."""
        query = "SELECT min(low), max(high) FROM ranges WHERE name = ? AND day >= ?"
        low, high = self._db.execute(query, (name, since_day)).fetchone()
        return None if low is None else (low, high)

    def close(self) -> None:
        """Fold the WAL into the file and let go of it."""
        self._db.close()

    def _has(self, table: str) -> bool:
        query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
        return self._db.execute(query, (table,)).fetchone() is not None

    def _read_head(self) -> tuple[int, bytes]:
        row = self._db.execute("SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1").fetchone()
        return row or (0, GENESIS)

    def _chain(self, at: datetime, lines: list[tuple[Kind, Mapping[str, Any]]]) -> Iterator[Entry]:
        sequence, digest = self._head
        for kind, body in lines:
            sequence += 1
            digest = chained(digest, sequence, to_us(at), kind, canonical(body))
            yield Entry(sequence, at, kind, body, digest)

    def _insert(self, entry: Entry) -> None:
        row = (entry.sequence, to_us(entry.at), entry.kind, canonical(entry.body), entry.digest)
        self._db.execute("INSERT INTO entries VALUES (?, ?, ?, ?, ?)", row)
        if entry.kind is Kind.MEDIA:
            file = _file(entry)
            self._db.execute(
                "INSERT OR REPLACE INTO files (path, seq, role, size, sha256) VALUES (?, ?, ?, ?, ?)", file
            )
        elif entry.kind is Kind.RECOVERED and "sealed" in entry.body:
            # Its place in the order stays: what a host was told of it, and when, is as true as before.
            path, sealed = entry.body["path"], entry.body["sealed"]
            self._db.execute(
                "UPDATE OR REPLACE files SET path = ?, size = ?, sha256 = ? WHERE path = ?",
                (path + ".age", sealed["size"], sealed["sha256"], path),
            )
        elif entry.kind is Kind.EVICTED:
            path = entry.body["path"]
            self._db.execute("UPDATE files SET present = 0 WHERE path IN (?, ?)", (path, path + ".age"))
        day = entry.at.date().isoformat()
        for name, value in measures_of(entry.kind, entry.body).items():
            widen = (
                "INSERT INTO ranges VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE"
                " SET low = min(low, excluded.low), high = max(high, excluded.high)"
            )
            self._db.execute(widen, (day, name, value, value))
        for name, n in tallies_of(entry.kind, entry.body).items():
            add = "INSERT INTO tallies VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET n = n + excluded.n"
            self._db.execute(add, (day, name, n))

    def _transaction(self) -> "_Transaction":
        return _Transaction(self._db)


def _file(entry: Entry) -> tuple[str, int, str, int, str]:
    """The file of a media entry as it lies on the card: a sealed one is another file than what is in it."""
    body, sealed = entry.body, entry.body.get("sealed")
    name, measured = (body["path"] + ".age", sealed) if sealed else (body["path"], body)
    return name, entry.sequence, body["role"], measured["size"], measured["sha256"]


class _Transaction:
    """BEGIN IMMEDIATE to COMMIT, ROLLBACK on any way out that is not the end."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> None:
        self._db.execute("BEGIN IMMEDIATE")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self._db.execute("COMMIT" if kind is None else "ROLLBACK")
