"""``manul sim serve``: one pretend unit at a port, for every client that speaks SMP."""

import json
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trap.selftest import self_test
from trap_sim.serving import Options, lived

MANUL = Path(sys.executable).with_name("manul")
SMPMGR = Path(sys.executable).with_name("smpmgr")


def run(*command, **options):
    return subprocess.run(
        [str(word) for word in command], capture_output=True, text=True, timeout=60, check=False, **options
    )


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A port that leads to a unit with a few minutes behind it, and the process that serves it."""
    folder = tmp_path_factory.mktemp("served")
    command = [MANUL, "sim", "--serve", "--to", folder / "unit", "--hours", "0.6", "--link", folder / "port"]
    process = subprocess.Popen(
        [str(word) for word in command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    port = process.stdout.readline().strip()
    assert port == str(folder / "port"), process.stderr.read()
    yield port, process
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 0
    assert not (folder / "port").is_symlink()


def test_summary_of_a_served_unit_as_json(served):
    done = run(MANUL, "summary", "--port", served[0], "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["unit"] == "MN-101"


def test_stock_smpmgr_gets_its_echo(served):
    done = run(SMPMGR, "--port", served[0], "os", "echo", "hi", env={"COLUMNS": "200", "PATH": "/usr/bin:/bin"})
    assert done.returncode == 0, done.stderr
    assert "r='hi'" in done.stdout


def test_pull_killed_half_way_resumes_and_verifies(served, tmp_path):
    command = [str(MANUL), "pull", "--port", served[0], "--to", str(tmp_path)]
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while first.poll() is None and not list(tmp_path.rglob("*.jpg")):
        time.sleep(0.005)
    first.kill()
    first.wait()
    before = len(list(tmp_path.rglob("*.jpg")))
    done = run(*command, "--json")
    assert done.returncode == 0, done.stderr
    (receipt,) = json.loads(done.stdout)
    assert receipt["complete"]
    assert len(list(tmp_path.rglob("*.jpg"))) >= before > 0
    assert not list(tmp_path.rglob("*.part"))


def test_unit_stays_awake_while_the_cable_is_in(served):
    time.sleep(1)
    first = json.loads(run(MANUL, "summary", "--port", served[0], "--json").stdout)
    time.sleep(2)
    second = json.loads(run(MANUL, "summary", "--port", served[0], "--json").stdout)
    passed_s = (second["now_us"] - first["now_us"]) / 1e6
    assert 1.5 < passed_s < 20
    assert second["entries"] - first["entries"] < 12


@pytest.mark.parametrize(
    ("fault", "part", "words"),
    [
        ("dead-flash", "infrared", "no brighter by the flash"),
        ("blurred", "camera", "check its focus"),
        ("no-camera", "camera", "seat the ribbon"),
        ("worn-cells", "battery", "put in new cells"),
    ],
)
def test_what_is_wrong_with_a_pretend_unit_is_found_by_its_check(tmp_path, fault, part, words):
    made = lived(Options(hours=2.5, fault=fault), tmp_path, datetime.now(UTC))
    made.board.plug_in()
    made.step_until_wanted()
    rows = {}
    made.boot(lambda trap: rows.update({row[0]: row for row in self_test(trap)}))
    assert rows[part][1] == "fail", rows[part]
    assert words in rows[part][2]
    sound = {"camera", "infrared", "detector", "card", "journal", "battery"} - {part}
    blamed = {name for name in sound if rows[name][1] == "fail"}
    assert blamed <= ({"camera"} if fault == "dead-flash" else set())
