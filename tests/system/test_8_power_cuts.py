"""Power cuts: the writes of one run, then 300 cards as a cut would have left them, each mended and recovered for real."""

import os
import shutil
import subprocess
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.system import bench as benches
from tests.system.crash import Cuts, logged
from tests.system.machine import running
from tests.system.mended import JOURNAL, MEDIA, extract, mend, recovers
from tests.system.unit import burst, entries

STATES = 300
WORKERS = min(2, os.cpu_count() or 1)
BURSTS = 6


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
        recovers(unit, promised, f"cut after request {cut}")
        shutil.rmtree(unit)
        tried += 1
    return tried
