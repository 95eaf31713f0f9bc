"""A pretend unit for the tests: tiny scenes, no network unless asked, a few pulses."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from trap.store.journal import Journal
from trap_sim.pir import Pulse
from trap_sim.scene import Sight, Subject
from trap_sim.sky import Sky
from trap_sim.unit import Fate, Setting, SimUnit
from trap_wire import slot
from trap_wire.entries import Kind
from trap_wire.vocabulary import ObservationType

STARTED = datetime(2026, 10, 3, 9, tzinfo=UTC)
STATION = '[station]\nunit = "MN-101"\ndeployment = "sim-2026"\n[protocol]\nname = "sim"\n'
MINUTE = 60_000


class Flat:
    """A scene of one grey, so small that a burst costs a millisecond."""

    frames = None

    def __init__(self, grey: int) -> None:
        self._grey = grey

    def look(self, at_ms: int, *, infrared: bool) -> Sight:
        return Sight(np.full((24, 32, 3), self._grey, dtype=np.uint8), developed=True)


class FlatShow:
    """Flat scenes; the truth is the pulse's cause."""

    over = False

    def next(self, pulse: Pulse):
        truth = ObservationType.ANIMAL if pulse.cause.animal else ObservationType.BLANK
        return Flat(80 + pulse.seed % 100), truth, str(pulse.cause)

    def quiet(self) -> Flat:
        return Flat(60)


def unit(
    folder: Path, fate: Fate | None = None, *, station: str = STATION, detector: Path | None = None, seed=1
) -> SimUnit:
    boot = folder / "boot"
    boot.mkdir(parents=True, exist_ok=True)
    if not (boot / "station.toml").exists():
        (boot / "station.toml").write_bytes(slot.fill(station))
    return SimUnit(Setting(folder, STARTED, Sky(), seed, detector), fate or Fate(), lambda _: FlatShow())


def pulses(*minutes: float, cause: Subject = Subject.CAT) -> list[Pulse]:
    return [Pulse(round(at * MINUTE), cause, number) for number, at in enumerate(minutes)]


def entries(folder: Path, kind: Kind | None = None):
    journal = Journal(folder / "card" / "journal.sqlite")
    try:
        return list(journal.entries(kind=kind))
    finally:
        journal.close()
