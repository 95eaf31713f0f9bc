"""The kernel's clock; the RTC behind it is set through the supervisor, which owns it, or here on units without one.

- absent (no RTC), lying (its oscillator stood still): said in words at start, the kernel's time is kept as it is.
- slow (a bus that repeats): the start waits for at most two transfers, a supervisor's answer for three tries.
- gone in mid-use: a host's time is set all the same, ``PartError`` says that it will be lost with the power.
- no right to set the time: ``PartError`` names the capability.
"""

import time
from datetime import UTC, datetime

from trap.drivers.rtc import Timekeeper
from trap_wire.errors import PartError


class SystemClock:
    """``trap.ports.Clock`` over the kernel's clocks. Setting needs CAP_SYS_TIME, which the service has and a shell has not."""

    def now(self) -> datetime:
        """UTC."""
        return datetime.now(UTC)

    def monotonic_ms(self) -> int:
        """CLOCK_MONOTONIC in milliseconds."""
        return time.monotonic_ns() // 1_000_000

    def set(self, now: datetime) -> None:
        """Step the kernel's clock."""
        try:
            time.clock_settime(time.CLOCK_REALTIME, now.timestamp())
        except OSError as error:
            raise PartError("clock", f"not set ({error.strerror}): trapd needs CAP_SYS_TIME") from error


class BackedClock(SystemClock):
    """The kernel's clock with a DS3231 behind it, our own or the supervisor's."""

    def __init__(self, rtc: Timekeeper) -> None:
        self._rtc = rtc

    def set(self, now: datetime) -> None:
        """Step the kernel's clock, then the RTC: a dead RTC is said, and the time is right until the next power cut."""
        super().set(now)
        self._rtc.set(now)

    def adopt(self) -> str:
        """Take the RTC's time after power came up; words when it is absent or not to be trusted, and is not taken."""
        try:
            read = self._rtc.read()
            if not read.trusted:
                return f"RTC says {read.at:%Y-%m-%d %H:%M} but its oscillator stood still: set the time with 'manul deploy'"
            super().set(read.at)
        except PartError as error:
            return str(error)
        return ""
