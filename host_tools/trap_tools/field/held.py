"""The pulled folder's side of a pull: what is here already, what is here in part, and how a file becomes whole."""

import hashlib
import os
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from trap_tools import durable
from trap_tools.i18n import say
from trap_tools.link.group70 import Row
from trap_wire.entries import parse_line, verified
from trap_wire.errors import IntegrityError, StorageError

PART = ".part"
_PIECE = 1024 * 1024
_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}(/[A-Za-z0-9][A-Za-z0-9._-]{0,99}){1,6}")
_PAGE = re.compile(r"journal/(\d+)-\d+\.jsonl(\.age)?")
Prove = Callable[[str, int], bytes]


def safe(path: str) -> bool:
    """Whether a name that a unit gave may become a file below the folder: relative, no ``..``, nothing odd."""
    return _SAFE.fullmatch(path) is not None and not path.endswith(PART)


@dataclass(slots=True)
class Incoming:
    """One file on its way into the folder. ``start`` bytes of it are here and proved."""

    row: Row
    folder: Path
    start: int = 0
    digest: "hashlib._Hash" = None  # type: ignore[assignment]  # set below; hashlib's type cannot be made by hand
    file: IO[bytes] | None = None

    def __post_init__(self) -> None:
        self.digest = self.digest or hashlib.sha256()

    @property
    def target(self) -> Path:
        """Where the file lies when it is whole."""
        return self.folder / self.row.path

    @property
    def part(self) -> Path:
        """Where it grows."""
        return self.target.with_name(self.target.name + PART)

    def take(self, data: bytes) -> None:
        """The next bytes."""
        try:
            if self.file is None:
                self.file = self._open()
            self.file.write(data)
        except OSError as error:
            words = say("{path}: {why}. Make room or choose another folder", path=self.part, why=error.strerror)
            raise StorageError(words) from error
        self.digest.update(data)

    def is_true(self) -> bool:
        """Whether the bytes are those that the index promised."""
        return self.digest.digest() == self.row.sha256

    def settle(self) -> Path:
        """Make the file durable under its name; its folder is synced by the caller, once for many files."""
        try:
            file = self.file or self._open()
            file.flush()
            os.fsync(file.fileno())
            file.close()
            durable.name(self.part, self.target)
            for older in same_page(self.folder, self.row.path):
                if older != self.target:
                    older.unlink()
        except OSError as error:
            raise StorageError(f"{self.target}: {error.strerror}") from error
        return self.target.parent

    def drop(self) -> None:
        """Throw away what was fetched of it."""
        self.close()
        self.part.unlink(missing_ok=True)
        self.start, self.digest = 0, hashlib.sha256()

    def close(self) -> None:
        """Leave the part as it is, to go on from another day."""
        if self.file is not None:
            self.file.close()
            self.file = None

    def _open(self) -> IO[bytes]:
        self.part.parent.mkdir(parents=True, exist_ok=True)
        file = self.part.open("r+b" if self.part.exists() else "w+b")
        file.truncate(self.start)
        file.seek(self.start)
        return file


def is_here(folder: Path, row: Row) -> bool:
    """Whether the whole file is in the folder; ``IntegrityError`` when another one is there under its name."""
    path = folder / row.path
    if not path.is_file():
        return False
    if path.stat().st_size == row.size and _digest(path, row.size).digest() == row.sha256:
        return True
    raise IntegrityError(
        say(
            "{path}: not the unit's file of that name, left alone. Is this another unit's folder? Pull into a new one",
            path=path,
        )
    )


def resume(folder: Path, row: Row, prove: Prove) -> Incoming:
    """Go on from what is here of a file, after the unit has proved that it is a beginning of it.

    A part that is not is thrown away. A finished journal page that is not means two journals: ``IntegrityError``.
    """
    for here in sorted(_beginnings(folder, row), key=lambda path: -path.stat().st_size):
        length = here.stat().st_size
        digest = _digest(here, length)
        if prove(row.path, length) == digest.digest():
            return _seeded(Incoming(row, folder, length, digest), here)
        if not here.name.endswith(PART):
            raise IntegrityError(
                say(
                    "{path}: not a beginning of the unit's journal. Another unit's folder, or a new card? Pull into a new one",
                    path=here,
                )
            )
    return Incoming(row, folder)


def check_journal(folder: Path) -> tuple[int, int, str]:
    """First and last sequence number and the newest hash of the chain in the folder; ``IntegrityError`` where it breaks."""
    first = last = 0
    head = ""
    for entry in verified(
        parse_line(line) for page in sorted((folder / "journal").glob("*.jsonl")) for line in _lines(page)
    ):
        first, last, head = first or entry.sequence, entry.sequence, entry.digest.hex()
    return first, last, head


def first_since(folder: Path, since: datetime) -> int:
    """Sequence number of the first entry of that time or later, by the unit's clock; 0 without a journal here."""
    last = 0
    for page in sorted((folder / "journal").glob("*.jsonl")):
        for entry in map(parse_line, _lines(page)):
            if entry.at >= since:
                return entry.sequence
            last = entry.sequence
    return last + 1 if last else 0


def _beginnings(folder: Path, row: Row) -> list[Path]:
    """Files that may be a beginning of it: its own part, and for a journal page its shorter selves."""
    own = (folder / row.path).with_name(Path(row.path).name + PART)
    # A sealed page is another file at every sealing, not a longer one.
    found = {own} if row.path.endswith(".age") else {own, *same_page(folder, row.path)}
    return [path for path in found if path.is_file() and 0 < path.stat().st_size <= row.size]


def same_page(folder: Path, path: str) -> list[Path]:
    """What is here of the journal page that begins with the same entry, in part or whole; nothing for other files."""
    match = _PAGE.fullmatch(path)
    if match is None:
        return []
    found = (folder / "journal").glob(f"{match[1]}-*.jsonl{match[2] or ''}")
    return sorted([*found, *(folder / "journal").glob(f"{match[1]}-*.jsonl{match[2] or ''}{PART}")])


def _seeded(incoming: Incoming, here: Path) -> Incoming:
    if here != incoming.part:
        incoming.part.write_bytes(here.read_bytes())
    return incoming


def _digest(path: Path, length: int) -> "hashlib._Hash":
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while length > 0 and (piece := file.read(min(_PIECE, length))):
            digest.update(piece)
            length -= len(piece)
    return digest


def _lines(page: Path) -> Iterator[str]:
    with page.open(encoding="utf-8") as file:
        yield from file
