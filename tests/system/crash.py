"""Power cuts after the fact: a run's writes as QEMU's ``blklogwrites`` logged them, and the card as a cut would have left it.

What was written before the last flush is on the card; of what came after it each sector may be there or not. A state is
drawn by seed. Log format: Linux, Documentation/admin-guide/device-mapper/log-writes.rst.
"""

import random
import struct
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MAGIC = 0x6A736677736872
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
SECTOR = 512


@dataclass(frozen=True, slots=True)
class Write:
    """One logged request: place on the disk and in the log, bytes."""

    offset: int
    length: int
    flags: int
    at: int


@dataclass(frozen=True, slots=True)
class Partition:
    """Place of a partition on the disk, bytes."""

    start: int
    size: int


def logged(log: Path) -> int:
    """How many requests a log holds now."""
    with log.open("rb") as file:
        head = file.read(28)
    magic, _, count, _ = struct.unpack("<QQQI", head)
    assert magic == MAGIC, "not a log of blklogwrites"
    return int(count)


def writes(log: Path) -> list[Write]:
    """All requests of a log in their order."""
    found = []
    with log.open("rb") as file:
        _, _, count, sector = struct.unpack("<QQQI", file.read(28))
        at = sector
        for _ in range(count):
            file.seek(at)
            where, sectors, flags, _ = struct.unpack("<QQQQ", file.read(32))
            carries = not flags & (DISCARD | MARK)
            found.append(Write(where * sector, sectors * sector if carries else 0, flags, at + sector))
            at += sector + (sectors * sector if carries else 0)
    return found


def partitions(image: Path) -> list[Partition]:
    """The four entries of the MBR."""
    with image.open("rb") as file:
        table = file.read(512)[446:510]
    entries = (struct.unpack_from("<II", table, 16 * n + 8) for n in range(4))
    return [Partition(start * SECTOR, size * SECTOR) for start, size in entries]


def cut_out(image: Path, part: Partition, to: Path) -> None:
    """A partition as a sparse file."""
    with image.open("rb") as source, to.open("wb") as target:
        target.truncate(part.size)
        source.seek(part.start)
        for at in range(0, part.size, 1 << 20):
            data = source.read(min(1 << 20, part.size - at))
            if data.count(0) != len(data):
                target.seek(at)
                target.write(data)


class Cuts:
    """Owner of the partitions as they are at one point of the log, moved forward from cut to cut."""

    def __init__(self, log: Path, image: Path, numbers: tuple[int, ...], folder: Path) -> None:
        self._log = log.open("rb")
        self._writes = writes(log)
        parts = partitions(image)
        self._parts = {number: parts[number] for number in numbers}
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._done = 0
        self._pending: list[Write] = []
        for number, part in self._parts.items():
            cut_out(image, part, self._durable(number))

    def states(self, first: int, count: int, seed: int) -> Iterator[tuple[int, dict[int, Path]]]:
        """``count`` cuts after request ``first``, in order: number of requests before the cut, and the partitions' files."""
        draw = random.Random(seed)
        for cut in sorted(draw.randrange(first, len(self._writes)) for _ in range(count)):
            self._forward(cut)
            yield cut, self._state(draw)

    def _forward(self, cut: int) -> None:
        for write in self._writes[self._done : cut]:
            if write.flags & FLUSH:
                for kept in self._pending:
                    self._apply(kept, self._data(kept), durable=True)
                self._pending = []
            if write.flags & FUA:
                self._apply(write, self._data(write), durable=True)
            elif write.length:
                self._pending.append(write)
        self._done = cut

    def _state(self, draw: random.Random) -> dict[int, Path]:
        states = {}
        for number in self._parts:
            states[number] = self._folder / f"p{number}.state"
            subprocess.run(["cp", "--sparse=always", self._durable(number), states[number]], check=True)
        # Some cuts lose everything that was not flushed, some nothing, most a part, a request torn between two sectors.
        share = draw.choice((0.0, 0.5, 0.5, 0.9, 1.0))
        for write in self._pending:
            if draw.random() < share:
                data = self._data(write)
                torn = draw.random() < 0.2
                self._apply(
                    write, data[: draw.randrange(len(data) // SECTOR + 1) * SECTOR] if torn else data, durable=False
                )
        return states

    def _apply(self, write: Write, data: bytes, *, durable: bool) -> None:
        for number, part in self._parts.items():
            if part.start <= write.offset < part.start + part.size:
                target = self._durable(number) if durable else self._folder / f"p{number}.state"
                with target.open("r+b") as file:
                    file.seek(write.offset - part.start)
                    file.write(data)

    def _data(self, write: Write) -> bytes:
        self._log.seek(write.at)
        return self._log.read(write.length)

    def _durable(self, number: int) -> Path:
        return self._folder / f"p{number}.durable"
