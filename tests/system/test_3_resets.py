"""The reset button in mid-burst, again and again: the journal's chain holds and every photograph is what its entry says."""

import os
import shutil
import time

import pytest

from tests.system import bench as benches
from tests.system.crash import partitions
from tests.system.mended import JOURNAL, MEDIA, extract, mend, recovers
from tests.system.unit import burst, entries, head, pulse

RESETS = int(os.environ.get("MANUL_RESETS", "20"))
# One reset in so many is followed by the unit's own boot; after the others the card is mended and recovered here, by the same
# programs, which takes a tenth of the time.
BOOTS = 5
MOUNTED = "mountpoint -q /var/lib/manul/journal && mountpoint -q /var/lib/manul/card"
CHECK = """
import hashlib, pathlib
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
def test_resets_in_mid_burst_lose_nothing_that_was_said(armed, image, tmp_path):
    """The first burst, with four files, is let through; each reset falls into the second, at another moment of it."""
    burst(armed, head(armed))
    armed.run("sleep 5")  # hold-off
    armed.monitor("savevm mid")
    length_s = timed(lambda: burst(armed, head(armed)))
    parts = dict(enumerate(partitions(image / "manul.img")))
    found = []
    for number in range(RESETS):
        armed.begin_from("mid")
        before = head(armed)
        pulse(armed)
        armed.run(f"sleep {length_s * number / RESETS:.2f}")
        if number % 2:  # what can be read is committed; reading it takes a second in which the burst goes on
            before = head(armed)
        when = f"after reset {number + 1}"
        if number % BOOTS == BOOTS - 1 or number == RESETS - 1:
            last, files = booted(armed, before, when)
        else:
            copies = armed.halted_card({number: parts[number] for number in (JOURNAL, MEDIA)}, tmp_path)
            last, files = put_right(copies, tmp_path / "unit", before, when)
        assert files >= 4
        found.append(last)
    benches.note("resets", {"burst_s": round(length_s, 1), "newest_entry": found})
    assert len(set(found)) > 1, "every reset fell into the same moment"
    comes_back(armed)
    armed.monitor("delvm mid")


def booted(machine, before, when):
    """The unit's own boot, with its fsck; newest entry and number of files, all of them as their hashes say."""
    machine.reset()
    machine.wait_for_shell()
    machine.run(f"for n in $(seq 600); do {MOUNTED} && break; sleep 0.2; done; {MOUNTED}")
    last, files, wrong = machine.python(CHECK, account="manul").splitlines()[-1].split(" ", 2)
    assert wrong == "[]", f"{when}: {wrong}"
    assert int(last) >= before, f"{when}: entries up to {before} were committed, {last} are there"
    return int(last), int(files)


def put_right(copies, unit, before, when):
    """The same without a machine."""
    shutil.rmtree(unit, ignore_errors=True)
    mend(copies[JOURNAL], copies[MEDIA])
    extract(copies[JOURNAL], copies[MEDIA], unit)
    return recovers(unit, before, when)


def comes_back(machine):
    """After the last one the unit puts right what was cut off, and photographs on."""
    machine.run("mkdir -p /run/bench; mount -o ro /dev/vdb /run/bench; sh /run/bench/bin/stage.sh")
    before = head(machine)
    machine.run("systemctl start trapd", timeout_s=400)
    assert entries(machine, "boot", before)
    assert burst(machine, head(machine))["burst"][0]["frames"] == 3


def timed(call):
    started = time.monotonic()
    call()
    return time.monotonic() - started
