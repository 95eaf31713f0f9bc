"""Days left as the unit reckons them from its own journal."""

import dataclasses
from datetime import timedelta

import pytest

from tests.unit.trap.parts import NOON
from trap.deployment import Deployment, Protocol, Station
from trap.health.outlook import days_left
from trap.store.journal import Journal
from trap_wire.entries import Kind

LITHIUM = Deployment(station=Station(unit="MN-017", deployment="tost-2026-a"), protocol=Protocol())
WAKE = {"reason": "pir", "throttled_triggers": 0, "throttled_s": 0}


def on(chemistry):
    return dataclasses.replace(LITHIUM, station=dataclasses.replace(LITHIUM.station, chemistry=chemistry))


def weeks(journal, days, wakes_a_day, celsius=-10.0, start=NOON):
    for day in range(days):
        at = start + timedelta(days=day)
        sample = (Kind.BATTERY, {"battery_mv": 6_000, "temperature_c": celsius})
        journal.append_all(at, [sample, *[(Kind.WAKE, WAKE)] * wakes_a_day])
    return start + timedelta(days=days - 1)


def test_a_quiet_unit_has_years_and_a_busy_one_months(journal):
    now = weeks(journal, 14, 2)
    quiet = days_left(journal, LITHIUM, now)
    later = weeks(journal, 14, 40, start=now + timedelta(days=1))
    busy = days_left(journal, LITHIUM, later)
    assert quiet["low"] > 500
    assert 100 < busy["low"] < busy["middle"] < busy["high"] < 400
    assert (quiet["wakes_a_day"], busy["wakes_a_day"]) == (2, 40)


def test_cold_shortens_the_outlook(journal, tmp_path):
    warm = days_left(journal, LITHIUM, weeks(journal, 14, 30, celsius=10))
    frozen = Journal(tmp_path / "frozen.sqlite")
    cold = days_left(frozen, LITHIUM, weeks(frozen, 14, 30, celsius=-25))
    frozen.close()
    assert cold["middle"] < 0.9 * warm["middle"]


def test_what_is_used_counts_from_the_start_of_the_deployment(journal):
    now = weeks(journal, 30, 30)
    worn = days_left(journal, LITHIUM, now)["used_mah"]
    journal.append(Kind.DEPLOYMENT, now + timedelta(days=1), {"event": "start"})
    fresh = days_left(journal, LITHIUM, weeks(journal, 3, 30, start=now + timedelta(days=1)))["used_mah"]
    assert worn == pytest.approx(10 * fresh, rel=0.05)


def test_what_the_gauge_counted_is_believed_before_what_is_reckoned(journal):
    now = weeks(journal, 30, 30)
    reckoned = days_left(journal, LITHIUM, now)
    sample = {"battery_mv": 5_400, "temperature_c": -10.0, "charge_used_mah": 3 * reckoned["used_mah"]}
    journal.append(Kind.BATTERY, now, sample)
    counted = days_left(journal, LITHIUM, now)
    assert (reckoned["used_by"], counted["used_by"]) == ("reckoning", "gauge")
    assert counted["used_mah"] == 3 * reckoned["used_mah"]
    assert counted["middle"] < reckoned["middle"]


def test_mains_and_a_unit_that_never_woke_say_nothing(journal):
    assert days_left(journal, LITHIUM, NOON) is None
    assert days_left(journal, on("mains"), weeks(journal, 3, 5)) is None


def test_unit_without_a_thermometer_still_answers(journal):
    journal.append(Kind.WAKE, NOON, WAKE)
    assert days_left(journal, LITHIUM, NOON)["celsius"] == 0.0
