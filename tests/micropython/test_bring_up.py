"""The technician's script, under both interpreters: it reads what is there and names what is not."""

import os
import subprocess
import sys

import pytest

from tests.micropython.engine import HERE, ROOT

BENCH, SCRIPT = HERE / "on_the_bench.py", str(ROOT / "hardware" / "bring_up.py")


def cpython(fault):
    env = {**os.environ, "PYTHONPATH": str(ROOT / "firmware"), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, str(BENCH), str(HERE / "pretend"), SCRIPT, fault]
    return subprocess.run(command, capture_output=True, text=True, env=env, check=True, timeout=60).stdout


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("none", ("0x40 0x68", "5.900 V", "-31 mA", "3 s in 3 s", "15.0 C by the clock", "HOLD 0 alarm 20")),
        ("no gauge", ("10 bus    0x68", "11 gauge  does not answer")),
        ("stopped clock", ("had stopped, set; 3 s in 3 s",)),
    ],
)
def test_bring_up_script_says_what_it_reads_and_what_is_missing(fault, said):
    told = cpython(fault)
    for words in said:
        assert words in told


def test_bring_up_script_says_the_same_under_micropython(micropython, tmp_path):
    told = micropython.run(BENCH, str(HERE / "pretend"), SCRIPT, "none")
    assert told == cpython("none")
