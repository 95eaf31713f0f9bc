"""Axes: where the ticks of times and numbers go, and how a long series becomes a drawable one."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

HOUR_S = 3_600
DAY_S = 86_400
# Steps that people count in; the first one that gives few enough ticks is taken.
STEPS_S = (
    HOUR_S,
    3 * HOUR_S,
    6 * HOUR_S,
    12 * HOUR_S,
    DAY_S,
    2 * DAY_S,
    7 * DAY_S,
    14 * DAY_S,
    30 * DAY_S,
    61 * DAY_S,
    122 * DAY_S,
)


@dataclass(frozen=True, slots=True)
class Axis:
    """A linear map from values to pixels."""

    low: float
    high: float
    start_px: float
    end_px: float

    def __call__(self, value: float) -> float:
        """Pixel of a value."""
        share = (value - self.low) / ((self.high - self.low) or 1)
        return round(self.start_px + share * (self.end_px - self.start_px), 1)


def time_ticks(first: datetime, last: datetime, most: int = 5) -> list[tuple[float, str]]:
    """Timestamps (s) and their labels, on whole hours or days UTC; months where a step is a month or more."""
    span = max((last - first).total_seconds(), 1)
    step = next((step for step in STEPS_S if span / step <= most), STEPS_S[-1])
    if step >= 30 * DAY_S:
        return _month_ticks(first, last, round(step / (30 * DAY_S)))
    at = math.ceil(first.timestamp() / step) * step
    return [(float(t), _label(t, step)) for t in range(at, int(last.timestamp()) + 1, step)]


def _label(timestamp: int, step_s: int) -> str:
    """The hour, or the day where a day begins."""
    at = datetime.fromtimestamp(timestamp, UTC)
    return f"{at:%H:%M}" if step_s < DAY_S and timestamp % DAY_S else f"{at:%d.%m.}"


def _month_ticks(first: datetime, last: datetime, step: int) -> list[tuple[float, str]]:
    ticks, at = [], datetime(first.year, first.month, 1, tzinfo=UTC)
    while at <= last:
        if at >= first:
            ticks.append((at.timestamp(), at.strftime("%m.%Y")))
        month = at.month - 1 + step
        at = datetime(at.year + month // 12, month % 12 + 1, 1, tzinfo=UTC)
    return ticks


def number_ticks(low: float, high: float, most: int = 4) -> list[float]:
    """Round numbers between two values, at most about ``most`` of them."""
    span = max(high - low, 1e-9)
    power = 10 ** math.floor(math.log10(span / most))
    step = next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= most)
    first = math.ceil(low / step - 1e-9)
    return [round(step * n, 9) for n in range(first, math.floor(high / step + 1e-9) + 1)]


def thinned(points: Sequence[tuple[float, float]], most: int = 240) -> list[tuple[float, float]]:
    """At most about ``2 × most`` points that keep the extremes: the lowest and highest of each bucket, in their order."""
    if len(points) <= 2 * most:
        return list(points)
    size = math.ceil(len(points) / most)
    buckets = (points[at : at + size] for at in range(0, len(points), size))
    value = lambda point: point[1]  # noqa: E731 - one expression, used twice in the next line
    return [point for bucket in buckets for point in sorted({min(bucket, key=value), max(bucket, key=value)})]


def whole_days(first: datetime, last: datetime) -> float:
    """Length of a span in days."""
    return (last - first) / timedelta(days=1)
