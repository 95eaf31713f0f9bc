"""A card that can do to a unit what cards do: fill up, turn read-only, and lose power in mid-write.

It is a real folder. What the unit has not made durable is remembered with what was there before, and a power cut rolls it
back by a seeded draw: file data that was not synced is lost, torn or lucky; names that were not synced survive up to some
point in their order and no further, as on a journalling file system in ordered mode (ext4(5), ``data=ordered``).
"""

import random
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trap.drivers.card import FolderCard
from trap_sim.vtime import PowerCut
from trap_wire.errors import StorageError


@dataclass
class CardFaults:
    """What the card will do. ``cut_at``: the number (from 1) of the changing operation during which the power goes."""

    capacity_bytes: int | None = None
    read_only: bool = False
    cut_at: int | None = None


class SimCard:
    """``trap.ports.Card`` over a folder, with faults. ``operations`` counts changing operations since it was made."""

    def __init__(self, root: Path, faults: CardFaults | None = None, seed: int = 0) -> None:
        self._real = FolderCard(root)
        self._draw = random.Random(seed)  # noqa: S311  # a simulation, not a secret
        self.faults = faults or CardFaults()
        self.operations = 0
        self._unsynced: dict[str, bytes | None] = {}  # path -> durable bytes before, None: there was no such file
        self._names: list[tuple[str, Callable[[], None]]] = []  # folder, undo; oldest first
        self._used = sum(self._real.size(path) or 0 for path in self._real.files("."))

    # --- trap.ports.Card ----------------------------------------------------------------------------------------

    def write(self, path: str, data: bytes) -> None:
        """Create or replace a file; not durable yet."""
        before = self._real.read(path) if self._real.size(path) is not None else None
        with self._change():
            self._make_sure_of_room(path, len(data) - len(before or b""))
            if path not in self._unsynced:
                self._unsynced[path] = before
            if before is None:
                self._names.append((_folder(path), lambda: self._forget(path)))
            self._real.write(path, data)
            self._used += len(data) - len(before or b"")

    def sync(self, path: str) -> None:
        """Make a file's bytes durable."""
        with self._change(durable=lambda: self._unsynced.pop(path, None)):
            if self._real.size(path) is None:
                raise StorageError(f"card: {path}: No such file or directory")

    def sync_folder(self, path: str) -> None:
        """Make a folder's names durable."""

        def keep() -> None:
            self._names = [(folder, undo) for folder, undo in self._names if folder != path]

        with self._change(durable=keep):
            pass

    def rename(self, source: str, target: str) -> None:
        """Rename; the folder is not durable yet."""
        replaced = self._real.read(target) if self._real.size(target) is not None else None
        with self._change():
            self._real.rename(source, target)
            if source in self._unsynced:
                self._unsynced[target] = self._unsynced.pop(source)
            self._names.append((_folder(target), lambda: self._rename_back(source, target, replaced)))
            self._used -= len(replaced or b"")

    def remove(self, path: str) -> None:
        """Remove a file if it is there; the folder is not durable yet."""
        if (size := self._real.size(path)) is None:
            return
        before = self._real.read(path)
        with self._change():
            self._real.remove(path)
            self._names.append((_folder(path), lambda: self._real.write(path, before)))
            self._used -= size

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes of a file."""
        return self._real.read(path, offset, length)

    def size(self, path: str) -> int | None:
        """Size in bytes, None when there is no such file."""
        return self._real.size(path)

    def files(self, folder: str) -> Iterator[str]:
        """Paths of all files below a folder, sorted."""
        return self._real.files(folder)

    def free_bytes(self) -> int:
        """Room left; a card without a set capacity has 32 GB."""
        return max(0, (self.faults.capacity_bytes or 32_000_000_000) - self._used)

    # --- faults -------------------------------------------------------------------------------------------------

    def cut(self) -> None:
        """The power goes now: roll back what was not durable. Does not raise; the caller knows whose power it was."""
        self._tear()
        survived = self._draw.randint(0, len(self._names))
        for _, undo in reversed(self._names[survived:]):
            with suppress(StorageError):
                undo()
        self._names.clear()
        self._unsynced.clear()
        self._used = sum(self._real.size(path) or 0 for path in self._real.files("."))

    def _tear(self) -> None:
        """Data that was not synced: all there, cut off, right in length but zeroes at the end, or as it was before."""
        for path, before in self._unsynced.items():
            if self._real.size(path) is None:
                continue
            data, fate = self._real.read(path), self._draw.choice(("whole", "short", "zeroes", "before"))
            end = self._draw.randrange(len(data) + 1)
            if fate == "short":
                self._real.write(path, data[:end])
            elif fate == "zeroes":
                self._real.write(path, data[:end].ljust(len(data), b"\0"))
            elif fate == "before":
                self._real.write(path, before or b"")

    def _change(self, durable: Callable[[], object] | None = None) -> "_Change":
        return _Change(self, durable)

    def _make_sure_of_room(self, path: str, more: int) -> None:
        if more > self.free_bytes():
            raise StorageError(f"card: {path}: No space left on device")

    def _forget(self, path: str) -> None:
        self._real.remove(path)

    def _rename_back(self, source: str, target: str, replaced: bytes | None) -> None:
        self._real.rename(target, source)
        if replaced is not None:
            self._real.write(target, replaced)


class _Change:
    """One changing operation: refused on a read-only card; in a power cut it is half done and never durable."""

    def __init__(self, card: SimCard, durable: Callable[[], object] | None) -> None:
        self._card = card
        self._durable = durable

    def __enter__(self) -> None:
        if self._card.faults.read_only:
            raise StorageError(
                "card: Read-only file system: it is worn out or was mounted so after an error; change it"
            )
        self._card.operations += 1

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            return
        if self._card.operations == self._card.faults.cut_at:
            self._card.cut()
            raise PowerCut(f"in operation {self._card.operations} of the card")
        if self._durable is not None:
            self._durable()


def _folder(path: str) -> str:
    return path.rpartition("/")[0]
