import sqlite3
from datetime import timedelta

import pytest

from tests.unit.trap.parts import NOON
from trap.assembly import open_journal
from trap.store.journal import Journal
from trap_wire.entries import Kind, verified
from trap_wire.errors import StorageError

MEDIA = {"path": "media/20261125/a-1.jpg", "role": "photograph", "size": 3, "sha256": "ab" * 32}


def test_sequence_numbers_have_no_gaps_and_the_chain_holds(journal):
    for n in range(5):
        journal.append(Kind.STATE, NOON + timedelta(seconds=n), {"n": n})
    assert [entry.sequence for entry in verified(journal.entries())] == [1, 2, 3, 4, 5]


def test_chain_goes_on_after_a_restart(tmp_path):
    for n in range(3):
        again = Journal(tmp_path / "j.sqlite")
        again.append(Kind.BOOT, NOON, {"n": n})
        again.close()
    assert len(list(verified(Journal(tmp_path / "j.sqlite").entries()))) == 3


def test_entries_of_one_moment_are_written_together_or_not_at_all(journal):
    journal.append(Kind.STATE, NOON, {"n": 0})
    with pytest.raises(ValueError, match="Out of range float"):
        journal.append_all(NOON, [(Kind.STATE, {"n": 1}), (Kind.STATE, {"n": float("nan")})])
    assert journal.head == 1
    journal.append(Kind.STATE, NOON, {"n": 2})
    assert len(list(verified(journal.entries()))) == 2


def test_entry_is_on_the_card_when_append_returns(journal, tmp_path):
    journal.append(Kind.STATE, NOON, {"n": 1})
    other = sqlite3.connect(tmp_path / "journal.sqlite")
    assert other.execute("SELECT count(*) FROM entries").fetchone() == (1,)
    assert journal._db.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
    assert journal._db.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_files_follow_the_entries(journal):
    journal.append(Kind.MEDIA, NOON, MEDIA)
    assert [item.path for item in journal.files()] == [MEDIA["path"]]
    journal.append(Kind.EVICTED, NOON, {"path": MEDIA["path"], "cause": "card_full"})
    assert journal.files() == []
    assert journal.file(MEDIA["path"]) is None


def test_tallies_add_up_per_day(journal):
    verdict = {"decision": "blank", "observation_type": "blank", "audited": True, "fail_open": None}
    journal.append_all(NOON, [(Kind.VERDICT, verdict), (Kind.VERDICT, {**verdict, "audited": False})])
    journal.append(Kind.WAKE, NOON + timedelta(days=1), {"reason": "pir", "throttled_triggers": 7, "throttled_s": 90})
    assert journal.tallies() == {
        "2026-11-25": {"audited": 1, "type:blank": 2, "verdict:blank": 2},
        "2026-11-26": {"throttled_s": 90, "throttled_triggers": 7, "wake:pir": 1},
    }


def test_journal_that_is_no_database_is_set_aside_and_said(tmp_path):
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"not a database, but somebody's year" * 100)
    journal = open_journal(path, NOON)
    (entry,) = journal.entries()
    assert (entry.kind, entry.body["what"]) == (Kind.RECOVERED, "unreadable")
    aside = tmp_path / "journal-unreadable-20261125T120000Z.sqlite"
    assert aside.read_bytes().startswith(b"not a database")


def test_folder_that_cannot_be_written_is_one_clear_error(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(StorageError, match="journal"):
        Journal(tmp_path / "file" / "journal.sqlite")


def test_lines_of_a_page_are_those_of_its_entries(journal):
    for body in ({"n": 1}, {"words": 'Цаган «"\\ ё', "z": [1.5, None, True], "a": {"ü": "\n"}}, {}):
        journal.append(Kind.STATE, NOON, body)
    journal.append(Kind.MEDIA, NOON, MEDIA)
    assert journal.lines(1, 4) == "".join(entry.to_line() + "\n" for entry in journal.entries())
    assert journal.lines(2, 3) == "".join(entry.to_line() + "\n" for entry in journal.entries(2, 3))
