"""A card as a cut or a reset left it, without a machine: mended by fsck as the unit does, taken out, and put right by its own recovery."""

import hashlib
import subprocess
from datetime import UTC, datetime
from pathlib import Path

from trap.drivers.card import FolderCard
from trap.store.journal import Journal
from trap.store.media import MediaStore
from trap_wire.entries import verified

JOURNAL, MEDIA = 2, 3  # third and fourth partition
FSCK_PASSES = 6  # as the image has it: tools/image/root.py
NOW = datetime(2026, 6, 2, tzinfo=UTC)


def mend(journal: Path, media: Path) -> None:
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


def extract(journal: Path, media: Path, unit: Path) -> None:
    """Both partitions as folders, without a mount."""
    (unit / "journal").mkdir(parents=True)
    (unit / "card").mkdir()
    subprocess.run(["debugfs", "-R", f"rdump / {unit / 'journal'}", journal], capture_output=True, check=True)
    copied = subprocess.run(
        ["mcopy", "-snQ", "-i", media, "::*", unit / "card"], capture_output=True, text=True, check=False
    )
    assert copied.returncode == 0, copied.stderr


def recovers(unit: Path, promised: int, when: str) -> tuple[int, int]:
    """The unit's own recovery: the chain holds, nothing promised is gone, every journalled photograph is what its hash says.

    The newest entry that the cut had left, and how many files the journal has.
    """
    journal = Journal(unit / "journal" / "journal.sqlite")
    assert len(list(verified(journal.entries()))) == journal.head
    head = journal.head
    assert head >= promised, f"{when}: entries up to {promised} were committed, {journal.head} are there"
    card = FolderCard(unit / "card")
    words = MediaStore(card, journal).recover(NOW)
    assert not [word for word in words if "not on the card" in word], f"{when}: {words}"
    for item in journal.files():
        assert hashlib.sha256(card.read(item.path)).hexdigest() == item.sha256, f"{when}: {item.path}"
    files = len(journal.files())
    journal.close()
    return head, files
