"""Kill -9 at two hundred random instants: nothing that was committed is lost, nothing that was journalled is torn."""

import hashlib
import os
import random
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sim.rig import unit
from trap import duty
from trap.store.journal import Journal
from trap_sim.assembly import JOURNAL, simulated_trap
from trap_wire.entries import GENESIS, Entry, Kind, verified

ROOT = Path(__file__).parents[2]
KILLS = 200
PROMISES = (0, 0, 1, 1, 2, 3, 4, 6)  # commits to wait for: 0 is the boot itself, 1 the first after recovery
LONGEST_S = 0.025  # about the time of a burst of tiny frames


class Witness:
    """Reads the journal after each death; knows what was promised and what was there before."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.sequence, self._digest = 0, GENESIS
        self.media = 0
        self.recovered: set[str] = set()

    def look(self, promised: int) -> None:
        """The chain goes on from what was seen last, reaches at least what was promised, and its photographs are whole."""
        for entry in self._new():
            self.sequence, self._digest = entry.sequence, entry.digest
            if entry.kind is Kind.MEDIA:
                self._whole(entry)
            elif entry.kind is Kind.RECOVERED:
                self.recovered.add(entry.body["what"])
        assert self.sequence >= promised

    def _new(self) -> Iterator[Entry]:
        journal = Journal(self._folder / JOURNAL)
        try:
            yield from verified(journal.entries(self.sequence + 1), self._digest, self.sequence + 1)
        finally:
            journal.close()

    def _whole(self, entry: Entry) -> None:
        data = (self._folder / "card" / entry.body["path"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == entry.body["sha256"], entry.body["path"]
        self.media += 1


class Nursery:
    """Units to kill, and the pipe on which they promise."""

    def __init__(self, folder: Path) -> None:
        self._reader, writer = os.pipe()
        command = [sys.executable, "-m", "tests.sim.doomed", str(folder), str(writer)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=(writer,), cwd=ROOT, text=True
        )
        os.close(writer)

    def kill_one(self, promises: int, later_s: float) -> int:
        """Start a unit, wait for so many promises and a moment more, kill it; the highest number that it promised."""
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        heads = [self._head() for _ in range(promises + 1)]
        time.sleep(later_s)
        os.kill(child, signal.SIGKILL)
        assert int(self._process.stdout.readline()) == -signal.SIGKILL, "the unit ended by itself"
        while select.select([self._reader], [], [], 0)[0]:
            heads.append(self._head())
        return max(heads)

    def close(self) -> None:
        self._process.stdin.close()
        self._process.wait(20)
        self._process.stdout.close()
        os.close(self._reader)

    def _head(self) -> int:
        ready, _, _ = select.select([self._reader], [], [], 30)
        assert ready, "the unit is silent"
        return int.from_bytes(os.read(self._reader, 4), "big")


@pytest.fixture
def nursery(tmp_path):
    made = Nursery(tmp_path)
    yield made
    made.close()


@pytest.mark.slow
def test_two_hundred_kills_lose_no_committed_entry_and_no_journalled_photograph(tmp_path, nursery):
    draw, witness = random.Random(20_261_125), Witness(tmp_path)
    for _ in range(KILLS):
        witness.look(nursery.kill_one(draw.choice(PROMISES), draw.uniform(0, LONGEST_S)))
    assert witness.media > KILLS
    assert witness.recovered >= {"adopted"}, "no kill fell between a photograph and its entry"
    _nothing_but_what_the_journal_says(tmp_path)


def _nothing_but_what_the_journal_says(folder: Path) -> None:
    """After a last recovery no temporary and no stranger is left on the card."""
    made = unit(folder)
    made.board.pi_running = True
    trap = simulated_trap(made.rig)
    duty.start(trap)
    known = {item.path for item in trap.journal.files()}
    on_card = {path for below in ("media", "thumbnails") for path in made.card.files(below)}
    trap.journal.close()
    assert on_card == known
