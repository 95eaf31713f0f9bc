"""One archive with everything in it that can be wrong: each fault is named, the rest is processed, the exit code says so."""

import json
import shutil
from datetime import timedelta

import duckdb
import pytest

from tests.pulled import START, Unit, night
from tests.unit.tools.archive.test_archive import manul, sqlite_of
from trap_wire.entries import Kind

PLACES = """
[[deployment]]
unit = "{unit}"
deployment = "{deployment}"
latitude = 49.71
longitude = 87.66
"""


@pytest.fixture(scope="module")
def ruin(tmp_path_factory):
    folder = tmp_path_factory.mktemp("ruin")
    night(folder, "GOOD-1").close()
    truncated(folder)
    flipped(folder)
    torn(folder)
    for number, deployment in enumerate(("ridge", "valley")):
        night(folder, "TWICE-1", deployment=deployment, seed=number).close()
    backwards(folder)
    night(folder, "ENDLESS-1").close()
    zoned(folder)
    (folder / "EMPTY-1" / "ridge-2026" / "journal").mkdir(parents=True)
    doubled(folder)
    where = [PLACES.format(unit=path.parent.name, deployment=path.name) for path in sorted(folder.glob("*/*"))]
    text = "".join(where).replace('unit = "ENDLESS-1"', 'unit = "ENDLESS-1"\nstart = 2026-11-01T17:00:00+05:00')
    (folder / "places.toml").write_text(text)
    return folder


def truncated(folder):
    """A card copied by hand whose copying broke off."""
    unit = night(folder, "TRUNCATED-1", bursts=60)
    sqlite_of(unit, unit.root / "journal.sqlite")
    raw = (unit.root / "journal.sqlite").read_bytes()
    (unit.root / "journal.sqlite").write_bytes(raw[: len(raw) // 2])


def flipped(folder):
    night(folder, "FLIPPED-1").close()
    photograph = min(folder.glob("FLIPPED-1/*/media/**/*.jpg"))
    raw = bytearray(photograph.read_bytes())
    raw[len(raw) // 2] ^= 1
    photograph.write_bytes(raw)


def torn(folder):
    """A battery entry is missing from the journal: the chain has a gap."""
    night(folder, "TORN-1").close()
    (page,) = folder.glob("TORN-1/*/journal/*.jsonl")
    lines = page.read_text().splitlines(keepends=True)
    page.write_text("".join(lines[:2] + lines[3:]))


def backwards(folder):
    unit = night(folder, "BACKWARDS-1", bursts=4)
    unit.at -= timedelta(days=40)
    unit.visit_of("keep")
    unit.close()


def zoned(folder):
    """Started in one time zone by a laptop of another: the entries are UTC, whatever people's clocks say."""
    unit = Unit(folder, "ZONED-1")
    unit.boot()
    unit.add(Kind.DEPLOYMENT, action="start", note="")
    unit.later(days=2).visit_of("keep")
    unit.add(Kind.DEPLOYMENT, action="end", note="")
    unit.close()


def doubled(folder):
    """Pulled twice, the second time with more: the earlier page lies beside its later self."""
    unit = night(folder, "DOUBLED-1", bursts=3)
    unit.close()
    unit.visit_of("keep")
    unit.close()


def test_archive_names_every_fault_and_what_is_whole_is_in_the_tables(ruin):
    result = manul("archive", ruin, "--json")
    assert result.exit_code == 6
    told = json.loads(result.stdout)
    found = {(fault["unit"], fault["what"]) for fault in told["faults"]}
    assert found == {
        ("TRUNCATED-1", "unreadable"), ("FLIPPED-1", "changed_file"), ("TORN-1", "gap"), ("TWICE-1", "identity"),
        ("BACKWARDS-1", "clock"), ("ENDLESS-1", "no_end"), ("EMPTY-1", "no_journal"),
        ("TRUNCATED-1", "extra_file"),  # photographs whose entries were in the lost half
    }  # fmt: skip
    counted = duckdb.sql(f"select unit, count(*) from '{ruin}/tables/entries.parquet' group by unit").fetchall()
    units = {unit for unit, _ in counted}
    assert units == {path.name for path in ruin.iterdir() if path.is_dir() and path.name.endswith("-1")} - {"EMPTY-1"}
    assert all(fault["words"] and fault["where"] for fault in told["faults"])


@pytest.mark.parametrize("command", ["report", "compare"])
def test_other_commands_do_the_rest_and_say_so_by_their_exit_code(ruin, tmp_path, command):
    result = manul(command, ruin, "--json", *(["--to", tmp_path / "page.html"] if command == "report" else []))
    assert result.exit_code == 6
    told = json.loads(result.stdout)
    assert len(told["units" if command == "report" else "ran"]) == 11
    if command == "report":
        page = (tmp_path / "page.html").read_text(encoding="utf-8")
        for words in (
            "missing from the journal",
            "no journal",
            "do two units share this name",
            "cannot be read behind",
        ):
            assert words in page


def test_export_leaves_out_what_it_cannot_place_and_is_otherwise_whole(ruin, tmp_path):
    result = manul("export", ruin, "--to", tmp_path / "package", "--json")
    assert result.exit_code == 6
    assert json.loads(result.stdout)["rows"]["deployments"] == 10  # all but the empty one


def test_effort_is_that_of_utc_and_of_every_unit_that_has_one(ruin):
    rows = {(row["unit"], row["deployment"]): row for row in json.loads(manul("effort", ruin, "--json").stdout)}
    assert rows["ZONED-1", "ridge-2026"]["dead"] == pytest.approx(2)  # two days without a sign of life
    assert rows["ENDLESS-1", "ridge-2026"]["working"] == rows["GOOD-1", "ridge-2026"]["working"]
    assert rows["EMPTY-1", "ridge-2026"]["working"] == 0


def test_rest_of_the_archive_reads_as_if_the_faults_were_not_there(ruin, tmp_path):
    shutil.copytree(ruin / "GOOD-1", tmp_path / "GOOD-1")
    alone = json.loads(manul("report", tmp_path, "--json").stdout)["units"][0]
    among = {unit["unit"]: unit for unit in json.loads(manul("report", ruin, "--json").stdout)["units"]}["GOOD-1"]
    assert alone == among and START.isoformat() == alone["first_at"]


def test_time_without_its_zone_is_refused_by_name_before_anything_is_reckoned(ruin, tmp_path):
    (tmp_path / "places.toml").write_text(
        '[[deployment]]\nunit = "GOOD-1"\ndeployment = "ridge-2026"\nstart = 2026-11-01T12:00:00\n'
    )
    result = manul("effort", ruin, "--places", tmp_path / "places.toml")
    assert result.exit_code == 3 and "without a time zone" in result.output
