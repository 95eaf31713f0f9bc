"""DS3231 on the Pi's own bus, for units without a supervisor (which owns the RTC otherwise).

- absent: one message with address and pins.
- slow: the bus repeats once, then it is absent.
- lying: the oscillator-stop flag, or two reads that disagree by more than a second, make the time not to be trusted;
  ``read`` says so, it never guesses. A field outside its range is a ``PartError``.
- gone in mid-use: ``PartError``; the kernel's clock goes on.

Datasheet: Maxim 19-5170 rev 10, tables 1 and 2.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

from trap.drivers.i2c import Bus
from trap_wire import pins
from trap_wire.errors import PartError

PART = "DS3231"
SECONDS, STATUS, TEMPERATURE = 0x00, 0x0F, 0x11
OSCILLATOR_STOPPED = 0x80


@dataclass(frozen=True, slots=True)
class RtcTime:
    """``trusted`` is False when the oscillator stood still since the clock was set, or two reads disagreed."""

    at: datetime
    trusted: bool
    temperature_c: float


class Timekeeper(Protocol):
    """What keeps the time while the Pi is off: a chip of our own, or the supervisor's."""

    def read(self) -> RtcTime:
        """Time and trust; ``PartError`` when it does not answer."""

    def set(self, now: datetime) -> None:
        """Set it; ``PartError`` when it does not take the time."""


class Rtc:
    """The RTC's registers."""

    def __init__(self, bus: Bus, address: int = pins.I2C_DS3231) -> None:
        self._bus = bus
        self._address = address

    def read(self) -> RtcTime:
        """Time (read twice), whether it is to be trusted, and the chip's temperature."""
        first, second = self._time(), self._time()
        stopped = self._bus.read(PART, self._address, STATUS, 1)[0] & OSCILLATOR_STOPPED
        agree = timedelta(0) <= second - first <= timedelta(seconds=1)
        high, low = self._bus.read(PART, self._address, TEMPERATURE, 2)
        celsius = (high - 256 if high & 0x80 else high) + (low >> 6) / 4
        return RtcTime(second, trusted=agree and not stopped, temperature_c=celsius)

    def set(self, now: datetime) -> None:
        """Set the time (UTC), clear the oscillator-stop flag, and prove both."""
        at = now.astimezone(UTC)
        fields = (at.second, at.minute, at.hour, at.isoweekday(), at.day, at.month, at.year - 2000)
        self._bus.write(PART, self._address, SECONDS, [_to_bcd(value) for value in fields])
        status = self._bus.read(PART, self._address, STATUS, 1)[0]
        self._bus.write(PART, self._address, STATUS, [status & ~OSCILLATOR_STOPPED & 0xFF])
        back = self.read()
        if not back.trusted or abs(back.at - at) > timedelta(seconds=2):
            raise PartError(
                PART, f"set to {at:%Y-%m-%d %H:%M:%S}, reads back {back.at:%Y-%m-%d %H:%M:%S}: is it a DS3231?"
            )

    def _time(self) -> datetime:
        raw = self._bus.read(PART, self._address, SECONDS, 7)
        second, minute, hour = _from_bcd(raw[0] & 0x7F), _from_bcd(raw[1] & 0x7F), _hour(raw[2])
        try:
            # Bit 7 of the month is the century, which this unit will not live to see set.
            return datetime(
                2000 + _from_bcd(raw[6]),
                _from_bcd(raw[5] & 0x1F),
                _from_bcd(raw[4] & 0x3F),
                hour,
                minute,
                second,
                tzinfo=UTC,
            )
        except ValueError as error:
            raise PartError(
                PART, f"gives no time ({raw.hex()}): {error}; set it with 'manul deploy' or replace it"
            ) from error


def _hour(raw: int) -> int:
    """24-hour count; the 12-hour mode that other software may have left is understood."""
    if not raw & 0x40:
        return _from_bcd(raw & 0x3F)
    return _from_bcd(raw & 0x1F) % 12 + (12 if raw & 0x20 else 0)


def _from_bcd(raw: int) -> int:
    return (raw >> 4) * 10 + (raw & 0x0F)


def _to_bcd(value: int) -> int:
    return value // 10 << 4 | value % 10
