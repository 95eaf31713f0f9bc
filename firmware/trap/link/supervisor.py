"""The Pi's end of the UART: ``trap.ports.SupervisorLink`` over any byte stream.

The supervisor never speaks first, so this end says HELLO until it is answered. WAKE and TRIGGER come through once each,
however often they are sent; a heartbeat names the newest that the duty cycle took, so what the line lost comes again. Frames
with a wrong CRC are counted and dropped. While the duty cycle waits, heartbeats go out by themselves: a Pi that hangs
elsewhere falls silent, and is cut.
"""

from collections import deque
from collections.abc import Callable

from trap.deployment import Deployment
from trap.link.ring import Handover
from trap.ports import HostPort
from trap_wire import codes, frames
from trap_wire.energy.ladder import steps
from trap_wire.errors import PartError
from trap_wire.frames import Frame

HELLO = frames.Hello(codes.UART_PROTOCOL, 0, 2, 0)
HELLO_EVERY_S = 0.3
BEAT_EVERY_S = 5.0
ASK_TRIES = 3
PART = "supervisor"


class SupervisorLine:
    """One power-up's talk. ``seconds`` is a clock that never steps; ``peer`` the supervisor's HELLO once it has answered."""

    def __init__(self, port: HostPort, seconds: Callable[[], float]) -> None:
        self._port, self._seconds = port, seconds
        self._reader = frames.Reader()
        self._queue: deque[Frame] = deque()
        self._sequence = 0
        self._newest = self._seen = 0  # wake numbers: queued, and taken by the duty cycle
        self._hello_at = self._beat_at = float("-inf")
        self._ring = Handover()
        self._results: dict[int, int] = {}
        self._told: dict[int, int] = {}  # the number behind a result, where one came
        self._clock: tuple[float, int, bool] | None = None
        self.peer: frames.Hello | None = None

    @property
    def bad_frames(self) -> int:
        """Frames with a wrong CRC."""
        return self._reader.bad

    def hello(self, timeout_s: float) -> bool:
        """Shake hands; False when nobody answered."""
        self._wait(timeout_s, lambda: self.peer is not None)
        return self.peer is not None

    def rtc(self, timeout_s: float = 1.0) -> tuple[int, bool] | None:
        """UTC seconds of the supervisor's RTC and whether to believe them, from the newest WAKE; None when none came."""
        self._wait(timeout_s, lambda: self._clock is not None)
        if self._clock is None:
            return None
        heard_at, rtc_s, trusted = self._clock
        return rtc_s + round(self._seconds() - heard_at), trusted

    def receive(self, timeout_s: float) -> Frame | None:
        """The next WAKE, TRIGGER or ring record, or None after the time-out; ``PartError`` when the line is gone."""
        self._wait(timeout_s, lambda: bool(self._queue), alive=True)
        if not self._queue:
            return None
        frame = self._queue.popleft()
        if frame.type in (codes.WAKE, codes.TRIGGER):
            self._seen = max(self._seen, frames.unpack_wake(frame.payload).wake_number)
        return frame

    def send(self, type_: int, payload: bytes = b"") -> None:
        """Send one frame. A heartbeat's payload may be its ``codes.PI_*`` alone, or nothing; what was seen is added.

        A ring record is confirmed by the batch: single RING_ACKs are kept back until its last one is in the journal.
        """
        if type_ in (codes.HEARTBEAT, codes.SLEEP_REQUEST):
            self._beat_at = self._seconds()
            if len(payload) <= 1:
                state = payload[0] if payload else codes.PI_BUSY
                payload = frames.pack_heartbeat(frames.Heartbeat(state, self._seen))
        if type_ == codes.RING_ACK:
            self._confirm(frames.unpack_u32(payload))
        else:
            self._write(type_, payload)

    def collect(self, merged: int) -> None:
        """Have the ring handed over; ``merged`` is the newest record that the journal holds, 0: none."""
        self._ring.begin(merged, self._seconds())
        self._write(codes.SEND_RING, frames.pack_u32(self._ring.wanted))

    def ask(self, type_: int, payload: bytes, timeout_s: float = 1.0) -> int:
        """Send a frame that is answered, again if need be; its ``codes.RESULT_*``. ``PartError`` when no answer comes."""
        self._results.pop(type_, None)
        for _ in range(ASK_TRIES):
            self._write(type_, payload)
            self._wait(timeout_s, lambda: type_ in self._results)
            if type_ in self._results:
                return self._results.pop(type_)
        name = codes.FRAME_NAMES.get(type_, str(type_))
        raise PartError(
            PART, f"does not answer {name} ({self.bad_frames} frames arrived broken): check the UART's wires"
        )

    def set_clock(self, utc_s: int) -> None:
        """Set the RTC; ``PartError`` when it does not take it."""
        if self.ask(codes.SET_CLOCK, frames.pack_u32(utc_s)) != codes.RESULT_DONE:
            raise PartError(PART, "its RTC did not take the time: check the DS3231 and its coin cell")
        self._clock = (self._seconds(), utc_s, True)

    @property
    def protocol(self) -> int:
        """What both sides speak: the older of the two, 0 before the handshake."""
        return 0 if self.peer is None else min(self.peer.protocol, codes.UART_PROTOCOL)

    def walk_test(self, seconds: int | None) -> int:
        """Have the LED follow the PIR for so long, Pi or no Pi; 0 ends it, None only asks. Pulses that it showed so far."""
        asked = codes.WALK_COUNT if seconds is None else seconds
        self._demand(codes.WALK_TEST, frames.pack_u32(asked), "a walk test")
        return self._told[codes.WALK_TEST]

    def fresh_cells(self) -> None:
        """Full cells are in: the supervisor counts their charge from nought. Nothing to do for one that does not count."""
        if self.protocol >= 2:
            self._demand(codes.FRESH_CELLS, b"", "that the cells are fresh")

    def measure(self) -> tuple[int, int]:
        """Millivolts and milliamperes of the pack as it works now; ``PartError`` when the gauge or the supervisor is silent."""
        if self.protocol < 2:
            raise PartError(PART, "is older than this question: update it")
        self._demand(codes.MEASURE, b"", "a reading of its battery gauge")
        return self._told[codes.MEASURE] & 0xFFFF, self._told[codes.MEASURE] >> 16

    @property
    def firmware(self) -> str:
        """Its version, ``major.minor.patch``; ``PartError`` before it has answered."""
        if self.peer is None:
            raise PartError(PART, "does not answer: check the UART's wires and its own USB for a traceback")
        return f"{self.peer.major}.{self.peer.minor}.{self.peer.patch}"

    def settle(self, deployment: Deployment) -> None:
        """Hand over the protocol's numbers; the supervisor keeps them and writes its flash only when they have changed."""
        settings, ladder = settings_of(deployment), steps(deployment.station.chemistry, deployment.protocol)
        if self.ask(codes.SETTINGS, frames.pack_settings(settings, ladder)) == codes.RESULT_REFUSED:
            # An older supervisor knows no steps but its own: it gets the rest, until its update has come.
            self._demand(codes.SETTINGS, frames.pack_settings(settings), "the protocol's settings")

    def _demand(self, type_: int, payload: bytes, what: str) -> None:
        result = self.ask(type_, payload)
        if result != codes.RESULT_DONE:
            raise PartError(PART, f"did not take {what}: {codes.RESULT_NAMES.get(result, result)}")

    # --- the line ---------------------------------------------------------------------------------------------------

    def _wait(self, timeout_s: float, enough: Callable[[], bool], alive: bool = False) -> None:
        """Listen until ``enough`` or the time-out; a hand-over that is under way is waited for a little longer."""
        deadline = self._seconds() + timeout_s
        self._listen(0.0)
        while not enough():
            now = self._seconds()
            if self.peer is None and now - self._hello_at >= HELLO_EVERY_S:
                self._hello_at = now
                self._write(codes.HELLO, frames.pack_hello(HELLO))
            if alive and self.peer is not None and now - self._beat_at >= BEAT_EVERY_S:
                self.send(codes.HEARTBEAT, bytes((codes.PI_ARMED,)))
            if self._ring.overdue(now):
                self._write(codes.SEND_RING, frames.pack_u32(self._ring.wanted))
            left_s = max(deadline, self._ring.patience if alive else 0.0) - now
            if left_s <= 0:
                return
            self._listen(min(left_s, HELLO_EVERY_S if self.peer is None else 0.5))

    def _listen(self, timeout_s: float) -> None:
        for frame in self._reader.feed(self._port.read(timeout_s)):
            try:
                self._take(frame)
            except ValueError:
                self._reader.bad += 1  # whole, but of a size that this protocol does not know

    def _take(self, frame: Frame) -> None:
        if frame.type == codes.HELLO:
            self.peer = frames.unpack_hello(frame.payload)
        elif frame.type in (codes.WAKE, codes.TRIGGER):
            self._take_wake(frame)
        elif frame.type == codes.RESULT and len(frame.payload) in (2, 6):
            self._results[frame.payload[0]] = frame.payload[1]
            self._told[frame.payload[0]] = frames.unpack_u32(frame.payload[2:]) if frame.payload[2:] else 0
        elif frame.type == codes.RING:
            self._ring.take(frame)
        elif frame.type == codes.RING_END and self._ring.open:
            self._queue.extend(self._ring.end(frames.unpack_ring_end(frame.payload), self._seconds()))

    def _take_wake(self, frame: Frame) -> None:
        wake = frames.unpack_wake(frame.payload)
        self._clock = (self._seconds(), wake.rtc_s, not wake.flags & codes.FLAG_RTC_COMPROMISED)
        if wake.wake_number > self._newest:
            self._newest = wake.wake_number
            self._queue.append(frame)

    def _confirm(self, sequence: int) -> None:
        if self._ring.confirmed(sequence):
            self._write(codes.RING_ACK, frames.pack_u32(sequence))
            if self._ring.open:
                self.collect(sequence)

    def _write(self, type_: int, payload: bytes) -> None:
        self._sequence = (self._sequence + 1) & 0xFF
        self._port.write(frames.encode(type_, self._sequence, payload))


def settings_of(deployment: Deployment) -> frames.Settings:
    """What a SETTINGS frame says of a deployment."""
    protocol, names = deployment.protocol, {name: number for number, name in codes.CHEMISTRY_NAMES.items()}
    return frames.Settings(
        protocol.hold_off_ms, protocol.stay_up_ms, protocol.settle_ms, protocol.flood_triggers, protocol.flood_refill_s,
        protocol.heartbeat_hour, int(protocol.leds), names[deployment.station.chemistry], protocol.budget_mah,
    )  # fmt: skip
