"""What the supervisor remembers while the latch has cut it off: one small record in flash, with a CRC.

Everything in it is UTC seconds or a count; ``open`` is true from just before the rail goes on until it is cut in order, so a
supervisor that finds it true knows that the power went away under a running Pi.
"""

import struct

from trap_wire.crc16 import crc16

VERSION = 2
# name, struct code, value of a unit that has just been built
_FIELDS = (
    ("wake_number", "I", 0),
    ("bucket_s", "I", 0xFFFFFFFF),  # the gate's token bucket; clipped to the size of the bucket at the first refill
    ("filled_at_s", "I", 0),
    ("last_trigger_s", "I", 0),
    ("lost_until_s", "I", 0),
    ("throttled_triggers", "H", 0),
    ("throttled_s", "I", 0),
    ("lost_reason", "B", 0),
    ("heartbeat_s", "I", 0),
    ("seen_s", "I", 0),  # newest time ever seen: the RTC never runs backwards by itself
    ("not_before_s", "I", 0),  # back-off: the rail rests until then
    ("failures", "B", 0),
    ("skip", "B", 0),  # the same without a clock: power-ups to let pass
    ("open", "B", 0),
    ("killed", "B", 0),  # codes.KILL_* of the last wake
    ("ladder", "B", 0),
    ("faults", "H", 0),  # bit n: codes.FAULT_n holds
    ("pir_high_s", "I", 0),  # since when the PIR has been high, 0: it is low
    ("unused", "H", 0),
    ("day", "H", 0),  # days since 1970 that spent_mas belongs to
    ("spent_mas", "I", 0),  # milliampere-seconds that the rail took on that day
    ("charge_mas", "I", 0),  # net milliampere-seconds out of the cells since they were put in
)
_FIRST = _FIELDS[:-1]  # what version 1 had: an update must not forget the wake number and the ladder
_LAYOUT = "<B" + "".join([code for _, code, _ in _FIELDS])
_LAYOUT_1 = "<B" + "".join([code for _, code, _ in _FIRST])
_MOMENTS = (
    "filled_at_s", "last_trigger_s", "lost_until_s", "heartbeat_s", "seen_s", "not_before_s", "pir_high_s",
)  # fmt: skip
SIZE = struct.calcsize(_LAYOUT) + 2


class Memory:
    """One attribute a field of the record; units and meanings stand at ``_FIELDS``."""

    wake_number: int
    bucket_s: int
    filled_at_s: int
    last_trigger_s: int
    lost_until_s: int
    throttled_triggers: int
    throttled_s: int
    lost_reason: int
    heartbeat_s: int
    seen_s: int
    not_before_s: int
    failures: int
    skip: int
    open: int
    killed: int
    ladder: int
    faults: int
    pir_high_s: int
    unused: int
    day: int
    spent_mas: int
    charge_mas: int

    def __init__(self) -> None:
        for name, _, value in _FIELDS:
            setattr(self, name, value)

    def pack(self) -> bytes:
        """The record, SIZE bytes."""
        body = struct.pack(_LAYOUT, VERSION, *[getattr(self, name) for name, _, _ in _FIELDS])
        return body + struct.pack("<H", crc16(body))

    def shift(self, by_s: int) -> None:
        """The RTC was set by ``by_s`` seconds: every moment in here moves along."""
        for name in _MOMENTS:
            value = getattr(self, name)
            if value:
                setattr(self, name, max(0, value + by_s))

    def clamp(self, rtc_s: int) -> int:
        """Seconds that the RTC has run back by; no moment may lie beyond now, or it would block the unit until then."""
        back_s = self.seen_s - rtc_s
        if back_s <= 2:  # two reads may straddle a second
            return 0
        for name in _MOMENTS:
            setattr(self, name, min(getattr(self, name), rtc_s))
        return back_s


def unpack(raw: bytes) -> "Memory | None":
    """Memory from a record; None when it is torn, of a version that is not known or not there."""
    fields, layout = (_FIELDS, _LAYOUT) if raw[:1] == bytes((VERSION,)) else (_FIRST, _LAYOUT_1)
    if (
        len(raw) != struct.calcsize(layout) + 2
        or crc16(raw[:-2]) != struct.unpack("<H", raw[-2:])[0]
        or raw[0] not in (1, 2)
    ):
        return None
    memory = Memory()
    for (name, _, _), value in zip(fields, struct.unpack(layout, raw[:-2])[1:]):
        setattr(memory, name, value)
    return memory
