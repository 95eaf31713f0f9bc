"""A release that was confirmed hands its supervisor files over the UART: a whole unit behind the real supervisor, on a pty."""

import time
from contextlib import suppress
from dataclasses import replace

import pytest

from tests.micropython.engine import ROOT
from tests.signing import KEY
from tests.supervisor_desk import Desk
from tests.unit.supervisor.flash import Dice, Flash, PowerCut
from tests.unit.update.test_update import opened
from trap import duty
from trap.assembly import UnitConfig, real_trap
from trap.drivers.camera import CameraSettings
from trap.drivers.card import FolderCard
from trap.link.supervisor import SupervisorLine
from trap.offering import SupervisorOffer, confirmed, supervisor_files
from trap.releases import FOLDER
from trap.update import boot, install, state
from trap_supervisor.slots import TRIES, Slots
from trap_tools.flash.supervisor import manifest
from trap_tools.release.build import Contents, build
from trap_wire.entries import Kind
from trap_wire.supervisor_image import sources

TOML = '[station]\nunit = "MN-017"\ndeployment = "bench"\n[protocol]\nhold_off_ms = 60000\n'
CHIP = {f"supervisor/{path}": file for path, file in manifest.files(ROOT / "firmware" / "pico").items()}


class Supervisor(Desk):
    """One power-up of a supervisor whose flash may lose power; ``runs`` is what its ``main`` would run."""

    def __init__(self, flash):
        self.runs = Slots(flash).choose(by_watchdog=False)
        super().__init__(None, flash)
        self.board.rtc_ok = False  # a trusted RTC would step the clock of the machine that runs the tests
        self.board.is_cable = True  # wakes whatever happened before

    def __exit__(self, *_):
        """The Pi has halted, and the rail falls; unless nobody told the supervisor, or its power is gone already."""
        self.board.is_halted = True
        with suppress(AssertionError):
            self.until(lambda: not self.rail(), 1.0 if self._thread.is_alive() else 0.0)
        super().__exit__()

    def _live(self):
        with suppress(PowerCut):  # from there on it answers nothing
            super()._live()


class CutPort:
    """A UART whose wire breaks after so many frames."""

    def __init__(self, port, frames):
        self._port, self._left = port, frames

    def read(self, timeout_s):
        return self._port.read(timeout_s)

    def write(self, data):
        self._left -= 1
        if self._left >= 0:
            self._port.write(data)


class Unit:
    """A card with releases on it, started again and again beside a supervisor."""

    def __init__(self, root):
        self.root, self.flash = root, Flash()
        (root / "data").mkdir()
        (root / "station.toml").write_text(TOML)
        self.card = FolderCard(root / "data")

    def install(self, version, files=None, healthy=True):
        """Through the signed bundle, as an update comes; confirmed or given up as ``life.arm`` does."""
        folder = self.root / version
        folder.mkdir()
        contents = Contents()
        for path, file in (files or CHIP).items():
            source = folder / path.replace("/", "-")
            source.write_bytes(file if isinstance(file, bytes) else file.read_bytes())
            contents.add(path, "supervisor", source)
        build(contents, folder / "b.manul", version=version, python=["3.11"], base=[], key=KEY)
        install.arm(self.card, install.prepare(self.card, opened(folder / "b.manul"), "3.11"))
        boot.choose(self.card)
        if healthy:
            boot.confirm(self.card)

    def release(self):
        now = state.load(self.card)
        return self.root / "data" / state.folder(now.trial or now.active)

    def start(self, supervisor, through=lambda port: port, speed=1, alive=lambda: None):
        """From power to sleep; everything that the journal says of updates, errors and wakes."""
        supervisor.until(supervisor.rail)
        (self.root / "uart").unlink(missing_ok=True)
        (self.root / "uart").symlink_to(supervisor.board.path)
        config = UnitConfig(
            station=self.root / "station.toml", journal=self.root / "journal.sqlite", card=self.root / "card", detectors=(),
            uart=self.root / "uart", host_port=self.root / "none", gpio_chip=str(self.root / "gpiochip9"),
            camera=CameraSettings((64, 48), (32, 24)),
        )  # fmt: skip
        (self.root / "card").mkdir(exist_ok=True)
        trap = real_trap(config)
        line = SupervisorLine(through(trap.supervisor._port), lambda: time.monotonic() * speed)
        trap = replace(trap, supervisor=line, host=None)  # the cable that woke it has nobody at its other end
        try:
            duty.start(trap)
            duty.awake(trap, SupervisorOffer(trap, line, alive, {FOLDER: str(self.release())}))
            return [list(trap.journal.entries(kind=kind)) for kind in (Kind.UPDATE, Kind.ERROR, Kind.WAKE)]
        finally:
            trap.journal.close()

    def lives(self, **given):
        """A power-up of both; the states that the journal tells of the supervisor's update, its errors, what ran over there."""
        with Supervisor(self.flash) as supervisor:
            updates, errors, _ = self.start(supervisor, **given)
        words = [entry.body["words"] for entry in errors if entry.body["part"] == "supervisor"]
        return [entry.body["state"] for entry in updates if "state" in entry.body], words, supervisor.runs


@pytest.fixture
def unit(tmp_path):
    return Unit(tmp_path)


def test_confirmed_release_is_staged_tried_at_the_next_power_up_confirmed_by_the_hello_and_told_once(unit):
    unit.install("1.1")
    assert unit.lives() == (["staged"], [], 0)
    assert unit.flash.content["1/trap_supervisor/life.py"] == sources(ROOT / "firmware")["trap_supervisor/life.py"]
    assert unit.lives() == (["staged", "running"], [], 1)
    assert unit.lives() == (["staged", "running"], [], 1)
    assert Slots(unit.flash).active == 1


def test_release_on_trial_sends_nothing(unit):
    unit.install("1.0")
    unit.install("1.1", healthy=False)
    assert confirmed(unit.release()) is None
    assert unit.lives() == ([], [], 0)


def test_release_that_was_left_sends_nothing_any_more(unit):
    unit.install("1.0")
    unit.install("1.1", healthy=False)
    left = unit.release()
    boot.give_up(unit.card, "the camera does not open")
    assert confirmed(left) is None
    assert confirmed(unit.release()).version == "1.0"


def test_release_without_supervisor_files_or_with_a_uf2_sends_nothing(unit):
    unit.install("1.1", {"supervisor/supervisor.uf2": b"UF2"})
    assert supervisor_files(unit.release()) == {}
    assert unit.lives() == ([], [], 0)


def test_program_that_no_launcher_started_offers_nothing(unit):
    unit.install("1.1")
    assert SupervisorOffer(None, None, lambda: None, {})() is False


def test_release_that_is_too_large_for_the_chip_is_refused_told_once_and_the_old_one_stays(unit):
    unit.install("1.1", {"supervisor/trap_supervisor/life.py": bytes(200_000)})
    told, words, runs = unit.lives()
    assert (told, runs) == (["refused"], 0)
    assert "release 1.1: supervisor: refuses the update: is it larger than 128 KiB?" in words
    assert unit.lives() == (told, words, 0)
    assert not Slots(unit.flash).trial


def test_cut_line_is_an_error_the_old_one_stays_and_the_next_start_sends_it_whole(unit):
    unit.install("1.1")
    told, words, runs = unit.lives(through=lambda port: CutPort(port, 100), speed=20)
    assert (told, runs) == ([], 0)
    assert "does not answer update_data" in words[0]
    told, words, runs = unit.lives()
    assert (told, len(words), runs) == (["staged"], 1, 0)
    assert unit.lives()[2] == Slots(unit.flash).active > 0


def test_supervisor_that_is_worse_falls_is_told_once_and_is_not_sent_again(unit):
    unit.install("1.1")
    assert unit.lives()[0] == ["staged"]
    for _ in range(TRIES):
        assert Slots(unit.flash).choose(False) == 1  # on trial, and the Pi never hears of it
    told, words, runs = unit.lives()
    assert (told, runs) == (["staged", "fell"], 0)
    assert words == ["release 1.1: its supervisor was tried and given up; the one before runs"]
    assert unit.lives() == (told, words, 0)
    unit.install("1.2", {**CHIP, "supervisor/trap_supervisor/more.py": b"# a better one\n"})
    assert unit.lives()[0] == ["staged", "fell", "staged"]


@pytest.mark.parametrize("share", [0.25, 0.6, 0.9, 0.97, 0.99, 1.0])
def test_power_cut_over_there_leaves_the_old_one_or_the_whole_new_one(unit, share):
    """The share of the writes that one staging takes; from there on nothing answers any more."""
    small = {
        "supervisor/trap_supervisor/life.py": b"# new life\n" * 900,
        "supervisor/trap_supervisor/gate.py": b"# gate\n" * 300,
    }
    unit.install("1.1", small)
    (unit.root / "count").mkdir()
    whole = Unit(unit.root / "count")
    whole.install("1.1", small)
    whole.lives()
    unit.flash = Flash(Dice(round(share * 100)))
    unit.flash.cut_after = round(share * (whole.flash.operations - 1))
    told, _, runs = unit.lives(speed=20)
    assert runs == 0
    assert told == [] or share > 0.9  # so late that it was staged: the cut befell the record of it, or the sleep
    unit.flash.cut_after = None
    told, _, runs = unit.lives()
    assert (told[-1], runs > 0) in (("staged", False), ("running", True))
    assert unit.lives()[2] == Slots(unit.flash).active > 0
    assert unit.flash.content[f"{Slots(unit.flash).active}/trap_supervisor/life.py"] == b"# new life\n" * 900


def test_trigger_during_the_hand_over_is_answered_before_the_unit_sleeps(unit):
    unit.install("1.1")
    with Supervisor(unit.flash) as supervisor:
        supervisor.body.life._gate.settled_ms = None  # the thirty seconds of a cold start are not this test's

        def moved():
            """Again until it is seen: an edge that comes while the supervisor's thread counts is lost to this board."""
            supervisor.body.life._gate.settled_ms = None
            supervisor.board.pending_edges = 1
            return supervisor.body.life.wake_number == 2

        def pulse():
            """Between two pieces."""
            if supervisor.body.life.wake_number == 1:
                supervisor.until(moved)

        updates, _, wakes = unit.start(supervisor, alive=pulse)
    assert [wake.body["wake"] for wake in wakes] == [1, 2]
    assert wakes[-1].sequence > updates[-1].sequence
