"""Camera-days that can be proved: time between signs of life, minus what was lost, in true time.

A unit writes at least one heartbeat a day. Between two entries no more than ``SILENCE`` apart it is taken to have watched; a
longer silence is dead time from the last sign on, because nobody can say when in it the unit stopped. Deployment dates on
paper only cut the ends off.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from typing import TypeVar

import numpy as np

from trap_tools.archive.clock import Correction
from trap_tools.archive.facts import Log, Medium
from trap_tools.archive.places import Place
from trap_wire.entries import from_us, to_us
from trap_wire.vocabulary import CaptureMethod

T = TypeVar("T")
# A heartbeat is due every 24 h; two hours for a slow boot, a retry and the hour's own drift.
SILENCE = timedelta(hours=26)
DAY_US = 86_400_000_000


class State(StrEnum):
    """What a unit was doing, worst last: where two overlap, the later one of this list counts."""

    WORKING = "working"
    FLOODED = "flooded"
    OVER_BUDGET = "over_budget"
    LOW_BATTERY = "low_battery"
    RESTING = "resting"
    PAUSED = "paused"
    FULL = "full"
    OBSTRUCTED = "obstructed"
    DEAD = "dead"


RANK = {state: rank for rank, state in enumerate(State)}
# Rungs of the battery ladder on which no trigger is answered.
NO_TRIGGERS = frozenset({"heartbeat_only", "off"})
# Causes of refused triggers; one that this version does not know, or that an old unit did not tell, is taken for a flood.
CAUSES = {"overspent": State.OVER_BUDGET, "too_low": State.LOW_BATTERY, "backed_off": State.RESTING}
# Words of ``state`` entries that mean that no trigger was answered.
STATES = {
    "paused": State.PAUSED,
    "bulk": State.PAUSED,
    "full": State.FULL,
    "card_full": State.FULL,
    "obstructed": State.OBSTRUCTED,
}


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one state; µs since 1970, true time, end not included."""

    start_us: int
    end_us: int
    state: State

    @property
    def days(self) -> float:
        """Length in days."""
        return (self.end_us - self.start_us) / DAY_US


@dataclass(frozen=True, slots=True)
class Effort:
    """Spans without a hole from the first to the last moment; empty for a journal without entries.

    ``proved`` is False for other cameras: without a heartbeat their effort can only be taken from dates on paper.
    """

    spans: tuple[Span, ...]
    proved: bool = True

    def days(self, state: State = State.WORKING) -> float:
        """Days in one state; the default are the camera-days."""
        return sum(span.days for span in self.spans if span.state is state)

    @property
    def start(self) -> datetime | None:
        """First moment."""
        return from_us(self.spans[0].start_us) if self.spans else None

    @property
    def end(self) -> datetime | None:
        """Last moment."""
        return from_us(self.spans[-1].end_us) if self.spans else None

    def days_between(self, start_us: int, end_us: int) -> float:
        """Camera-days inside a window."""
        working = (span for span in self.spans if span.state is State.WORKING)
        return sum(max(0, min(span.end_us, end_us) - max(span.start_us, start_us)) for span in working) / DAY_US


def effort(log: Log, place: Place, clock: Correction) -> Effort:
    """The effort of one deployment."""
    times = np.sort(clock.correct_us(log.ticks.sequences, log.ticks.at_us))
    if not len(times):
        return Effort(())
    start, end = int(times[0]), int(times[-1])
    marks = {mark.action: clock.correct_one_us(mark.sequence, to_us(mark.at)) for mark in log.marks}
    # What a unit did on the bench before somebody said `start` on the mountain is no effort.
    start = max(start, marks.get("start", start), to_us(place.start) if place.start else start)
    end = marks["end"] if marks.get("end", 0) > start else end
    # Paper may end later than the journal: what lies between is dead, and a unit found dead must show as such.
    end = to_us(place.end) if place.end else end
    if log.imported:
        # Nothing but paper says when such a camera watched, so paper must do, also before the first photograph.
        start = to_us(place.start) if place.start else start
        return Effort(tuple(_overlaid(start, end, list(_by_hand(place)))), proved=False)
    said = (*_flooded(log, clock), *_battery(log, clock), *_states(log, clock), *_refused(log, clock))
    return Effort(tuple(_overlaid(start, end, [*_dead(times, end), *said, *_by_hand(place)])))


def _dead(times: "np.ndarray[tuple[int], np.dtype[np.int64]]", end_us: int) -> Iterator[Span]:
    silence = SILENCE // timedelta(microseconds=1)
    for index in np.flatnonzero(np.diff(times) > silence):
        yield Span(int(times[index]), int(times[index + 1]), State.DEAD)
    if end_us - times[-1] > silence:
        yield Span(int(times[-1]), end_us, State.DEAD)


def _flooded(log: Log, clock: Correction) -> Iterator[Span]:
    """Refused time, which ended at the entry that tells of it."""
    for lost in log.lost:
        if lost.seconds > 0:
            end = clock.correct_one_us(lost.sequence, to_us(lost.at))
            yield Span(end - int(lost.seconds * 1e6), end, CAUSES.get(lost.cause, State.FLOODED))


def _battery(log: Log, clock: Correction) -> Iterator[Span]:
    """From a sample on a low rung to the next one above it."""
    steps = ((sample.sequence, sample.at, sample.state in NO_TRIGGERS) for sample in log.samples)
    for start, end, low in _runs(steps, log, clock):
        if low:
            yield Span(start, end, State.LOW_BATTERY)


def _states(log: Log, clock: Correction) -> Iterator[Span]:
    steps = ((change.sequence, change.at, STATES.get(change.after)) for change in log.changes)
    for start, end, state in _runs(steps, log, clock):
        if state:
            yield Span(start, end, state)


def _refused(log: Log, clock: Correction) -> Iterator[Span]:
    """From a burst that the card did not take to the next one that it took; the heartbeat's frame has room of its own."""
    taken = [medium.sequence for medium in log.media.values() if medium.is_full and _is_triggered(log, medium)]
    behind = 0
    for lost in log.refused:
        if lost.sequence < behind:
            continue  # the same spell
        following = bisect_right(taken, lost.sequence)
        end = taken[following] if following < len(taken) else None
        behind = end or log.ticks.sequences[-1] + 1
        moments = [(lost.sequence, to_us(lost.at)), _tick(log, end) if end else _tick(log, log.ticks.sequences[-1])]
        start_us, end_us = (clock.correct_one_us(*moment) for moment in moments)
        yield Span(start_us, end_us, State.FULL if lost.full else State.DEAD)


def _is_triggered(log: Log, medium: Medium) -> bool:
    burst = log.bursts.get(medium.burst or "")
    return burst is not None and burst.capture_method == CaptureMethod.ACTIVITY_DETECTION


def _tick(log: Log, sequence: int) -> tuple[int, int]:
    """Sequence number and unit time of an entry."""
    return sequence, log.ticks.at_us[bisect_left(log.ticks.sequences, sequence)]


def _runs(steps: Iterable[tuple[int, datetime, T]], log: Log, clock: Correction) -> Iterator[tuple[int, int, T]]:
    """Start, end and value of every run of equal values; the last one ends with the journal."""
    begun: tuple[int, T] | None = None
    for sequence, at, value in steps:
        if begun is None or value != begun[1]:
            now = clock.correct_one_us(sequence, to_us(at))
            if begun is not None:
                yield begun[0], now, begun[1]
            begun = (now, value)
    if begun is not None:
        last = clock.correct_one_us(log.ticks.sequences[-1], log.ticks.at_us[-1])
        yield begun[0], last, begun[1]


def _by_hand(place: Place) -> Iterator[Span]:
    for lost in place.lost:
        yield Span(to_us(lost.start), to_us(lost.end), STATES.get(lost.cause, State.OBSTRUCTED))


def _overlaid(start: int, end: int, lost: list[Span]) -> Iterator[Span]:
    """Cut the whole into spans, the worst state on top."""
    inside = [Span(max(span.start_us, start), min(span.end_us, end), span.state) for span in lost]
    inside = sorted((span for span in inside if span.start_us < span.end_us), key=lambda span: span.start_us)
    cuts = sorted({start, end, *(span.start_us for span in inside), *(span.end_us for span in inside)})
    run: Span | None = None
    open_spans: list[Span] = []
    upcoming = iter(inside)
    following = next(upcoming, None)
    for begin, finish in pairwise(cuts):
        while following is not None and following.start_us <= begin:
            open_spans.append(following)
            following = next(upcoming, None)
        open_spans = [span for span in open_spans if span.end_us > begin]
        state = max((span.state for span in open_spans), key=RANK.__getitem__, default=State.WORKING)
        if run is not None and run.state is state:
            run = Span(run.start_us, finish, state)
            continue
        if run is not None:
            yield run
        run = Span(begin, finish, state)
    if run is not None:
        yield run
