"""What is said to the Pi and heard from it: HELLO, WAKE, TRIGGER until it was seen, answers. Nothing before its HELLO."""

from collections import namedtuple

from trap_supervisor import actions
from trap_supervisor import settings as rules
from trap_supervisor.memory import Memory
from trap_supervisor.rail import Rail
from trap_supervisor.senses import Senses
from trap_supervisor.walk import WalkTest
from trap_wire import codes, frames

TYPE_CHECKING = False  # MicroPython has no typing
if TYPE_CHECKING:
    from collections.abc import Callable

# An admitted trigger: codes.REASON_*, its wake number, and when it came.
Trigger = namedtuple("Trigger", ("reason", "number", "at_ms"))

FIRMWARE = (0, 1, 0)  # major, minor, patch of the policy, told in HELLO
_WAITING = 8  # triggers that wait for the Pi; more are still in the ring
_UPDATES = (codes.UPDATE_BEGIN, codes.UPDATE_DATA, codes.UPDATE_COMMIT)


class Talk:
    """Owner of the triggers that the Pi has not seen yet, oldest first. ``do`` takes an action, its value and payload."""

    def __init__(
        self, settings: "dict[str, int]", memory: Memory, rail: Rail, *,
        senses: Senses, walk: WalkTest, do: "Callable[..., None]",
    ) -> None:  # fmt: skip
        self._settings, self._memory, self._rail = settings, memory, rail
        self._senses, self._walk, self._do = senses, walk, do
        self.waiting: list[Trigger] = []
        self._risen_for: "Trigger | None" = None  # what this WAKE is about
        self._losses: list[frames.Loss] = []  # before this WAKE; nothing once the Pi has seen it
        self._heard: list[frames.Loss] = []
        self._greeted = False
        self._protocol = codes.UART_PROTOCOL  # the older of the Pi's and ours

    def add(self, trigger: Trigger) -> None:
        """One more that the Pi must see."""
        self.waiting = (self.waiting + [trigger])[-_WAITING:]

    def rise(self, losses: "list[frames.Loss]") -> Trigger:
        """The rail rises for the oldest one: this is what WAKE will say."""
        self._risen_for, self._losses, self._greeted = self.waiting[0], losses, False
        return self._risen_for

    def losses_heard(self) -> "list[frames.Loss]":
        """What the Pi has heard of lost effort since the last call."""
        heard, self._heard = self._heard, []
        return heard

    def forget(self) -> None:
        """The Pi was cut hard. They are in the ring; trying again at once would only repeat the failure."""
        self.waiting = []

    def tell(self, now_ms: int, rtc_s: int, trigger: Trigger) -> None:
        """WAKE for the trigger that raised the rail, TRIGGER for any other."""
        if self._greeted:
            first = self._risen_for is not None and trigger.number == self._risen_for.number
            facts = self._facts(now_ms, rtc_s, trigger, self._losses if first else [])
            self._do(actions.SEND, codes.WAKE if first else codes.TRIGGER, facts)

    def answer(self, type_: int, result: int, more: bytes = b"") -> None:
        """RESULT to a frame; ``more`` only to a Pi that knows of it."""
        if self._greeted:
            self._do(actions.SEND, codes.RESULT, bytes((type_, result)) + (more if self._protocol >= 2 else b""))

    def hear(self, now_ms: int, rtc_s: int, frame: frames.Frame) -> None:
        """A whole frame from the Pi; one of a size or value that makes no sense is refused."""
        handler = self._HANDLERS.get(frame.type)
        if frame.type in _UPDATES:
            self._do(actions.UPDATE, frame.type, frame.payload)
        elif handler is not None:
            try:
                handler(self, now_ms, rtc_s, frame.payload)
            except ValueError:
                self.answer(frame.type, codes.RESULT_REFUSED)

    def _hello(self, now_ms: int, rtc_s: int, payload: bytes) -> None:
        spoken = frames.unpack_hello(payload).protocol
        if spoken < 1:
            raise ValueError("no such protocol")
        self._protocol = min(spoken, codes.UART_PROTOCOL)
        self._rail.hello(now_ms)
        self._greeted = True
        self._do(actions.SEND, codes.HELLO, frames.pack_hello(frames.Hello(codes.UART_PROTOCOL, *FIRMWARE)))
        if self._risen_for is not None:
            self.tell(now_ms, rtc_s, self._risen_for)
        for trigger in self.waiting:
            if trigger is not self._risen_for:
                self.tell(now_ms, rtc_s, trigger)
        self._do(actions.INTERLOCK, 1)
        self._do(actions.CONFIRM)

    def _heartbeat(self, now_ms: int, rtc_s: int, payload: bytes) -> None:
        """A heartbeat that names the newest wake number seen has the unseen triggers sent again."""
        beat = _beat(payload)
        self._rail.heartbeat(now_ms, beat.state)
        self._seen(beat.wake_number)
        for trigger in self.waiting:
            self.tell(now_ms, rtc_s, trigger)

    def _sleep_request(self, now_ms: int, rtc_s: int, payload: bytes) -> None:
        beat = _beat(payload)
        self._seen(beat.wake_number)
        self._rail.sleep_request(now_ms)

    def _ring_ack(self, now_ms: int, rtc_s: int, payload: bytes) -> None:
        self._do(actions.RELEASE, frames.unpack_u32(payload))

    def _send_ring(self, now_ms: int, rtc_s: int, payload: bytes) -> None:
        self._do(actions.HAND_OVER, frames.unpack_u32(payload))

    def _set_clock(self, now_ms: int, rtc_s: int, payload: bytes) -> None:
        self._do(actions.SET_RTC, frames.unpack_u32(payload))

    def _settle(self, now_ms: int, rtc_s: int, payload: bytes) -> None:
        self._settings.update(rules.unpack(payload))
        self._do(actions.STORE_SETTINGS, 0, payload)
        self.answer(codes.SETTINGS, codes.RESULT_DONE)

    def _walk_test(self, now_ms: int, rtc_s: int, payload: bytes) -> None:
        seconds = frames.unpack_u32(payload)
        if seconds != codes.WALK_COUNT:
            self._walk.begin(now_ms, seconds)
        self.answer(codes.WALK_TEST, codes.RESULT_DONE, frames.pack_u32(self._walk.count))

    def _fresh_cells(self, now_ms: int, rtc_s: int, payload: bytes) -> None:
        self._do(actions.RECORD, 0, frames.pack_record(
            frames.Record(0, rtc_s, codes.RECORD_CHARGE, 1, self._memory.charge_mas)
        ))  # fmt: skip
        self._memory.charge_mas = 0
        self._do(actions.REMEMBER, 0, self._memory.pack())
        self.answer(codes.FRESH_CELLS, codes.RESULT_DONE)

    def _measure(self, now_ms: int, rtc_s: int, payload: bytes) -> None:
        """What the pack gives while the Pi works, read at most half a second ago."""
        sample = self._senses.sample
        drawn_ma = max(0, -(sample.battery_ma or 0))
        told = frames.pack_u32((sample.battery_mv or 0) | drawn_ma << 16)
        self.answer(codes.MEASURE, codes.RESULT_REFUSED if sample.battery_mv is None else codes.RESULT_DONE, told)

    _HANDLERS = {
        codes.HELLO: _hello,
        codes.HEARTBEAT: _heartbeat,
        codes.SLEEP_REQUEST: _sleep_request,
        codes.RING_ACK: _ring_ack,
        codes.SEND_RING: _send_ring,
        codes.SET_CLOCK: _set_clock,
        codes.SETTINGS: _settle,
        codes.WALK_TEST: _walk_test,
        codes.FRESH_CELLS: _fresh_cells,
        codes.MEASURE: _measure,
    }

    def _seen(self, number: "int | None") -> None:
        """The Pi has seen everything up to this number; a Pi that names none has seen everything."""
        self.waiting = [] if number is None else [t for t in self.waiting if t.number > number]
        if self._greeted and self._risen_for is not None and (number is None or number >= self._risen_for.number):
            self._heard, self._losses = self._heard + self._losses, []

    def _facts(self, now_ms: int, rtc_s: int, trigger: Trigger, losses: "list[frames.Loss]") -> bytes:
        sample = self._senses.sample
        lost = min(sum([loss.triggers for loss in losses]), 0xFFFF), sum([loss.seconds for loss in losses])
        return frames.pack_wake(
            frames.Wake(
                trigger.reason, self._senses.flags(), trigger.number, sample.battery_mv or 0, sample.battery_ma or 0,
                sample.temperature_cc or 0, sample.light_lux or 0, now_ms - trigger.at_ms, rtc_s,
                lost[0], lost[1], self._memory.ladder, self._memory.charge_mas, losses,
            ),
            self._protocol,
        )  # fmt: skip


def _beat(payload: bytes) -> frames.Heartbeat:
    """A heartbeat's payload, or the state alone, or nothing; without a wake number it confirms everything."""
    if len(payload) <= 1:
        return frames.Heartbeat(payload[0] if payload else codes.PI_BUSY, None)
    return frames.unpack_heartbeat(payload)
