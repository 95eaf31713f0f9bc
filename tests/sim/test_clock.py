from datetime import UTC, datetime, timedelta

import pytest

from trap_sim.clock import Rtc, RtcFaults, SimClock, drift_ppm
from trap_sim.vtime import VirtualTime
from trap_wire.errors import PartError

START = datetime(2026, 10, 3, 9, tzinfo=UTC)
DAY_MS = 86_400_000


def rtc(**changes):
    time = VirtualTime()
    return time, Rtc(time, START, **changes)


def test_two_ppm_make_a_minute_in_a_year():
    time, clock = rtc(ageing_ppm=2.0)
    time.advance(365 * DAY_MS)
    assert (clock.now() - START - timedelta(days=365)).total_seconds() == pytest.approx(63, abs=1)


def test_hard_frost_makes_it_drift_more_but_within_the_data_sheet():
    assert drift_ppm(2.0, -30) > drift_ppm(2.0, 10)
    assert drift_ppm(2.0, -40) <= 3.5


def test_cold_spell_counts_only_while_it_lasts():
    cold = {"celsius": -40.0}
    time = VirtualTime()
    clock = Rtc(time, START, lambda: cold["celsius"])
    time.advance(DAY_MS)
    clock.now()
    cold["celsius"] = 20.0
    time.advance(DAY_MS)
    assert (clock.now() - START - timedelta(days=2)).total_seconds() == pytest.approx(1.5e-6 * 86_400, abs=0.01)


def test_stopped_oscillator_stands_still_and_says_so():
    time, clock = rtc(faults=RtcFaults(stopped_at_ms=1_000))
    time.advance(5_000)
    assert not clock.ok
    assert clock.now() == START + timedelta(seconds=1)


def test_lying_clock_says_nothing():
    _, clock = rtc(faults=RtcFaults(lies_by_s=-3_600))
    assert clock.ok
    assert clock.now() == START - timedelta(hours=1)


def test_setting_mends_a_stopped_clock():
    time, clock = rtc(faults=RtcFaults(stopped_at_ms=0))
    time.advance(60_000)
    clock.set(START + timedelta(hours=5))
    time.advance(1_000)
    assert clock.ok
    assert clock.now() == START + timedelta(hours=5, seconds=1)


def test_clock_that_lost_its_time_counts_on_and_says_so_until_it_is_set():
    time, clock = rtc(faults=RtcFaults(lost_time=True))
    time.advance(5_000)
    assert (clock.ok, clock.now()) == (False, START + timedelta(seconds=5))
    clock.set(START)
    assert clock.ok


def test_dead_clock_shows_nothing_and_takes_nothing():
    time, clock = rtc(faults=RtcFaults(dead=True))
    assert (clock.ok, clock.seconds()) == (False, 0)
    with pytest.raises(PartError, match="rtc"):
        SimClock(time, clock).set(START)


def test_clock_that_does_not_take_the_time_names_the_part():
    time, clock = rtc(faults=RtcFaults(refuses_set=True))
    with pytest.raises(PartError, match="rtc"):
        SimClock(time, clock).set(START)


def test_monotonic_milliseconds_do_not_step_with_the_clock():
    time, clock = rtc()
    unit = SimClock(time, clock)
    time.advance(500)
    unit.set(START + timedelta(days=300))
    assert unit.monotonic_ms() == 500
