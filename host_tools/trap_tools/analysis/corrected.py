"""Detections per 100 camera-days, as they are and with what the filter threw away added, per unit, site, light and detector.

``corrected = raw / (1 - missed)``. Both factors come from counts, so each is given with 97.5 %: by Bonferroni's inequality the
product of their ends then holds the true value with at least 95 %. All animals together only: a handful of
animals in the audited blanks says nothing of one species, and a small one is missed more often than a large one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trap_tools.analysis.detections import Detection, detections, independent
from trap_tools.archive.whole import Whole
from trap_tools.observers.intervals import Estimate, rate
from trap_tools.observers.labels import Burst, Label
from trap_tools.observers.missed import GROUPINGS, Missed, missed
from trap_wire.entries import to_us

PER_DAYS = 100
EACH = 0.975
Labels = Mapping[Burst, list[Label]]


@dataclass(frozen=True, slots=True)
class Corrected:
    """One group of one grouping. ``raw`` is None without effort, ``missed`` and ``corrected`` until somebody looked at a blank.

    ``events`` are independent detections. An interval that ends at infinity says that the audit was too small to bound it.
    """

    by: str
    group: str
    events: int
    camera_days: float
    raw: Estimate | None
    audited: int
    looked_at: int
    animals_found: int
    missed: Estimate | None
    corrected: Estimate | None


def corrected(read: Sequence[Whole], labels: Labels, by: str = "unit", minutes: float = 30) -> list[Corrected]:
    """Rates of every group, sorted by its name; ``by`` is one of ``GROUPINGS``."""
    told = {row.group: row for row in missed(read, labels, by)}
    sure = {row.group: row for row in missed(read, labels, by, EACH)}
    days, events = _days(read, by), _events(read, labels, by, minutes)
    groups = sorted({*told, *(group for group, length in days.items() if length > 0)})
    return [
        _row(by, group, (events.get(group, 0), days.get(group, 0.0)), told.get(group), sure.get(group))
        for group in groups
    ]


def _row(by: str, group: str, seen: tuple[int, float], told: Missed | None, sure: Missed | None) -> Corrected:
    events, days = seen
    raw = rate(events, days).scaled(PER_DAYS) if days > 0 else None
    both = None
    if raw and sure and sure.corrected:
        wide = rate(events, days, EACH).scaled(PER_DAYS)
        factor = sure.corrected
        both = Estimate(*(_times(a, b) for a, b in zip(_ends(wide), _ends(factor), strict=True)))
    looks = (told.audited, told.looked_at, told.animals_found) if told else (0, 0, 0)
    return Corrected(by, group, events, round(days, 3), raw, *looks, told.missed if told else None, both)


def _ends(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high


def _times(value: float, factor: float) -> float:
    """No detections stay none, however many were missed: a factor without a bound says nothing of zero."""
    return value * factor if value else 0.0


def _events(read: Sequence[Whole], labels: Labels, by: str, minutes: float) -> dict[str, int]:
    """Independent detections of each group: bursts of one visit count once at each site."""
    found: dict[tuple[str, str], list[int]] = {}
    for one in read:
        for seen in detections(one, labels):
            found.setdefault((_group(one, seen, by), one.site), []).append(seen.at_us)
    counts: dict[str, int] = {}
    for (group, _), times in found.items():
        counts[group] = counts.get(group, 0) + len(independent(times, minutes))
    return counts


def _group(one: Whole, seen: Detection, by: str) -> str:
    return GROUPINGS[by](one, seen.verdict)


def _days(read: Sequence[Whole], by: str) -> dict[str, float]:
    """Camera-days of each group. Day and infrared share all of them: nobody counts the hours of light."""
    if by == "model":
        return _days_by_model(read)
    days: dict[str, float] = {}
    for one in read:
        for group in ("day", "infrared") if by == "light" else (_of_deployment(one, by),):
            days[group] = days.get(group, 0.0) + one.effort.days()
    return days


def _of_deployment(one: Whole, by: str) -> str:
    return {"all": "all", "unit": one.log.unit, "site": one.site}[by]


def _days_by_model(read: Sequence[Whole]) -> dict[str, float]:
    """From each start with a detector to the next one with another."""
    days: dict[str, float] = {}
    for one in read:
        if not one.effort.spans:
            continue
        boots = one.log.boots
        times = one.clock.correct_us([boot.sequence for boot in boots], [to_us(boot.at) for boot in boots]).tolist()
        starts = [one.effort.spans[0].start_us, *times[1:]]
        ends = [*times[1:], one.effort.spans[-1].end_us]
        for boot, start, end in zip(boots, starts, ends, strict=True):
            name = boot.model or "none"
            days[name] = days.get(name, 0.0) + one.effort.days_between(start, end)
    return days
