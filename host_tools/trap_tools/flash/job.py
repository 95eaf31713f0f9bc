"""One card from the first byte to the last: written, compared, told who it is, and only then made bootable.

Until the very last step the card's first block is zero, so whatever stops the work (a fault, Ctrl-C, a pulled reader)
leaves a card that does not start at all instead of one that starts half.
"""

import hashlib
import mmap
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

from trap_tools.flash import fat, probe
from trap_tools.flash.card import ALIGN, Card
from trap_tools.flash.image import Image, Piece
from trap_tools.flash.mapping import Range
from trap_tools.flash.outcome import Outcome, Stage
from trap_wire.errors import IntegrityError, StorageError, TrapError
from trap_wire.slot import SLOT_SIZE

SLOT_NAME = "station.toml"
HEAD = 1024 * 1024  # zeroed first: MBR, GPT header and the boot sector of a card without partitions
ATTEMPTS = 3
# Writes and reads that a card has before it: a queue hides the way there and back, and hashing goes on meanwhile.
IN_FLIGHT = 4
HOPELESS = (
    256 * 1024 * 1024
)  # more bad bytes than this are not worth a retry: the card lies about its size, or is dying
Report = Callable[[str, Stage, float], None]  # card, stage, share 0..1


class StoppedError(TrapError):
    """The person pressed Ctrl-C. Exit code 130, as shells have it."""

    exit_code = 130


@dataclass(frozen=True, slots=True)
class Job:
    """A card to write. ``slot`` is the whole station slot, None to leave the image's own."""

    name: str
    open: Callable[[], Card]
    slot: bytes | None = None


class CardThread(threading.Thread):
    """Writes what the session feeds; keeps its troubles to itself, so that one bad card stops no other."""

    def __init__(self, job: Job, image: Image, report: Report, stop: threading.Event) -> None:
        super().__init__(name=f"card {job.name}", daemon=True)
        self.outcome = Outcome(job.name)
        self.ended = threading.Event()
        self._job, self._image, self._report, self._stop_asked = job, image, report, stop
        self._queue: queue.Queue[Piece | Exception | None] = queue.Queue(maxsize=4)
        self._head: Piece | None = None
        self._written: list[tuple[Range, bytes]] = []

    def feed(self, item: Piece | Exception | None) -> None:
        """Hand over a piece, the error that ended the image, or None at its end; returns when taken or when nobody will."""
        while not self.ended.is_set():
            try:
                self._queue.put(item, timeout=0.1)
            except queue.Full:
                continue
            return

    def run(self) -> None:
        """The whole life of one card."""
        try:
            self._live()
        finally:
            self.ended.set()

    def _live(self) -> None:
        try:
            card = self._job.open()
        except TrapError as error:
            return self._fail(error)
        try:
            self._steps(card)
        except TrapError as error:
            self._fail(error)
        except Exception as error:  # noqa: BLE001  # a defect of ours must not take the other cards down either
            self._fail(TrapError(f"{self._job.name}: {type(error).__name__}: {error}"))
        finally:
            card.close()

    def _fail(self, error: TrapError) -> None:
        self.outcome.trouble, self.outcome.exit_code = str(error), error.exit_code

    def _steps(self, card: Card) -> None:
        started = time.monotonic()
        self._enter(Stage.WRITING)
        self._write_all(card)
        wrote = time.monotonic()
        self.outcome.write_s = wrote - started
        self._enter(Stage.VERIFYING)
        self._compare_all(card)
        self.outcome.verify_s = time.monotonic() - wrote
        if self._job.slot is not None:
            self._enter(Stage.STATION)
            self._write_slot(card, self._job.slot)
        self._enter(Stage.CLOSING)
        self._close(card)
        self._enter(Stage.DONE, 1.0)

    def _enter(self, stage: Stage, share: float = 0.0) -> None:
        self.outcome.stage = stage
        self._report(self._job.name, stage, share)

    def _go_on(self) -> None:
        if self._stop_asked.is_set():
            raise StoppedError(f"{self._job.name}: stopped; this card does not start, flash it again before use")

    # --- write ------------------------------------------------------------------------------------------------
    def _write_all(self, card: Card) -> None:
        self._check_size(card, self._image.mapping.size or 0)
        card.write(0, bytes(min(HEAD, card.size)))
        probe.check_size(card)
        card.flush()
        end = 0
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            under_way: deque[Future[None]] = deque()
            while (item := self._next()) is not None:
                end = item.range.end
                self._check_size(card, end)
                if item.offset == 0:
                    self._head = item  # written last
                else:
                    under_way.append(pool.submit(card.write, item.offset, item.data))
                self._took(item)
                if len(under_way) > IN_FLIGHT:
                    under_way.popleft().result()
            for write in under_way:
                write.result()
        self._check_head(end)
        card.flush()
        self.outcome.image_sha256 = self._sum()

    def _next(self) -> Piece | None:
        """Next piece, None at the end; raises when the image broke or the person stopped."""
        while True:
            self._go_on()
            try:
                item = self._queue.get(timeout=0.2)
            except queue.Empty:
                continue
            if isinstance(item, Exception):
                raise item
            return item

    def _took(self, piece: Piece) -> None:
        self._written.append((piece.range, piece.digest))
        self.outcome.written_bytes += len(piece.data)
        self._report(self._job.name, Stage.WRITING, piece.share)

    def _check_size(self, card: Card, needed: int) -> None:
        if needed > card.size:
            raise StorageError(f"{card.name}: holds {card.size} bytes, the image needs {needed}: take a larger card")

    def _check_head(self, end: int) -> None:
        if self._head is None:
            raise IntegrityError(f"{self._image.path}: has no first block: its bmap belongs to another image")
        if (needed := fat.image_end(self._head.data.tobytes())) > (self._image.mapping.size or end):
            raise IntegrityError(
                f"{self._image.path}: its partitions need {needed} bytes, it has {end}: it is truncated"
            )

    def _sum(self) -> str:
        total = hashlib.sha256()
        for range_, digest in self._written:
            total.update(f"{range_.start}+{range_.end - range_.start}:".encode() + digest)
        return total.hexdigest()

    # --- compare ----------------------------------------------------------------------------------------------
    def _compare_all(self, card: Card) -> None:
        expected = {r.start: (r, digest) for r, digest in self._written if r.start}
        bad = self._compared(card, list(expected.values()))
        for _ in range(ATTEMPTS - 1):
            if not bad or sum(r.end - r.start for r in bad) > HOPELESS:
                break
            self.outcome.retried += bad
            bad = self._rewritten(card, bad, expected)
        if bad:
            self.outcome.bad = bad
            raise StorageError(f"{card.name}: does not keep what is written to it: {_named(bad)}: throw this card away")

    def _compared(self, card: Card, expected: list[tuple[Range, bytes]]) -> list[Range]:
        """Ranges that are not what was written."""
        bad: list[Range] = []
        with ThreadPoolExecutor(IN_FLIGHT) as pool:
            same = pool.map(lambda item: self._same(card, *item), expected)
            for done, ((range_, _), good) in enumerate(zip(expected, same, strict=True), 1):
                if not good:
                    bad.append(range_)
                self._report(self._job.name, Stage.VERIFYING, done / len(expected))
        self._go_on()
        return bad

    def _same(self, card: Card, range_: Range, digest: bytes) -> bool:
        if self._stop_asked.is_set():
            return False
        try:
            return hashlib.sha256(card.read(range_.start, range_.end - range_.start)).digest() == digest
        except StorageError:
            return False  # unreadable: written once more, then named

    def _rewritten(self, card: Card, bad: list[Range], expected: dict[int, tuple[Range, bytes]]) -> list[Range]:
        """Write bad pieces again from the image; those still bad, narrowed to the blocks that differ."""
        left = []
        pieces = tuple(dict.fromkeys(_piece_of(found, expected) for found in bad))
        for piece in self._image.pieces(pieces):
            self._go_on()
            if piece.digest != expected[piece.offset][1]:
                raise IntegrityError(f"{self._image.path}: was changed while it was being written: start again")
            card.write(piece.offset, piece.data)
            card.flush()
            left += _differing(card, piece)
        return left

    # --- the end ----------------------------------------------------------------------------------------------
    def _write_slot(self, card: Card, slot: bytes) -> None:
        place = fat.locate(lambda offset, length: self._seen(card, offset, length), SLOT_NAME)
        if place.size != SLOT_SIZE:
            raise IntegrityError(
                f"{SLOT_NAME} on the image has {place.size} bytes, not {SLOT_SIZE}: make the image again"
            )
        if self._head is not None and place.offset < len(self._head.data):
            self._head = _patched(
                self._head, place.offset, slot
            )  # else the first piece would bring the image's own slot
        card.write(place.offset, slot)
        card.flush()
        if bytes(card.read(place.offset, SLOT_SIZE)) != slot:
            raise StorageError(f"{card.name}: does not keep its station file: throw this card away")
        self.outcome.slot_sha256 = hashlib.sha256(slot).hexdigest()

    def _seen(self, card: Card, offset: int, length: int) -> bytes:
        """What the finished card will hold: its first piece is still only in memory."""
        head = self._head.data if self._head else memoryview(b"")
        if offset + length <= len(head):
            return bytes(head[offset : offset + length])
        return bytes(card.read(offset, length))

    def _close(self, card: Card) -> None:
        if self._head is None:
            raise IntegrityError(f"{self._image.path}: has no first block")
        self._go_on()
        card.write(0, self._head.data)
        card.flush()
        if card.read(0, len(self._head.data)) != self._head.data:
            card.write(0, bytes(HEAD))
            card.flush()
            raise StorageError(f"{card.name}: does not keep its first block: throw this card away")


def _patched(piece: Piece, offset: int, data: bytes) -> Piece:
    """A copy with other bytes at an offset, page-aligned too: other cards are still to get the piece as it was."""
    copy = mmap.mmap(-1, len(piece.data))
    copy[:] = piece.data
    end = min(offset + len(data), len(copy))
    copy[offset:end] = data[: end - offset]
    return replace(piece, data=memoryview(copy))


def _piece_of(found: Range, expected: dict[int, tuple[Range, bytes]]) -> Range:
    """The written piece that a (perhaps narrowed) range lies in."""
    return expected[max(start for start in expected if start <= found.start)][0]


def _differing(card: Card, piece: Piece) -> list[Range]:
    """One range around the blocks of a piece that differ; nothing when it is right now."""
    try:
        found = card.read(piece.offset, len(piece.data))
    except StorageError:
        return [piece.range]
    if found == piece.data:
        return []
    starts = [at for at in range(0, len(found), ALIGN) if found[at : at + ALIGN] != piece.data[at : at + ALIGN]]
    return [Range(piece.offset + starts[0], min(piece.offset + starts[-1] + ALIGN, piece.range.end))]


def _named(bad: list[Range]) -> str:
    more = f" and {len(bad) - 5} more" if len(bad) > 5 else ""
    return ", ".join(map(str, bad[:5])) + more
