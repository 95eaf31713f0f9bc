from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from trap_tools.report.scale import Axis, number_ticks, thinned, time_ticks

NOON = datetime(2026, 11, 1, 12, 10, tzinfo=UTC)


def test_night_is_ticked_in_whole_hours():
    labels = [label for _, label in time_ticks(NOON, NOON + timedelta(hours=14))]
    assert labels == ["15:00", "18:00", "21:00", "02.11."]


def test_year_is_ticked_in_months():
    labels = [label for _, label in time_ticks(NOON, NOON + timedelta(days=365))]
    assert labels == ["01.2027", "05.2027", "09.2027"] or len(labels) <= 5


@given(st.floats(-1e5, 1e5), st.floats(0.01, 1e5))
def test_number_ticks_lie_inside_and_are_few(low, span):
    ticks = number_ticks(low, low + span)
    assert len(ticks) <= 5
    assert all(low - span * 1e-6 <= tick <= low + span * (1 + 1e-6) for tick in ticks)


def test_thinned_series_keeps_its_extremes():
    points = [(float(n), float(n % 97)) for n in range(10_000)]
    points[5_000] = (5_000.0, -40.0)
    few = thinned(points, most=100)
    assert len(few) <= 200 and (5_000.0, -40.0) in few and few == sorted(few)


def test_axis_of_a_single_value_draws_it_at_the_start():
    assert Axis(3.0, 3.0, 10, 20)(3.0) == 10
