"""A memory card that fails as real ones do: flipped bits, dead blocks, lies about its size, a reader pulled out.

It stands at the seam ``trap_tools.flash.card.Card`` and keeps its bytes in a sparse file, so that the file can be looked at
afterwards. Sources of the faults: f3 (fake flash that wraps around), and read and write errors of Linux's block layer.
"""

import threading
from dataclasses import dataclass, field
from pathlib import Path

from trap_tools.flash.card import RealCard
from trap_wire.errors import StorageError


@dataclass(slots=True)
class Faults:
    """What is wrong with a card. Offsets and sizes are bytes."""

    flips: dict[int, int] = field(default_factory=dict)  # byte -> mask that is flipped in what is stored there
    heals_after: int = 10**9  # writes over a flipped byte until it holds; 1 = the first rewrite is good
    dead: range | None = None  # these bytes cannot be read
    refuses: range | None = None  # these bytes cannot be written
    true_size: int | None = None  # fake flash: writes from here on wrap around to the start
    gone_after: int | None = None  # bytes written until the reader is pulled out


class BadCard:
    """A card of a stated size with faults."""

    def __init__(self, path: Path, faults: Faults) -> None:
        self._file = RealCard(path)
        self.name, self.size = path.name, self._file.size
        self.faults = faults
        self._written = 0
        self._writes: dict[int, int] = {}
        self._lock = threading.Lock()

    def write(self, offset: int, data: memoryview | bytes) -> None:
        """Store, with whatever goes wrong."""
        with self._lock:
            self._written += len(data)
        self._there()
        if _touches(self.faults.refuses, offset, len(data)):
            raise StorageError(f"{self.name}: cannot be written at byte {offset} (Input/output error)")
        self._stored(offset, self._flipped(offset, data))

    def _stored(self, offset: int, data: memoryview | bytes) -> None:
        wrap = self.faults.true_size
        if wrap is not None and offset >= wrap:
            offset %= wrap
        self._file.write(offset, data)

    def _flipped(self, offset: int, data: memoryview | bytes) -> memoryview | bytes:
        hit = [at for at in self.faults.flips if offset <= at < offset + len(data)]
        if not hit:
            return data
        broken = bytearray(data)
        for at in hit:
            self._writes[at] = self._writes.get(at, 0) + 1
            if self._writes[at] <= self.faults.heals_after:
                broken[at - offset] ^= self.faults.flips[at]
        return bytes(broken)

    def flush(self) -> None:
        """Make durable."""
        self._there()
        self._file.flush()

    def read(self, offset: int, length: int) -> memoryview:
        """What is stored, or an error."""
        self._there()
        if _touches(self.faults.dead, offset, length):
            raise StorageError(f"{self.name}: cannot be read at byte {offset} (Input/output error)")
        wrap = self.faults.true_size
        return self._file.read(offset % wrap if wrap is not None and offset >= wrap else offset, length)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _there(self) -> None:
        if self.faults.gone_after is not None and self._written > self.faults.gone_after:
            raise StorageError(f"{self.name}: gone: the card or its reader was pulled out")


def _touches(bad: range | None, offset: int, length: int) -> bool:
    return bad is not None and offset < bad.stop and bad.start < offset + length
