import pytest

from tests.unit.drivers.fake_gpiod import FakeGpiod
from tests.unit.trap.parts import NOON
from trap.deployment import Protocol
from trap.drivers import gpio
from trap.drivers.flash import Flash
from trap.drivers.inputs import Input
from trap.drivers.lone import LoneSupervisor
from trap.ports import Vitals
from trap_wire import codes, frames
from trap_wire.energy.ladder import Ladder
from trap_wire.errors import PartError

PIR = 17
MS = 1_000_000


@pytest.fixture
def gpiod():
    return FakeGpiod()


@pytest.fixture
def pir(gpiod):
    return Input(PIR, "PIR, header pin 11", chip="/dev/gpiochip0", gpiod=gpiod)


def lone(pir, vitals=Vitals):
    return LoneSupervisor(pir, hold_off_ms=5_000, now=lambda: NOON, vitals=vitals)


def test_pack_that_is_too_low_for_triggers_takes_none_and_the_next_one_taken_tells_of_them(gpiod, pir):
    readings = [Vitals(battery_mv=mv, battery_ma=-120, temperature_c=20.0) for mv in (6_900, 5_400, 5_300, 6_900)]
    supervisor = LoneSupervisor(pir, 0, lambda: NOON, lambda: readings.pop(0), Ladder("lithium-aa-12", Protocol()))
    for n in range(4):
        gpiod.pull(PIR, high=True, at_ns=(1 + n) * 10_000 * MS)
        gpiod.pull(PIR, high=False, at_ns=(1 + n) * 10_000 * MS + 500 * MS)
    first, second = (wake_of(supervisor.receive(0.1)) for _ in range(2))
    assert (first.wake_number, first.ladder, first.throttled_triggers) == (1, codes.LADDER_FULL, 0)
    assert (second.wake_number, second.ladder, second.throttled_triggers) == (2, codes.LADDER_FULL, 2)
    assert supervisor.receive(0.02) is None


def wake_of(frame):
    assert frame.type == codes.WAKE
    return frames.unpack_wake(frame.payload)


def test_edges_come_in_order_with_the_kernels_time_stamps(gpiod, pir):
    gpiod.pull(PIR, high=True, at_ns=100 * MS)
    gpiod.pull(PIR, high=False, at_ns=250 * MS)
    first, second = pir.wait(0.1), pir.wait(0.1)
    assert [(e.rising, e.at_ns // MS) for e in (first, second)] == [(True, 100), (False, 250)]


def test_chatter_within_the_debounce_time_is_one_edge(gpiod, pir):
    for at_ms, high in ((100, True), (101, False), (102, True)):
        gpiod.pull(PIR, high=high, at_ns=at_ms * MS)
    assert pir.wait(0.1).rising
    assert pir.wait(0.02) is None


def test_time_stamps_are_asked_of_the_monotonic_clock_and_debounced_by_the_kernel(gpiod, pir):
    settings = gpiod.lines[PIR].settings
    assert settings.event_clock is gpiod.line.Clock.MONOTONIC
    assert settings.debounce_period.total_seconds() == 0.005


def test_quiet_line_gives_nothing_after_the_time_out(pir):
    assert pir.wait(0.02) is None


def test_line_that_somebody_else_has_is_named_with_its_header_pin(gpiod, pir):
    with pytest.raises(PartError, match=r"GPIO17 \(PIR, header pin 11\) cannot be taken: Device or resource busy"):
        Input(PIR, "PIR, header pin 11", chip="/dev/gpiochip0", gpiod=gpiod)


def test_chip_that_goes_away_in_mid_wait_is_a_fault_of_the_part(gpiod, pir):
    gpiod.gone = True
    with pytest.raises(PartError, match="line is gone"):
        pir.wait(0.1)


def test_board_without_the_header_chip_says_which_it_looked_for(gpiod, tmp_path):
    with pytest.raises(PartError, match=r"no chip labelled pinctrl-bcm2835.*seen: none"):
        gpio.header_chip(gpiod, devices=tmp_path)


def test_flash_is_lit_only_inside_and_dark_after_a_fault(gpiod):
    flash = Flash(chip="/dev/gpiochip0", gpiod=gpiod)
    with pytest.raises(RuntimeError), flash.lit():
        assert gpiod.lines[18].high
        raise RuntimeError("camera fell over")
    assert not gpiod.lines[18].high
    assert [value for _, value in gpiod.history] == ["ACTIVE", "INACTIVE"]


def test_pulse_on_a_unit_without_supervisor_becomes_the_same_wake(gpiod, pir):
    gpiod.pull(PIR, high=True)
    supervisor = lone(pir, lambda: Vitals(battery_mv=7_100, battery_ma=-90, temperature_c=-12.5))
    wake = wake_of(supervisor.receive(0.1))
    assert (wake.reason, wake.battery_mv, wake.temperature_cc) == (codes.REASON_PIR, 7_100, -1_250)
    assert wake.flags == codes.FLAG_LIGHT_MISSING
    assert wake.trigger_age_ms < 50


def test_second_pulse_inside_the_hold_off_does_not_wake_but_is_counted(gpiod, pir):
    supervisor = lone(pir)
    for at_ms, high in ((0, True), (200, False), (3_000, True), (3_200, False), (6_000, True)):
        gpiod.pull(PIR, high=high, at_ns=1_000 * MS + at_ms * MS)
    assert wake_of(supervisor.receive(0.1)).throttled_triggers == 0
    assert wake_of(supervisor.receive(0.1)).throttled_triggers == 1
    assert supervisor.receive(0.02) is None


def test_dead_gauge_is_flagged_and_the_trigger_counts(gpiod, pir):
    def dead():
        raise PartError("INA226", "no INA226 at 0x40")

    gpiod.pull(PIR, high=True)
    wake = wake_of(lone(pir, dead).receive(0.1))
    assert wake.flags & codes.FLAG_GAUGE_MISSING
