"""Power cuts: the writes of one run, then 300 cards as a cut would have left them, each mended and recovered for real."""

import hashlib
import os
import shutil
import subprocess
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime

import pytest

from tests.system import bench as benches
from tests.system.crash import Cuts, logged
from tests.system.machine import running
from tests.system.unit import burst, entries
from trap.drivers.card import FolderCard
from trap.store.journal import Journal
from trap.store.media import MediaStore
from trap_wire.entries import verified

STATES = 300
WORKERS = min(2, os.cpu_count() or 1)
BURSTS = 6
FSCK_PASSES = 6  # as the image has it: tools/image/root.py
JOURNAL, MEDIA = 2, 3  # third and fourth partition
NOW = datetime(2026, 6, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def run(image, bench):
    """A run of some bursts on a card whose every write is logged: the log, and (requests so far, entries committed)."""
    folder = benches.where() / "power-cuts"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    card, log = folder / "card.img", folder / "writes.log"
    subprocess.run(["cp", "--sparse=always", image / "manul.img", card], check=True)
    log.touch()
    promises = []
    with running(folder, image, card, bench, log=log) as machine:
        machine.wait_for_shell()
        machine.run(
            "systemctl stop trapd; mkdir -p /run/bench; mount -o ro /dev/vdb /run/bench; sh /run/bench/bin/stage.sh"
        )
        machine.run("systemctl start trapd", timeout_s=300)
        for _ in range(BURSTS):
            newest = max(entry["seq"] for entry in entries(machine))  # read before the log: what is read is on the disk
            before = logged(log), newest
            promises.append(before)
            burst(machine, before[1])
            # The hold-off of the safe default is 5 s.
            machine.run("sleep 5")
        newest = max(entry["seq"] for entry in entries(machine))
        promises.append((logged(log), newest))
    return folder, image / "manul.img", log, promises


def test_no_cut_loses_a_committed_entry_or_a_journalled_photograph(run, tmp_path):
    _, image, log, promises = run
    with ProcessPoolExecutor(WORKERS) as pool:
        shares = [
            pool.submit(holds, image, log, promises, tmp_path / str(number), seed=20261125 + number)
            for number in range(WORKERS)
        ]
        assert sum(share.result() for share in shares) == STATES


def holds(image, log, promises, folder, seed):
    """A share of the states, each mended and recovered; how many there were."""
    cuts = Cuts(log, image, (JOURNAL, MEDIA), folder)
    tried = 0
    for cut, parts in cuts.states(promises[0][0], STATES // WORKERS, seed):
        promised = max(head for requests, head in promises if requests <= cut)
        unit = folder / str(cut)
        shutil.rmtree(unit, ignore_errors=True)
        mend(parts[JOURNAL], parts[MEDIA])
        extract(parts[JOURNAL], parts[MEDIA], unit)
        recovers(unit, promised, cut)
        shutil.rmtree(unit)
        tried += 1
    return tried


def mend(journal, media):
    """What the unit's own fsck does before it mounts; a look after it must find nothing.

    fsck.fat needs up to three passes for a folder that was half made: its cluster, its entry, the rest of its long name.
    """
    first = subprocess.run(["e2fsck", "-fp", journal], capture_output=True, text=True, check=False)
    assert first.returncode in (0, 1), first.stdout
    again = subprocess.run(["e2fsck", "-fn", journal], capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stdout
    for _ in range(FSCK_PASSES):
        said = subprocess.run(["fsck.fat", "-a", media], capture_output=True, text=True, check=False)
        assert said.returncode in (0, 1), said.stdout
        if said.returncode == 0:
            return
    raise AssertionError(said.stdout)


def extract(journal, media, unit):
    """Both partitions as folders, without a mount."""
    (unit / "journal").mkdir(parents=True)
    (unit / "card").mkdir()
    subprocess.run(["debugfs", "-R", f"rdump / {unit / 'journal'}", journal], capture_output=True, check=True)
    copied = subprocess.run(
        ["mcopy", "-snQ", "-i", media, "::*", unit / "card"], capture_output=True, text=True, check=False
    )
    assert copied.returncode == 0, copied.stderr


def recovers(unit, promised, cut):
    """The unit's own recovery: the chain holds, nothing promised is gone, every journalled photograph is what its hash says."""
    journal = Journal(unit / "journal" / "journal.sqlite")
    assert len(list(verified(journal.entries()))) == journal.head
    assert journal.head >= promised, (
        f"cut after request {cut}: entries up to {promised} were committed, {journal.head} are there"
    )
    card = FolderCard(unit / "card")
    words = MediaStore(card, journal).recover(NOW)
    assert not [word for word in words if "not on the card" in word], f"cut after request {cut}: {words}"
    for item in journal.files():
        assert hashlib.sha256(card.read(item.path)).hexdigest() == item.sha256, f"cut after request {cut}: {item.path}"
    journal.close()
