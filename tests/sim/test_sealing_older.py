"""Pictures kept before ``sealed_to`` was set are sealed afterwards, whatever the power does meanwhile."""

import hashlib
import itertools
import shutil
import time

import pyrage
import pytest

from tests.sim.doomed import wake
from tests.sim.rig import STATION, unit
from trap import duty
from trap.assembly import summary_of
from trap.store.shelf import JournalShelf
from trap_sim.assembly import simulated_trap
from trap_sim.cable import plugged_in
from trap_sim.card import CardFaults
from trap_sim.unit import Fate
from trap_sim.vtime import PowerCut
from trap_tools.field.pulling import Options, pull
from trap_tools.field.summary import asked
from trap_wire import slot
from trap_wire.entries import Kind, verified

IDENTITY = pyrage.x25519.Identity.generate()
SEALED = STATION.replace("[protocol]", f'sealed_to = "{IDENTITY.to_public()}"\n[protocol]')


def powered(folder, **fate):
    made = unit(folder, Fate(card=CardFaults(**fate)))
    made.board.pi_running = True
    return made, simulated_trap(made.rig)


@pytest.fixture
def kept(tmp_path):
    """A unit that kept pictures in the clear, and was then told to seal; their bytes."""
    folder = tmp_path / "unit"
    _, trap = powered(folder)
    duty.start(trap)
    for number in (1, 2):
        duty.on_wake(trap, wake(number))
    plain = {item.path: trap.card.read(item.path) for item in trap.journal.files()}
    trap.journal.close()
    (folder / "boot/station.toml").write_bytes(slot.fill(SEALED))
    return folder, plain


def sealed_all(trap):
    while trap.store.seal_older(trap.clock.now()):
        pass


def held(card):
    return {path: card.read(path) for below in ("media", "thumbnails") for path in card.files(below)}


def test_older_pictures_are_sealed_and_open_to_what_they_were(kept):
    folder, plain = kept
    made, trap = powered(folder)
    duty.start(trap)
    assert trap.journal.unsealed() == len(plain) > 3
    before = {item.sequence for item in trap.journal.files()}
    sealed_all(trap)
    on_card = held(made.card)
    assert {path.removesuffix(".age"): pyrage.decrypt(data, [IDENTITY]) for path, data in on_card.items()} == plain
    assert {item.path: item.sha256 for item in trap.journal.files()} == {
        path: hashlib.sha256(data).hexdigest() for path, data in on_card.items()
    }
    assert {item.sequence for item in trap.journal.files()} == before
    assert trap.journal.unsealed() == 0
    assert not trap.store.sealing
    trap.journal.close()


def test_until_it_is_sealed_no_picture_leaves_and_the_summary_says_so(kept):
    folder, plain = kept
    _, trap = powered(folder)
    duty.start(trap)
    shelf = JournalShelf(trap.journal, trap.card, trap.store._seal)
    assert {item.role for item in shelf.items(0, 99)} == {"journal"}
    assert [shelf.size(path) for path in plain] == [None] * len(plain)
    assert summary_of(trap)["unsealed"] == len(plain)
    trap.store.seal_older(trap.clock.now())
    assert len([item for item in shelf.items(0, 99) if item.role != "journal"]) == 1
    sealed_all(trap)
    assert "unsealed" not in summary_of(trap)
    trap.journal.close()


def test_duty_cycle_seals_while_nothing_else_is_to_be_done(kept):
    folder, plain = kept
    made, trap = powered(folder)
    duty.start(trap)
    duty.awake(trap)
    assert all(path.endswith(".age") for path in held(made.card))
    assert len(held(made.card)) == len(plain)
    trap.journal.close()


def test_power_cut_at_any_operation_of_it_loses_no_picture_and_the_next_start_goes_on(kept, tmp_path):
    folder, plain = kept
    halves = 0
    for cut_at in itertools.count(1):
        again = tmp_path / str(cut_at)
        shutil.copytree(folder, again)
        made, trap = powered(again, cut_at=cut_at)
        try:
            duty.start(trap)
            sealed_all(trap)
            whole = True
        except PowerCut:
            made.card.cut()
            whole = False
        trap.journal.close()
        halves += len(held(made.card)) > len(plain)
        made, trap = powered(again)
        duty.start(trap)
        assert set(held(made.card)) == {item.path for item in trap.journal.files()}
        sealed_all(trap)
        opened = {path.removesuffix(".age"): pyrage.decrypt(data, [IDENTITY]) for path, data in held(made.card).items()}
        assert opened == plain, f"cut at operation {cut_at}"
        assert len(list(verified(trap.journal.entries()))) == trap.journal.head
        assert not [e for e in trap.journal.entries(kind=Kind.RECOVERED) if e.body["what"] == "missing"]
        trap.journal.close()
        shutil.rmtree(again)
        if whole:
            break
    assert cut_at > 5 * len(plain)
    assert halves > 0


def test_card_without_room_is_said_once_and_what_is_in_the_clear_stays_on_the_unit(kept):
    folder, plain = kept
    made, trap = powered(folder)
    duty.start(trap)
    made.card.faults.read_only = True
    assert not trap.store.seal_older(trap.clock.now())
    assert not trap.store.seal_older(trap.clock.now())
    words = [e.body["words"] for e in trap.journal.entries(kind=Kind.ERROR)]
    assert len([one for one in words if "older pictures stay unsealed" in one]) == 1
    assert summary_of(trap)["unsealed"] == len(plain)
    trap.journal.close()


def test_visit_that_comes_too_early_is_told_so_and_the_next_brings_everything(kept, tmp_path):
    """Over the real cable, while the laptop talks without a pause: what is sealed meanwhile comes with the next pull."""
    folder, plain = kept
    made = unit(folder)
    with plugged_in(made) as port:
        first = pull(port, tmp_path / "home", options=Options(set_clock=False))
        until = time.monotonic() + 20
        while "unsealed" in asked(port) and time.monotonic() < until:
            pass
        second = pull(port, tmp_path / "home", options=Options(set_clock=False))
    assert second.complete, second.problems
    assert first.complete or "pull again" in first.problems[0]
    home = tmp_path / "home/MN-101/sim-2026"
    pulled = {path: pyrage.decrypt((home / f"{path}.age").read_bytes(), [IDENTITY]) for path in plain}
    assert pulled == plain
