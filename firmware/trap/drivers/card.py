"""The data partition, through the kernel.

- absent, full, read-only or torn: ``StorageError`` with the kernel's words; what was to be written is lost, the unit goes on.
- slow: every ``sync`` waits for the card, and systemd's watchdog for ``trapd``.
- lying (a flush that was none): nothing tells at once; the next start's recovery drops what is torn, and the hash in the
  journal tells what was changed.
- gone in mid-use: ``StorageError`` for every call until it is mounted again.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from trap_wire.errors import StorageError


class FolderCard:
    """``trap.ports.Card`` over a mounted folder. ``room``: the folder below it whose partition counts for what is free."""

    def __init__(self, root: Path, room: Path | None = None) -> None:
        self.root = root
        self._room = room or root

    def write(self, path: str, data: bytes) -> None:
        """Create or replace a file; new folders are made durable at once, so that a later fsync of the file is enough."""
        with _said(path):
            target = self.root / path
            self._make_folders(target.parent)
            target.write_bytes(data)

    def sync(self, path: str) -> None:
        """Fsync a file."""
        with _said(path):
            _fsync(self.root / path, os.O_RDWR)

    def sync_folder(self, path: str) -> None:
        """Fsync a folder."""
        with _said(path):
            _fsync(self.root / path, os.O_RDONLY | os.O_DIRECTORY)

    def rename(self, source: str, target: str) -> None:
        """Rename within the card."""
        with _said(target):
            (self.root / source).replace(self.root / target)

    def remove(self, path: str) -> None:
        """Remove a file if it is there."""
        with _said(path):
            (self.root / path).unlink(missing_ok=True)

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes of a file."""
        with _said(path), (self.root / path).open("rb") as file:
            file.seek(offset)
            return file.read(-1 if length is None else length)

    def size(self, path: str) -> int | None:
        """Size in bytes, None when there is no such file."""
        with _said(path):
            try:
                return (self.root / path).stat().st_size
            except FileNotFoundError:
                return None

    def files(self, folder: str) -> Iterator[str]:
        """All files below a folder, sorted."""
        with _said(folder):
            found = [path for path in (self.root / folder).rglob("*") if path.is_file()]
        yield from sorted(path.relative_to(self.root).as_posix() for path in found)

    def free_bytes(self) -> int:
        """What an unprivileged process may still write."""
        with _said("."):
            status = os.statvfs(self._room if self._room.exists() else self.root)
        return status.f_bavail * status.f_frsize

    def _make_folders(self, folder: Path) -> None:
        if folder.is_dir():
            return
        self._make_folders(folder.parent)
        folder.mkdir(exist_ok=True)
        _fsync(folder.parent, os.O_RDONLY | os.O_DIRECTORY)


def _fsync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _said(path: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StorageError(f"card: {path}: {error.strerror}") from error
