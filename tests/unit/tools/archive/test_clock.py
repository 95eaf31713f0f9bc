from datetime import timedelta

import pytest

from tests.pulled import START, Unit
from trap_tools.archive.clock import Anchor, Segment, complaints, correction
from trap_tools.archive.fold import log_of
from trap_tools.archive.layout import holdings
from trap_tools.archive.places import Sync
from trap_wire.entries import Kind, to_us

DAY = timedelta(days=1)


def log_from(unit):
    unit.close()
    return log_of(holdings(unit.root)[0], lambda fault: pytest.fail(str(fault)))


def visit(unit, ahead_s):
    """A host sets the clock, which was this many seconds ahead; behind it the unit's time is true."""
    true = unit.at - timedelta(seconds=ahead_s)
    entry = unit.add(Kind.CLOCK, unit_us=to_us(unit.at), host_us=to_us(true), cause="visit")
    unit.at = true
    return entry.sequence


def test_clock_that_gained_a_minute_between_visits_is_corrected_in_proportion(tmp_path):
    unit = Unit(tmp_path)
    visit(unit, 0)
    middle = unit.later(days=50).wake()
    unit.later(days=50)
    last = visit(unit, 60)
    clock = correction(log_from(unit))
    at = clock.correct_one_us(middle.sequence, to_us(middle.at))
    assert (to_us(middle.at) - at) / 1e6 == pytest.approx(30, abs=0.01)
    segment = clock.segment(middle.sequence)
    assert segment.drift_ppm == pytest.approx(60 / 8.64e6 * 1e6, rel=1e-3)  # 60 s in 100 days: 6.9 ppm fast
    # Known to a second at both fixes, and worst half way, where the nearest fix is 50 days off.
    assert segment.uncertainty_s(to_us(START)) == pytest.approx(1.0)
    assert segment.uncertainty_s(to_us(START + 50 * DAY)) == pytest.approx(1 + 50 * 86400 * 3.5e-6)
    assert clock.segment(last).first < clock.segment(last + 1).first


def test_time_behind_the_last_visit_stands_as_it_is_with_growing_doubt(tmp_path):
    unit = Unit(tmp_path)
    visit(unit, 5)
    late = unit.later(days=30).wake()
    clock = correction(log_from(unit))
    assert clock.correct_one_us(late.sequence, to_us(late.at)) == to_us(late.at)
    assert clock.segment(late.sequence).uncertainty_s(to_us(late.at)) == pytest.approx(1 + 30 * 86400 * 3.5e-6)


def test_unit_that_no_host_ever_saw_keeps_its_time_and_the_error_is_unknown(tmp_path):
    unit = Unit(tmp_path)
    wake = unit.wake()
    clock = correction(log_from(unit))
    assert clock.correct_one_us(wake.sequence, to_us(wake.at)) == to_us(wake.at)
    assert clock.segment(wake.sequence).uncertainty_s(to_us(wake.at)) is None


def test_rtc_that_stopped_breaks_the_line_and_times_behind_it_hang_on_the_next_visit(tmp_path):
    unit = Unit(tmp_path)
    visit(unit, 0)
    before = unit.later(days=10).wake()
    unit.at -= timedelta(days=3_000)  # the RTC starts again in the past
    after = unit.wake(flags=["rtc_compromised"])
    unit.later(days=10)
    visit(unit, -3_000 * 86_400)
    clock = correction(log_from(unit))
    assert clock.correct_one_us(before.sequence, to_us(before.at)) == to_us(before.at)
    assert clock.correct_one_us(after.sequence, to_us(after.at)) == to_us(after.at + 3_000 * DAY)
    assert [segment.cause for segment in clock.segments] == ["start", "visit", "rtc_compromised", "visit"]
    assert any("rtc compromised" in fault.words for fault in complaints("MN-01", clock))


def test_clock_that_ran_backwards_is_named_and_nothing_is_put_before_what_came_first(tmp_path):
    unit = Unit(tmp_path)
    first = unit.later(days=1).wake()
    unit.at -= timedelta(hours=5)
    second = unit.wake()
    clock = correction(log_from(unit))
    assert clock.segment(first.sequence) is not clock.segment(second.sequence)
    assert ["backwards" in fault.words for fault in complaints("MN-01", clock)] == [True]


def test_going_back_because_a_host_set_the_clock_is_no_complaint(tmp_path):
    unit = Unit(tmp_path)
    unit.boot()
    unit.later(days=20)
    visit(unit, 90)
    unit.wake()
    assert not list(complaints("MN-01", correction(log_from(unit))))


def test_step_that_nobody_recorded_shows_as_an_impossible_drift(tmp_path):
    unit = Unit(tmp_path)
    visit(unit, 0)
    unit.later(days=10)
    visit(unit, 3_600)
    (fault,) = complaints("MN-01", correction(log_from(unit)))
    assert "no crystal" in fault.words and "ppm" in fault.words


def test_photograph_of_a_gps_ties_a_clock_that_no_host_ever_set(tmp_path):
    unit = Unit(tmp_path)
    unit.boot()
    wake = unit.later(days=5).wake()
    shown = Sync(unit_time=wake.at, true_time=wake.at + timedelta(minutes=7))
    clock = correction(log_from(unit), [shown])
    assert clock.correct_one_us(wake.sequence, to_us(wake.at)) == to_us(wake.at + timedelta(minutes=7))
    assert clock.segment(wake.sequence).uncertainty_s(to_us(wake.at)) == pytest.approx(1.0)


def test_two_visits_within_a_minute_that_differ_by_a_second_are_no_step():
    minute = Segment(0, (Anchor(0, 0), Anchor(60_000_000, 1_000_000)), "start")
    assert not minute.stepped_unseen
    assert Segment(0, (Anchor(0, 0), Anchor(60_000_000, 9_000_000)), "start").stepped_unseen
