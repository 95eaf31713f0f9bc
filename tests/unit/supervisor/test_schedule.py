from tests.unit.supervisor.bench import NOON
from trap_supervisor import schedule

SIX = NOON - 6 * 3_600  # 06:00 the same day


def test_alarm_lies_in_the_future_even_on_the_very_second():
    assert schedule.upcoming(SIX, 6) == SIX + 86_400
    assert schedule.upcoming(SIX - 1, 6) == SIX


def test_alarm_of_an_hour_already_past_is_tomorrow():
    assert schedule.upcoming(NOON, 6) == SIX + 86_400


def test_heartbeat_is_due_once_a_day():
    assert schedule.due(SIX, 6, SIX - 86_400)
    assert not schedule.due(SIX + 1, 6, SIX)
    assert not schedule.due(SIX + 86_399, 6, SIX)
    assert schedule.due(SIX + 86_400, 6, SIX)


def test_missed_heartbeat_stays_due_until_it_is_taken():
    assert schedule.due(SIX + 20_000, 6, SIX - 86_400)


def test_hour_nought_and_twenty_three_are_hours_like_others():
    midnight = NOON - 12 * 3_600
    assert schedule.upcoming(NOON, 0) == midnight + 86_400
    assert schedule.upcoming(NOON, 23) == midnight + 23 * 3_600
    assert schedule.latest(NOON, 23) == midnight - 3_600
