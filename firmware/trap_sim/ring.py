"""The pretend supervisor's ring of records: fixed in size, numbered without gaps, released once the Pi has them."""

from collections.abc import Iterator

from trap_wire import frames
from trap_wire.frames import Record

SIZE = 1_024


class Ring:
    """Owner of the records. ``lost`` counts what a full ring gave up, oldest first."""

    def __init__(self, size: int = SIZE) -> None:
        self._size = size
        self._records: list[Record] = []
        self._next = 1
        self.lost = 0

    @property
    def newest(self) -> int:
        """Number of the newest record ever added; 0 for none."""
        return self._next - 1

    def add(self, payload: bytes) -> None:
        """Take a packed record; it gets the next number."""
        self._records.append(frames.unpack_record(payload)._replace(sequence=self._next))
        self._next += 1
        if len(self._records) > self._size:
            self.lost += 1
            del self._records[0]

    def release(self, last: int) -> None:
        """The Pi has journalled everything up to this number."""
        self._records = [record for record in self._records if record.sequence > last]

    def since(self, first: int) -> Iterator[Record]:
        """Records from a number on, oldest first."""
        return (record for record in list(self._records) if record.sequence >= first)
