import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pulled import START, Unit
from trap_tools.analysis.detections import MINUTE_US, independent
from trap_tools.analysis.histories import histories
from trap_tools.analysis.rates import rates
from trap_tools.analysis.solar import day_length_h, equation_of_time_min, solar_hour
from trap_tools.archive.whole import whole
from trap_tools.observers.labels import Label, Labels


def say(folder, burst, kind="animal", **more):
    Labels(folder).add(Label(START.isoformat(), "anna", "MN-01", "ridge-2026", burst, kind, **more))


@pytest.fixture
def fortnight(tmp_path):
    """Fourteen days, a visit of three bursts on day 3, a single one on day 9, dead from day 10 to 13."""
    unit, bursts = Unit(tmp_path), []
    unit.boot()
    for day in range(1, 15):
        unit.later(days=1)
        if 10 < day < 14:
            continue
        unit.wake("schedule")
        if day == 3:
            bursts += [unit.later(minutes=10).visit_of("keep") for _ in range(3)]
        if day == 9:
            bursts.append(unit.visit_of("keep"))
    unit.close()
    return tmp_path, bursts


def test_bursts_of_one_visit_count_once(fortnight):
    folder, _ = fortnight
    (row,) = rates(whole(folder), Labels(folder).standing())
    assert (row.species, row.events) == ("animal", 2)
    assert row.camera_days == pytest.approx(10 + 10 / 1440 * 3, abs=0.05)
    assert row.per_100_days.value == pytest.approx(2 / row.camera_days * 100, rel=1e-3)


def test_persons_word_takes_the_place_of_the_detectors(fortnight):
    folder, bursts = fortnight
    say(folder, bursts[3], "blank")
    say(folder, bursts[0], scientific_name="Otocolobus manul")
    found = {row.species: row.events for row in rates(whole(folder), Labels(folder).standing())}
    assert found == {"animal": 1, "Otocolobus manul": 1}


def test_species_seen_at_one_site_has_a_rate_of_zero_at_the_other(fortnight):
    folder, bursts = fortnight
    other = Unit(folder, "MN-02")
    other.boot()
    other.later(days=1).wake("schedule")
    other.close()
    say(folder, bursts[0], scientific_name="Panthera uncia")
    row = next(row for row in rates(whole(folder), Labels(folder).standing())
               if row.site.startswith("MN-02") and row.species == "Panthera uncia")  # fmt: skip
    assert (row.events, row.per_100_days.value) == (0, 0) and row.per_100_days.high > 300


def test_history_has_one_zero_and_nothing_where_nobody_watched(fortnight):
    folder, _ = fortnight
    made = histories(whole(folder), Labels(folder).standing(), occasion_days=1)
    (cells,) = made.seen["animal"].values()
    (days,) = made.effort.values()
    assert cells[3] == 1 and cells[9] == 1
    assert cells[11] is None and days[11] == 0
    assert all(cell == 0 for index, cell in enumerate(cells) if days[index] > 0 and index not in (3, 9))
    assert sum(days) == pytest.approx(sum(one.effort.days() for one in whole(folder)), abs=1e-3)


def test_nobody_watched_so_there_is_no_history(tmp_path):
    Unit(tmp_path).close()
    assert histories(whole(tmp_path), {}) is None


@given(st.lists(st.integers(0, 10**12), max_size=40))
def test_events_are_more_than_half_an_hour_apart_and_none_is_lost(times):
    events = independent(times)
    assert all(later - earlier > 30 * MINUTE_US for earlier, later in itertools.pairwise(events))
    assert bool(events) == bool(times) and set(events) <= set(times)


def test_sun_is_highest_at_solar_noon_of_the_place():
    # Ulaanbaatar, 106.9° E, on 3 November: the equation of time is +16.4 min, so the sun culminates at 4:36 UTC.
    at = datetime(2026, 11, 3, 4, 36, tzinfo=UTC)
    assert solar_hour(at, 106.9) == pytest.approx(12, abs=0.02)
    assert equation_of_time_min(at) == pytest.approx(16.4, abs=0.3)
    assert equation_of_time_min(datetime(2026, 2, 11, tzinfo=UTC)) == pytest.approx(-14.2, abs=0.3)


def test_days_are_short_in_december_and_without_end_in_the_arctic_june():
    assert day_length_h(datetime(2026, 12, 21, tzinfo=UTC), 49.7) == pytest.approx(8.1, abs=0.15)
    assert day_length_h(datetime(2026, 6, 21, tzinfo=UTC), 49.7) == pytest.approx(16.3, abs=0.15)
    assert day_length_h(datetime(2026, 6, 21, tzinfo=UTC), 70) == 24
    assert day_length_h(datetime(2026, 12, 21, tzinfo=UTC), 70) == 0


def test_solar_hour_wraps_around_midnight():
    late = datetime(2026, 6, 1, 23, 0, tzinfo=UTC)
    assert 0 <= solar_hour(late, 90) < 24 and solar_hour(late + timedelta(days=1), 90) == pytest.approx(
        solar_hour(late, 90), abs=0.01
    )
