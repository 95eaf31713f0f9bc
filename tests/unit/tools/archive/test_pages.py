import pytest

from tests.pulled import Unit, night
from trap_tools.archive.faults import What
from trap_tools.archive.fold import log_of
from trap_tools.archive.layout import holdings
from trap_tools.archive.pages import read
from trap_wire.entries import Kind
from trap_wire.errors import BadInputError


def checked(folder):
    faults = []
    (holding,) = holdings(folder)
    entries = list(read(holding, faults.append))
    return [entry.sequence for entry in entries], faults


def page_of(folder):
    (page,) = folder.glob("*/*/journal/*.jsonl")
    return page


def test_whole_journal_of_several_pages_reads_without_a_word(tmp_path):
    unit = night(tmp_path)
    unit.close(page=20)
    assert checked(tmp_path) == ([entry.sequence for entry in unit.entries], [])


def test_page_pulled_earlier_is_folded_into_its_later_self(tmp_path):
    unit = night(tmp_path, bursts=2)
    unit.close()
    unit.visit_of("keep")
    unit.close()
    sequences, faults = checked(tmp_path)
    assert len(list(tmp_path.rglob("*.jsonl"))) == 2
    assert (sequences, faults) == ([entry.sequence for entry in unit.entries], [])


def test_missing_page_is_a_gap_and_reading_goes_on_behind_it(tmp_path):
    unit = night(tmp_path)
    unit.close(page=10)
    sorted(tmp_path.rglob("*.jsonl"))[1].unlink()
    sequences, (fault,) = checked(tmp_path)
    assert fault.what is What.GAP and "entries 11 to 20 are missing" in fault.words
    assert sequences == [*range(1, 11), *range(21, len(unit.entries) + 1)]


def test_missing_line_is_a_gap_of_one(tmp_path):
    night(tmp_path).close()
    lines = page_of(tmp_path).read_text().splitlines(keepends=True)
    page_of(tmp_path).write_text("".join(lines[:4] + lines[5:]))
    _, (fault,) = checked(tmp_path)
    assert fault.what is What.GAP and "entry 5 is missing" in fault.words


def test_changed_number_breaks_the_chain_at_its_entry_only(tmp_path):
    night(tmp_path).close()
    text = page_of(tmp_path).read_text()
    assert '"battery_mv":17599' in text
    page_of(tmp_path).write_text(text.replace('"battery_mv":17599', '"battery_mv":17699', 1))
    _, (fault,) = checked(tmp_path)
    assert fault.what is What.CHAIN and fault.where == "entry 2"


def test_line_that_is_cut_off_is_named_with_its_page(tmp_path):
    unit = night(tmp_path)
    unit.close()
    raw = page_of(tmp_path).read_bytes()
    page_of(tmp_path).write_bytes(raw[:-40])
    sequences, (fault,) = checked(tmp_path)
    assert fault.what is What.UNREADABLE and f"line {len(unit.entries)}" in fault.where
    assert len(sequences) == len(unit.entries) - 1


def test_flipped_byte_that_is_no_utf8_is_named(tmp_path):
    night(tmp_path).close()
    raw = bytearray(page_of(tmp_path).read_bytes())
    raw[30] = 0xFF
    page_of(tmp_path).write_bytes(raw)
    _, faults = checked(tmp_path)
    assert [fault.what for fault in faults] == [What.UNREADABLE, What.GAP]


def test_two_units_that_share_a_name_disagree_about_a_page(tmp_path):
    night(tmp_path, bursts=2, seed=1).close()
    night(tmp_path, bursts=3, seed=2).close()
    _, faults = checked(tmp_path)
    assert What.CONFLICT in [fault.what for fault in faults]


def test_journal_of_another_unit_in_the_folder_is_named(tmp_path):
    unit = Unit(tmp_path)
    unit.boot(unit="MN-99")
    unit.close()
    faults = []
    log_of(holdings(tmp_path)[0], faults.append)
    assert [fault.what for fault in faults] == [What.IDENTITY] and "MN-99/ridge-2026" in faults[0].words


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"path": "../../secret.jpg", "role": "photograph", "size": 1, "sha256": "00"},
        {"path": "/etc/hosts", "role": "photograph", "size": 1, "sha256": "00"},
    ],
)
def test_media_entry_that_cannot_be_believed_is_named_and_left_out(tmp_path, body):
    unit = Unit(tmp_path)
    unit.boot()
    unit.add(Kind.MEDIA, **body)
    unit.close()
    faults = []
    log = log_of(holdings(tmp_path)[0], faults.append)
    assert not log.media and [(fault.what, fault.where) for fault in faults] == [(What.BAD_BODY, "entry 2")]


def test_evicted_file_is_not_asked_for(tmp_path):
    unit = night(tmp_path, bursts=2)
    gone = unit.picture("b", 0, "audit")
    unit.add(Kind.EVICTED, path=gone, cause="card_full")
    unit.close()
    log = log_of(holdings(tmp_path)[0], lambda fault: pytest.fail(str(fault)))
    assert gone in log.evicted and gone not in [medium.path for medium in log.present]


@pytest.mark.parametrize("depth", [".", "MN-01", "MN-01/ridge-2026"])
def test_whole_pull_one_unit_or_one_deployment_can_be_given(tmp_path, depth):
    night(tmp_path, bursts=1).close()
    assert [str(holding) for holding in holdings(tmp_path / depth)] == ["MN-01/ridge-2026"]


def test_folder_that_is_not_there_is_refused_with_advice(tmp_path):
    with pytest.raises(BadInputError, match="no such folder"):
        holdings(tmp_path / "nowhere")


def test_every_kind_of_entry_that_a_unit_writes_is_understood(tmp_path):
    unit = night(tmp_path, bursts=2)
    unit.add(Kind.STATE, state="armed", since_start_ms=1_200, since_boot_ms=3_400, camera_open_ms=700)
    unit.add(Kind.STATE, **{"from": "watching", "to": "paused", "cause": "bulk"})
    unit.add(Kind.VISIT, what="acknowledged", upto=12)
    unit.add(Kind.WALK_TEST, position="5 m left", triggers=3)
    unit.add(Kind.DEPLOYMENT, action="start", note="")
    unit.add(Kind.SELF_TEST, results=[])
    unit.add(Kind.SUPERVISOR, ring=1, rtc_s=1_800_000_000, record="ladder", code=1, value=14_000)
    unit.close()
    log = log_of(holdings(tmp_path)[0], lambda fault: pytest.fail(str(fault)))
    assert [change.after for change in log.changes] == ["armed", "paused"]
    assert [mark.action for mark in log.marks] == ["start"]


def test_sealed_folder_is_told_how_to_be_opened(tmp_path):
    (tmp_path / "MN-01" / "ridge" / "journal").mkdir(parents=True)
    (tmp_path / "MN-01" / "ridge" / "journal" / "00000001-00000010.jsonl.age").write_bytes(b"age")
    assert [fault.words.split(";")[0] for fault in checked(tmp_path)[1]] == ["sealed"]
