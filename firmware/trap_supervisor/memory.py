"""What the supervisor remembers while the latch has cut it off: one small record in flash, with a CRC.

Everything in it is UTC seconds or a count; ``open`` is true from just before the rail goes on until it is cut in order, so a
supervisor that finds it true knows that the power went away under a running Pi.
"""

import struct

from trap_wire import codes, frames
from trap_wire.crc16 import crc16

VERSION = 3
# name, struct code, value of a unit that has just been built
_FIELDS = (
    ("wake_number", "I", 0),
    ("bucket_s", "I", 0xFFFFFFFF),  # the gate's token bucket; clipped to the size of the bucket at the first refill
    ("filled_at_s", "I", 0),
    ("last_trigger_s", "I", 0),
    ("lost_until_s", "I", 0),
    ("throttled_triggers", "H", 0),
    ("throttled_s", "I", 0),
    ("lost_reason", "B", 0),  # the newest cause
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
    ("low_triggers", "H", 0),  # shares of throttled_* by cause; what is left of it was a flood
    ("low_s", "I", 0),
    ("rested_triggers", "H", 0),
    ("rested_s", "I", 0),
    ("overspent_triggers", "H", 0),
    ("overspent_s", "I", 0),
)
_SHARES = {codes.TOO_LOW: "low", codes.BACKED_OFF: "rested", codes.OVERSPENT: "overspent"}
# How many of the fields older versions had: an update must not forget the wake number and the ladder.
_KNOWN = {1: 21, 2: 22}
_MOMENTS = (
    "filled_at_s", "last_trigger_s", "lost_until_s", "heartbeat_s", "seen_s", "not_before_s", "pir_high_s",
)  # fmt: skip


def _layout(count: int) -> str:
    return "<B" + "".join([code for _, code, _ in _FIELDS[:count]])


_LAYOUT = _layout(len(_FIELDS))
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
    low_triggers: int
    low_s: int
    rested_triggers: int
    rested_s: int
    overspent_triggers: int
    overspent_s: int

    def __init__(self) -> None:
        for name, _, value in _FIELDS:
            setattr(self, name, value)

    def pack(self) -> bytes:
        """The record, SIZE bytes."""
        body = struct.pack(_LAYOUT, VERSION, *[getattr(self, name) for name, _, _ in _FIELDS])
        return body + struct.pack("<H", crc16(body))

    def lose(self, cause: int, triggers: int, seconds: int) -> None:
        """Effort lost to one of ``codes.LOST``; negative: it has been told."""
        self.lost_reason = cause
        for name in ["throttled"] + ([_SHARES[cause]] if cause in _SHARES else []):
            for unit, most, more in (("_triggers", 0xFFFF, triggers), ("_s", 0xFFFFFFFF, seconds)):
                setattr(self, name + unit, min(max(0, getattr(self, name + unit) + more), most))

    def losses(self) -> "list[frames.Loss]":
        """What was lost to each cause since it was last told."""
        shares = {
            cause: (getattr(self, name + "_triggers"), getattr(self, name + "_s")) for cause, name in _SHARES.items()
        }
        shares[codes.FLOODED] = (
            max(0, self.throttled_triggers - sum([triggers for triggers, _ in shares.values()])),
            max(0, self.throttled_s - sum([seconds for _, seconds in shares.values()])),
        )
        return [frames.Loss(cause, *shares[cause]) for cause in codes.LOST if any(shares[cause])]

    def told(self, losses: "list[frames.Loss]") -> None:
        """The Pi knows of these; what was lost since stays for the next WAKE."""
        for cause, triggers, seconds in losses:
            self.lose(cause, -triggers, -seconds)

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
    """Memory from a record; None when it is torn or not there. Of a newer version what is known here is taken."""
    if len(raw) < 3 or raw[0] == 0 or crc16(raw[:-2]) != struct.unpack("<H", raw[-2:])[0]:
        return None
    count = _KNOWN.get(raw[0], len(_FIELDS))
    layout = _layout(count)
    size = struct.calcsize(layout)
    if len(raw) - 2 < size or (raw[0] <= VERSION and len(raw) - 2 != size):
        return None
    memory = Memory()
    for (name, _, _), value in zip(_FIELDS, struct.unpack(layout, raw[:size])[1:]):
        setattr(memory, name, value)
    if raw[0] < 3 and memory.lost_reason in _SHARES:  # they knew one cause for all of it
        name = _SHARES[memory.lost_reason]
        setattr(memory, name + "_triggers", memory.throttled_triggers)
        setattr(memory, name + "_s", memory.throttled_s)
    return memory
