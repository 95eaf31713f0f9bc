import json
import sqlite3

import duckdb
import pytest
from click.testing import CliRunner

from tests.pulled import Unit, night
from trap.store.journal import Journal
from trap_tools.archive.whole import whole
from trap_tools.cli import main
from trap_wire.entries import Kind, to_us


def manul(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def faults_of(result):
    return [fault["what"] for fault in json.loads(result.stdout)["faults"]]


def test_whole_archive_passes_and_its_tables_hold_every_row(tmp_path):
    units = [night(tmp_path, "MN-01"), night(tmp_path, "MN-02", bursts=5)]
    for unit in units:
        unit.close()
    assert manul("archive", tmp_path, "--json").exit_code == 0
    counted = duckdb.sql(f"select unit, count(*) from '{tmp_path}/tables/entries.parquet' group by unit order by unit")
    assert counted.fetchall() == [(unit.name, len(unit.entries)) for unit in units]
    media = duckdb.sql(f"select count(*), sum(size) from '{tmp_path}/tables/media.parquet'").limit(1).fetchall()
    files = list(tmp_path.rglob("*.jpg"))
    assert media == [(len(files), sum(path.stat().st_size for path in files))]


def test_flipped_byte_in_a_photograph_is_found_by_its_hash_and_not_by_its_size(tmp_path):
    night(tmp_path).close()
    photograph = min(tmp_path.rglob("media/**/*.jpg"))
    raw = bytearray(photograph.read_bytes())
    raw[len(raw) // 2] ^= 1
    photograph.write_bytes(raw)
    result = manul("archive", tmp_path, "--json")
    assert result.exit_code == 6 and faults_of(result) == ["changed_file"]
    assert json.loads(result.stdout)["faults"][0]["where"].endswith(photograph.name)
    assert manul("archive", tmp_path, "--json", "--quick").exit_code == 0


def test_file_that_no_entry_names_is_a_remark_and_stays(tmp_path):
    night(tmp_path).close()
    stray = tmp_path / "MN-01" / "ridge-2026" / "media" / "IMG_0001.JPG"
    stray.write_bytes(b"x")
    result = manul("archive", tmp_path, "--json")
    assert result.exit_code == 0 and faults_of(result) == ["extra_file"] and stray.exists()


@pytest.mark.parametrize("damage", ["page", "photograph"])
def test_one_damaged_deployment_does_not_spoil_the_tables_of_the_others(tmp_path, damage):
    for name in ("MN-01", "MN-02"):
        night(tmp_path, name).close(page=20)
    victims = sorted((tmp_path / "MN-01").rglob("*.jsonl" if damage == "page" else "media/**/*.jpg"))
    victims[1].unlink()
    assert manul("archive", tmp_path).exit_code == 6
    table = f"{tmp_path}/tables/faults.parquet"
    assert duckdb.sql(f"select distinct unit from '{table}'").fetchall() == [("MN-01",)]
    assert duckdb.sql(f"select count(distinct unit) from '{tmp_path}/tables/entries.parquet'").limit(1).fetchall() == [
        (2,)
    ]


def sqlite_of(unit, path):
    journal = Journal(path)
    for entry in unit.entries:
        journal.append(entry.kind, entry.at, entry.body)
    journal.close()


def test_card_copied_by_hand_reads_like_the_pull_and_doubles_nothing(tmp_path):
    unit = night(tmp_path)
    unit.close()
    sqlite_of(unit, unit.root / "journal.sqlite")
    (both,) = whole(tmp_path)
    assert (both.log.entries, both.faults) == (len(unit.entries), ())
    for page in unit.root.glob("journal/*.jsonl"):
        page.unlink()
    (alone,) = whole(tmp_path)
    assert (alone.log.entries, alone.faults) == (len(unit.entries), ())


@pytest.mark.parametrize(("share", "least"), [(0.3, 50), (0.5, 150), (0.9, 350), (0.99, 400)])
def test_truncated_sqlite_gives_what_it_can_and_is_named(tmp_path, share, least):
    unit = night(tmp_path, bursts=60)
    path = unit.root / "journal.sqlite"
    sqlite_of(unit, path)
    raw = path.read_bytes()
    path.write_bytes(raw[: int(len(raw) * share)])
    (read,) = whole(tmp_path)
    assert next(fault.what for fault in read.faults) == "unreadable" and "journal.sqlite" in read.faults[0].where
    assert least < read.log.entries < len(unit.entries)
    assert f"behind entry {read.log.entries} (" in read.faults[0].words


def test_sqlite_of_something_else_is_named(tmp_path):
    unit = night(tmp_path, bursts=1)
    unit.close()
    sqlite3.connect(unit.root / "thumbs.db").execute("create table t (x)").connection.close()
    (read,) = whole(tmp_path)
    assert [fault.what for fault in read.faults] == ["unreadable"] and read.log.entries == len(unit.entries)


def test_one_unit_at_two_places_at_one_time_is_two_units_of_one_name(tmp_path):
    night(tmp_path, "MN-01", deployment="ridge").close()
    night(tmp_path, "MN-01", deployment="valley").close()
    result = manul("archive", tmp_path, "--json")
    assert result.exit_code == 6 and faults_of(result) == ["identity"]


def redeployed(folder, name):
    """One unit's whole journal, as it lies in the folder of one of its deployments: a night on the bench, two in the field."""
    made = Unit(folder, "MN-01", name)
    for deployment, bursts in (("bench", 1), ("ridge", 2), ("valley", 3)):
        made.add(Kind.CLOCK, unit_us=to_us(made.at), host_us=to_us(made.at), cause="host")
        if deployment != "bench":
            made.add(Kind.DEPLOYMENT, action="start", unit="MN-01", deployment=deployment)
        made.boot(deployment=deployment)
        for _ in range(bursts):
            made.later(hours=2).visit_of("keep")
        made.later(hours=1)
        if deployment == "ridge":
            made.add(Kind.DEPLOYMENT, action="end", unit="MN-01", deployment=deployment)
            made.later(days=30)
    made.close()
    return made


@pytest.mark.parametrize(("name", "bursts"), [("bench", 1), ("ridge", 2), ("valley", 3)])
def test_unit_that_was_moved_counts_in_each_folder_only_what_it_did_there(tmp_path, name, bursts):
    redeployed(tmp_path, name)
    result = manul("archive", tmp_path, "--json")
    assert faults_of(result) == [], result.output
    (read,) = whole(tmp_path)
    assert (len(read.log.bursts), len(read.log.present)) == (bursts, 4 * bursts)
    assert read.effort.days() == pytest.approx((2 * bursts + 1) / 24, abs=0.05)


def test_deployments_of_one_unit_side_by_side_are_not_two_units_of_one_name(tmp_path):
    for name in ("bench", "ridge", "valley"):
        redeployed(tmp_path, name)
    result = manul("archive", tmp_path, "--json")
    assert (result.exit_code, faults_of(result)) == (0, [])


def test_folder_that_was_renamed_by_hand_is_read_whole_and_said(tmp_path):
    night(tmp_path, deployment="ridge").close()
    (tmp_path / "MN-01/ridge").rename(tmp_path / "MN-01/saddle")
    (read,) = whole(tmp_path)
    assert [fault.what for fault in read.faults] == ["identity"]
    assert len(read.log.bursts) == 13


def test_deployment_without_an_end_is_a_remark(tmp_path):
    night(tmp_path).close()
    (tmp_path / "places.toml").write_text(
        '[[deployment]]\nunit="MN-01"\ndeployment="ridge-2026"\nstart=2026-11-01T12:00:00Z\n'
    )
    result = manul("archive", tmp_path, "--json")
    assert result.exit_code == 0 and faults_of(result) == ["no_end"]


def test_empty_archive_is_one_message(tmp_path):
    result = manul("archive", tmp_path)
    assert result.exit_code == 3 and "no unit's data here" in result.output


def test_question_in_sql_is_answered_and_a_bad_one_is_one_message(tmp_path):
    night(tmp_path, bursts=12).close()
    asked = "select count(*) as kept from observations where decision = 'keep' and capture_method = 'activityDetection'"
    assert "3" in manul("archive", tmp_path, "--sql", asked).output.splitlines()[-3]
    bad = manul("archive", tmp_path, "--sql", "selekt")
    assert bad.exit_code == 3 and "--sql" in bad.output


def test_clock_explains_itself_and_draws(tmp_path):
    night(tmp_path).close()
    result = manul("clock", tmp_path, "--plot", tmp_path / "clock.png")
    assert "never compared with a host" in result.output and (tmp_path / "clock.png").stat().st_size > 5_000


def test_effort_table_says_what_was_lost_to_what(tmp_path):
    night(tmp_path).close()
    (row,) = json.loads(manul("effort", tmp_path, "--json").stdout)
    assert 0 < row["working"] < 2 and row["dead"] == 0
