"""The seam to a card: blocks written past the cache where the system allows it, and read back uncached.

A card is a block device or, for the bench and the tests, a file. Everything raises ``StorageError`` when the card does.
"""

import errno
import mmap
import os
import stat
from pathlib import Path
from typing import Protocol

from trap_wire.errors import RefusedError, StorageError

ALIGN = 4096
_DIRECT = getattr(os, "O_DIRECT", 0)


class Card(Protocol):
    """Bytes by offset. Several threads may read at once; one writes."""

    @property
    def name(self) -> str:
        """What a person calls it."""

    @property
    def size(self) -> int:
        """Bytes that it holds, as it says itself."""

    def write(self, offset: int, data: memoryview | bytes) -> None:
        """Write all of ``data``; it may be in a cache until ``flush``."""

    def flush(self) -> None:
        """Return only when everything written is on the medium."""

    def read(self, offset: int, length: int) -> memoryview:
        """What the medium holds now, never a cache's copy; the view is the caller's."""

    def close(self) -> None:
        """Let go of the card."""


class RealCard:
    """A block device or a file. A block device is opened exclusively, so a mount that came late is refused by the kernel."""

    def __init__(self, path: Path) -> None:
        self._path = path
        block = stat.S_ISBLK(path.stat().st_mode)
        try:
            self._fd = os.open(path, os.O_RDWR | os.O_CLOEXEC | (os.O_EXCL if block else 0))
        except OSError as error:
            raise _refused(path, error) from error
        self.size = os.lseek(self._fd, 0, os.SEEK_END)
        self._direct = _direct(path)
        self.name = path.name

    def write(self, offset: int, data: memoryview | bytes) -> None:
        """Past the cache where memory and offset are aligned (pieces are), through it otherwise."""
        view = memoryview(data)
        while view:
            try:
                done = self._written(view, offset)
            except OSError as error:
                raise _broken(self.name, "written", offset, error) from error
            offset, view = offset + done, view[done:]

    def _written(self, view: memoryview, offset: int) -> int:
        if self._direct is not None and offset % ALIGN == len(view) % ALIGN == 0:
            try:
                return os.pwrite(self._direct, view, offset)
            except OSError as error:
                if error.errno != errno.EINVAL:  # EINVAL: memory not aligned, or a file system without direct writes
                    raise
        return os.pwrite(self._fd, view, offset)

    def flush(self) -> None:
        """fsync, then ask the kernel to forget what it has cached."""
        try:
            os.fsync(self._fd)
            os.posix_fadvise(self._fd, 0, 0, os.POSIX_FADV_DONTNEED)
        except OSError as error:
            raise StorageError(f"{self.name}: {error.strerror}: the card went away or refuses writes") from error

    def read(self, offset: int, length: int) -> memoryview:
        """Direct read where the system has it; otherwise the cache is dropped first."""
        start, end = offset - offset % ALIGN, -(-(offset + length) // ALIGN) * ALIGN
        memory = memoryview(mmap.mmap(-1, end - start))
        try:
            done = self._read(memory, start, min(end, self.size) - start)
        except OSError as error:
            raise _broken(self.name, "read", offset, error) from error
        if start + done < offset + length:
            raise StorageError(f"{self.name}: ends at byte {start + done}: the card is smaller than it says")
        return memory[offset - start : offset - start + length]

    def _read(self, memory: memoryview, start: int, length: int) -> int:
        if self._direct is not None and length % ALIGN == 0:
            try:
                return os.preadv(self._direct, [memory[:length]], start)
            except OSError as error:
                if error.errno != errno.EINVAL:
                    raise
        os.posix_fadvise(self._fd, start, length, os.POSIX_FADV_DONTNEED)
        return os.preadv(self._fd, [memory[:length]], start)

    def close(self) -> None:
        """Close both descriptors."""
        os.close(self._fd)
        if self._direct is not None:
            os.close(self._direct)


def _direct(path: Path) -> int | None:
    try:
        return os.open(path, os.O_RDWR | os.O_CLOEXEC | _DIRECT) if _DIRECT else None
    except OSError:  # tmpfs and some network file systems have no direct access
        return None


def _refused(path: Path, error: OSError) -> RefusedError:
    said = {
        errno.EBUSY: "something uses it: unmount it and close what shows its files",
        errno.EACCES: "no permission: run this as root (sudo), or join the group 'disk'",
        errno.EPERM: "no permission: run this as root (sudo), or join the group 'disk'",
        errno.EROFS: "write-protected: slide the lock on the card's adapter",
    }
    return RefusedError(f"{path}: {said.get(error.errno or 0, error.strerror)}")


def _broken(name: str, done: str, offset: int, error: OSError) -> StorageError:
    if error.errno in (errno.ENODEV, errno.ENXIO, errno.ENOMEDIUM):
        return StorageError(f"{name}: gone: the card or its reader was pulled out")
    return StorageError(f"{name}: cannot be {done} at byte {offset} ({error.strerror})")
