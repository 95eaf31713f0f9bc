"""Unit time to true time: piecewise linear between host visits, broken at every step, with the uncertainty stated.

The journal's sequence numbers order everything, so a clock that ran backwards puts nothing in the wrong place: a segment is a
run of sequence numbers in which the clock was never stepped, and holds the moments at which its offset is known.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from trap_tools.archive.facts import Log
from trap_tools.archive.faults import Fault, What
from trap_tools.archive.places import Sync
from trap_wire.entries import from_us, to_us

Numbers = NDArray[np.int64]
SECOND_US = 1_000_000
# What a reading of both clocks is worth: whole seconds over SMP, and half a second of line and person.
FIX_S = 1.0
# DS3231 over -40..+85 °C, datasheet rev 10: ±3.5 ppm; between two fixes only what drift changed (temperature) remains.
DRIFT_PPM = 3.5
# More than this between two fixes is no crystal: somebody or something stepped the clock unseen.
IMPLAUSIBLE_PPM = 50.0
# Going back by less than this is the order of two threads, not of a clock.
BACKWARDS_US = 2 * SECOND_US


@dataclass(frozen=True, slots=True)
class Anchor:
    """At this unit time (µs) the true time was ``offset_us`` later."""

    unit_us: int
    offset_us: int


@dataclass(frozen=True, slots=True)
class Segment:
    """From the entry ``first`` on the clock was not stepped; anchors are in the order of unit time."""

    first: int
    anchors: tuple[Anchor, ...]
    cause: str  # what began it: "start", "visit", "backwards", "rtc_compromised", …

    @property
    def drift_ppm(self) -> float | None:
        """Rate of the unit's clock against true time over the whole segment; positive when it is fast."""
        if len(self.anchors) < 2:
            return None
        first, last = self.anchors[0], self.anchors[-1]
        span = last.unit_us - first.unit_us
        return (first.offset_us - last.offset_us) / span * 1e6 if span > 0 else None

    @property
    def stepped_unseen(self) -> bool:
        """Whether the offset moved by more than any crystal and the reading of two clocks can explain."""
        if len(self.anchors) < 2:
            return False
        first, last = self.anchors[0], self.anchors[-1]
        crystal_us = IMPLAUSIBLE_PPM * (last.unit_us - first.unit_us) / 1e6
        return abs(last.offset_us - first.offset_us) > crystal_us + 2 * FIX_S * SECOND_US

    def offsets_us(self, at_us: Numbers) -> Numbers:
        """What must be added to unit times; constant outside the anchors, zero without any."""
        if not self.anchors:
            return np.zeros_like(at_us)
        known = [anchor.unit_us for anchor in self.anchors]
        steps = [anchor.offset_us for anchor in self.anchors]
        return np.rint(np.interp(at_us, known, steps)).astype(np.int64)

    def uncertainty_s(self, at_us: int) -> float | None:
        """Half-width in seconds: the fix itself, and drift since the nearest one; None when no fix ties this segment."""
        if not self.anchors:
            return None
        away_s = min(abs(at_us - anchor.unit_us) for anchor in self.anchors) / SECOND_US
        unseen = abs(self.anchors[-1].offset_us - self.anchors[0].offset_us) / SECOND_US
        return FIX_S + away_s * DRIFT_PPM / 1e6 + (unseen if self.stepped_unseen else 0.0)


@dataclass(frozen=True, slots=True)
class Correction:
    """Segments in the order of sequence numbers; the first begins at 0."""

    segments: tuple[Segment, ...]

    def segment(self, sequence: int) -> Segment:
        """The segment of an entry."""
        return self.segments[bisect_right(self.segments, sequence, key=lambda segment: segment.first) - 1]

    def correct_us(self, sequences: Sequence[int] | Numbers, at_us: Sequence[int] | Numbers) -> Numbers:
        """True times (µs) of entries, given their sequence numbers and unit times."""
        numbers, times = np.asarray(sequences, np.int64), np.asarray(at_us, np.int64)
        which = np.searchsorted([segment.first for segment in self.segments], numbers, side="right") - 1
        corrected = times.copy()
        for index in np.unique(which):
            mine = which == index
            corrected[mine] += self.segments[index].offsets_us(times[mine])
        return corrected

    def correct_one_us(self, sequence: int, at_us: int) -> int:
        """True time (µs) of one moment."""
        return int(at_us + self.segment(sequence).offsets_us(np.asarray([at_us], np.int64))[0])


def correction(log: Log, syncs: Iterable[Sync] = ()) -> Correction:
    """How a log's times become true, from its clock entries, its jumps, and photographs of a known time."""
    begins: dict[int, str] = {0: "start"}
    ends: dict[int, Anchor] = {}  # first sequence of a segment -> the anchor at which the one before it ends
    starts: dict[int, Anchor] = {}
    for fix in log.fixes:
        # The unit journals the fix before it steps its clock, so the entry itself still has the old time.
        behind = fix.sequence + 1
        begins[behind] = fix.cause or "visit"
        if fix.host_us is not None:
            ends[behind] = Anchor(fix.unit_us, fix.host_us - fix.unit_us)
            starts[behind] = Anchor(fix.host_us, 0)
    for sequence, cause in _jumps(log):
        begins.setdefault(sequence, cause)
    firsts = sorted(begins)
    segments = []
    for first, following in zip(firsts, [*firsts[1:], None], strict=True):
        known = [starts.get(first), ends.get(following) if following is not None else None]
        anchors = [anchor for anchor in known if anchor]
        segments.append(Segment(first, tuple(sorted(anchors, key=lambda anchor: anchor.unit_us)), begins[first]))
    return Correction(tuple(_with_syncs(log, segments, syncs)))


def _jumps(log: Log) -> Iterable[tuple[int, str]]:
    """Where the clock was stepped by nobody: the supervisor says that the RTC stopped, or the clock ran backwards."""
    compromised = False
    for wake in log.wakes:
        now = "rtc_compromised" in wake.flags
        if now and not compromised:
            yield wake.sequence, "rtc_compromised"
        compromised = now
    set_by_host = {fix.sequence + 1 for fix in log.fixes}
    for index in np.flatnonzero(np.diff(np.asarray(log.ticks.at_us, np.int64)) < -BACKWARDS_US) + 1:
        if (sequence := log.ticks.sequences[index]) not in set_by_host:
            yield sequence, "backwards"


def _with_syncs(log: Log, segments: list[Segment], syncs: Iterable[Sync]) -> Iterable[Segment]:
    """Put each photograph of a known time into the segment whose entries surround its unit time."""
    extra: dict[int, list[Anchor]] = {}
    for sync in syncs:
        unit_us = to_us(sync.unit_time)
        index = _segment_at(log, segments, unit_us)
        extra.setdefault(index, []).append(Anchor(unit_us, to_us(sync.true_time) - unit_us))
    for index, segment in enumerate(segments):
        anchors = sorted([*segment.anchors, *extra.get(index, ())], key=lambda anchor: anchor.unit_us)
        yield Segment(segment.first, tuple(anchors), segment.cause)


def _segment_at(log: Log, segments: list[Segment], unit_us: int) -> int:
    """Index of the segment with an entry nearest to a unit time."""
    if not len(log.ticks.at_us):
        return 0
    nearest = int(np.argmin(np.abs(np.asarray(log.ticks.at_us, np.int64) - unit_us)))
    sequence = log.ticks.sequences[nearest]
    return max(0, bisect_right([segment.first for segment in segments], sequence) - 1)


def complaints(name: str, made: Correction) -> Iterable[Fault]:
    """What a person should know about this clock."""
    for segment in made.segments:
        if segment.cause in ("backwards", "rtc_compromised"):
            cause = segment.cause.replace("_", " ")
            words = f"the clock was stepped by itself ({cause}); times behind it hang on the next visit"
            yield Fault(What.CLOCK, f"{name} entry {segment.first}", words)
        if segment.stepped_unseen and (drift := segment.drift_ppm):
            first, last = (from_us(segment.anchors[index].unit_us) for index in (0, -1))
            words = f"{drift:+.0f} ppm between {first:%Y-%m-%d} and {last:%Y-%m-%d} is no crystal: a step that nobody recorded"
            yield Fault(What.CLOCK, f"{name} entry {segment.first}", words)
