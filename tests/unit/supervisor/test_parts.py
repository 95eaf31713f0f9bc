import struct

from tests.unit.supervisor.bench import NOON
from trap_supervisor import parts


class Bus:
    """Registers of one part, byte by byte; ``dead``: nobody acknowledges."""

    def __init__(self, registers=None):
        self.registers, self.dead = registers or {}, False
        self.writes = []

    def readfrom_mem(self, address, register, count):
        if self.dead:
            raise OSError(5)
        return bytes([self.registers.get(register + n, 0) for n in range(count)])

    def writeto_mem(self, address, register, data):
        if self.dead:
            raise OSError(5)
        self.writes.append((register, bytes(data)))
        for n, byte in enumerate(data):
            self.registers[register + n] = byte


def words(values):
    """INA registers: each is a word of its own, so register n and n + 1 do not share a byte in this bus."""

    class Words(Bus):
        def readfrom_mem(self, address, register, count):
            if self.dead:
                raise OSError(5)
            return struct.pack(">H", values.get(register, 0) & 0xFFFF)

    return Words()


def clock(utc_s=NOON, status=0):
    bus = Bus()
    for n, byte in enumerate(parts._to_registers(utc_s)):
        bus.registers[n] = byte
    bus.registers[0x0F] = status
    return bus, parts.Clock(bus, 0x68)


def test_ina226_reads_its_datasheet_steps():
    bus = words({0xFE: 0x5449, 2: 4_696, 1: 1_136})  # 5.87 V, 2.84 mV over 20 mΩ
    assert parts.Gauge(bus, 0x40).read() == (5_870, -142)


def test_ina219_is_told_apart_and_read_with_its_own_steps():
    bus = words({2: (1_467 << 3) | 2, 1: 284})
    assert parts.Gauge(bus, 0x40).read() == (5_868, -142)


def test_gauge_averages_over_the_time_between_two_samples_once_the_rail_is_on():
    bus = words({0xFE: 0x5449})
    parts.Gauge(bus, 0x40).average()
    ((register, config),) = bus.writes
    pairs, bus_us, shunt_us = 512, 332, 588  # SBOS547A tables 6 to 8
    assert (register, config) == (0, struct.pack(">H", 0x4000 | 6 << 9 | 2 << 6 | 3 << 3 | 7))
    assert 400 < pairs * (bus_us + shunt_us) / 1_000 < 500
    small = words({})
    parts.Gauge(small, 0x40).average()
    assert small.writes == [(0, b"\x39\xff")]


def test_gauge_that_is_dead_is_not_told_to_average():
    bus = words({})
    bus.dead = True
    parts.Gauge(bus, 0x40).average()


def test_thermometer_of_the_cold_build_reads_its_datasheets_values():
    for word, cc in (
        (0x0C80, 2_500),
        (0xF380, -2_500),
        (0xF100, -3_000),
        (0x8000, None),
    ):  # SNOSD82 table 7-1; reset value
        assert parts.Thermometer(words({0: word}), 0x48).read_cc() == cc
    dead = words({})
    dead.dead = True
    assert parts.Thermometer(dead, 0x48).read_cc() is None


def test_charging_current_is_positive():
    assert parts.Gauge(words({0xFE: 0x5449, 1: -800}), 0x40).read()[1] == 100


def test_gauge_that_does_not_answer_is_none_not_nought():
    bus = words({})
    bus.dead = True
    assert parts.Gauge(bus, 0x40).read() == (None, None)


def test_ds3231_registers_are_bcd_of_the_utc_date():
    assert parts._to_registers(1_795_608_000) == b"\x00\x00\x12\x03\x25\x11\x26"  # Wednesday, 2026-11-25 12:00:00


def test_every_day_for_eighty_years_goes_through_the_registers_unchanged():
    for utc_s in range(1_704_067_200, 4_102_444_800 - 86_400, 86_400 * 29 + 3_671):
        assert parts._from_registers(parts._to_registers(utc_s)) == utc_s


def test_leap_day_and_new_year_are_days():
    for utc_s in (1_835_395_200, 1_835_481_599, 1_798_761_599, 1_798_761_600):
        assert parts._from_registers(parts._to_registers(utc_s)) == utc_s


def test_good_clock_is_believed():
    assert clock()[1].now() == (NOON, True)


def test_stopped_oscillator_is_not_believed_but_still_counts():
    assert clock(status=0x80)[1].now() == (NOON, False)


def test_clock_before_any_unit_was_built_is_not_believed():
    assert clock(946_684_800)[1].now() == (946_684_800, False)


def test_registers_that_are_no_time_are_not_believed():
    bus, rtc = clock()
    bus.registers[1] = 0x7A
    assert rtc.now() == (0, False)


def test_dead_clock_says_nothing():
    bus, rtc = clock()
    bus.dead = True
    assert rtc.now() == (0, False)
    assert not rtc.set(NOON)
    assert not rtc.arm(NOON)
    assert not rtc.fired()
    assert rtc.temperature_cc() is None


def test_setting_clears_the_stop_flag():
    _, rtc = clock(status=0x80)
    assert rtc.set(NOON + 77)
    assert rtc.now() == (NOON + 77, True)


def test_alarm_matches_date_and_time_and_works_while_vcc_is_off():
    bus, rtc = clock(status=0x01)
    assert rtc.arm(NOON + 18 * 3_600)
    assert (bus.registers[7], bus.registers[8], bus.registers[9], bus.registers[10]) == (0x00, 0x00, 0x06, 0x26)
    assert bus.registers[0x0E] == 0x45  # BBSQW, INTCN, A1IE
    assert not rtc.fired()


def test_alarm_off_is_silent():
    bus, rtc = clock()
    rtc.arm(0)
    assert bus.registers[0x0E] == 0x44


def test_temperature_is_in_quarters_of_a_degree_also_below_nought():
    bus, rtc = clock()
    bus.registers[0x11], bus.registers[0x12] = 0xE6, 0x40  # -25.75 °C
    assert rtc.temperature_cc() == -2_575


def test_light_is_nought_in_the_dark_and_saturates():
    assert (parts.lux(0), parts.lux(65_535)) == (0, 660)
