"""The pretend RP2040: the real supervisor policy (``trap_supervisor.life``) on pretend pins, in virtual time.

As on the real board: the latch closes on a PIR edge or an RTC alarm, a ``Life`` begins, is told what happens, and every
action it returns is carried out in order. Frames to and from the Pi are real bytes. When the rail falls under a running Pi,
``PowerCut`` goes through whatever the Pi was doing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import Any

from trap_sim.clock import EPOCH, Rtc
from trap_sim.power import Supply
from trap_sim.ring import Ring
from trap_sim.uart import Uart
from trap_sim.vtime import PowerCut, VirtualTime
from trap_supervisor import actions
from trap_supervisor import settings as rules
from trap_supervisor.actions import Action
from trap_supervisor.life import Causes, Life, Sample
from trap_wire import codes, frames
from trap_wire.errors import PartError

LATCH_MS = 150  # power to the first line of MicroPython
SAMPLE_MS = 1_000
BATCH = 64  # ring records in one hand-over, as trap_supervisor.body
TICK_MS = 250  # what is overdue is looked at again this often
DEAD_MV = 2_700  # the converter cannot start below this


@dataclass(frozen=True, slots=True)
class Readings:
    """What the board's sensors say at a moment; None where one does not answer."""

    celsius: float | None
    lux: float | None


Sense = Callable[[], Readings]


@dataclass(frozen=True, slots=True)
class Pins:
    """What is soldered to the board."""

    rtc: Rtc
    supply: Supply
    uart: Uart
    sense: Sense


class Board:
    """One supervisor. ``pi_wanted`` is true from RAIL_ON until the rail falls; ``memory`` is its flash, empty when new."""

    def __init__(self, time: VirtualTime, pins: Pins, settings: Mapping[str, Any], memory: bytes = b"") -> None:
        self._time = time
        self._rtc, self._supply, self._uart, self._sense = pins.rtc, pins.supply, pins.uart, pins.sense
        self._settings = dict(settings)
        self._reader = frames.Reader()
        self._life: Life | None = None
        self.memory = memory
        self._begun = False
        self._since_ms = 0
        self._sequence = 0
        self._alarm = 0
        self._tick_at: int | None = None
        self._ring = Ring()
        self.pi_wanted = False
        self.pi_running = False
        self.wakes = 0
        self.pulses = 0

    # --- what the world does to it ------------------------------------------------------------------------------

    def switch_on(self) -> None:
        """A technician puts the batteries in."""
        self._close_latch(Causes(pir=False, alarm=False, host=False, watchdog=False))

    def pulse(self) -> None:
        """A rising edge of the PIR."""
        self.pulses += 1
        if self._life is None:
            self._close_latch(Causes(pir=True, alarm=False, host=False, watchdog=False))
        elif self._begun:  # an edge while MicroPython starts is the edge that started it
            self._do(self._life.pulse(self._now(), self._rtc_s()))

    def cable(self) -> None:
        """A laptop's cable is in: the latch closes for it, unless the supervisor is awake anyway."""
        if self._life is None:
            self._close_latch(Causes(pir=False, alarm=False, host=True, watchdog=False))
        elif self._begun:
            self._do(self._life.host(self._now(), self._rtc_s()))

    def hear(self, data: bytes) -> None:
        """Bytes from the Pi."""
        for frame in self._reader.feed(data):
            if self._life is not None:
                self._do(self._life.frame(self._now(), self._rtc_s(), frame))

    def halted(self) -> None:
        """The Pi's halt signal: its code has ended in order."""
        self.pi_running = False
        if self._life is not None:
            self._do(self._life.tick(self._now(), self._rtc_s(), halted=True))

    def power_lost(self) -> None:
        """Everything goes dark: a loose contact, or a battery that gives up. What was not remembered is forgotten."""
        self._supply.switch(supervisor=False, pi=False)
        self._life, self._tick_at = None, None
        self.pi_wanted = self.pi_running = False
        self._uart.clear()

    # --- inside -------------------------------------------------------------------------------------------------

    def _close_latch(self, causes: Causes) -> None:
        if self._supply.millivolts() < DEAD_MV:
            return
        self._supply.switch(supervisor=True)
        self._since_ms = self._time.ms
        self._reader = frames.Reader()
        life = self._life = Life(self._settings, self.memory)
        self._begun = False
        self._time.at(self._time.ms + LATCH_MS, lambda: self._begin(life, causes))

    def _begin(self, life: Life, causes: Causes) -> None:
        if self._life is life:
            self._begun = True
            self._do(life.start(self._now(), self._rtc_s(), causes, self._sample()))
            self._keep_sampling(life)

    def _keep_sampling(self, life: Life) -> None:
        if self._life is life:
            self._do(life.sample(self._now(), self._rtc_s(), self._sample()))
        if self._life is life:
            self._time.at(self._time.ms + SAMPLE_MS, lambda: self._keep_sampling(life))

    def _tick(self, life: Life, due: int) -> None:
        if self._life is life and self._tick_at == due:
            self._tick_at = None
            self._do(life.tick(self._now(), self._rtc_s()))

    def _ring_alarm(self, rtc_s: int) -> None:
        if self._alarm != rtc_s:
            return
        if self._rtc_s() < rtc_s:  # the RTC was set back or runs slow
            self._time.at(self._time.ms + 1_000 * (rtc_s - self._rtc_s()), lambda: self._ring_alarm(rtc_s))
            return
        self._alarm = 0
        if self._life is None:
            self._close_latch(Causes(pir=False, alarm=True, host=False, watchdog=False))
        elif self._begun:
            self._do(self._life.alarm(self._now(), self._rtc_s()))

    def _do(self, todo: list[Action]) -> None:
        """Carry out actions in order; then let a Pi whose rail fell feel it."""
        for action in todo:
            self._carry_out(action)
        if self.pi_running and not self.pi_wanted:
            self.pi_running = False
            raise PowerCut("the supervisor has cut the rail")
        self._plan_tick()

    def _plan_tick(self) -> None:
        life = self._life
        deadline = life.deadline_ms() if life is not None else None
        if life is None or deadline is None:
            self._tick_at = None
            return
        due = max(self._since_ms + deadline, self._time.ms + TICK_MS)
        if due != self._tick_at:
            self._tick_at = due
            self._time.at(due, lambda: self._tick(life, due))

    def _carry_out(self, action: Action) -> None:
        if action.do == actions.SEND:
            self._send(action.value, action.payload)
        elif action.do == actions.RECORD:
            self._ring.add(action.payload)
        elif action.do == actions.REMEMBER:
            self.memory = action.payload
        elif action.do == actions.HAND_OVER:
            self._hand_over(action.value)
        elif action.do == actions.RELEASE:
            self._ring.release(action.value)
        elif action.do == actions.SET_RTC:
            self._set_rtc(action.value)
        else:
            self._switch(action)

    def _switch(self, action: Action) -> None:
        """Power, alarms and flash; what has no pretend part (LED, interlock, updates) is left out."""
        if action.do == actions.RAIL_ON:
            self._supply.switch(pi=True)
            self.pi_wanted = True
            self.wakes += 1
        elif action.do == actions.RAIL_OFF:
            self._supply.switch(pi=False)
            self._uart.clear()
            self.pi_wanted = False
        elif action.do == actions.DROP_LATCH:
            self._supply.switch(supervisor=False)
            self._life = None
        elif action.do == actions.STORE_SETTINGS:
            self._settings = rules.unpack(action.payload)
        elif action.do == actions.ARM:
            self._arm(action.value)

    def _arm(self, rtc_s: int) -> None:
        known, self._alarm = self._alarm, rtc_s
        if rtc_s and rtc_s != known:
            self._time.at(self._time.ms + 1_000 * max(0, rtc_s - self._rtc_s()), lambda: self._ring_alarm(rtc_s))

    def _send(self, type_: int, payload: bytes) -> None:
        self._sequence = (self._sequence + 1) & 0xFF
        self._uart.say(frames.encode(type_, self._sequence, payload))

    def _hand_over(self, first: int) -> None:
        """A batch of records, and where it ends; the Pi asks again from there."""
        batch = list(islice(self._ring.since(first), BATCH))
        for record in batch:
            self._send(codes.RING, frames.pack_record(record))
        last = batch[-1].sequence if batch else 0
        self._send(codes.RING_END, frames.pack_ring_end(frames.RingEnd(len(batch), last, self._ring.newest)))

    def _set_rtc(self, rtc_s: int) -> None:
        before, life = self._rtc_s(), self._life
        try:
            self._rtc.set(EPOCH + timedelta(seconds=rtc_s))
            ok = True
        except PartError:
            ok = False
        if life is not None:
            self._do(life.clock_set(self._rtc_s(), ok, self._rtc_s() - before))

    def _sample(self) -> Sample:
        self._supply.settle()
        said = self._sense()
        celsius = None if said.celsius is None else round(said.celsius * 100)
        lux = None if said.lux is None else min(65_535, round(said.lux))
        return Sample(
            self._supply.millivolts(), round(self._supply.milliamps()), celsius, lux, self._rtc.ok, self._ring.lost
        )

    def _now(self) -> int:
        return self._time.ms - self._since_ms

    def _rtc_s(self) -> int:
        return self._rtc.seconds()
