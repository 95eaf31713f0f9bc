"""What tests do to a unit and read from it, in the field's words."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.system.machine import Machine
from tools.image.host import ROOT
from tools.image.root import DETECTOR as DETECTOR  # noqa: PLC0414  # tests take it from here
from trap.store.journal import Journal
from trap_wire.entries import Entry, verified

MANUL = ROOT / ".venv" / "bin" / "manul"
REGSIM = "/sys/kernel/debug/i2c-regsim"


def entries(machine: Machine, kind: str = "", after: int = 0) -> list[dict[str, Any]]:
    """Entries of the unit's journal, read through a connection of its own."""
    lines = machine.run("python3 /run/bench/bin/entries.py").splitlines()
    return [entry for entry in map(json.loads, lines) if entry["seq"] > after and kind in ("", entry["kind"])]


def head(machine: Machine) -> int:
    """Sequence number of the newest entry."""
    return max((entry["seq"] for entry in entries(machine)), default=0)


def pulse(machine: Machine) -> None:
    """One pulse of the PIR."""
    machine.run("sh /run/bench/bin/pulse.sh")


def until(what: Callable[[], Any], timeout_s: float = 400, every_s: float = 0.5) -> Any:
    """The first true answer; ``AssertionError`` with the last one after the time-out."""
    deadline, answer = time.monotonic() + timeout_s, None
    while time.monotonic() < deadline:
        if answer := what():
            return answer
        time.sleep(every_s)
    raise AssertionError(f"still {answer!r} after {timeout_s:g} s")


def burst(machine: Machine, after: int) -> dict[str, list[dict[str, Any]]]:
    """Pulse, and the entries of what became of it by their kind; waits for the verdict's transaction."""
    pulse(machine)
    until(lambda: entries(machine, "burst", after))
    found: dict[str, list[dict[str, Any]]] = {}
    for entry in entries(machine, after=after):
        found.setdefault(entry["kind"], []).append(entry["body"])
    return found


@contextmanager
def cable(machine: Machine) -> Iterator[str]:
    """A laptop's USB cable: the gadget's serial port on the host controller of the same machine, carried out to a pty."""
    machine.run("systemctl start manul-gadget && udevadm settle")
    machine.run("for n in $(seq 100); do [ -c /dev/ttyACM0 ] && break; sleep 0.1; done; [ -c /dev/ttyACM0 ]")
    machine.run("nohup python3 -u /run/bench/bin/cable.py >/run/cable.log 2>&1 & echo $! > /run/cable.pid")
    until(lambda: "CABLE" in machine.run("cat /run/cable.log"), 60)
    yield machine.cable
    machine.run("kill $(cat /run/cable.pid)", check=False)


def manul(*words: str, timeout_s: float = 180, code: int = 0) -> str:
    """What ``manul`` printed, ended with ``code``."""
    line = [sys.executable, str(MANUL), *words]
    done = subprocess.run(line, capture_output=True, text=True, timeout=timeout_s, check=False)
    assert done.returncode == code, (
        f"manul {' '.join(words)}: {done.returncode}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    )
    return done.stdout


def local(photographs: Path) -> list[Path]:
    """JPEG files below a folder."""
    return sorted(photographs.rglob("*.jpg"))


def journal_of(partition: Path, folder: Path) -> list[Entry]:
    """Entries of a journal partition that no machine has open, their chain verified."""
    folder.mkdir()
    subprocess.run(["debugfs", "-R", f"rdump / {folder}", partition], capture_output=True, check=True)
    journal = Journal(folder / "journal.sqlite")
    try:
        return list(verified(journal.entries()))
    finally:
        journal.close()
