"""The life given hands: reads the parts, tells the life, carries out its actions on ring, memory, UART and pins.

All that is hardware stands behind one object, ``Board``; the real one is ``trap_supervisor.board``.
"""

import struct

from trap_supervisor import actions
from trap_supervisor import settings as rules
from trap_supervisor.actions import Action
from trap_supervisor.files import Files
from trap_supervisor.life import Causes, Life
from trap_supervisor.ring import Ring
from trap_supervisor.senses import Sample
from trap_supervisor.slots import Slots, Staging
from trap_supervisor.watchdog import Watchdog
from trap_wire import codes, frames
from trap_wire.crc16 import crc16

SAMPLE_MS = 500
RTC_MS = 250
BATCH = 64  # ring records in one hand-over: 1.3 kB, well inside the Pi's 4 kB of tty buffer
TRIAL_AFTER_S = 10
_STATIONS = ("pir", "uart", "sample", "tick")
_MEMORY, _SETTINGS = "memory", "settings"


class Board:
    """What the body needs of the hardware. Nothing here may raise; what is absent answers None or False."""

    def ms(self) -> int:
        """Milliseconds since power-up, never stepping."""
        raise NotImplementedError

    def edges(self) -> int:
        """Rising edges of the PIR since the last call."""
        raise NotImplementedError

    def pir_high(self) -> bool:
        """Level of the PIR."""
        raise NotImplementedError

    def halted(self) -> bool:
        """The Pi's halt signal."""
        raise NotImplementedError

    def cable(self) -> bool:
        """A laptop's cable is in."""
        raise NotImplementedError

    def bitten(self) -> bool:
        """This power-up is the watchdog's doing."""
        raise NotImplementedError

    def hear(self) -> bytes:
        """What came from the Pi."""
        raise NotImplementedError

    def say(self, data: bytes) -> None:
        """Send to the Pi."""
        raise NotImplementedError

    def switch(self, do: int, on: bool) -> None:
        """Drive the pin of HOLD_LATCH, RAIL_ON, LED, INTERLOCK or WAKE_LINE."""
        raise NotImplementedError

    def battery(self) -> "tuple[int | None, int | None]":
        """Pack mV and mA."""
        raise NotImplementedError

    def temperature_cc(self) -> "int | None":
        """Hundredths of a degree Celsius."""
        raise NotImplementedError

    def light_lux(self) -> "int | None":
        """Light level."""
        raise NotImplementedError

    def now(self) -> "tuple[int, bool]":
        """The RTC's UTC seconds, and whether to believe them."""
        raise NotImplementedError

    def set_clock(self, utc_s: int) -> bool:
        """Set the RTC."""
        raise NotImplementedError

    def arm(self, utc_s: int) -> None:
        """Set the RTC's alarm; 0 switches it off."""
        raise NotImplementedError

    def alarm(self) -> bool:
        """The RTC's alarm has fired."""
        raise NotImplementedError

    def feed(self) -> None:
        """Keep the watchdog quiet."""
        raise NotImplementedError


class Body:
    """One power-up. ``start`` once, then ``round`` for as long as there is power."""

    def __init__(self, board: Board, files: Files, slots: Slots) -> None:
        self._board, self._files, self._slots = board, files, slots
        self._ring = Ring(files)
        self._staging = Staging(files, slots, board.feed)
        self._reader = frames.Reader()
        self._dog = Watchdog(dict.fromkeys(_STATIONS, 30000))
        settings, self._spoilt = _settings(files.read(_SETTINGS))
        self.life = Life(settings, files.read(_MEMORY))
        self._sequence = self._told_bad = 0
        self._cable = False
        self._rtc = (0, False)
        self._rtc_ms = self._sample_ms = -1_000_000
        self.dropped = False  # the latch was let go; power may last a little longer
        self.failures = 0  # writes that the flash refused, pieces of a round that failed

    def start(self) -> None:
        """Why did I wake? Everything follows from the answer."""
        board = self._board
        board.switch(actions.HOLD_LATCH, True)
        self._rtc, self._rtc_ms = board.now(), board.ms()
        self._cable = board.cable()
        # Only the PIR's edge closes the latch; its level says nothing beside an alarm or a cable, it may be stuck.
        alarm = board.alarm()
        moved = board.edges() > 0 or (board.pir_high() and not alarm and not self._cable)
        causes = Causes(moved, alarm, self._cable, board.bitten())
        if self._slots.event:
            self._record(codes.RECORD_UPDATE, self._slots.event, self._slots.trial or self._slots.active)
        if self._spoilt:
            self._record(codes.RECORD_FAULT, codes.FAULT_SETTINGS, 1)
        self.life.trial = self._slots.trial > 0
        self._do(self.life.start(board.ms(), self._rtc[0], causes, self._sample()))

    def round(self) -> None:
        """Once through everything; a part that fails does not keep the others waiting."""
        for station, visit in zip(_STATIONS, (self._watch_pir, self._listen, self._measure, self._tick)):
            try:
                visit()
                self._dog.alive(station, self._board.ms())
            except OSError:
                self.failures += 1
        if self._dog.may_feed(self._board.ms()):
            self._board.feed()

    # --- stations ---------------------------------------------------------------------------------------------

    def _watch_pir(self) -> None:
        for _ in range(min(self._board.edges(), 100)):
            self._do(self.life.pulse(self._board.ms(), self._now_s()))
        cable = self._board.cable()
        if cable and not self._cable:
            self._do(self.life.host(self._board.ms(), self._now_s()))
        self._cable = cable

    def _listen(self) -> None:
        for frame in self._reader.feed(self._board.hear()):
            self._do(self.life.frame(self._board.ms(), self._now_s(), frame))

    def _measure(self) -> None:
        now_ms = self._board.ms()
        if now_ms - self._rtc_ms >= RTC_MS:
            self._rtc, self._rtc_ms = self._board.now(), now_ms
        if now_ms - self._sample_ms >= SAMPLE_MS:
            self._sample_ms = now_ms
            self._do(self.life.sample(now_ms, self._now_s(), self._sample()))
            if self._board.alarm():
                self._board.arm(0)
                self._do(self.life.alarm(now_ms, self._now_s()))

    def _tick(self) -> None:
        board = self._board
        self._do(self.life.tick(board.ms(), self._now_s(), board.halted(), board.pir_high()))
        board.switch(actions.WAKE_LINE, self.life.waiting)

    def _sample(self) -> Sample:
        mv, ma = self._board.battery()
        return Sample(
            mv, ma, self._board.temperature_cc(), self._board.light_lux(), self._rtc[1], self._ring.lost,
        )  # fmt: skip

    def _now_s(self) -> int:
        """RTC seconds; between two readings of the RTC they are counted on."""
        return self._rtc[0] and self._rtc[0] + (self._board.ms() - self._rtc_ms) // 1_000

    # --- actions ----------------------------------------------------------------------------------------------

    def _do(self, todo: "list[Action]") -> None:
        for action in todo:
            try:
                self._carry_out(action)
            except OSError:  # a flash that fails must not stop the camera
                self.failures += 1

    def _carry_out(self, action: Action) -> None:
        do = action.do
        if do in _PINS:
            self._board.switch(*_PINS[do])
            if do == actions.RAIL_OFF:
                self._tell_noise()
            self.dropped = do == actions.DROP_LATCH or (self.dropped and do != actions.HOLD_LATCH)
        elif do in (actions.LED, actions.INTERLOCK):
            self._board.switch(do, bool(action.value))
        elif do == actions.SEND:
            self._send(action.value, action.payload)
        elif do == actions.ARM:
            on_trial_s = self._now_s() + TRIAL_AFTER_S
            self._board.arm(on_trial_s if self._slots.trial and not self.life.trial else action.value)
        elif do == actions.SET_RTC:
            self._set_clock(action.value)
        else:
            self._keep(action)

    def _keep(self, action: Action) -> None:
        """What touches the flash."""
        do = action.do
        if do == actions.RECORD:
            self._ring.add(action.payload)
        elif do == actions.REMEMBER:
            self._files.write(_MEMORY, action.payload)
        elif do == actions.HAND_OVER:
            self._hand_over(action.value)
        elif do == actions.RELEASE:
            self._ring.release(action.value)
        elif do == actions.STORE_SETTINGS:
            keep_settings(self._files, action.payload)
        elif do == actions.UPDATE:
            self._update(action.value, action.payload)
        elif do == actions.CONFIRM and self._slots.confirm():
            self._record(codes.RECORD_UPDATE, codes.UPDATE_CONFIRMED, self._slots.active)

    def _hand_over(self, first: int) -> None:
        """A batch of records, and what was in it, so that the Pi can tell a lost frame from the end."""
        batch = self._ring.since(first, BATCH)
        for payload in batch:
            self._send(codes.RING, payload)
        last = frames.unpack_record(batch[-1]).sequence if batch else 0
        self._send(codes.RING_END, frames.pack_ring_end(frames.RingEnd(len(batch), last, self._ring.newest)))

    def _update(self, type_: int, payload: bytes) -> None:
        try:
            result = self._staging.take(type_, payload)
        except OSError:
            result = codes.RESULT_FAILED
        if type_ == codes.UPDATE_COMMIT and result == codes.RESULT_DONE:
            self._record(codes.RECORD_UPDATE, codes.UPDATE_STAGED, self._slots.trial)
        self._send(codes.RESULT, bytes((type_, result)))

    def _set_clock(self, utc_s: int) -> None:
        before = self._now_s()
        ok = self._board.set_clock(utc_s)
        self._rtc, self._rtc_ms = self._board.now(), self._board.ms()
        self._do(self.life.clock_set(self._rtc[0], ok, self._rtc[0] - before))

    def _tell_noise(self) -> None:
        """What the line broke on its way here while the Pi was up; its own count is the Pi's to tell."""
        broken, self._told_bad = self._reader.bad - self._told_bad, self._reader.bad
        if broken:
            self._record(codes.RECORD_LINE, 0, broken)

    def _record(self, kind: int, code: int, value: int) -> None:
        self._ring.add(frames.pack_record(frames.Record(0, self._rtc[0], kind, code, value)))

    def _send(self, type_: int, payload: bytes) -> None:
        self._sequence = (self._sequence + 1) & 0xFF
        self._board.say(frames.encode(type_, self._sequence, payload))


_PINS = {
    actions.HOLD_LATCH: (actions.HOLD_LATCH, True),
    actions.DROP_LATCH: (actions.HOLD_LATCH, False),
    actions.RAIL_ON: (actions.RAIL_ON, True),
    actions.RAIL_OFF: (actions.RAIL_ON, False),
}


def keep_settings(files: Files, payload: bytes) -> None:
    """What SETTINGS carried, for the next power-up. The Pi tells them at every boot: written only when they have changed."""
    settings = payload + struct.pack("<H", crc16(payload))
    if settings != files.read(_SETTINGS):
        files.write(_SETTINGS, settings)


def _settings(raw: bytes) -> "tuple[dict[str, int], bool]":
    """Settings that the Pi left, and whether they were there but cannot be read."""
    if not raw:
        return {}, False
    if len(raw) < 2 or struct.unpack("<H", raw[-2:])[0] != crc16(raw[:-2]):
        return {}, True
    try:
        return rules.unpack(raw[:-2]), False
    except ValueError:
        return {}, True
