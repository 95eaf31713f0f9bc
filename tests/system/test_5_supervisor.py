"""The supervisor's UART with the real supervisor on it: MicroPython at the pty's other end, ``trapd`` in the machine."""

import json
import subprocess
from collections import defaultdict

import pytest

from tests.system import bench as benches
from tests.system.crash import cut_out, partitions
from tests.system.pico import HOLD, RAIL, Pico
from tests.system.unit import journal_of, until
from trap_supervisor.files import FolderFiles
from trap_supervisor.ring import Ring
from trap_wire import frames

FAT32_STATE, FAT32_DIRTY = 0x41, 0x01  # of the boot sector; Linux sets it while the file system is written to
UNIT = "/run/systemd/system/trapd.service.d/bench.conf"


@pytest.fixture
def pico(staged, tmp_path):
    """A supervisor that has had its batteries for ten minutes, on the machine's UART; ``trapd`` there looks for it."""
    staged.run(f"sed -i 's#--patience#--uart /dev/ttyAMA0 --patience#' {UNIT}; systemctl daemon-reload")
    supervisor = Pico(tmp_path, staged.uart)
    supervisor.wait("dark")
    yield supervisor
    supervisor.close()


def test_pulse_at_the_supervisor_becomes_a_burst_and_the_rail_falls_after_the_halt(staged, pico, tmp_path):
    before = [frames.unpack_record(raw) for raw in Ring(FolderFiles(str(pico.flash))).since(0, 100)]
    assert before, "the supervisor's first life left nothing to hand over"
    pico.say("gauge 5640")
    pico.say("pulse")
    pico.wait(f"pin {RAIL} 1")
    staged.run("systemctl start --no-block trapd")  # a Pi whose rail rises boots; this one was only asleep
    assert staged.exited(400), f"the machine never halted; the supervisor: {pico.lines}"
    pico.say("halted 1")
    pico.wait(f"pin {RAIL} 0")
    pico.wait("dark")
    assert pico.pins[HOLD] == 0
    said = journal(staged, tmp_path)
    # Let go of before the power went: the next boot has nothing to mend.
    state = subprocess.run(
        ["dumpe2fs", "-h", tmp_path / "journal.ext4"], capture_output=True, text=True, check=True
    ).stdout
    assert "needs_recovery" not in state
    raw, boot, media = tmp_path / "card.img", *(partitions(tmp_path / "card.img")[n] for n in (0, 3))
    with raw.open("rb") as file:
        for part in (boot, media):
            file.seek(part.start + FAT32_STATE)
            assert not file.read(1)[0] & FAT32_DIRTY
    (wake,), (taken,) = said["wake"], said["burst"]
    assert (wake["reason"], taken["frames"]) == ("pir", 3)
    assert wake["trigger_age_ms"] > 0
    assert said["battery"][0]["battery_mv"] == pytest.approx(5_640, abs=5)
    assert len([body for body in said["media"] if body["role"] == "photograph"]) == 3
    handed = [(body["ring"], body["record"]) for body in said["supervisor"]]
    assert [number for number, _ in handed] == list(range(1, len(handed) + 1)), "nothing twice, nothing skipped"
    assert len(handed) >= len(before)
    left = [frames.unpack_record(raw).sequence for raw in Ring(FolderFiles(str(pico.flash))).since(0, 100)]
    assert min(left, default=len(handed) + 1) == len(handed) + 1, "what was journalled is forgotten over there, no more"
    assert not said["error"]
    benches.note("supervisor", {"handed": handed, "left": left})


def test_supervisor_that_falls_silent_costs_the_unit_nothing(staged, pico):
    """Its battery falls out after the first word: the Pi has its WAKE, takes its pictures and asks for sleep in vain."""
    pico.say("pulse")
    pico.wait(f"pin {RAIL} 1")
    staged.run("systemctl mask --runtime --now manul-sleep.path; systemctl start --no-block trapd")
    until(lambda: "burst" in journal_kinds(staged), 400)
    pico.close()
    until(lambda: staged.run("systemctl is-active trapd", check=False) == "inactive", 400)
    assert "verdict" in journal_kinds(staged)
    assert staged.run("systemctl show -P Result trapd") == "success"


def journal_kinds(machine):
    shown = machine.run("python3 /run/bench/bin/entries.py", check=False)
    return {json.loads(line)["kind"] for line in shown.splitlines() if line.startswith("{")}


def journal(machine, folder):
    """Bodies of the entries by kind, from the card of a machine that is off."""
    machine.close()
    raw = folder / "card.img"
    subprocess.run(["qemu-img", "convert", "-O", "raw", machine.folder / "card.qcow2", raw], check=True)
    cut_out(raw, partitions(raw)[2], folder / "journal.ext4")
    found = defaultdict(list)
    for entry in journal_of(folder / "journal.ext4", folder / "journal"):
        found[entry.kind.value].append(dict(entry.body))
    return found
