import itertools
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.pulled import START, Unit
from trap_tools.archive.clock import correction
from trap_tools.archive.effort import Span, State, _overlaid, effort
from trap_tools.archive.fold import log_of
from trap_tools.archive.layout import holdings
from trap_tools.archive.places import Lost, Place
from trap_tools.report import summaries
from trap_wire.entries import Kind


def worked(unit, **place):
    unit.close()
    log = log_of(holdings(unit.root)[0], lambda fault: pytest.fail(str(fault)))
    return effort(log, Place(unit=unit.name, deployment=unit.deployment, **place), correction(log))


def heartbeats(unit, days):
    for _ in range(days):
        unit.later(days=1).wake("schedule")


def test_ten_heartbeats_are_ten_camera_days(tmp_path):
    unit = Unit(tmp_path)
    unit.boot()
    heartbeats(unit, 10)
    assert worked(unit).days() == pytest.approx(10)


def test_silence_longer_than_a_heartbeat_is_dead_time_from_the_last_sign_on(tmp_path):
    unit = Unit(tmp_path)
    unit.boot()
    heartbeats(unit, 3)
    unit.later(days=5)
    heartbeats(unit, 2)
    made = worked(unit)
    assert made.days() == pytest.approx(4)
    assert made.days(State.DEAD) == pytest.approx(6)  # the five silent days and the one to the next heartbeat


def test_unit_found_dead_weeks_later_gets_no_effort_for_them(tmp_path):
    unit = Unit(tmp_path)
    unit.boot()
    heartbeats(unit, 3)
    made = worked(unit, end=unit.at + timedelta(days=30))
    assert (made.days(), made.days(State.DEAD)) == (pytest.approx(3), pytest.approx(30))


def test_date_on_paper_does_not_prolong_what_the_journal_shows(tmp_path):
    unit = Unit(tmp_path)
    unit.boot()
    heartbeats(unit, 4)
    assert worked(unit, start=START + timedelta(days=1), end=START + timedelta(days=3)).days() == pytest.approx(2)


def test_flood_pause_flat_battery_and_branch_before_the_lens_are_taken_off_once(tmp_path):
    unit = Unit(tmp_path)
    unit.boot()
    heartbeats(unit, 2)
    unit.add(Kind.THROTTLED, triggers=99, seconds=6 * 3600)
    unit.add(Kind.STATE, **{"from": "watching", "to": "paused", "cause": "bulk"})
    unit.later(hours=12).add(Kind.STATE, **{"from": "paused", "to": "watching", "cause": "unplugged"})
    unit.add(Kind.BATTERY, battery_mv=13_900, state="heartbeat_only", cause="wake")
    unit.later(hours=12).add(Kind.BATTERY, battery_mv=16_000, state="full", cause="wake")
    heartbeats(unit, 2)
    # The branch covers the flood too; what is covered twice is lost once, to the worse cause.
    lost = Lost(start=START + timedelta(days=1.5), end=START + timedelta(days=2))
    made = worked(unit, lost=(lost,))
    assert made.days(State.FLOODED) == 0
    assert made.days(State.OBSTRUCTED) == pytest.approx(0.5)
    assert (made.days(State.PAUSED), made.days(State.LOW_BATTERY)) == (pytest.approx(0.5), pytest.approx(0.5))
    assert made.days() == pytest.approx(5 - 1.5)


def test_each_cause_that_a_wake_tells_is_effort_lost_to_that_cause(tmp_path):
    unit = Unit(tmp_path)
    unit.boot()
    heartbeats(unit, 2)
    causes = {"overspent": State.OVER_BUDGET, "too_low": State.LOW_BATTERY, "backed_off": State.RESTING}
    for cause in causes:
        lost = [{"cause": cause, "triggers": 4, "seconds": 21_600}]
        unit.later(days=1).wake(throttled_triggers=4, throttled_s=21_600, lost=lost)
    unit.later(days=1).wake(throttled_triggers=4, throttled_s=21_600)  # of a supervisor that tells no causes
    made = worked(unit)
    assert all(made.days(state) == pytest.approx(0.25) for state in (*causes.values(), State.FLOODED))
    assert made.days() == pytest.approx(5)
    assert summaries(tmp_path)[0].throttled_triggers == 16


def test_card_shown_as_a_drive_is_paused_time_and_its_triggers_are_no_flood(tmp_path):
    """The entries that ``trap.link.bulk`` and the duty cycle write while a laptop has the card."""
    unit = Unit(tmp_path)
    unit.boot()
    heartbeats(unit, 2)
    unit.add(Kind.STATE, **{"from": "armed", "to": "bulk", "cause": "host"})
    unit.later(hours=3).wake("pir")
    unit.add(Kind.THROTTLED, triggers=1, seconds=0, cause="paused")
    unit.later(hours=3).add(Kind.STATE, **{"from": "bulk", "to": "armed", "cause": "host", "seconds": 21_600})
    heartbeats(unit, 1)
    made = worked(unit)
    assert (made.days(State.PAUSED), made.days(State.FLOODED)) == (pytest.approx(0.25), 0)
    assert made.days() == pytest.approx(3)
    assert summaries(tmp_path)[0].throttled_triggers == 0


def test_unit_that_restarts_while_its_card_was_shown_watches_again(tmp_path):
    unit = Unit(tmp_path)
    unit.boot()
    unit.add(Kind.STATE, **{"from": "armed", "to": "bulk", "cause": "host"})
    unit.later(hours=12).boot()
    unit.add(Kind.STATE, state="armed", since_start_ms=1_200)
    heartbeats(unit, 1)
    made = worked(unit)
    assert (made.days(State.PAUSED), made.days()) == (pytest.approx(0.5), pytest.approx(1))


def test_full_card_ends_the_effort_until_it_takes_a_photograph_again(tmp_path):
    unit = Unit(tmp_path)
    unit.boot()
    heartbeats(unit, 2)
    refused = {
        "part": "card",
        "words": "card full: 900000 bytes needed, 12 left: pictures of x are lost",
        "lost_burst": "x",
    }
    for _ in range(3):
        unit.later(hours=6).wake()
        unit.add(Kind.ERROR, **refused)
        unit.later(hours=6).visit_of("keep", reason="schedule", frames=1)  # the heartbeat has room of its own
    unit.later(hours=6).visit_of("keep")
    heartbeats(unit, 1)
    made = worked(unit)
    assert (made.days(State.FULL), made.days(State.DEAD)) == (pytest.approx(1.5), 0)
    assert made.days() == pytest.approx(2 + 0.25 + 1)


def test_card_that_turned_read_only_is_dead_to_the_end_of_the_journal(tmp_path):
    unit = Unit(tmp_path)
    unit.boot()
    heartbeats(unit, 1)
    unit.add(Kind.ERROR, part="card", words="read-only: pictures of x are lost", lost_burst="x")
    heartbeats(unit, 2)
    made = worked(unit)
    assert (made.days(State.DEAD), made.days()) == (pytest.approx(2), pytest.approx(1))


def test_bench_time_before_the_deployment_began_is_no_effort(tmp_path):
    unit = Unit(tmp_path)
    unit.boot()
    heartbeats(unit, 3)
    unit.add(Kind.DEPLOYMENT, action="start", note="")
    heartbeats(unit, 4)
    unit.add(Kind.DEPLOYMENT, action="end", note="")
    heartbeats(unit, 2)
    assert worked(unit).days() == pytest.approx(4)


def test_effort_inside_a_window_counts_working_time_only(tmp_path):
    unit = Unit(tmp_path)
    unit.boot()
    heartbeats(unit, 4)
    made = worked(unit)
    begin = made.spans[0].start_us
    assert made.days_between(begin, begin + 36 * 3600 * 1_000_000) == pytest.approx(1.5)


def test_empty_journal_has_no_effort(tmp_path):
    made = worked_empty(tmp_path)
    assert (made.days(), made.start, made.end) == (0, None, None)


def worked_empty(folder):
    (folder / "MN-01" / "ridge" / "journal").mkdir(parents=True)
    log = log_of(holdings(folder)[0], lambda fault: None)
    return effort(log, Place(unit="MN-01", deployment="ridge"), correction(log))


SPANS = st.builds(
    lambda start, length, state: Span(start, start + length, state),
    st.integers(-50, 150), st.integers(1, 100), st.sampled_from([state for state in State if state is not State.WORKING]),
)  # fmt: skip


@given(st.lists(SPANS, max_size=12))
def test_spans_cover_the_whole_without_holes_and_the_worst_state_wins(lost):
    made = list(_overlaid(0, 100, [span for span in (Span(max(s.start_us, 0), min(s.end_us, 100), s.state) for s in lost)
                                   if span.start_us < span.end_us]))  # fmt: skip
    assert made[0].start_us == 0 and made[-1].end_us == 100
    assert all(one.end_us == other.start_us and one.state != other.state for one, other in itertools.pairwise(made))
    for second in range(100):
        here = [span.state for span in lost if span.start_us <= second < span.end_us]
        (state,) = [span.state for span in made if span.start_us <= second < span.end_us]
        assert state is max(here, key=list(State).index, default=State.WORKING)
