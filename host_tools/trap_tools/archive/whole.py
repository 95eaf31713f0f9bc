"""A pulled folder read whole: every deployment's log, place, clock and effort, and everything that is wrong with it."""

import gc
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path

from trap_tools.archive.clock import Correction, complaints, correction
from trap_tools.archive.effort import Effort, effort
from trap_tools.archive.facts import Log
from trap_tools.archive.faults import Fault, What
from trap_tools.archive.files import missing
from trap_tools.archive.fold import log_of
from trap_tools.archive.layout import Holding, holdings
from trap_tools.archive.places import Place, Places, Programme, load


@dataclass(frozen=True, slots=True)
class Whole:
    """One deployment with everything that is known of it."""

    holding: Holding
    log: Log
    place: Place
    programme: Programme
    clock: Correction
    effort: Effort
    faults: tuple[Fault, ...]

    @property
    def site(self) -> str:
        """The place that deployments are compared by: its location, else the deployment itself."""
        return self.place.location or f"{self.log.unit}/{self.log.deployment}"


def whole(folder: Path, places: Path | None = None) -> list[Whole]:
    """Every deployment below a pulled folder; ``BadInputError`` when there is none or the places cannot be read."""
    found = holdings(folder)
    known = load(folder, places)
    with _no_cycles():
        return list(_checked_together([of_holding(holding, known) for holding in found]))


@contextmanager
def _no_cycles() -> Iterator[None]:
    """Millions of small facts without a cycle among them: looking for cycles again and again costs a tenth of the time."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def of_holding(holding: Holding, places: Places) -> Whole:
    """One deployment, its journal folded and its files looked for."""
    faults: list[Fault] = []
    log = log_of(holding, faults.append)
    place = places.of(holding.unit, holding.deployment)
    clock = correction(log, place.sync)
    faults += [*missing(holding, log), *complaints(str(holding), clock), *_without_end(log, place)]
    return Whole(holding, log, place, places.programme, clock, effort(log, place, clock), tuple(faults))


def _without_end(log: Log, place: Place) -> Iterable[Fault]:
    if place.start and not place.end and not any(mark.action == "end" for mark in log.marks):
        words = "the deployment has no end on record; its effort ends with the last entry"
        yield Fault(What.NO_END, f"{log.unit}/{log.deployment}", words)


def _checked_together(read: Sequence[Whole]) -> Iterable[Whole]:
    """Add what only shows when deployments are compared: one unit in two places at one time."""
    extra: dict[int, list[Fault]] = {}
    for (index, one), (_, other) in combinations(enumerate(read), 2):
        if one.log.unit == other.log.unit and _overlap(one.effort, other.effort):
            words = f"was also at {other.log.deployment} at the same time; do two units share this name?"
            extra.setdefault(index, []).append(Fault(What.IDENTITY, str(one.holding), words))
    for index, one in enumerate(read):
        yield replace(one, faults=(*one.faults, *extra.get(index, ())))


def _overlap(one: Effort, other: Effort) -> bool:
    if not (one.spans and other.spans):
        return False
    return one.spans[0].start_us < other.spans[-1].end_us and other.spans[0].start_us < one.spans[-1].end_us
