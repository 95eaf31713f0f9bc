"""A night from beginning to end: plan the site, live through the night, pull every unit, report, reckon."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from trap.deployment import Protocol as Rules
from trap.triage import model_folder
from trap_sim import night, noise, reckoning
from trap_sim.night import Morning
from trap_sim.photos import Album, PhotoBurst, album, bursts
from trap_sim.reckoning import Reckoning
from trap_sim.site import Plan, plans, write_station
from trap_sim.visit import Round
from trap_tools import report
from trap_tools.field.visit import Progress, Receipt
from trap_tools.report.summary import UnitSummary
from trap_wire.errors import BadInputError, RefusedError, StorageError, TrapError

MARK = ".manul-sim"
DETECTORS = Path(__file__).parents[2] / "models"


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. ``detector`` None takes the project's own; ``photos`` None composes scenes."""

    to: Path
    photos: Path | None = None
    seed: int = 1
    units: int = 6
    detector: Path | None = None
    workers: int = 2


@dataclass(frozen=True, slots=True)
class Night:
    """What came of it."""

    report: Path
    summaries: list[UnitSummary]
    receipts: list[Receipt]
    mornings: list[Morning]
    reckoning: Reckoning
    album: Album | None

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "report": str(self.report),
            "units": [summary.to_json() for summary in self.summaries],
            "stories": {morning.plan.unit: morning.plan.story for morning in self.mornings},
            "complete": all(receipt.complete for receipt in self.receipts),
            "labelled": self.reckoning.to_json() if self.album is None or self.album.labelled else None,
            "photographs": None if self.album is None else len(self.album.photos),
            "unreadable": {} if self.album is None else self.album.unreadable,
            "damaged": {name: wrong for morning in self.mornings for name, wrong in morning.damaged.items()},
        }


class Screen(Protocol):
    """Where the progress of a night is shown."""

    def planned(self, site: list[Plan], pictures: Album | None) -> None:
        """What is about to happen."""

    def lived(self, unit: str, ms: int) -> None:
        """A unit's virtual time."""

    def pulled(self, progress: Progress) -> None:
        """How far a pull is."""


def tell(options: Options, screen: Screen) -> Night:
    """Do it all. ``TrapError`` says what was wrong with what was given."""
    pictures = album(options.photos) if options.photos else None
    detector = chosen_detector(options.detector)
    _clear(options.to)
    site = plans(options.to, options.seed, options.units, _groups(pictures))
    for plan in site:
        write_station(plan, options.seed)
    screen.planned(site, pictures)
    home, log = options.to / "pulled", options.to / "noise.log"
    mornings = night.live(site, detector, options.workers, log, screen.lived)
    with noise.into(log):
        receipts = Round(home, detector, screen.pulled).pull_all(mornings)
    page, summaries = report.build(home), report.summaries(home)
    return Night(page, summaries, receipts, mornings, reckoning.reckon(mornings), pictures)


def chosen_detector(given: Path | None) -> Path | None:
    """The folder that was given, whatever is wrong with it (the unit must cope); else the project's newest good one."""
    if given is not None:
        if not given.is_dir():
            raise BadInputError(f"{given}: no such folder; --detector wants a folder with a model.toml")
        return given
    found = [
        (_preference(folder), folder) for folder in sorted(DETECTORS.glob("*")) if (folder / "model.toml").is_file()
    ]
    return max(found)[1] if found else None


def _preference(folder: Path) -> tuple[bool, str, str]:
    """The project's own detectors come before converted ones, then the higher version."""
    try:
        identity = model_folder.load(folder).identity
    except TrapError:
        return False, "", folder.name
    return identity.name.startswith("manul"), identity.version, folder.name


def _groups(pictures: Album | None) -> list[PhotoBurst] | None:
    rules = Rules()
    return None if pictures is None else bursts(pictures.photos, rules.burst_frames, rules.burst_interval_ms)


def _clear(folder: Path) -> None:
    """An empty folder to work in; an earlier simulation in it is removed, anything else is left alone."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()) and not (folder / MARK).is_file():
            raise RefusedError(f"{folder}: is not empty and not from a simulation; give a new folder with --to")
        for old in folder.iterdir():
            shutil.rmtree(old) if old.is_dir() else old.unlink()
        (folder / MARK).write_text("Made by `manul sim`; the next one with the same --to removes it.\n")
    except TrapError:
        raise
    except OSError as error:
        raise StorageError(f"{folder}: {error.strerror}") from error
