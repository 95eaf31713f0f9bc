from datetime import UTC, datetime

import pytest

from tests.unit.drivers.fake_smbus import Chip, FakeSMBus, ds3231, ina219, ina226
from trap.drivers.gauge import Gauge
from trap.drivers.i2c import Bus
from trap.drivers.lone import battery_and_climate
from trap.drivers.rtc import Rtc
from trap_wire.errors import PartError


def gauge(**chips):
    bus = FakeSMBus(**chips)
    return Gauge(Bus(smbus=bus)), bus


def rtc(chip):
    bus = FakeSMBus(at68=chip)
    return Rtc(Bus(smbus=bus)), bus


def test_ina226_is_known_by_its_id_and_read_in_its_own_steps():
    meter, _ = gauge(at40=ina226(millivolts=17_100, shunt_uv=-1_600))
    read = meter.read()
    assert (meter.chip.name, read.battery_mv, read.battery_ma) == ("INA226", 17_100, -80)


def test_ina219_on_an_older_board_is_read_in_its_steps():
    meter, _ = gauge(at40=ina219(millivolts=7_200, shunt_uv=2_000))
    read = meter.read()
    assert (meter.chip.name, read.battery_mv, read.battery_ma) == ("INA219", 7_200, 100)


def test_absent_gauge_is_one_message_with_address_and_pins():
    meter, _ = gauge()
    with pytest.raises(
        PartError, match=r"no INA226 at 0x40: is it wired to pins 3 \(SDA\) and 5 \(SCL\)\? see hardware/wiring"
    ):
        meter.read()


def test_chip_that_does_not_keep_its_configuration_is_no_gauge():
    thermometer = Chip(2)
    thermometer.read_only = True
    meter, _ = gauge(at40=thermometer)
    with pytest.raises(PartError, match="read back 0x0000 at 0x40: not an INA226 or INA219"):
        meter.read()


def test_voltage_that_no_battery_has_is_said_and_never_a_reading():
    meter, _ = gauge(at40=ina226(millivolts=0))
    with pytest.raises(PartError, match="VBUS wire"):
        meter.read()


def test_single_failed_transfer_is_repeated_once():
    meter, bus = gauge(at40=ina226())
    bus.chips[0x40].refuse = 1
    assert meter.read().battery_mv == 7_200


def test_gauge_that_was_plugged_in_again_is_configured_anew():
    meter, bus = gauge(at40=ina226())
    meter.read()
    bus.chips[0x40].absent = True
    with pytest.raises(PartError):
        meter.read()
    bus.chips[0x40] = ina226(millivolts=6_000)
    assert meter.read().battery_mv == 6_000
    assert bus.chips[0x40].get(0x00, 2) == b"\x45\x27"


def test_shorted_bus_names_the_pins():
    meter, bus = gauge(at40=ina226())
    bus.hangs = True
    with pytest.raises(PartError, match="shorted"):
        meter.read()


def test_missing_bus_names_the_line_of_config_txt():
    with pytest.raises(PartError, match=r"smbus2 is not installed|i2c_arm=on"):
        Gauge(Bus(number=97)).read()


def test_rtc_reads_time_and_cold():
    clock, _ = rtc(ds3231())
    read = clock.read()
    assert (read.at, read.trusted, read.temperature_c) == (datetime(2026, 11, 25, 23, 59, 30, tzinfo=UTC), True, -12.75)


def test_stopped_oscillator_is_not_to_be_trusted():
    clock, _ = rtc(ds3231(status=0x80))
    assert not clock.read().trusted


def test_two_reads_that_disagree_are_not_to_be_trusted():
    clock, bus = rtc(ds3231())
    times = iter((b"\x00\x00\x10\x04\x25\x11\x26", b"\x00\x30\x10\x04\x25\x11\x26"))
    real = bus.read_i2c_block_data
    bus.read_i2c_block_data = lambda a, r, n: list(next(times)) if (r, n) == (0, 7) else real(a, r, n)
    assert not clock.read().trusted


def test_twelve_hour_mode_left_by_other_software_is_understood():
    clock, _ = rtc(ds3231("00 30 71 04 25 11 26"))
    assert clock.read().at.hour == 23


def test_impossible_date_is_a_fault_and_not_a_guess():
    clock, _ = rtc(ds3231("00 00 00 01 00 00 00"))
    with pytest.raises(PartError, match="gives no time"):
        clock.read()


def test_setting_clears_the_stop_flag_and_is_proved():
    clock, bus = rtc(ds3231(status=0x88))
    clock.set(datetime(2027, 2, 3, 4, 5, 6, tzinfo=UTC))
    assert bus.chips[0x68].get(0, 7).hex(" ") == "06 05 04 03 03 02 27"
    assert bus.chips[0x68].get(0x0F, 1) == b"\x08"


def test_rtc_that_does_not_take_the_time_is_said():
    chip = ds3231()
    chip.read_only = True
    clock, _ = rtc(chip)
    with pytest.raises(PartError, match="reads back 2026-11-25"):
        clock.set(datetime(2027, 2, 3, 4, 5, 6, tzinfo=UTC))


def test_dead_thermometer_takes_nothing_from_the_battery():
    bus = Bus(smbus=FakeSMBus(at40=ina226()))
    read = battery_and_climate(Gauge(bus), Rtc(bus))()
    assert (read.battery_mv, read.temperature_c) == (7_200, None)
