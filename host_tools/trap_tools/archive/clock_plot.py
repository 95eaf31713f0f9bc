"""Offset of each unit's clock over time with its uncertainty, as a paper would print it."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure

from trap_tools.archive.clock import Segment
from trap_tools.archive.whole import Whole
from trap_wire.entries import from_us
from trap_wire.errors import StorageError

BLUE, GREY, VERMILION = "#0072b2", "#8a8478", "#d55e00"  # Okabe and Ito
POINTS = 200


def draw(read: Sequence[Whole], path: Path) -> Path:
    """One panel a deployment; the format follows the file's suffix."""
    mpl.rcParams.update({"font.size": 9, "svg.fonttype": "none", "pdf.fonttype": 42})
    figure = Figure(figsize=(7, 1.2 + 1.7 * len(read)), layout="constrained")
    axes = figure.subplots(len(read), 1, squeeze=False)[:, 0]
    for axis, one in zip(axes, read, strict=True):
        _panel(axis, one)
    try:
        figure.savefig(path, dpi=160)
    except (OSError, ValueError) as error:
        raise StorageError(f"{path}: cannot be drawn ({error})") from error
    return path


def _panel(axis: Axes, one: Whole) -> None:
    axis.set_title(f"{one.log.unit} · {one.log.deployment}", loc="left", fontweight="bold")
    axis.set_ylabel("to add, s")
    axis.axhline(0, color=GREY, linewidth=0.6)
    axis.spines[["top", "right"]].set_visible(False)
    locator = AutoDateLocator(minticks=3, maxticks=6)  # type: ignore[no-untyped-call]
    axis.xaxis.set_major_locator(locator)
    axis.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
    numbers = np.asarray(one.log.ticks.sequences)
    for index, segment in enumerate(one.clock.segments):
        following = one.clock.segments[index + 1].first if index + 1 < len(one.clock.segments) else np.inf
        mine = np.asarray(one.log.ticks.at_us)[(numbers >= segment.first) & (numbers < following)]
        if len(mine):
            _segment(axis, segment, np.linspace(mine.min(), mine.max(), POINTS).astype(np.int64))


def _segment(axis: Axes, segment: Segment, at_us: "np.ndarray[tuple[int], np.dtype[np.int64]]") -> None:
    times = [from_us(int(at)) for at in at_us]
    offsets = segment.offsets_us(at_us) / 1e6
    known = [segment.uncertainty_s(int(at)) for at in at_us]
    if known[0] is None:
        axis.plot(times, offsets, color=VERMILION, linestyle=":", label="unknown")  # type: ignore[arg-type]
        return
    half = np.array([value or 0.0 for value in known])
    axis.fill_between(times, offsets - half, offsets + half, color=BLUE, alpha=0.2, linewidth=0)  # type: ignore[arg-type]
    axis.plot(times, offsets, color=BLUE, linewidth=1.2)  # type: ignore[arg-type]
    marks = [(from_us(anchor.unit_us), anchor.offset_us / 1e6) for anchor in segment.anchors]
    axis.plot([at for at, _ in marks], [offset for _, offset in marks], "o", color=BLUE, markersize=4)  # type: ignore[arg-type]
