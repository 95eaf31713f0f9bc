"""The two plots of ``manul power``: charge over the year with its band, and the tornado of what costs most."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from trap_tools import durable
from trap_tools.power.study import Band, Bar
from trap_wire.energy.year import Outcome
from trap_wire.errors import BadInputError

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#777777"  # Okabe and Ito: told apart by most colour-blind readers
BARS = 12
_MISSING = "plots need matplotlib: pip install 'manul[plots]'"


def charge(path: Path, typical: Outcome, draws: Sequence[Outcome], title: str, reserve: float) -> Path:
    """Charge left over the days: the typical year, the 5-95 % band of the draws, and the night's temperature below."""
    figure, (top, bottom) = _figure(height_ratios=(3, 1))
    days = [step.day for step in draws[0].steps]
    bands = [Band.of([100 * run.steps[i].left for run in draws]) for i in range(len(days))]
    top.fill_between(
        days, [b.low for b in bands], [b.high for b in bands], color=BLUE, alpha=0.2, label="5–95 % of draws"
    )
    top.plot([s.day for s in typical.steps], [100 * s.left for s in typical.steps], color=BLUE, label="typical values")
    top.axhline(100 * reserve, color=ORANGE, linestyle="--", label="below this the unit is dark")
    top.set(ylabel="charge left, % of what\nthe cells give that night", title=title, ylim=(-5, 102))
    top.legend(loc="upper right", frameon=False)
    nights = [s.night_c for s in typical.steps]
    bottom.plot([s.day for s in typical.steps], nights, color=GREY)
    bottom.set(xlabel="day of the year", ylabel="night, °C", ylim=(min(nights) - 5, max(nights) + 5))
    return _save(figure, path)


def tornado(path: Path, bars: Sequence[Bar], typical_left: float, title: str) -> Path:
    """Widest bars on top; each runs from the charge left with the number at its low to that at its high end."""
    figure, (axes,) = _figure(height_ratios=(1,))
    shown = list(reversed(bars[:BARS]))
    for row, bar in enumerate(shown):
        for value, left, colour in (
            (bar.interval.low, bar.left_at_low, BLUE),
            (bar.interval.high, bar.left_at_high, ORANGE),
        ):
            axes.barh(row, 100 * (left - typical_left), left=100 * typical_left, color=colour, height=0.7)
            outward = "right" if left < typical_left else "left"
            gap = -0.4 if left < typical_left else 0.4
            axes.text(100 * left + gap, row, f"{value:g}", ha=outward, va="center", fontsize=8, color="#333333")
    axes.set_yticks(range(len(shown)), [bar.name for bar in shown])
    axes.axvline(100 * typical_left, color="black", linewidth=0.8)
    axes.margins(x=0.12)
    figure.legend(handles=_legend(), loc="outside lower center", ncols=2, frameon=False)
    axes.set(xlabel="charge left after the year, % (below 0: more cells needed)", title=title)
    return _save(figure, path)


def _legend() -> list[Any]:
    from matplotlib.patches import Patch

    return [Patch(color=BLUE, label="at its low end"), Patch(color=ORANGE, label="at its high end")]


def _figure(height_ratios: tuple[int, ...]) -> tuple[Any, tuple[Any, ...]]:
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise BadInputError(_MISSING) from error
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots(len(height_ratios), 1, sharex=True, height_ratios=height_ratios, squeeze=False)[:, 0]
    for one in axes:
        one.spines[["top", "right"]].set_visible(False)
    return figure, tuple(axes)


def _save(figure: Any, path: Path) -> Path:
    picture = io.BytesIO()
    figure.savefig(picture, dpi=150, format="png")
    return durable.write(path, picture.getvalue())
