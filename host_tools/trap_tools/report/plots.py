"""Plots as inline SVG: text that can be selected and read aloud, colours of Okabe and Ito, shapes as well as colours."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from markupsafe import Markup, escape

from trap_tools.report.scale import Axis, number_ticks, thinned, time_ticks

WIDTH, HEIGHT = 360, 190
LEFT, RIGHT, TOP, BOTTOM = 40, 8, 10, 26
HOURS = 24


@dataclass(frozen=True, slots=True)
class Layer:
    """One colour of a bar chart: its name, CSS class and a count for every hour of the day."""

    name: str
    style: str
    counts: Sequence[float]


def hour_bars(layers: Sequence[Layer], title: str, y_label: str, day_h: float | None = None) -> Markup:
    """Stacked bars over the 24 hours, the first layer at the bottom; ``day_h`` shades the night around solar noon."""
    top = max((sum(layer.counts[hour] for layer in layers) for hour in range(HOURS)), default=0) or 1
    x, y = Axis(0, HOURS, LEFT, WIDTH - RIGHT), Axis(0, top, HEIGHT - BOTTOM, TOP)
    parts = [*_night(x, day_h), *_y_grid(y, number_ticks(0, top)), *_bars(layers, x, y)]
    parts += [text(x(hour + 0.5), HEIGHT - 10, f"{hour}", "middle") for hour in range(0, HOURS, 3)]
    return svg(parts, title, y_label)


def _night(x: Axis, day_h: float | None) -> Iterable[str]:
    if day_h is None:
        return
    rise = 12 - day_h / 2
    for start, end in ((0, rise), (HOURS - rise, HOURS)):
        place = f'x="{x(start)}" width="{x(end) - x(start):.1f}" y="{TOP}" height="{HEIGHT - BOTTOM - TOP}"'
        yield f'<rect class="night" {place}/>'


def _bars(layers: Sequence[Layer], x: Axis, y: Axis) -> Iterable[str]:
    width = x(1) - x(0) - 2
    for hour in range(HOURS):
        base = 0.0
        for layer in layers:
            if count := layer.counts[hour]:
                height = y(base) - y(base + count)
                hint = f"<title>{hour}:00 {escape(layer.name)}: {count:g}</title>"
                place = f'x="{x(hour) + 1:.1f}" y="{y(base + count)}" width="{width:.1f}" height="{height:.1f}"'
                yield f'<rect class="{layer.style}" {place}>{hint}</rect>'
                base += count


@dataclass(frozen=True, slots=True)
class Series:
    """A line over time: points are (time, value), oldest first."""

    style: str
    points: Sequence[tuple[datetime, float]]


def time_line(
    series: Sequence[Series], span: tuple[datetime, datetime], values: tuple[float, float], title: str, y_label: str
) -> Markup:
    """Lines over time on given axes, so that several plots of one kind can be compared."""
    x = Axis(span[0].timestamp(), span[1].timestamp(), LEFT, WIDTH - RIGHT)
    y = Axis(*values, HEIGHT - BOTTOM, TOP)
    parts = [*_y_grid(y, number_ticks(*values))]
    parts += [
        text(x(at), HEIGHT - 10, label, "middle") for at, label in time_ticks(*span) if LEFT + 12 <= x(at) <= WIDTH - 18
    ]
    parts += [_path(line, x, y) for line in series]
    return svg(parts, title, y_label)


def spark(points: Sequence[tuple[datetime, float]], values: tuple[float, float], title: str) -> Markup:
    """A word-sized line without axes; its last point is marked."""
    if len(points) < 2:
        return Markup("")
    x = Axis(points[0][0].timestamp(), points[-1][0].timestamp(), 2, 76)
    y = Axis(*values, 22, 2)
    line = _path(Series("spark", points), x, y)
    end = f'<circle class="spark-end" cx="{x(points[-1][0].timestamp())}" cy="{y(points[-1][1])}" r="2.5"/>'
    head = f'<svg class="sparkline" viewBox="0 0 80 24" role="img" aria-label="{escape(title)}">'
    return Markup(f"{head}{line}{end}</svg>")  # noqa: S704 - numbers and escaped text only


def _path(line: Series, x: Axis, y: Axis) -> str:
    points = thinned([(at.timestamp(), value) for at, value in line.points])
    if not points:
        return ""
    steps = " ".join(f"{x(at)},{y(value)}" for at, value in points)
    return f'<polyline class="line {line.style}" points="{steps}"/>'


def _y_grid(y: Axis, ticks: Iterable[float]) -> Iterable[str]:
    for value in ticks:
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{y(value)}" y2="{y(value)}"/>'
        yield text(LEFT - 5, y(value) + 3.5, f"{value:g}", "end")


def text(x: float, y: float, words: str, anchor: str) -> str:
    """Words at a place; anchor is start, middle or end."""
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def svg(parts: Iterable[str], title: str, y_label: str, *, width: int = WIDTH, height: int = HEIGHT) -> Markup:
    """A plot from its parts, which hold numbers and escaped text only."""
    head = f'<svg class="plot" viewBox="0 0 {width} {height}" role="img" aria-label="{escape(title)}">'
    label = f'<text class="unit" x="{LEFT}" y="{TOP - 1}">{escape(y_label)}</text>' if y_label else ""
    return Markup("".join([head, label, *parts, "</svg>"]))  # noqa: S704 - numbers and escaped text only
