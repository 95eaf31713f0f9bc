"""A card that is lent out: while a laptop sees it as a drive, nothing is written, moved or removed on it."""

from collections.abc import Callable, Iterator

from trap.ports import Card
from trap_wire.errors import StorageError


class HeldCard:
    """``trap.ports.Card`` whose writes fail while ``held`` is true: a host's cached FAT would not match the card any more."""

    def __init__(self, card: Card, held: Callable[[], bool]) -> None:
        self._card = card
        self._held = held

    def write(self, path: str, data: bytes) -> None:
        """Create or replace a file."""
        self._ours(path)
        self._card.write(path, data)

    def sync(self, path: str) -> None:
        """Make a file's bytes durable."""
        self._card.sync(path)

    def sync_folder(self, path: str) -> None:
        """Make a folder's names durable."""
        self._card.sync_folder(path)

    def rename(self, source: str, target: str) -> None:
        """Atomic within the card."""
        self._ours(target)
        self._card.rename(source, target)

    def remove(self, path: str) -> None:
        """Remove a file; no error when it is not there, so that nothing need be asked first."""
        if self._card.size(path) is not None:
            self._ours(path)
            self._card.remove(path)

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes of a file."""
        return self._card.read(path, offset, length)

    def size(self, path: str) -> int | None:
        """Size of a file, None when it is not there."""
        return self._card.size(path)

    def files(self, folder: str) -> Iterator[str]:
        """Paths of all files below a folder."""
        return self._card.files(folder)

    def free_bytes(self) -> int:
        """Room left for files."""
        return self._card.free_bytes()

    def _ours(self, path: str) -> None:
        if self._held():
            raise StorageError(f"{path}: a laptop sees the card as a drive; manul bulk off, then try again")
