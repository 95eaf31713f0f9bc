"""The report's plots as a paper prints them: PDF with real text and PNG, one column (89 mm) or two (183 mm) wide."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import matplotlib.patches
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from trap_tools.analysis.corrected import Corrected, corrected
from trap_tools.analysis.detections import ANY, detections, independent, of_species
from trap_tools.analysis.rates import rates, species_in
from trap_tools.analysis.solar import day_length_h, solar_hour
from trap_tools.archive.effort import DAY_US, State
from trap_tools.archive.whole import Whole
from trap_tools.observers.labels import Burst, Label
from trap_wire.entries import from_us
from trap_wire.errors import BadInputError, StorageError

COLUMN, PAGE = 3.5, 7.2  # inches: one and two columns of a journal
BLUE, GREY = "#0072b2", "#8a8478"
COLOURS = {
    State.WORKING: BLUE,
    State.FLOODED: "#56b4e9",
    State.OVER_BUDGET: "#f0e442",
    State.LOW_BATTERY: "#e69f00",
    State.RESTING: "#5b4636",
    State.PAUSED: "#a9a294",
    State.FULL: "#cc79a7",
    State.OBSTRUCTED: "#009e73",
    State.DEAD: "#d55e00",
}
Labels = Mapping[Burst, list[Label]]


def draw(read: Sequence[Whole], labels: Labels, target: Path) -> list[Path]:
    """Write every figure that the data allow, as PDF and PNG; ``BadInputError`` when there is nothing to draw."""
    mpl.rcParams.update({"font.size": 8, "pdf.fonttype": 42, "svg.fonttype": "none", "axes.linewidth": 0.6})
    watched = [one for one in read if one.effort.spans]
    if not watched:
        raise BadInputError("nothing to draw: no journal has an entry")
    made: list[Path] = []
    for name, figure in _FIGURES.items():
        drawn = figure(watched, labels)
        made += [_save(drawn, target / f"{name}{suffix}") for suffix in (".pdf", ".png") if drawn]
    return made


def _save(figure: Figure, path: Path) -> Path:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # No date in the file: the same data give the same bytes.
        metadata = {"CreationDate": None} if path.suffix == ".pdf" else {}
        figure.savefig(path, dpi=300, metadata=metadata)
    except OSError as error:
        raise StorageError(f"{path}: cannot be drawn ({error.strerror or error})") from error
    return path


def _bare(axis: Axes) -> None:
    axis.spines[["top", "right"]].set_visible(False)


def _rates(read: Sequence[Whole], labels: Labels) -> Figure:
    """Detections per 100 camera-days with exact 95 % intervals, a panel a species."""
    found = [row for row in rates(read, labels) if row.per_100_days]
    every = list(dict.fromkeys(row.species for row in found))
    sites = len({row.site for row in found})
    figure = Figure(
        figsize=(PAGE if len(every) > 1 else COLUMN, (0.7 + 0.18 * sites) * -(-len(every) // 2)), layout="constrained"
    )
    axes = figure.subplots(-(-len(every) // 2), min(2, len(every)), squeeze=False, sharey=True).ravel()
    for axis, species in zip(axes, every, strict=False):
        mine = [(row, row.per_100_days) for row in found if row.species == species and row.per_100_days]
        values = np.array([[e.value, e.value - e.low, e.high - e.value] for _, e in mine]).T
        axis.errorbar(
            values[0], range(len(mine)), xerr=values[1:], fmt="o", color=BLUE, markersize=3.5, linewidth=1, capsize=2
        )
        axis.set_yticks(range(len(mine)), [row.site for row, _ in mine])
        for at, (row, _) in enumerate(mine):  # how many detections stand behind each point
            axis.text(1.02, at, str(row.events), transform=axis.get_yaxis_transform(), va="center", color=GREY)
        axis.set_title(
            "all animals" if species == ANY else species, style="normal" if species == ANY else "italic", loc="left"
        )
        axis.set_xlim(left=0)
        axis.set_xlabel("detections per 100 camera-days")
        _bare(axis)
    axes[0].invert_yaxis()
    for axis in axes[len(every) :]:
        axis.set_visible(False)
    return figure


def _activity(read: Sequence[Whole], labels: Labels) -> Figure | None:
    """Independent detections over the solar day, a panel a species; None without places."""
    if any(one.place.longitude is None for one in read):
        return None
    hours = _solar_hours(read, labels)
    shown = [species for species, values in hours.items() if values]
    if not shown:
        return None
    figure = Figure(figsize=(COLUMN, 1.3 * len(shown) + 0.3), layout="constrained")
    axes = figure.subplots(len(shown), 1, squeeze=False, sharex=True)[:, 0]
    lengths = [day_length_h(one.effort.start, one.place.latitude or 0.0) for one in read if one.effort.start]
    rise = 12 - float(np.mean(lengths)) / 2
    for axis, species in zip(axes, shown, strict=True):
        for night in ((0, rise), (24 - rise, 24)):
            axis.axvspan(*night, color="#e4e7ee", linewidth=0)
        axis.hist(hours[species], bins=range(25), color=BLUE, rwidth=0.9)
        title = f"{'all animals' if species == ANY else species}, n = {len(hours[species])}"
        axis.set_title(title, style="normal" if species == ANY else "italic", loc="left")
        axis.set_xlim(0, 24)
        axis.set_xticks(range(0, 25, 6))
        _bare(axis)
    axes[-1].set_xlabel("true solar time, h")
    figure.supylabel("independent detections")
    return figure


def _solar_hours(read: Sequence[Whole], labels: Labels) -> dict[str, list[float]]:
    found = {id(one): detections(one, labels) for one in read}
    every = species_in(seen for mine in found.values() for seen in mine)
    return {
        species: [
            solar_hour(from_us(at), one.place.longitude or 0.0)
            for one in read
            for at in independent(of_species(found[id(one)], species))
        ]
        for species in every
    }


def _effort(read: Sequence[Whole], labels: Labels) -> Figure:  # noqa: ARG001 - one signature for all figures
    """What each unit was doing over time."""
    figure = Figure(figsize=(PAGE, 0.8 + 0.22 * len(read)), layout="constrained")
    axis = figure.subplots()
    for row, one in enumerate(read):
        for span in one.effort.spans:
            high = 0.7 if span.state is State.WORKING else 0.4
            start, end = (at / DAY_US for at in (span.start_us, span.end_us))  # matplotlib counts days since 1970
            axis.broken_barh([(start, end - start)], (row - high / 2, high), color=COLOURS[span.state], linewidth=0)
    axis.xaxis_date()
    axis.set_yticks(range(len(read)), [f"{one.log.unit} ({one.effort.days():.3g} d)" for one in read])
    axis.invert_yaxis()
    used = [state for state in State if any(one.effort.days(state) for one in read)]
    handles = [mpl.patches.Patch(color=COLOURS[state], label=str(state).replace("_", " ")) for state in used]
    figure.legend(handles=handles, loc="outside lower center", ncols=min(len(used), 7), frameon=False)
    _bare(axis)
    return figure


def _battery(read: Sequence[Whole], labels: Labels) -> Figure | None:  # noqa: ARG001 - one signature for all figures
    """Voltage and temperature of every unit over time."""
    drawn = [one for one in read if any(sample.battery_mv for sample in one.log.samples)]
    if not drawn:
        return None
    figure = Figure(figsize=(PAGE, 1.25 * -(-len(drawn) // 2) + 0.3), layout="constrained")
    axes = figure.subplots(-(-len(drawn) // 2), min(2, len(drawn)), squeeze=False, sharex=True, sharey=True).ravel()
    for axis, one in zip(axes, drawn, strict=False):
        samples = [sample for sample in one.log.samples if sample.battery_mv]
        times = [sample.at for sample in samples]
        axis.plot(times, [(sample.battery_mv or 0) / 1000 for sample in samples], color=BLUE, linewidth=0.8)
        cold = axis.twinx()
        cold.plot(times, [sample.temperature_c for sample in samples], color="#d55e00", linewidth=0.5, linestyle="--")
        cold.set_ylabel("°C", color="#d55e00")
        axis.set_title(one.log.unit, loc="left")
        axis.set_ylabel("V", color=BLUE)
        axis.tick_params(axis="x", labelrotation=30)
        axis.spines["top"].set_visible(False)
        cold.spines["top"].set_visible(False)
    for axis in axes[len(drawn) :]:
        axis.set_visible(False)
    return figure


def _corrected(read: Sequence[Whole], labels: Labels) -> Figure | None:
    """Rates of all animals as measured and with the missed ones added, a panel a grouping; None until somebody has looked."""
    panels = {by: [row for row in corrected(read, labels, by) if row.raw] for by in ("unit", "site", "light", "model")}
    if not any(row.corrected for rows in panels.values() for row in rows):
        return None
    heights = [0.5 + 0.25 * max(len(panels[a]), len(panels[b])) for a, b in (("unit", "site"), ("light", "model"))]
    figure = Figure(figsize=(PAGE, sum(heights) + 0.4), layout="constrained")
    axes = figure.subplots(2, 2, height_ratios=heights, squeeze=False).ravel()
    for axis, (by, rows) in zip(axes, panels.items(), strict=True):
        for name, style, shift in (
            ("raw", {"fmt": "o", "color": GREY, "mfc": "white"}, -0.15),
            ("corrected", {"fmt": "o", "color": BLUE}, 0.15),
        ):
            _pairs(axis, rows, name, style, shift)
        axis.set_yticks(range(len(rows)), [row.group.partition("+")[0] for row in rows])
        axis.set_title(f"by {by}", loc="left")
        axis.set_ylim(len(rows) - 0.5, -0.5)
        axis.set_xlim(left=0)
        _bare(axis)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside upper center", ncols=2, frameon=False)
    figure.supxlabel("detections per 100 camera-days, 95 %")
    return figure


def _pairs(axis: Axes, rows: Sequence[Corrected], name: str, style: Mapping[str, Any], shift: float) -> None:
    """Points with intervals; one that nothing bounds from above ends in an arrow at the edge of what is known."""
    known = [(at, one) for at, row in enumerate(rows) if (one := getattr(row, name)) and np.isfinite(one.value)]
    if not known:
        return
    top = max(
        (one.high for row in rows for one in (row.raw, row.corrected) if one and np.isfinite(one.high)), default=1.0
    )
    for at, one in known:
        high = one.high if np.isfinite(one.high) else top * 1.05
        label = {"raw": "as measured", "corrected": "missed animals added"}[name] if at == known[0][0] else None
        axis.errorbar([one.value], [at + shift], xerr=[[one.value - one.low], [high - one.value]], markersize=3.5, linewidth=1,
                      capsize=2, label=label, xlolims=not np.isfinite(one.high), **style)  # fmt: skip


_FIGURES: Mapping[str, Callable[[Sequence[Whole], Labels], Figure | None]] = {
    "rates": _rates,
    "corrected": _corrected,
    "activity": _activity,
    "effort": _effort,
    "battery": _battery,
}
