"""Clocks of a pretend unit: a DS3231 that drifts, stops or lies, and the Pi's clock that was set from it.

DS3231SN: ±2 ppm from 0 to 40 °C, ±3.5 ppm from −40 to 85 °C (datasheet, "Accuracy"); a Pi's own crystal: tens of ppm.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trap_sim.vtime import VirtualTime
from trap_wire.errors import PartError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass
class RtcFaults:
    """What is wrong with an RTC. ``stopped_at_ms``: the oscillator stops then, the flag OSF says so from then on.

    ``lies_by_s`` is added to what it shows without any flag (set wrong, or a bit flipped on the bus). ``lost_time``: it counts,
    but its flag says that it had stopped once. ``dead``: it does not answer at all, and no alarm of it comes.
    """

    stopped_at_ms: int | None = None
    lost_time: bool = False
    dead: bool = False
    lies_by_s: int = 0
    refuses_set: bool = False


class Rtc:
    """A DS3231 on a unit. ``started`` is the true UTC at virtual time 0; ``celsius`` tells the temperature at any moment."""

    def __init__(
        self,
        time: VirtualTime,
        started: datetime,
        celsius: Callable[[], float] = lambda: 20.0,
        ageing_ppm: float = 0.0,
        faults: RtcFaults | None = None,
    ) -> None:
        self._time = time
        self._started = started
        self._celsius = celsius
        self._ageing_ppm = ageing_ppm
        self.faults = faults or RtcFaults()
        self._seen_ms = time.ms
        self._error_ms = 0.0  # shown minus true

    @property
    def ok(self) -> bool:
        """False once the oscillator has stopped, until the clock is set again, and while it does not answer."""
        stopped = self.faults.stopped_at_ms
        running = stopped is None or self._time.ms < stopped
        return running and not self.faults.lost_time and not self.faults.dead

    def now(self) -> datetime:
        """What it shows, UTC."""
        self._drift()
        stopped = self.faults.stopped_at_ms
        ms = self._time.ms if stopped is None else min(self._time.ms, stopped)
        return self._started + timedelta(milliseconds=ms + self._error_ms, seconds=self.faults.lies_by_s)

    def seconds(self) -> int:
        """What it shows, whole UTC seconds since 1970, as on the bus; 0 when it does not answer."""
        return 0 if self.faults.dead else (self.now() - EPOCH) // timedelta(seconds=1)

    def set(self, now: datetime) -> None:
        """Step it; ``PartError`` when it does not take the time."""
        if self.faults.refuses_set or self.faults.dead:
            raise PartError("rtc", "does not take the time (no answer at 0x68): check its battery and its wires")
        self._drift()
        self.faults.stopped_at_ms, self.faults.lies_by_s, self.faults.lost_time = None, 0, False
        self._error_ms = (now - self._started) / timedelta(milliseconds=1) - self._time.ms

    def _drift(self) -> None:
        elapsed, self._seen_ms = self._time.ms - self._seen_ms, self._time.ms
        self._error_ms += elapsed * drift_ppm(self._ageing_ppm, self._celsius()) * 1e-6


def drift_ppm(ageing_ppm: float, celsius: float) -> float:
    """Drift of a DS3231: its ageing, and up to 1.5 ppm more in the cold or the heat beyond 0..40 °C."""
    outside = max(0.0, -celsius, celsius - 40.0)
    return ageing_ppm + min(1.5, outside * 1.5 / 40)


class SimClock:
    """``trap.ports.Clock`` of a pretend Pi: set from the RTC at boot and stepped together with it.

    ``step`` sets the RTC by way of the supervisor, which owns it; None sets it directly.
    """

    def __init__(self, time: VirtualTime, rtc: Rtc, step: Callable[[datetime], None] | None = None) -> None:
        self._time = time
        self._rtc = rtc
        self._step = step or rtc.set

    def now(self) -> datetime:
        """Unit time, UTC, as wrong as the RTC is."""
        return self._rtc.now()

    def monotonic_ms(self) -> int:
        """Virtual milliseconds, which never step."""
        return self._time.ms

    def set(self, now: datetime) -> None:
        """Step the RTC; ``PartError`` when it does not take it."""
        self._step(now)
