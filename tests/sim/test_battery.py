import pytest

from trap_sim.battery import PACK, Battery, capacity_mah
from trap_sim.power import Supply
from trap_sim.vtime import VirtualTime


def test_fresh_pack_is_seven_volts_and_sags_under_load():
    battery = Battery()
    assert battery.millivolts(0, 20) == pytest.approx(7_200, abs=50)
    assert battery.millivolts(400, 20) < battery.millivolts(0, 20)


def test_frost_takes_charge_and_adds_resistance():
    assert capacity_mah(-20) == pytest.approx(0.86 * capacity_mah(21), rel=0.01)
    assert PACK.resistance_ohm(0) == pytest.approx(2 * PACK.resistance_ohm(20), rel=0.01)


def test_cold_battery_can_be_flat_and_rise_again_in_the_sun():
    battery = Battery(used_mah=8_200)
    assert battery.left(-30) == 0
    assert battery.left(15) > 0.1


def test_voltage_falls_all_the_way_to_zero():
    volts = [Battery(used).millivolts(100, 20) for used in range(0, 16_000, 500)]
    assert volts == sorted(volts, reverse=True)
    assert volts[-1] == 0


def test_supply_pays_for_the_time_before_a_change():
    time, battery = VirtualTime(), Battery()
    supply = Supply(time, battery, lambda: 20.0)
    supply.switch(supervisor=True, pi=True)
    time.advance(3_600_000)
    supply.switch(supervisor=False, pi=False)
    used = battery.used_mah
    time.advance(3_600_000)
    supply.settle()
    assert used == pytest.approx(146, rel=0.1)  # 185 mA at 5 V out of 7.2 V at 89 %
    assert battery.used_mah - used == pytest.approx(0.0045, rel=0.01)
