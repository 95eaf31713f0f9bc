"""What the issue names one by one, at a whole pretend unit: refused, counted, said; and the next good request is answered."""

import pytest

from tests.hostile import UNIT, Whole, counts, nasties
from trap.link.doorman import Doorman
from trap_tools.keys import public_of
from trap_wire import login
from trap_wire.entries import Kind
from trap_wire.smp import Error, Group, OsCommand, TrapCommand

AUTH, CHALLENGE = (Group.TRAP, TrapCommand.AUTH, 2), (Group.TRAP, TrapCommand.CHALLENGE, 0)
STATES = ("bench", "locked", "opened")
DENIED = {"rc": int(Error.ACCESS_DENIED)}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    made = Whole(tmp_path_factory.mktemp("unit"))
    yield made
    made.trap.journal.close()


def visits(whole):
    return [entry.body["what"] for entry in whole.trap.journal.entries(kind=Kind.VISIT)]


@pytest.mark.parametrize("state", STATES)
def test_every_nasty_is_refused_and_counted_and_the_next_good_request_is_answered(whole, state):
    head = whole.trap.journal.head
    for nasty in nasties(whole):
        if nasty.counted == "login" and state == "bench":
            continue
        before = counts(whole, state)
        answers = whole.say(state, nasty.data)
        assert whole.well(state), nasty.name
        assert counts(whole, state)[nasty.counted] > before[nasty.counted], nasty.name
        assert all(set(body) <= {"rc", "rsn", "err"} and body for _, body in answers), (nasty.name, answers)
        assert len(answers) == (nasty.counted != "bad"), nasty.name
    assert whole.servers[state].counters.defects == 0
    assert whole.trap.journal.head - head <= 1  # a refused login is an entry, nothing else was done
    assert not whole.trap.bulk.on


def test_what_was_refused_can_be_read_and_is_journalled(whole):
    whole.ask("locked", AUTH, key=bytes(32), sig=bytes(64))
    told = whole.ask("opened", (Group.STATS, 0, 0), name="link")["fields"]
    assert told["refused"] == whole.servers["opened"].counters.refused > 0
    assert told["bad"] == whole.servers["opened"].counters.bad > 0
    assert any(words.startswith("login refused") for words in visits(whole))


def test_auth_that_is_replayed_opens_nothing_and_is_counted(tmp_path):
    whole = Whole(tmp_path)
    packet, told = whole.log_in("locked")
    assert set(told) == {"sig", "seconds"}
    again = whole.say("locked", packet)
    assert again[0][1] == told  # a host that lost the answer gets it once more; it proves the unit, and opens nothing
    whole.doors["locked"]._open_until_ms = None  # the ten minutes are over
    whole.ms += 3_001
    assert [body for _, body in whole.say("locked", packet)] == [DENIED]
    assert whole.ask("locked", (Group.OS, OsCommand.DATETIME, 0)) == DENIED
    assert whole.doors["locked"].refused == 1
    assert visits(whole)[-1] == "login refused, 1 so far"
    whole.trap.journal.close()


@pytest.mark.parametrize("unit_name", ["MN-102", "mn-101", ""])
def test_login_that_was_signed_for_another_unit_opens_nothing(tmp_path, unit_name):
    whole = Whole(tmp_path)
    _, told = whole.log_in("locked", unit_name)
    assert told == DENIED
    assert not whole.doors["locked"].open
    whole.trap.journal.close()


def test_nonce_of_another_unit_opens_nothing(tmp_path):
    """Somebody passes this unit's question on to the programme's laptop as another unit's, or the other way round."""
    whole, mine = Whole(tmp_path / "one"), bytes(32)
    other = Doorman("MN-102", lambda: (public_of(whole.key),), whole.facts.trust.signing, lambda: 0)
    theirs = other._on_challenge({"nonce": mine})["nonce"]
    ours = whole.ask("locked", CHALLENGE, nonce=mine)["nonce"]
    signature = whole.key.sign(login.message(login.HOST, UNIT, mine, theirs))
    assert whole.ask("locked", AUTH, key=public_of(whole.key), sig=signature) == DENIED
    whole.ms += 3_001
    signature = whole.key.sign(login.message(login.HOST, UNIT, mine, ours))
    assert whole.ask("locked", AUTH, key=public_of(whole.key), sig=signature) == DENIED  # a challenge serves once
    assert whole.doors["locked"].refused == 2
    whole.trap.journal.close()


def test_pretend_unit_of_these_tests_answers_every_command_of_group_70(whole):
    assert {command for group, command, _ in whole.table if group == Group.TRAP} == set(TrapCommand)
