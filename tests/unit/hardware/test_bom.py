"""The parts list: every line can be ordered, adds up, and names every part of the latch."""

import csv
import re

import pytest

from tools import pins
from trap.drivers.gauge import SHUNT_MILLIOHM
from trap_supervisor import parts

ROWS = list(csv.DictReader((pins.ROOT / "hardware" / "bom.csv").open(encoding="utf-8", newline="")))
NETLIST = (pins.ROOT / "hardware" / "latch" / "latch.cir").read_text()
LEAN_MOST_USD = 120


def build(name: str) -> list[dict[str, str]]:
    return [row for row in ROWS if row["build"] in (name, "both")]


def cost(rows: list[dict[str, str]]) -> float:
    return sum(int(row["quantity"]) * float(row["price_usd"]) for row in rows)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['build']}-{row['refs']}")
def test_every_line_can_be_ordered_and_says_where_its_price_comes_from(row):
    assert row["build"] in ("lean", "cold", "both")
    for column in ("refs", "part", "maker", "mpn", "alternative", "source"):
        assert row[column].strip(), column
    assert row["mpn"] != row["alternative"]
    assert float(row["price_usd"]) > 0 and int(row["quantity"]) > 0
    assert re.fullmatch(r"20\d\d(-\d\d)?", row["date"])


def test_lean_build_stays_within_its_budget_cells_included():
    assert cost(build("lean")) <= LEAN_MOST_USD
    assert any(row["refs"].startswith("CELL") for row in build("lean"))


def test_readme_gives_the_sums_of_the_list():
    text = (pins.ROOT / "hardware" / "README.md").read_text()
    for name in ("lean", "cold"):
        assert f"{cost(build(name)):.2f} USD" in text, name


def test_quantities_count_the_references():
    for row in ROWS:
        refs = row["refs"].split()
        if len(refs) > 1:
            assert int(row["quantity"]) == len(refs), row["refs"]


@pytest.mark.parametrize("name", ["lean", "cold"])
def test_no_reference_is_bought_twice_in_a_build(name):
    refs = [ref for row in build(name) for ref in row["refs"].split()]
    assert len(refs) == len(set(refs))


@pytest.mark.parametrize("name", ["lean", "cold"])
def test_every_part_of_the_latch_is_on_the_list(name):
    drawn = set(
        re.findall(r"\b[QRCDU]\d+\b", re.sub(r"<[^>]+>", " ", (pins.ROOT / "hardware/latch/latch.svg").read_text()))
    )
    refs = {ref for row in build(name) for ref in row["refs"].split()}
    assert drawn <= refs


@pytest.mark.parametrize(
    ("ref", "value"), [("R1", "10 k"), ("R6", "10 M"), ("C2", "330 nF"), ("C3", "2.2 µF"), ("R2", "470 Ω")]
)
def test_list_and_netlist_give_the_same_values(ref, value):
    (row,) = [row for row in build("cold") if ref in row["refs"].split()]
    assert value in row["part"]
    spice = re.search(rf"^{ref} \S+ \S+ (\S+)", NETLIST, re.MULTILINE)
    assert spice is not None
    units = {"k": 1e3, "M": 1e6, "meg": 1e6, "n": 1e-9, "nF": 1e-9, "u": 1e-6, "µF": 1e-6, "Ω": 1.0, "": 1.0}
    number, unit = value.split()
    drawn = re.fullmatch(r"([\d.]+)(\w*)", spice[1])
    assert drawn is not None
    assert float(number) * units[unit] == pytest.approx(float(drawn[1]) * units[drawn[2]])


def test_cold_build_is_rated_for_minus_thirty_or_says_how_it_is_screened():
    warm = [row for row in build("cold") if int(row["min_c"]) > -30 and row["refs"] not in ("SW1", "X2")]
    assert [row["refs"] for row in warm if "screen" not in row["note"]] == []


def test_shunt_in_the_code_is_the_one_that_the_parts_list_solders_in():
    gauge = next(line for line in ROWS if "gauge board" in line["part"])
    ohm = float(re.search(r"([\d.]+) Ω", gauge["part"])[1])
    assert ohm * 1_000 == parts.SHUNT_MOHM == SHUNT_MILLIOHM


def test_thermometer_that_is_bought_is_one_that_the_supervisor_reads():
    thermometer = next(line for line in ROWS if "thermometer" in line["part"])
    assert "TMP117" in thermometer["mpn"]
    assert "TMP117" in parts.Thermometer.__doc__
