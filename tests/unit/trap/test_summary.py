import json
from datetime import timedelta

import cbor2

from tests.unit.trap.parts import NOON
from trap.deployment import Deployment, Protocol, Station
from trap.health.summary import summary
from trap.store.journal import Journal
from trap_wire.entries import Kind

DEPLOYMENT = Deployment(station=Station(unit="MN-017", deployment="tost-2026-a"), protocol=Protocol())
VERDICT = {"decision": "keep", "observation_type": "animal", "audited": False, "fail_open": None}
WAKE = {"reason": "pir", "throttled_triggers": 3, "throttled_s": 40}


def told(journal, now=NOON):
    return summary(journal, DEPLOYMENT, "scout@1+ab", 1_000_000, now)


def test_counts_of_the_whole_deployment_and_of_its_days(journal):
    journal.append_all(NOON, [(Kind.WAKE, WAKE), (Kind.VERDICT, VERDICT)])
    journal.append_all(NOON + timedelta(days=2), [(Kind.WAKE, WAKE), (Kind.VERDICT, {**VERDICT, "decision": "blank"})])
    screen = told(journal, NOON + timedelta(days=2))
    assert (screen["totals"]["triggers"], screen["totals"]["kept"], screen["totals"]["discarded"]) == (2, 1, 1)
    assert screen["totals"]["throttled_s"] == 80
    assert screen["days"][-1] == {
        "day": "2026-11-27",
        "triggers": 1,
        "discarded": 1,
        "throttled_triggers": 3,
        "throttled_s": 40,
    }
    assert screen["days"][-2] == {"day": "2026-11-26"}


def test_effort_lost_to_the_days_budget_is_a_share_of_its_own(journal):
    lost = [{"cause": "flooded", "triggers": 1, "seconds": 10}, {"cause": "overspent", "triggers": 2, "seconds": 30}]
    journal.append(Kind.WAKE, NOON, {**WAKE, "lost": lost})
    journal.append(Kind.WAKE, NOON, WAKE)  # of a supervisor that tells no causes
    totals = told(journal)["totals"]
    assert (totals["throttled_triggers"], totals["throttled_s"]) == (6, 80)
    assert (totals["overspent_triggers"], totals["overspent_s"]) == (2, 30)
    assert "too_low_s" not in totals


def test_deployment_that_begins_counts_from_its_own_day(journal):
    journal.append(Kind.WAKE, NOON, WAKE)
    start = {"action": "start", "deployment": "tost-2026-a"}
    journal.append(Kind.DEPLOYMENT, NOON + timedelta(days=30), start)
    journal.append(Kind.WAKE, NOON + timedelta(days=33), WAKE)
    journal.append(Kind.DEPLOYMENT, NOON + timedelta(days=40), {**start, "action": "end"})
    screen = told(journal, NOON + timedelta(days=40))
    assert (screen["first_day"], screen["totals"]["triggers"]) == ("2026-12-25", 1)
    journal.append(Kind.DEPLOYMENT, NOON + timedelta(days=41), {**start, "deployment": "another"})
    assert told(journal, NOON + timedelta(days=41))["first_day"] == "2026-12-25"


def test_coldest_and_warmest_since_the_deployment_began(journal):
    def measured(celsius, day):
        journal.append(Kind.BATTERY, NOON + timedelta(days=day), {"battery_mv": 6_000, "temperature_c": celsius})

    measured(31.0, 0)
    journal.append(Kind.DEPLOYMENT, NOON + timedelta(days=30), {"action": "start", "deployment": "tost-2026-a"})
    assert told(journal)["celsius"] is None
    for celsius, day in ((-12.5, 30), (3.0, 31), (-27.25, 60), (None, 61)):
        measured(celsius, day)
    assert told(journal, NOON + timedelta(days=61))["celsius"] == (-27.25, 3.0)


def test_journal_of_a_release_that_kept_no_ranges_has_them_at_the_next_start(tmp_path):
    old = Journal(tmp_path / "old.sqlite")
    for celsius, hour in ((5.5, 0), (None, 1), (-9.0, 2), (7.0, 30)):
        old.append(Kind.BATTERY, NOON + timedelta(hours=hour), {"temperature_c": celsius})
    old._db.execute("DROP TABLE ranges")
    old.close()
    again = Journal(tmp_path / "old.sqlite")
    again.append(Kind.BATTERY, NOON + timedelta(hours=31), {"temperature_c": 8.0})
    assert (again.range("temperature_c"), again.range("temperature_c", "2026-11-26")) == ((-9.0, 8.0), (7.0, 8.0))
    again.close()


def test_newest_battery_and_errors_are_on_the_screen(journal):
    journal.append(Kind.BATTERY, NOON, {"battery_mv": 17_000})
    journal.append(Kind.BATTERY, NOON, {"battery_mv": 16_900})
    for n in range(5):
        journal.append(Kind.ERROR, NOON, {"part": "camera", "words": f"fault {n}"})
    screen = told(journal)
    assert screen["battery"]["battery_mv"] == 16_900
    assert [error["words"] for error in screen["errors"]] == ["fault 4", "fault 3", "fault 2"]


def test_new_unit_has_a_summary_too(journal):
    screen = told(journal)
    assert (screen["entries"], screen["battery"], screen["first_day"], screen["errors"]) == (0, None, None, [])


def test_year_fits_in_four_kibibytes_and_in_json(journal):
    for day in range(365):
        journal.append_all(NOON + timedelta(days=day), [(Kind.WAKE, WAKE), (Kind.VERDICT, VERDICT)])
    screen = told(journal, NOON + timedelta(days=364))
    assert len(cbor2.dumps(screen)) < 4_096
    assert json.loads(json.dumps(screen)) == screen
