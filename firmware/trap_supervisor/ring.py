"""The supervisor's own log: fixed records with a CRC, in segment files, kept until the Pi has journalled them.

A record is ``frames.pack_record`` (14 bytes) and its CRC-16. ``add`` returns only after the record is in flash; what a power
cut tears is told from a whole record by its CRC and was never confirmed. A full ring gives up its oldest segment and puts a
marker with the number of lost records in its place at the end, so it always holds the newest.
"""

import struct

from trap_supervisor.files import Files, sealed, unsealed
from trap_wire import codes, frames
from trap_wire.crc16 import crc16

SLOT = frames.RECORD_SIZE + 2
_SEGMENT = "ring-%08x"  # by the sequence number of its first record
_ACK = "ack"
_LOST = "lost"


class Ring:
    """Owner of the log. ``segment`` records a file, at most ``segments`` files."""

    def __init__(self, files: Files, segment: int = 64, segments: int = 32) -> None:
        self._files = files
        self._segment, self._most = segment, segments
        self._acked = unsealed(files.read(_ACK), 1)[0]
        self._lost, self._lost_up_to, self._marker = unsealed(files.read(_LOST), 3)
        self._starts = [int(name[5:], 16) for name in files.names("ring-")]
        self._count, self._clean = 0, True  # of the newest segment: whole records, nothing torn behind them
        if self._starts:
            self._scan(self._starts[-1])
        if self._lost and not self._marker:
            self._mark(0)

    @property
    def newest(self) -> int:
        """Sequence number of the newest record; 0 when there never was one."""
        last = self._starts[-1] + self._count - 1 if self._starts else 0
        return max(last, self._acked)

    @property
    def lost(self) -> int:
        """Records that were given up and that the Pi has not been told of."""
        return self._lost

    def add(self, payload: bytes) -> int:
        """Append a packed record, its sequence number filled in; that number. ``OSError`` when the flash fails."""
        record = frames.unpack_record(payload)
        if len(self._starts) >= self._most and self._is_full():
            self._give_up_oldest(record.rtc_s)
        return self._append(record)

    def since(self, first: int, limit: int) -> "list[bytes]":
        """Packed records from this number on, oldest first, at most ``limit``; what cannot be read any more is left out."""
        found: list[bytes] = []
        for at, start in enumerate(self._starts):
            following = self._starts[at + 1] if at + 1 < len(self._starts) else self.newest + 1
            if following <= first or len(found) >= limit:
                continue
            raw = self._files.read(_SEGMENT % start)
            for sequence in range(max(first, start, self._acked + 1), following):
                packed = _record_at(raw, sequence - start, sequence)
                if packed is not None and len(found) < limit:
                    found.append(packed)
        return found

    def release(self, up_to: int) -> None:
        """The Pi has journalled everything up to this number. Numbers that never were are not believed."""
        if not self._acked < up_to <= self.newest:
            return
        self._files.write(_ACK, sealed(up_to))
        if self._marker and up_to >= self._marker:
            self._lost = self._marker = 0
            self._files.remove(_LOST)
        newest = self.newest
        self._acked = up_to
        for at in range(len(self._starts) - 1, -1, -1):
            last = self._starts[at + 1] - 1 if at + 1 < len(self._starts) else newest
            if last <= up_to and (at + 1 < len(self._starts) or self._is_full()):
                self._files.remove(_SEGMENT % self._starts[at])
                del self._starts[at]
        if not self._starts:
            self._count, self._clean = 0, True

    def _append(self, record: frames.Record) -> int:
        sequence = self.newest + 1
        if not self._starts or self._is_full():
            self._starts.append(sequence)
            self._count, self._clean = 0, True
        body = frames.pack_record(frames.Record(sequence, record.rtc_s, record.kind, record.code, record.value))
        self._clean = False  # until the flash says that all of it is there
        self._files.append(_SEGMENT % self._starts[-1], body + struct.pack("<H", crc16(body)))
        self._count, self._clean = self._count + 1, True
        return sequence

    def _is_full(self) -> bool:
        return bool(self._starts) and (self._count >= self._segment or not self._clean)

    def _scan(self, start: int) -> None:
        raw = self._files.read(_SEGMENT % start)
        while _record_at(raw, self._count, start + self._count) is not None:
            self._count += 1
        self._clean = len(raw) == self._count * SLOT
        if self._count == 0 and not self._clean:  # torn at its very first record: the name is taken again
            self._files.remove(_SEGMENT % start)
            self._starts.pop()
            if self._starts:
                self._count = start - self._starts[-1]
                self._clean = False

    def _give_up_oldest(self, rtc_s: int) -> None:
        """The count is durable before the records go, and says up to where, so that a cut in between counts nothing twice."""
        start, last = self._starts[0], self._starts[1] - 1
        self._lost += max(0, last - max(start - 1, self._acked, self._lost_up_to))
        self._lost_up_to, self._marker = last, 0
        self._files.write(_LOST, sealed(self._lost, last, 0))
        self._files.remove(_SEGMENT % start)
        del self._starts[0]
        if self._lost:
            self._mark(rtc_s)

    def _mark(self, rtc_s: int) -> None:
        self._marker = self._append(frames.Record(0, rtc_s, codes.RECORD_MARKER, 0, self._lost))
        self._files.write(_LOST, sealed(self._lost, self._lost_up_to, self._marker))


def _record_at(raw: bytes, index: int, sequence: int) -> "bytes | None":
    slot = raw[index * SLOT : (index + 1) * SLOT]
    if len(slot) < SLOT or struct.unpack("<H", slot[-2:])[0] != crc16(slot[:-2]):
        return None
    return slot[:-2] if struct.unpack("<I", slot[:4])[0] == sequence else None
