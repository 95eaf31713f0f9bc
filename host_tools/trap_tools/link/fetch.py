"""Bulk download: file chunks asked for in a window over one line, whatever the line loses.

The unit answers in order, so an answer that overtakes an older request tells that the older one (or its answer) was
lost: only that one is asked for again, at once. The line being silent tells the same about everything in flight. Chunks
shrink when many are lost, because a 16 KiB chunk is 178 lines and each of them can be hit, and grow back when it is quiet.
The path is lean on purpose (``struct``, ``cbor2``): pydantic costs more than the unit does.
"""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import count

import cbor2

from trap_tools.i18n import say
from trap_tools.link.client import refusal
from trap_tools.link.line import Line
from trap_wire.errors import LinkError
from trap_wire.smp import HEADER_SIZE, FsCommand, Group, Header, Op

WINDOW = 4
SMALL_WINDOW = 8  # the unit's buf_count, for files that are one chunk
CHUNK_MOST = 16 * 1024 - 64  # a unit's whole buffer, less the reply's own fields
CHUNK_LEAST = 512
PATIENCE_S = 30.0
_SILENCE_LEAST_S, _SILENCE_MOST_S = 0.15, 5.0
_QUIET_S = 0.1  # after broken lines: the rest of the answer would have come


@dataclass(slots=True)
class Job:
    """A file wanted from ``start`` to ``end``: bytes come to ``take`` in order; then ``finish``, or ``refuse`` with why."""

    name: str
    start: int
    end: int
    take: Callable[[bytes], None]
    finish: Callable[[], None]
    refuse: Callable[[str], None]
    written: int = field(default=0, init=False)
    held: dict[int, bytes] = field(default_factory=dict, init=False)
    over: bool = field(default=False, init=False)


@dataclass(slots=True)
class _Piece:
    job: Job
    offset: int
    length: int
    sent_at: float = 0.0
    done: bool = False


class Fetcher:
    """One download after another over a line. ``resent`` counts requests that had to be repeated."""

    def __init__(
        self, line: Line, monotonic: Callable[[], float] = time.monotonic, patience_s: float = PATIENCE_S
    ) -> None:
        self._line = line
        self._monotonic = monotonic
        self._patience_s = patience_s
        self._numbers = count()
        self._known: dict[int, _Piece] = {}
        self._flying: dict[int, _Piece] = {}
        self._todo: deque[_Piece] = deque()
        self._loss = 0.0
        self._bad_seen = 0
        self._round_s = 0.5
        self._chunk_most = self.chunk = CHUNK_MOST
        self.resent = 0

    def run(self, jobs: Iterable[Job]) -> None:
        """Fetch all; ``LinkError`` when the unit stays silent for ``patience_s``. Jobs are taken up as there is room."""
        pieces = self._pieces(jobs)
        heard_at, patience = self._monotonic(), 1
        self._fill(pieces)
        while self._flying:
            before, broken = self._line.received, self._line.bad > self._bad_seen
            packets = self._line.receive(_QUIET_S if broken else min(patience * self._silence_s(), _SILENCE_MOST_S))
            if self._line.received > before:
                heard_at, patience = self._monotonic(), 1
            elif self._monotonic() - heard_at > self._patience_s:
                raise LinkError(
                    say("{port}: the unit fell silent. Start again; it goes on from here", port=self._line.port)
                )
            else:
                self._silent(broken)
                patience *= 2
            for packet in packets:
                self._take(packet)
            self._fill(pieces)

    def _silent(self, broken: bool) -> None:
        """Nothing comes any more. After broken lines that means all answers were hit: smaller ones may get through."""
        self._bad_seen = self._line.bad
        if broken and self.chunk > CHUNK_LEAST:
            self.chunk //= 2
        self._requeue(list(self._flying))

    def _pieces(self, jobs: Iterable[Job]) -> Iterator[_Piece]:
        for job in jobs:
            at = job.written = job.start
            if at == job.end:
                job.finish()
            while at < job.end and not job.over:
                length = min(self.chunk, job.end - at)
                yield _Piece(job, at, length)
                at += length

    def _fill(self, pieces: Iterator[_Piece]) -> None:
        while len(self._flying) < WINDOW or (len(self._flying) < SMALL_WINDOW and self._all_small()):
            piece = self._todo.popleft() if self._todo else next(pieces, None)
            if piece is None:
                return
            if not piece.done and not piece.job.over:
                self._send(piece)

    def _all_small(self) -> bool:
        return all(piece.length * 4 <= CHUNK_MOST for piece in self._flying.values())

    def _send(self, piece: _Piece) -> None:
        number = next(self._numbers) % 256
        payload = cbor2.dumps({"off": piece.offset, "name": piece.job.name, "max": piece.length})
        header = Header(Op.READ, 1, 0, len(payload), Group.FS, number, FsCommand.FILE)
        self._flying.pop(number, None)
        self._flying[number] = self._known[number] = piece
        piece.sent_at = self._monotonic()
        self._line.send(header.pack() + payload)

    def _requeue(self, numbers: list[int]) -> None:
        """Ask again, oldest first; what is larger than the chunk size has become is asked for in parts."""
        lost = [self._flying.pop(number) for number in numbers]
        lost = [piece for piece in lost if not piece.done]
        self.resent += len(lost)
        self._todo.extendleft(part for piece in reversed(lost) for part in reversed(self._parts(piece)))

    def _parts(self, piece: _Piece) -> list[_Piece]:
        if piece.length <= self.chunk:
            return [piece]
        piece.done = True
        ends = range(piece.offset, piece.offset + piece.length, self.chunk)
        return [_Piece(piece.job, at, min(self.chunk, piece.offset + piece.length - at)) for at in ends]

    def _judge(self, lost: bool) -> None:
        self._loss = 0.9 * self._loss + (0.1 if lost else 0.0)
        if self._loss > 0.3 and self.chunk > CHUNK_LEAST:
            self.chunk, self._loss = self.chunk // 2, 0.15
        elif self._loss < 0.01 and self.chunk < self._chunk_most:
            self.chunk, self._loss = min(self.chunk * 2, self._chunk_most), 0.05

    def _take(self, packet: bytes) -> None:
        if len(packet) <= HEADER_SIZE:
            return
        header = Header.unpack(packet)
        if (header.op, header.group, header.command) != (Op.READ_RESPONSE, Group.FS, FsCommand.FILE):
            return
        piece, self._bad_seen = self._known.get(header.sequence), self._line.bad
        if header.sequence in self._flying:
            self._overtake(header.sequence)
        if piece is not None and not piece.done:
            self._judge(lost=False)
            self._store(piece, packet)

    def _overtake(self, number: int) -> None:
        flying = list(self._flying)
        older = flying[: flying.index(number)]
        piece = self._flying.pop(number)
        self._round_s = 0.875 * self._round_s + 0.125 * (self._monotonic() - piece.sent_at)
        for _ in older:
            self._judge(lost=True)
        self._requeue(older)

    def _store(self, piece: _Piece, packet: bytes) -> None:
        piece.done, job = True, piece.job
        try:
            body = cbor2.loads(packet[HEADER_SIZE:])
            complaint, data = refusal(body), bytes(body.get("data", b""))[: piece.length]
        except (cbor2.CBORDecodeError, AttributeError, TypeError):
            complaint, data, body = "", b"", {}
        if complaint or (not data and body.get("off") == piece.offset):
            self._refuse(job, complaint or "it is shorter than the index says")
            return
        if body.get("off") != piece.offset:  # a late answer under a number that was used again
            piece.done = False
            self._todo.appendleft(piece)
            return
        if rest := piece.length - len(data):
            # The unit's chunk is smaller than ours (a UART, or a server that knows no "max").
            self.chunk = self._chunk_most = max(min(self.chunk, len(data)), 1)
            self._todo.extendleft(reversed(self._parts(_Piece(job, piece.offset + len(data), rest))))
        job.held[piece.offset] = data
        self._flush(job)

    def _flush(self, job: Job) -> None:
        while (data := job.held.pop(job.written, None)) is not None:
            job.take(data)
            job.written += len(data)
        if job.written == job.end and not job.over:
            job.over = True
            job.finish()

    def _refuse(self, job: Job, reason: str) -> None:
        if not job.over:
            job.over = True
            job.held.clear()
            job.refuse(reason)

    def _silence_s(self) -> float:
        return min(max(3 * self._round_s, _SILENCE_LEAST_S), _SILENCE_MOST_S)
