"""The I²C parts and the light sensor, over any object with MicroPython's ``readfrom_mem`` and ``writeto_mem``.

Register maps: INA226 datasheet SBOS547A table 7-1, INA219 SBOS448G table 2, DS3231 datasheet 19-5170 rev 10, figure 1.
A part that does not answer raises ``OSError`` inside and becomes None, or ``ok = False``, outside.
"""

import struct

SHUNT_MOHM = 20  # R of the gauge; hardware/bom.csv
TYPE_CHECKING = False  # MicroPython has no typing
if TYPE_CHECKING:
    from typing import Any

_DAY_S = 86_400
_2024 = 1_704_067_200  # no unit was built before
_OSF, _A1F = 0x80, 0x01
_INTCN, _A1IE, _BBSQW = 0x04, 0x01, 0x40


# Averages over about half a second, the time between two samples, so that no burst of current falls between them: INA226 512
# pairs of 588 µs shunt and 332 µs bus; INA219 128 samples of the shunt, 68 ms, the most it can.
_AVERAGE_226, _AVERAGE_219 = 0x4C9F, 0x39FF


class Gauge:
    """INA226, or INA219 where that one answers. It reads single values from its power-up on, averages after ``average``."""

    def __init__(self, i2c: "Any", address: int, shunt_mohm: int = SHUNT_MOHM) -> None:
        self._i2c, self._address, self._shunt_mohm = i2c, address, shunt_mohm

    def read(self) -> "tuple[int | None, int | None]":
        """Pack voltage in mV and current in mA, negative out of the pack; None, None when there is no gauge."""
        try:
            bus, shunt_uv2 = self._word(2), _signed(self._word(1))
            if self._is_226():  # 1.25 mV and 2.5 µV a step
                return bus * 5 // 4, -shunt_uv2 * 5 // (2 * self._shunt_mohm)
            return (bus >> 3) * 4, -shunt_uv2 * 10 // self._shunt_mohm  # 4 mV and 10 µV a step
        except OSError:
            return None, None

    def average(self) -> None:
        """From now on means, for counting charge. A gauge that does not answer goes on as it is."""
        try:
            config = _AVERAGE_226 if self._is_226() else _AVERAGE_219
            self._i2c.writeto_mem(self._address, 0, struct.pack(">H", config))
        except OSError:
            pass  # read() tells

    def _is_226(self) -> bool:
        try:
            return self._word(0xFE) == 0x5449  # "TI"; the INA219 has no such register
        except OSError:
            return False

    def _word(self, register: int) -> int:
        return int(struct.unpack(">H", self._i2c.readfrom_mem(self._address, register, 2))[0])


class Thermometer:
    """TMP117 of the cold build (SNOSD82 table 7-2), ±0.1 °C; it converts once a second from its power-up on."""

    def __init__(self, i2c: "Any", address: int) -> None:
        self._i2c, self._address = i2c, address

    def read_cc(self) -> "int | None":
        """Hundredths of a degree Celsius; None when there is none, or before its first conversion."""
        try:
            word = struct.unpack(">h", self._i2c.readfrom_mem(self._address, 0, 2))[0]
        except OSError:
            return None
        return None if word == -0x8000 else int(word * 25 // 32)  # 7.8125 millidegrees a step


class Clock:
    """DS3231 with its alarm 1. Its INT must work while VCC is off, so BBSQW is set with every alarm."""

    def __init__(self, i2c: "Any", address: int) -> None:
        self._i2c, self._address = i2c, address

    def now(self) -> "tuple[int, bool]":
        """UTC seconds and whether to believe them; 0, False when it does not answer. Read twice: the bus may lie once."""
        try:
            first, second = self._seconds(), self._seconds()
            stopped = self._read(0x0F, 1)[0] & _OSF
        except (OSError, ValueError):
            return 0, False
        return second, not stopped and 0 <= second - first <= 1 and second >= _2024

    def set(self, utc_s: int) -> bool:
        """True when it runs from there on: written, read back, the stop flag cleared."""
        try:
            self._write(0x00, _to_registers(utc_s))
            self._write(0x0F, bytes((self._read(0x0F, 1)[0] & ~_OSF & 0xFF,)))
            return 0 <= self._seconds() - utc_s <= 1
        except (OSError, ValueError):
            return False

    def arm(self, utc_s: int) -> bool:
        """Alarm 1 at this second (day of month to second must match), or off with 0. Clears one that has fired."""
        try:
            self._write(0x0F, bytes((self._read(0x0F, 1)[0] & ~_A1F & 0xFF,)))
            if utc_s:
                second, minute, hour, _, day = _to_registers(utc_s)[:5]
                self._write(0x07, bytes((second, minute, hour, day)))
            self._write(0x0E, bytes((_INTCN | _BBSQW | (_A1IE if utc_s else 0),)))
        except OSError:
            return False
        return True

    def fired(self) -> bool:
        """True when alarm 1 has fired and was not cleared."""
        try:
            return bool(self._read(0x0F, 1)[0] & _A1F)
        except OSError:
            return False

    def temperature_cc(self) -> "int | None":
        """Hundredths of a degree Celsius, in steps of 25."""
        try:
            return int(struct.unpack(">h", self._read(0x11, 2))[0] >> 6) * 25
        except OSError:
            return None

    def _seconds(self) -> int:
        return _from_registers(self._read(0x00, 7))

    def _read(self, register: int, count: int) -> bytes:
        return bytes(self._i2c.readfrom_mem(self._address, register, count))

    def _write(self, register: int, data: bytes) -> None:
        self._i2c.writeto_mem(self._address, register, data)


def lux(reading: int) -> int:
    """Light from a 16-bit ADC reading: TEMT6000 on 10 kΩ gives about 0.5 V at 100 lux; saturates near 650 lux."""
    return reading * 660 // 65_535


def _signed(word: int) -> int:
    return word - 0x10000 if word & 0x8000 else word


def _bcd(number: int) -> int:
    return number // 10 << 4 | number % 10


def _number(bcd: int, most: int) -> int:
    value = (bcd >> 4) * 10 + (bcd & 15)
    if bcd & 15 > 9 or value > most:
        raise ValueError("no number: %02x" % bcd)
    return value


def _to_registers(utc_s: int) -> bytes:
    year, month, day = _date(utc_s // _DAY_S)
    rest = utc_s % _DAY_S
    weekday = (utc_s // _DAY_S + 3) % 7 + 1
    fields = (rest % 60, rest // 60 % 60, rest // 3600, weekday, day, month, year % 100)
    return bytes([_bcd(field) for field in fields])


def _from_registers(raw: bytes) -> int:
    second, minute, hour = _number(raw[0] & 0x7F, 59), _number(raw[1] & 0x7F, 59), _number(raw[2] & 0x3F, 23)
    day, month, year = _number(raw[4] & 0x3F, 31), _number(raw[5] & 0x1F, 12), _number(raw[6], 99)
    return _days(2000 + year, month, day) * _DAY_S + hour * 3600 + minute * 60 + second


def _days(year: int, month: int, day: int) -> int:
    """Days since 1970 (Howard Hinnant, days_from_civil; own code because ports differ in time.mktime's epoch)."""
    year -= month <= 2
    era_year = year % 400
    day_of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    return year // 400 * 146_097 + era_year * 365 + era_year // 4 - era_year // 100 + day_of_year - 719_468


def _date(days: int) -> "tuple[int, int, int]":
    """Year, month, day (civil_from_days)."""
    days += 719_468
    rest = days % 146_097
    era_year = (rest - rest // 1460 + rest // 36_524 - rest // 146_096) // 365
    day_of_year = rest - (365 * era_year + era_year // 4 - era_year // 100)
    shifted = (5 * day_of_year + 2) // 153
    month = shifted + (3 if shifted < 10 else -9)
    return days // 146_097 * 400 + era_year + (month <= 2), month, day_of_year - (153 * shifted + 2) // 5 + 1
