"""Bad hardware is the normal case: every driver states what it does, the page has a line for it, and the line names tests that exist."""

import importlib
import pkgutil
import re
from pathlib import Path

import pytest

from trap import drivers

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "drivers.md").read_text()
ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line.startswith("| `")]
NAMES = sorted(module.name for module in pkgutil.iter_modules(drivers.__path__))
FOLDERS = {
    "unit": ROOT / "tests/unit/drivers",
    "unit/link": ROOT / "tests/unit/link",
    "unit/trap": ROOT / "tests/unit/trap",
}


@pytest.mark.parametrize("name", NAMES)
def test_driver_states_what_it_does_when_its_part_is_bad(name):
    said = re.sub(r"\s+", " ", importlib.import_module(f"trap.drivers.{name}").__doc__ or "").lower()
    if name == "yuv":  # arithmetic on a buffer of the camera's
        assert "lying" in said
        return
    assert [word for word in ("absent", "slow", "lying", "gone in mid-use") if word not in said] == []


@pytest.mark.parametrize("name", NAMES)
def test_page_has_a_line_for_the_driver(name):
    listed = {found for row in ROWS for found in re.findall(r"`(\w+)`", row[0])}
    assert name in listed


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_line_of_the_page_names_tests_that_exist(row):
    files = re.findall(r"(?:(unit(?:/\w+)?)/)?(test_\w+)", row[-1])
    assert files or "VM" in row[-1]
    system = "".join(path.read_text() for path in (ROOT / "tests/system").glob("test_*.py"))
    for folder, name in files:
        places = [FOLDERS[folder]] if folder else [*FOLDERS.values(), ROOT / "tests/system"]
        assert any((place / f"{name}.py").exists() for place in places), name
    for name in re.findall(r"`(\w+)`", row[-1]):
        assert (ROOT / "tests/system" / f"{name}.py").exists() or name in system, name
