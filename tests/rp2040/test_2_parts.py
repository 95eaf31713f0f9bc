"""The parts on the bus, present and absent, as the firmware's own drivers and the RP2040's I2C block see them."""

import pytest

from tests.rp2040.emulator import NOON
from tests.rp2040.pi import Pi
from trap_wire import codes, frames, pins

DAY_S = 86_400
SIX_S = NOON - NOON % DAY_S + DAY_S + 6 * 3_600


def woken(pico):
    """WAKE of a motion."""
    pico.motion()
    pico.await_pin(pins.SUPERVISOR_PI_RAIL, 1)
    with Pi(pico) as pi:
        return pi.whole_wake()


def test_ina219_is_read_where_it_is_soldered_in(pico):
    pico.order("gauge", set={"kind": 219, "mv": 5_832, "ma": -150, "shuntMohm": 20})
    wake = woken(pico)
    assert (wake.battery_mv, wake.battery_ma) == (5_832, -150)


def test_dead_gauge_is_a_flag_and_a_record_and_no_reason_to_stay_dark(pico):
    pico.order("gauge", set={"dead": True})
    pico.motion()
    pico.await_pin(pins.SUPERVISOR_PI_RAIL, 1)
    with Pi(pico) as pi:
        assert pi.wake().flags & codes.FLAG_GAUGE_MISSING
        records = [(r.kind, r.code, r.value) for r in pi.ring()]
        pi.sleep()
    assert (codes.RECORD_FAULT, codes.FAULT_GAUGE, 1) in records


def test_alarm_closes_the_latch_at_six_and_the_flag_is_cleared_before_the_latch_drops(pico):
    assert pico.sleep(DAY_S)
    pico.await_pin(pins.SUPERVISOR_PI_RAIL, 1)
    with Pi(pico) as pi:
        wake = pi.whole_wake()
    assert wake.reason == codes.REASON_SCHEDULE
    assert 0 <= wake.rtc_s - SIX_S <= 3
    assert pico.await_dark() == "latch"
    assert pico.state()["alarm"] == SIX_S + DAY_S


def test_clock_that_stood_still_is_not_believed_until_the_pi_has_set_it(pico):
    pico.order("clock", set={"status": 0x80, "offset": -50_000_000})
    pico.motion()
    pico.await_pin(pins.SUPERVISOR_PI_RAIL, 1)
    with Pi(pico) as pi:
        assert pi.wake().flags & codes.FLAG_RTC_COMPROMISED
        pi.line.set_clock(NOON + 7_200)
        told, trusted = pi.line.rtc()
        assert trusted
        assert abs(told - NOON - 7_200) <= 1
        pi.sleep()
    assert pico.await_dark() == "latch"
    wake = woken(pico)
    assert not wake.flags & codes.FLAG_RTC_COMPROMISED
    assert 0 <= wake.rtc_s - NOON - 7_200 < 60


def test_dead_bus_still_answers_the_pir(pico):
    for part in ("gauge", "clock"):
        pico.order(part, set={"dead": True})
    wake = woken(pico)
    assert wake.reason == codes.REASON_PIR
    assert wake.flags & codes.FLAG_RTC_COMPROMISED
    assert wake.flags & codes.FLAG_GAUGE_MISSING


def test_long_ring_crosses_the_uart_at_its_own_pace_without_a_gap(pico):
    """Each night of dead gauge and back leaves records; a batch is longer than the UART's buffers."""
    for n in range(3):
        pico.order("gauge", set={"dead": n % 2 == 0})
        woken(pico)
        pico.await_dark()
        pico.order("pass", ms=600_000)
    pico.motion()
    pico.await_pin(pins.SUPERVISOR_PI_RAIL, 1)
    with Pi(pico) as pi:
        numbers = [record.sequence for record in pi.ring()]
        assert numbers == list(range(1, len(numbers) + 1))
        assert len(numbers) >= 10
        assert pi.line.bad_frames == 0
        pi.sleep()


@pytest.mark.parametrize("seconds", [20])
def test_walk_test_lights_the_led_and_tells_its_count(pico, seconds):
    pico.motion()
    pico.await_pin(pins.SUPERVISOR_PI_RAIL, 1)
    with Pi(pico) as pi:
        pi.wake()
        pi.line.walk_test(seconds)
        pi.sleep()
    for _ in range(3):
        pico.run_for(2_000)
        pico.pin(pins.SUPERVISOR_PIR, 1)
        pico.await_pin(pins.SUPERVISOR_LED, 1)
        pico.run_for(1_000)
        pico.pin(pins.SUPERVISOR_PIR, 0)
        pico.await_pin(pins.SUPERVISOR_LED, 0)
    assert pico.await_dark() == "latch"
    pico.order("pass", ms=60_000)
    pico.motion()
    pico.await_pin(pins.SUPERVISOR_PI_RAIL, 1)
    with Pi(pico) as pi:
        pi.wake()
        (count,) = [r.value for r in pi.ring() if r.kind == codes.RECORD_WALK_TEST]
        assert count == 3
        pi.sleep()
    assert frames.RECORD_SIZE == 14
