"""The supervisor's ring on its way into the journal: whole batches in order, nothing twice, nothing skipped."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from trap_wire import codes, frames
from trap_wire.entries import Entry, Kind
from trap_wire.frames import Frame, Record, RingEnd

PATIENCE_S = 0.5  # a batch of 64 records takes 0.12 s at 115,200 baud
TRIES = 4


class Handover:
    """State of one hand-over. ``wanted`` is the number to ask from, ``open`` is True while more is to come."""

    def __init__(self) -> None:
        self.wanted = 0
        self.open = False
        self.patience = float("-inf")
        self._tries = 0
        self._batch: dict[int, Frame] = {}
        self._last = 0
        self._more = False

    def begin(self, merged: int, now_s: float) -> None:
        """Everything after ``merged`` is wanted."""
        self.wanted, self.open, self._tries = merged + 1, True, 1
        self._batch = {}
        self.patience = now_s + PATIENCE_S

    def take(self, frame: Frame) -> None:
        """One record of the batch; again is no harm."""
        record = frames.unpack_record(frame.payload)
        if self.open and record.sequence >= self.wanted:
            self._batch[record.sequence] = frame

    def end(self, end: RingEnd, now_s: float) -> list[Frame]:
        """The batch when it came whole, in order; nothing when some of it is missing: it is asked for again."""
        if end.newest < self.wanted - 1:  # another supervisor, or one whose flash was wiped: it counts from 1 again
            self.begin(0, now_s)
            self.patience = now_s  # ask at once
            return []
        if len(self._batch) < end.count:
            self.patience = now_s
            return []
        self.open, self.patience = False, float("-inf")
        self._last, self._more = end.last, 0 < end.last < end.newest
        return [self._batch[sequence] for sequence in sorted(self._batch)]

    def overdue(self, now_s: float) -> bool:
        """True when the batch has to be asked for again; after ``TRIES`` it waits for the next wake."""
        if not self.open or now_s < self.patience:
            return False
        if self._tries >= TRIES:
            self.open, self.patience = False, float("-inf")
            return False
        self._tries += 1
        self.patience = now_s + PATIENCE_S
        return True

    def confirmed(self, sequence: int) -> bool:
        """True when this was the last record of the batch, so that all of it may be forgotten over there."""
        last = sequence == self._last and self._last > 0
        if last:
            self.open, self._last = self._more, 0
        return last


def body_of(record: Record) -> dict[str, Any]:
    """Body of a journal entry of kind ``supervisor``."""
    name = codes.RECORD_NAMES.get(record.kind, str(record.kind))
    return {"ring": record.sequence, "rtc_s": record.rtc_s, "record": name, "code": record.code, "value": record.value}


def lines(records: Iterable[Record]) -> Iterator[tuple[Kind, Mapping[str, Any]]]:
    """Journal lines of records, in their order."""
    return ((Kind.SUPERVISOR, body_of(record)) for record in records)


def merged(newest: Iterable[Entry]) -> int:
    """Number of the newest ring record in the journal, from its newest ``supervisor`` entries; 0 when there is none."""
    return next((int(entry.body["ring"]) for entry in newest if "ring" in entry.body), 0)
