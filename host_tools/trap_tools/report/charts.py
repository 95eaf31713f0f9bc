"""Plots that compare units and sites, as inline SVG: map, timeline of effort, rates with intervals."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

from trap_tools.archive.effort import Span
from trap_tools.observers.intervals import Estimate, short
from trap_tools.report.plots import BOTTOM, RIGHT, WIDTH, svg, text
from trap_tools.report.scale import Axis, number_ticks, time_ticks
from trap_wire.entries import from_us

ROW = 26
PAIR = 34  # px of a row with two points
NAMES = 96  # px for the names of the rows
KM_A_DEGREE = 111.32


@dataclass(frozen=True, slots=True)
class Spot:
    """A site on the map; ``value`` is its rate, which the circle's area shows, None without effort."""

    name: str
    latitude: float
    longitude: float
    value: float | None


def site_map(spots: Sequence[Spot], title: str, unit: str) -> Markup:
    """Where the sites lie to each other, north up, with a scale and without coordinates: a report is passed around."""
    middle = math.radians(sum(spot.latitude for spot in spots) / len(spots))
    east = [spot.longitude * KM_A_DEGREE * math.cos(middle) for spot in spots]
    north = [spot.latitude * KM_A_DEGREE for spot in spots]
    width, height, pad = WIDTH, 250, 44
    span_km = max(max(east) - min(east), max(north) - min(north), 0.5)
    scale = min(width - 2 * pad, height - 2 * pad) / span_km
    x0 = width / 2 - (max(east) + min(east)) / 2 * scale
    y0 = height / 2 + (max(north) + min(north)) / 2 * scale
    top = max((spot.value or 0.0 for spot in spots), default=0.0) or 1.0
    parts = [_north(width)]
    for spot, x_km, y_km in zip(spots, east, north, strict=True):
        parts += _spot(spot, round(x0 + x_km * scale, 1), round(y0 - y_km * scale, 1), top, unit)
    return svg([*parts, *_scale_bar(scale, height)], title, "", height=height)


def _spot(spot: Spot, x: float, y: float, top: float, unit: str) -> Iterable[str]:
    radius = 3 + 15 * math.sqrt((spot.value or 0.0) / top)
    words = "–" if spot.value is None else short(spot.value)
    hint = f"<title>{escape(spot.name)}: {words} {escape(unit)}</title>"
    yield f'<circle class="spot" cx="{x}" cy="{y}" r="{radius:.1f}">{hint}</circle>'
    yield f'<circle class="site" cx="{x}" cy="{y}" r="2.5"/>'
    right = x < WIDTH * 0.7
    yield text(
        x + (radius + 4 if right else -radius - 4),
        y + 4,
        f"{shortened(spot.name, 22)} · {words}",
        "start" if right else "end",
    )


def _north(width: int) -> str:
    x = width - 16
    return f'<path class="north" d="M{x},12 l5,16 l-5,-4 l-5,4 z"/>' + text(x, 40, "N", "middle")


def _scale_bar(px_a_km: float, height: int) -> Iterable[str]:
    km = max(
        (step for step in (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1000) if step * px_a_km <= 130),
        default=0.1,
    )
    y, end = height - 12, round(14 + km * px_a_km, 1)
    yield f'<path class="axis" d="M14,{y - 4} v4 H{end} v-4"/>'
    yield text(end + 6, y + 2, f"{km:g} km", "start")


@dataclass(frozen=True, slots=True)
class Track:
    """The effort of one deployment."""

    name: str
    spans: Sequence[Span]


def timeline(tracks: Sequence[Track], title: str, words: dict[str, str]) -> Markup:
    """One bar a deployment: when it watched, and what kept it from watching. Lost time is thinner, so colour is not all."""
    spans = [span for track in tracks for span in track.spans]
    low, high = min(span.start_us for span in spans), max(span.end_us for span in spans)
    wide = 2 * WIDTH
    x = Axis(low / 1e6, high / 1e6, NAMES, wide - RIGHT)
    height = ROW * len(tracks) + BOTTOM
    parts = [text(NAMES - 6, ROW * row + 17, shortened(track.name), "end") for row, track in enumerate(tracks)]
    for row, track in enumerate(tracks):
        parts += [_bar(span, x, ROW * row, words) for span in track.spans]
    for at, label in time_ticks(from_us(low), from_us(high), most=8):
        parts.append(f'<line class="grid" x1="{x(at)}" x2="{x(at)}" y1="0" y2="{height - BOTTOM + 4}"/>')
        parts.append(text(x(at), height - 6, label, "middle"))
    return svg(parts, title, "", width=wide, height=height)


def _bar(span: Span, x: Axis, y: int, words: dict[str, str]) -> str:
    start, end = x(span.start_us / 1e6), x(span.end_us / 1e6)
    inset = 4 if span.state == "working" else 9
    hint = f"<title>{escape(words['state_' + span.state])}: {span.days:.2f}</title>"
    place = f'x="{start}" y="{y + inset}" width="{max(end - start, 0.6):.1f}" height="{ROW - 2 * inset}"'
    return f'<rect class="state-{span.state}" {place}>{hint}</rect>'


@dataclass(frozen=True, slots=True)
class Whisker:
    """A value with its interval and what stands behind it."""

    name: str
    estimate: Estimate
    note: str


def whiskers(rows: Sequence[Whisker], title: str, unit: str) -> Markup:
    """Points with 95 % intervals on one axis from zero."""
    top = max(row.estimate.high for row in rows) or 1.0
    x = Axis(0, top, NAMES, WIDTH - 44)
    height = ROW * len(rows) + BOTTOM + 14
    parts = []
    for value in number_ticks(0, top):
        parts.append(f'<line class="grid" x1="{x(value)}" x2="{x(value)}" y1="14" y2="{height - BOTTOM + 4}"/>')
        parts.append(text(x(value), height - 8, f"{value:g}", "middle"))
    for index, row in enumerate(rows):
        y = 14 + ROW * index + ROW / 2
        hint = f"<title>{escape(row.name)}: {row.estimate}</title>"
        parts.append(text(NAMES - 6, y + 4, shortened(row.name), "end"))
        parts.append(
            f'<line class="whisker" x1="{x(row.estimate.low)}" x2="{x(row.estimate.high)}" y1="{y}" y2="{y}">{hint}</line>'
        )
        parts.append(f'<circle class="point" cx="{x(row.estimate.value)}" cy="{y}" r="4">{hint}</circle>')
        parts.append(text(WIDTH - 4, y + 4, row.note, "end"))
    return svg(parts, title, unit, height=height)


@dataclass(frozen=True, slots=True)
class Pair:
    """A value as it was measured and as it is with something added, both with intervals; the second may be unknown."""

    name: str
    raw: Estimate
    corrected: Estimate | None
    note: str


def pairs(rows: Sequence[Pair], title: str, unit: str) -> Markup:
    """Two points a row on one axis from zero: hollow as measured, full as corrected. An end without a bound is an arrow."""
    ends = [end for row in rows for one in (row.raw, row.corrected) if one for end in (one.value, one.high)]
    top = max((end for end in ends if math.isfinite(end)), default=0.0) or 1.0
    x = Axis(0, top, NAMES, WIDTH - 44)
    height = PAIR * len(rows) + BOTTOM + 14
    parts = []
    for value in number_ticks(0, top):
        parts.append(f'<line class="grid" x1="{x(value)}" x2="{x(value)}" y1="14" y2="{height - BOTTOM + 4}"/>')
        parts.append(text(x(value), height - 8, f"{value:g}", "middle"))
    for index, row in enumerate(rows):
        y = 14 + PAIR * index + PAIR / 2
        parts.append(text(NAMES - 6, y + 4, shortened(row.name), "end"))
        parts += _interval(row.raw, x, y - 6 if row.corrected else y, "raw", row.name)
        parts += _interval(row.corrected, x, y + 6, "whisker", row.name) if row.corrected else []
        parts.append(text(WIDTH - 4, y + 4, row.note, "end"))
    return svg(parts, title, unit, height=height)


def _interval(estimate: Estimate, x: Axis, y: float, style: str, name: str) -> Iterable[str]:
    hint = f"<title>{escape(name)}: {estimate}</title>"
    edge = WIDTH - 40
    end = x(estimate.high) if math.isfinite(estimate.high) else edge
    yield f'<line class="{style}" x1="{x(estimate.low)}" x2="{end}" y1="{y}" y2="{y}">{hint}</line>'
    if not math.isfinite(estimate.high):
        yield f'<path class="{style}-end" d="M{edge - 5},{y - 4} L{edge},{y} L{edge - 5},{y + 4}"/>'
    if math.isfinite(estimate.value):
        point = "hollow" if style == "raw" else "point"
        yield f'<circle class="{point}" cx="{x(estimate.value)}" cy="{y}" r="4">{hint}</circle>'


def shortened(name: str, most: int = 15) -> str:
    """A name that fits beside a plot."""
    return name if len(name) <= most else f"{name[: most - 1]}…"
