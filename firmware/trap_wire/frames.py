"""UART frames between the Pi and the supervisor, byte for byte the same on CPython and MicroPython.

A frame is ``A5 5A | type u8 | sequence u8 | length u8 | payload | crc16 u16``, little-endian, the CRC over type to
payload. The supervisor never speaks before the Pi has said HELLO: a host that opens the port late loses what came before.
"""

import struct
from collections import namedtuple

from trap_wire.crc16 import crc16

SYNC = b"\xa5\x5a"
MAX_PAYLOAD = 240
_HEAD = struct.calcsize("<2sBBB")
_OVERHEAD = _HEAD + 2

Frame = namedtuple("Frame", ("type", "sequence", "payload"))

# reason, flags: codes; light_lux: 0..65535; temperature_cc: hundredths of a degree Celsius; trigger_age_ms: PIR edge to
# this frame; rtc_s: UTC seconds since 1970; throttled_*: refused since the last WAKE; wake_number: since the unit was built;
# charge_used_mas: mA·s out of the cells since they were put in, None from a supervisor of protocol 1, which did not count;
# losses: a Loss for every cause in throttled_*, of which they are the sums; empty from a supervisor before protocol 3.
Wake = namedtuple(
    "Wake",
    (
        "reason", "flags", "wake_number", "battery_mv", "battery_ma", "temperature_cc", "light_lux", "trigger_age_ms",
        "rtc_s", "throttled_triggers", "throttled_s", "ladder", "charge_used_mas", "losses",
    ),
)  # fmt: skip
_WAKE_1 = "<BBIHhhHIIHIB"
_WAKE = _WAKE_1 + "I"
Loss = namedtuple("Loss", ("cause", "triggers", "seconds"))  # cause: one of codes.LOST, or one that is newer than this
_LOSS = "<BHI"
_LOSS_SIZE = struct.calcsize(_LOSS)
Hello = namedtuple("Hello", ("protocol", "major", "minor", "patch"))
_HELLO = "<BBBB"
Heartbeat = namedtuple("Heartbeat", ("state", "wake_number"))  # codes.PI_*; newest wake number that the Pi has seen
_HEARTBEAT = "<BI"
# The rules that the supervisor keeps, in the words of trap.deployment; chemistry: codes.CHEMISTRY_*; budget 0: none.
Settings = namedtuple(
    "Settings",
    (
        "hold_off_ms", "stay_up_ms", "settle_ms", "flood_triggers", "flood_refill_s", "heartbeat_hour", "leds",
        "chemistry", "budget_mah",
    ),
)  # fmt: skip
_SETTINGS = "<IIIHIBBBH"
# The battery ladder of the protocol, mV of the rested pack at 20 C; may end a SETTINGS, older supervisors refuse it there.
Steps = namedtuple("Steps", ("no_hold_off_mv", "heartbeat_only_mv", "off_mv"))
_STEPS = "HHH"
# End of a batch of ring records: how many, the number of the last (0: none), and the newest that there is.
RingEnd = namedtuple("RingEnd", ("count", "last", "newest"))
_RING_END = "<BII"
# Ring record as it lies in flash and as it travels: sequence, RTC seconds, kind, code, value.
Record = namedtuple("Record", ("sequence", "rtc_s", "kind", "code", "value"))
_RECORD = "<IIBBi"

WAKE_SIZE = struct.calcsize(_WAKE)
HELLO_SIZE = struct.calcsize(_HELLO)
RECORD_SIZE = struct.calcsize(_RECORD)
assert (WAKE_SIZE, HELLO_SIZE, RECORD_SIZE) == (33, 4, 14), "a wire size changed: raise codes.UART_PROTOCOL"  # noqa: S101


def encode(type_: int, sequence: int, payload: bytes = b"") -> bytes:
    """Bytes of one frame; ``ValueError`` if the payload is over MAX_PAYLOAD bytes."""
    if len(payload) > MAX_PAYLOAD:
        raise ValueError("payload of %d bytes, at most %d" % (len(payload), MAX_PAYLOAD))
    body = struct.pack("<BBB", type_, sequence & 0xFF, len(payload)) + payload
    return SYNC + body + struct.pack("<H", crc16(body))


class Reader:
    """Cuts frames out of a byte stream and finds its feet again after noise. ``bad`` counts frames with a wrong CRC."""

    def __init__(self) -> None:
        self._buffer = b""
        self.bad = 0

    def feed(self, data: bytes) -> list:  # type: ignore[type-arg]  # MicroPython has no typing
        """Take bytes, give back the whole frames among them, oldest first."""
        self._buffer += data
        frames: list[Frame] = []
        while True:
            frame = self._next()
            if frame is None:
                return frames
            if frame.type is not None:
                frames.append(frame)

    def _next(self) -> "Frame | None":
        start = self._buffer.find(SYNC)
        if start < 0:
            self._buffer = self._buffer[-1:] if self._buffer[-1:] == SYNC[:1] else b""
            return None
        self._buffer = self._buffer[start:]
        if len(self._buffer) < _HEAD or len(self._buffer) < _OVERHEAD + self._buffer[4]:
            return None
        return self._take(self._buffer[4])

    def _take(self, length: int) -> Frame:
        body = self._buffer[2 : _HEAD + length]
        (crc,) = struct.unpack("<H", self._buffer[_HEAD + length : _OVERHEAD + length])
        if crc != crc16(body):
            self.bad += 1
            self._buffer = self._buffer[1:]  # a real frame may begin inside the broken one
            return Frame(None, 0, b"")
        self._buffer = self._buffer[_OVERHEAD + length :]
        return Frame(body[0], body[1], body[3:])


def pack_wake(wake: Wake, protocol: int = 3) -> bytes:
    """Payload of a WAKE frame for a Pi of this UART protocol."""
    if protocol < 2:
        return struct.pack(_WAKE_1, *wake[:12])
    losses = wake.losses if protocol >= 3 else ()
    return struct.pack(_WAKE, *wake[:13]) + b"".join([struct.pack(_LOSS, *loss) for loss in losses])


def unpack_wake(payload: bytes) -> Wake:
    """WAKE from a payload of any protocol so far; ``ValueError`` when it has another size."""
    if len(payload) == WAKE_SIZE - 4:
        return Wake(*(struct.unpack(_WAKE_1, payload) + (None, ())))  # noqa: RUF005  # mypy counts the other form wrong
    more = max(0, len(payload) - WAKE_SIZE)
    size = WAKE_SIZE + more - more % _LOSS_SIZE
    if len(payload) != size:
        raise ValueError("payload of %d bytes, expected %d" % (len(payload), size))
    losses = [Loss(*struct.unpack(_LOSS, payload[at : at + _LOSS_SIZE])) for at in range(WAKE_SIZE, size, _LOSS_SIZE)]
    return Wake(*(struct.unpack(_WAKE, payload[:WAKE_SIZE]) + (tuple(losses),)))  # noqa: RUF005


def pack_hello(hello: Hello) -> bytes:
    """Payload of a HELLO frame."""
    return struct.pack(_HELLO, *hello)


def unpack_hello(payload: bytes) -> Hello:
    """HELLO from a payload; ``ValueError`` when it has another size."""
    return Hello(*_unpack(_HELLO, payload))


def pack_heartbeat(heartbeat: Heartbeat) -> bytes:
    """Payload of a HEARTBEAT frame."""
    return struct.pack(_HEARTBEAT, *heartbeat)


def unpack_heartbeat(payload: bytes) -> Heartbeat:
    """HEARTBEAT from a payload; ``ValueError`` when it has another size."""
    return Heartbeat(*_unpack(_HEARTBEAT, payload))


def pack_settings(settings: Settings, steps: "tuple[int, int, int] | None" = None) -> bytes:
    """Payload of a SETTINGS frame, with the ladder's steps where the supervisor takes them."""
    if steps is None:
        return struct.pack(_SETTINGS, *settings)
    return struct.pack(_SETTINGS + _STEPS, *(tuple(settings) + tuple(steps)))


def unpack_settings(payload: bytes) -> Settings:
    """SETTINGS from a payload, with or without steps; ``ValueError`` when it has another size."""
    if len(payload) == struct.calcsize(_SETTINGS + _STEPS):
        payload = payload[: struct.calcsize(_SETTINGS)]
    return Settings(*_unpack(_SETTINGS, payload))


def unpack_steps(payload: bytes) -> Steps:
    """The ladder's steps of a SETTINGS payload; noughts where it has none."""
    if len(payload) != struct.calcsize(_SETTINGS + _STEPS):
        return Steps(0, 0, 0)
    return Steps(*struct.unpack(_SETTINGS + _STEPS, payload)[-3:])


def pack_record(record: Record) -> bytes:
    """Payload of a RING frame, and the body of a record in flash."""
    return struct.pack(_RECORD, *record)


def unpack_record(payload: bytes) -> Record:
    """Ring record from a payload; ``ValueError`` when it has another size."""
    return Record(*_unpack(_RECORD, payload))


def pack_ring_end(end: RingEnd) -> bytes:
    """Payload of a RING_END frame."""
    return struct.pack(_RING_END, *end)


def unpack_ring_end(payload: bytes) -> RingEnd:
    """RING_END from a payload; ``ValueError`` when it has another size."""
    return RingEnd(*_unpack(_RING_END, payload))


def pack_u32(value: int) -> bytes:
    """Payload of RING_ACK, SEND_RING (a sequence number) and SET_CLOCK (UTC seconds)."""
    return struct.pack("<I", value)


def unpack_u32(payload: bytes) -> int:
    """The number of a RING_ACK, SEND_RING or SET_CLOCK; ``ValueError`` when the payload has another size."""
    return int(_unpack("<I", payload)[0])


def _unpack(layout: str, payload: bytes) -> tuple:  # type: ignore[type-arg]  # MicroPython has no typing
    if len(payload) != struct.calcsize(layout):
        raise ValueError("payload of %d bytes, expected %d" % (len(payload), struct.calcsize(layout)))
    return struct.unpack(layout, payload)
