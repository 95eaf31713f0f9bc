"""The power goes during every single operation of the card, and at every byte of the journal's log."""

import hashlib
import random
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from tests.sim.doomed import wake
from tests.sim.rig import unit
from trap import duty
from trap.store.journal import Journal
from trap_sim.assembly import simulated_trap
from trap_sim.card import CardFaults
from trap_sim.unit import Fate
from trap_sim.vtime import PowerCut
from trap_wire.entries import Kind, verified

BURSTS = 2


def boot(folder: Path, cut_at: int | None, seed: int):
    made = unit(folder, Fate(card=CardFaults(cut_at=cut_at)), seed=seed)
    made.board.pi_running = True
    return made


def live(made) -> tuple[int, int]:
    """Boot and take a few bursts; operations of the card, and the newest number that was committed when the power went."""
    trap = simulated_trap(made.rig)
    try:
        duty.start(trap)
        for number in range(1, BURSTS + 1):
            duty.on_wake(trap, wake(number))
    except PowerCut:
        made.card.cut()
    return made.card.operations, trap.journal.head  # the journal is left open: nobody closes it in a power cut


def after(folder: Path) -> tuple[list, set[str]]:
    """Recover; the journal's entries, and what lies on the card."""
    made = boot(folder, None, 0)
    trap = simulated_trap(made.rig)
    duty.start(trap)
    entries = list(verified(trap.journal.entries()))
    known = {item.path for item in trap.journal.files()}
    on_card = {path for below in ("media", "thumbnails") for path in made.card.files(below)}
    assert on_card == known
    for entry in entries:
        if entry.kind is Kind.MEDIA and entry.body["path"] in known:
            assert hashlib.sha256(made.card.read(entry.body["path"])).hexdigest() == entry.body["sha256"]
    trap.journal.close()
    return entries, on_card


@pytest.mark.parametrize("seed", [1, 2])
def test_cut_at_every_operation_loses_no_committed_entry_and_no_journalled_photograph(tmp_path, seed):
    operations, _ = live(boot(tmp_path / "whole", None, seed))
    assert operations >= BURSTS * 16  # four files a burst, four operations a file
    recovered = set()
    for cut_at in range(1, operations + 1):
        folder = tmp_path / str(cut_at)
        _, committed = live(boot(folder, cut_at, 1_000 * seed + cut_at))
        entries, _ = after(folder)
        assert len(entries) >= committed
        missing = [e.body for e in entries if e.kind is Kind.RECOVERED and e.body["what"] == "missing"]
        assert not missing, f"cut at operation {cut_at}: journalled and gone: {missing}"
        recovered |= {e.body["what"] for e in entries if e.kind is Kind.RECOVERED}
        shutil.rmtree(folder)
    assert recovered >= {"adopted", "torn"}


def test_second_cut_during_the_recovery_of_the_first_loses_nothing_either(tmp_path):
    for cut_at in range(3, 36, 4):
        for again_at in range(1, 4):
            folder = tmp_path / f"{cut_at}-{again_at}"
            _, committed = live(boot(folder, cut_at, 5))
            live(boot(folder, again_at, 6))
            entries, _ = after(folder)
            assert len(entries) >= committed


def test_journal_whose_log_breaks_off_anywhere_keeps_every_commit_before(tmp_path):
    """SQLite's log is cut at random bytes after the last synced commit, as a power cut in mid-write leaves it."""
    made = boot(tmp_path / "unit", None, 1)
    trap = simulated_trap(made.rig)
    path, log = made.rig.folder / "card/journal.sqlite", made.rig.folder / "card/journal.sqlite-wal"
    sizes = []
    for number in range(1, 7):
        duty.on_wake(trap, wake(number))
        sizes.append((log.stat().st_size, trap.journal.head))
    draw = random.Random(3)
    for (size, head), (later, newest) in pairwise(sizes):
        for _ in range(12):
            cut = draw.randrange(size, later)
            torn = tmp_path / "torn.sqlite"
            torn.write_bytes(path.read_bytes())
            Path(f"{torn}-wal").write_bytes(log.read_bytes()[:cut] + draw.randbytes(draw.randrange(200)))
            Path(f"{torn}-shm").unlink(missing_ok=True)
            journal = Journal(torn)
            assert head <= len(list(verified(journal.entries()))) <= newest
            journal.close()
    trap.journal.close()
