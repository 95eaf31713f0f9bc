"""The reset button in mid-burst, again and again: the journal's chain holds and every photograph is what its entry says."""

import os

import pytest

from tests.system import bench as benches
from tests.system.machine import overlay, running
from tests.system.unit import entries, head, pulse

RESETS = int(os.environ.get("MANUL_RESETS", "20"))
CHECK = """
import hashlib, pathlib, sys
from trap.drivers.card import FolderCard
from trap.store.journal import Journal
from trap_wire.entries import verified
journal = Journal(pathlib.Path('/var/lib/manul/journal/journal.sqlite'))
card = FolderCard(pathlib.Path('/var/lib/manul/card'))
assert len(list(verified(journal.entries()))) == journal.head
wrong = [i.path for i in journal.files() if hashlib.sha256(card.read(i.path)).hexdigest() != i.sha256]
print(journal.head, len(journal.files()), wrong)
"""


@pytest.mark.timeout(1800)
def test_resets_in_mid_burst_lose_nothing_that_was_said(image, bench):
    folder = benches.where() / "resets"
    folder.mkdir(exist_ok=True)
    card = overlay(image / "manul.img", folder / "card.qcow2")
    with running(folder, image, card, bench) as machine:
        machine.wait_for_shell()
        before = 0
        for number in range(RESETS):
            machine.run(
                "systemctl stop trapd; mkdir -p /run/bench; mount -o ro /dev/vdb /run/bench; sh /run/bench/bin/stage.sh"
            )
            machine.run("systemctl start trapd", timeout_s=400)
            now = head(machine)
            assert now > before, "entries were lost"
            pulse(machine)
            # Between the edge and the end of the burst's transaction, at another moment every time.
            machine.run(f"sleep {0.05 + 0.13 * (number % 15):.2f}")
            before = max(now, head(machine))
            machine.reset()
            machine.wait_for_shell()
            machine.run(
                "systemctl stop trapd; mountpoint -q /var/lib/manul/journal && mountpoint -q /var/lib/manul/card",
                timeout_s=300,
            )
            last, files, wrong = machine.python(CHECK, timeout_s=300).splitlines()[-1].split(" ", 2)
            assert int(last) >= before
            assert wrong == "[]", f"after reset {number + 1}: {wrong}"
        assert entries(machine, "boot")
        assert int(files) > 0
