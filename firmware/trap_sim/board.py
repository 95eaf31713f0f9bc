"""The pretend RP2040: the supervisor as it is flashed, from its ``Body`` on, on pretend pins and in virtual time.

As on the real board: the latch closes on a PIR edge, an alarm or a cable, a ``Body`` begins on the flash as the last one left
it, and goes round. On the chip it goes round every 5 ms; here only when something has happened or is due, which is the same.
Frames to and from the Pi are real bytes. When the rail falls under a running Pi, ``PowerCut`` goes through whatever it did.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from trap_sim.clock import EPOCH, Rtc
from trap_sim.flash import Flash
from trap_sim.power import Supply
from trap_sim.uart import Uart
from trap_sim.vtime import PowerCut, VirtualTime
from trap_supervisor import actions, body
from trap_supervisor.slots import Slots
from trap_wire.errors import PartError

WATCHDOG_MS = 8_388  # from the last feed to the reset
LATCH_MS = 150  # power to the first line of MicroPython
SAMPLE_MS = 1_000
TICK_MS = 250  # what is overdue is looked at again this often
DEAD_MV = 2_700  # the converter cannot start below this


@dataclass(frozen=True, slots=True)
class Readings:
    """What the board's sensors say at a moment; None where one does not answer. ``gauge`` False: no voltage, no current."""

    celsius: float | None
    lux: float | None
    gauge: bool = True


Sense = Callable[[], Readings]


@dataclass(frozen=True, slots=True)
class Pins:
    """What is soldered to the board."""

    rtc: Rtc
    supply: Supply
    uart: Uart
    sense: Sense


class Board(body.Board):
    """One supervisor. ``pi_wanted`` is true from RAIL_ON until the rail falls; ``flash`` outlives its power."""

    def __init__(self, time: VirtualTime, pins: Pins, flash: Flash | None = None) -> None:
        self._time = time
        self._rtc, self._supply, self._uart, self._sense = pins.rtc, pins.supply, pins.uart, pins.sense
        self.flash = flash or Flash()
        self._body: body.Body | None = None
        self._begun = False
        self._since_ms = 0
        self._round_at: int | None = None
        self._alarm_s, self._fired = 0, False
        self._edges, self._plugged, self._halted = 0, False, False
        self._heard = b""
        self.pir_level = False
        self._hung = self._bitten = False
        self.pi_wanted = False
        self.pi_running = False
        self.wakes = 0
        self.pulses = 0

    # --- what the world does to it ------------------------------------------------------------------------------

    @property
    def awake(self) -> bool:
        """The latch is closed."""
        return self._body is not None

    def switch_on(self) -> None:
        """A technician puts the batteries in."""
        self._close_latch()

    def pulse(self) -> None:
        """A rising edge of the PIR."""
        self.pulses += 1
        if self._body is None:
            self._close_latch()
        elif self._begun:  # an edge while MicroPython starts is the edge that started it
            self._edges += 1
            self._go_round()

    def plug_in(self) -> None:
        """A laptop's cable is in: the latch closes for it, unless the supervisor is awake anyway."""
        self._plugged = True
        if self._body is None:
            self._close_latch()
        elif self._begun:
            self._go_round()

    def take(self, data: bytes) -> None:
        """Bytes from the Pi."""
        if self._body is not None and self._begun:
            self._heard += data
            self._go_round()

    def halt(self) -> None:
        """The Pi's halt signal: its code has ended in order."""
        self.pi_running, self._halted = False, True
        if self._body is not None:
            self._go_round()

    def hang(self) -> None:
        """The supervisor stands still (a bus that hangs): the watchdog resets it, and its pins let go of the Pi's rail."""
        if self._body is not None and not self._hung:
            self._hung, hung = True, self._body
            self._time.at(self._time.ms + WATCHDOG_MS, lambda: self._bite(hung))

    def _bite(self, hung: body.Body) -> None:
        if self._body is not hung:
            return
        running, self._bitten = self.pi_running, True
        self.power_lost()
        self._close_latch()
        if running:
            raise PowerCut("the watchdog has reset the supervisor")

    def power_lost(self) -> None:
        """Everything goes dark: a loose contact, or a battery that gives up. What was not remembered is forgotten."""
        self._supply.switch(supervisor=False, pi=False)
        self._body, self._round_at, self._hung = None, None, False
        self.pi_wanted = self.pi_running = False
        self._uart.clear()

    # --- inside -------------------------------------------------------------------------------------------------

    def _close_latch(self) -> None:
        if self._supply.millivolts() < DEAD_MV:
            return
        self._supply.switch(supervisor=True)
        self._since_ms, self._begun, self._round_at = self._time.ms, False, None
        self._heard, self._edges, self._halted = b"", 0, False
        started = self._body = body.Body(self, self.flash, Slots(self.flash))
        self._time.at(self._time.ms + LATCH_MS, lambda: self._begin(started))

    def _begin(self, started: body.Body) -> None:
        if self._body is started:
            self._begun = True
            started.start()
            self._after()

    def _go_round(self) -> None:
        if self._body is not None and not self._hung:
            self._body.round()
            self._after()

    def _after(self) -> None:
        """The latch may have opened; a Pi whose rail fell feels it; when to go round next."""
        if self._body is not None and self._body.dropped:
            self._body = None
        if self.pi_running and not self.pi_wanted:
            self.pi_running = False
            raise PowerCut("the supervisor has cut the rail")
        if self._body is None:
            self._round_at = None
            return
        deadline_ms = self._body.life.deadline_ms()
        due = self._time.ms + SAMPLE_MS
        if deadline_ms is not None:
            due = min(due, max(self._since_ms + deadline_ms, self._time.ms + TICK_MS))
        if self._round_at is None or due < self._round_at or self._round_at <= self._time.ms:
            self._round_at = due
            running = self._body
            self._time.at(due, lambda: self._due(running, due))

    def _due(self, running: body.Body, at: int) -> None:
        if self._body is running and self._round_at == at:
            self._go_round()

    def _ring_alarm(self, utc_s: int) -> None:
        if self._alarm_s != utc_s or self._rtc.faults.dead:
            return
        if self._rtc.seconds() < utc_s:  # the RTC was set back or runs slow
            self._time.at(self._time.ms + 1_000 * (utc_s - self._rtc.seconds()), lambda: self._ring_alarm(utc_s))
            return
        self._alarm_s, self._fired = 0, True
        if self._body is None:
            self._close_latch()
        elif self._begun:
            self._go_round()

    # --- trap_supervisor.body.Board -----------------------------------------------------------------------------

    def ms(self) -> int:
        """Milliseconds since the latch closed."""
        return self._time.ms - self._since_ms

    def edges(self) -> int:
        """Rising edges since the last call."""
        count, self._edges = self._edges, 0
        return count

    def pir_high(self) -> bool:
        """Level of the PIR; its pulses are edges only, unless a test holds it up."""
        return self.pir_level

    def halted(self) -> bool:
        """The Pi's halt signal."""
        return self._halted

    def cable(self) -> bool:
        """The cable counts once: whoever plays the laptop keeps the Pi up by talking to it."""
        plugged, self._plugged = self._plugged, False
        return plugged

    def bitten(self) -> bool:
        """The watchdog has begun this life."""
        bitten, self._bitten = self._bitten, False
        return bitten

    def hear(self) -> bytes:
        """What came from the Pi."""
        data, self._heard = self._heard, b""
        return data

    def say(self, data: bytes) -> None:
        """To the Pi."""
        self._uart.say(data)

    def switch(self, do: int, on: bool) -> None:
        """Power; LED, interlock and wake line have no pretend part."""
        if do == actions.RAIL_ON and on:
            self._supply.switch(pi=True)
            self._halted = False
            self.pi_wanted = True
            self.wakes += 1
        elif do == actions.RAIL_ON:
            self._supply.switch(pi=False)
            self._uart.clear()
            self.pi_wanted = False
        elif do == actions.HOLD_LATCH:
            self._supply.switch(supervisor=on)

    def battery(self) -> tuple[int | None, int | None]:
        """The gauge; current is negative out of the pack."""
        self._supply.settle()
        if not self._sense().gauge:
            return None, None
        return self._supply.millivolts(), -round(self._supply.milliamps())

    def temperature_cc(self) -> int | None:
        """Hundredths of a degree."""
        celsius = self._sense().celsius
        return None if celsius is None else round(celsius * 100)

    def light_lux(self) -> int | None:
        """The light."""
        lux = self._sense().lux
        return None if lux is None else min(65_535, round(lux))

    def now(self) -> tuple[int, bool]:
        """The RTC."""
        return self._rtc.seconds(), self._rtc.ok

    def set_clock(self, utc_s: int) -> bool:
        """Set the RTC."""
        try:
            self._rtc.set(EPOCH + timedelta(seconds=utc_s))
        except PartError:
            return False
        return True

    def arm(self, utc_s: int) -> None:
        """Alarm 1; clears one that has fired."""
        if self._rtc.faults.dead:
            return
        known, self._alarm_s, self._fired = self._alarm_s, utc_s, False
        if utc_s and utc_s != known:
            self._time.at(self._time.ms + 1_000 * max(0, utc_s - self._rtc.seconds()), lambda: self._ring_alarm(utc_s))

    def alarm(self) -> bool:
        """It has fired."""
        return self._fired

    def feed(self) -> None:
        """Only a round feeds, and ``hang`` ends the rounds."""
