"""``manul power``."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import track
from rich.table import Table

from trap_tools.power import plots, study
from trap_tools.power.study import Bar, Case, Rival, Study
from trap_tools.protocol import files
from trap_wire.energy import budget as budgets
from trap_wire.energy import cells, climate, year
from trap_wire.energy.year import Flood, Plan
from trap_wire.errors import BadInputError
from trap_wire.protocol import Protocol

DAY_S = 86_400
_NAMES = {"latched": "latched unit", "sleeping-pico": "sleeping Pico", "always-on-pi": "always-on Pi"}


class FloodType(click.ParamType[Flood]):
    """DAY:DAYS:PULSES, such as 180:10:2000."""

    name = "DAY:DAYS:PULSES"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Flood:
        """Flood from its text."""
        if isinstance(value, Flood):
            return value
        try:
            first, days, pulses = value.split(":")
            return Flood(int(first), int(days), float(pulses))
        except ValueError:
            self.fail(f"{value!r} is not DAY:DAYS:PULSES, such as 180:10:2000", param, ctx)


@click.command()
@click.option("--site", type=click.Choice(sorted(climate.SITES)), help="A place that ships with Manul.  [minus-20]")
@click.option("--latitude", type=click.FloatRange(30, 60), help="Your own place: degrees north.")
@click.option("--altitude", type=click.FloatRange(0, 6000), help="Your own place: metres.")
@click.option("--basin", type=click.FloatRange(0, 1), default=0.0, help="0 an open slope, 1 where cold air collects.")
@click.option("--celsius", type=click.FloatRange(-40, 60), help="A fixed temperature instead of a climate.")
@click.option("--chemistry", type=click.Choice(sorted(cells.PACKS)), default="lithium-aa-12", show_default=True)
@click.option("--strings", type=click.IntRange(1, 12), help="Strings of cells in parallel, instead of the pack's own.")
@click.option("--wakes", type=click.FloatRange(0, 5000), default=30.0, show_default=True, help="Wakes a day.")
@click.option(
    "--refused", type=click.FloatRange(0), default=10.0, show_default=True, help="Pulses inside the hold-off a day."
)
@click.option(
    "--flood", "floods", type=FloodType(), multiple=True, help="Grass in the wind, from a day of the year on."
)
@click.option(
    "--protocol", "rules", metavar="PROTOCOL", help="Preset or file: its hold-off, bucket, stay-up and reserve."
)
@click.option(
    "--budget-mah",
    type=click.FloatRange(1),
    help="A daily budget: wakes beyond it are throttled. Default: the protocol's, where --protocol names one.",
)
@click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True)
@click.option(
    "--draws", type=click.IntRange(20, 100_000), default=400, show_default=True, help="Years of the Monte Carlo."
)
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed draws the same years.")
@click.option("--budget", "file", type=click.Path(path_type=Path, dir_okay=False), help="Your own power_budget.toml.")
@click.option(
    "--plots", "folder", type=click.Path(path_type=Path, file_okay=False), help="Write charge.png and tornado.png."
)
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def power(
    *,
    site: str | None, latitude: float | None, altitude: float | None, basin: float, celsius: float | None, chemistry: str,
    strings: int | None, wakes: float, refused: float, floods: tuple[Flood, ...], rules: str | None, days: int, draws: int,
    seed: int, budget_mah: float | None, file: Path | None, folder: Path | None, as_json: bool,
) -> None:  # fmt: skip
    """How long a unit lasts on its cells: a simulated year with its interval, and what costs most.

    Compares the latched unit with an always-on Pi and with a sleeping Pico. Nothing of the budget has been measured on a
    Manul unit yet; each number's source stands in power_budget.toml.
    """
    place = _place(site, latitude, altitude, basin, celsius)
    plan = Plan(wakes, refused_a_day=refused, floods=floods)
    protocol = files.load(rules).protocol if rules else None
    pack = cells.pack(chemistry)
    case = Case(
        budget=_budget(file, protocol.stay_up_ms if protocol else 0),
        pack=replace(pack, parallel=strings) if strings else pack,
        site=place,
        plan=_ruled(plan, protocol) if protocol else plan,
        days=days,
    )
    daily_mah = budget_mah or (protocol.budget_mah if protocol else 0)
    case = replace(case, plan=_capped(case, daily_mah)) if daily_mah else case
    found = _study(case, draws, seed, quiet=as_json)
    written = _plots(folder, found) if folder else []
    if as_json:
        click.echo(json.dumps(_facts(found, written), ensure_ascii=False, allow_nan=False))
    else:
        _say(found, written)


def _study(case: Case, draws: int, seed: int, *, quiet: bool) -> Study:
    years = track(
        study.monte_carlo(case, draws, seed),
        "years",
        total=draws,
        console=Console(stderr=True),
        transient=True,
        disable=quiet,
    )
    others = study.rivals(case, max(20, draws // 8), seed)
    return Study(case, case.run(), tuple(years), tuple(study.tornado(case)), tuple(others))


def _ruled(plan: Plan, rules: Protocol) -> Plan:
    most = DAY_S / rules.flood_refill_s + rules.flood_triggers
    return replace(plan, most_wakes_a_day=most, reserve=rules.off_pct / 100)


def _capped(case: Case, budget_mah: float) -> Plan:
    """The plan under a daily budget: wakes beyond it are throttled, as the supervisor does."""
    costs = budgets.settle(case.budget, case.unit)
    each = year.mah(costs.wake_j, costs, year.terminal_v(costs, case.pack, case.site.day_c(0), 0.0, 250.0))
    return replace(case.plan, most_wakes_a_day=min(case.plan.most_wakes_a_day, budget_mah / each))


def _place(
    site: str | None, latitude: float | None, altitude: float | None, basin: float, celsius: float | None
) -> climate.Site:
    given = [site is not None, latitude is not None or altitude is not None, celsius is not None]
    if sum(given) > 1:
        raise BadInputError("give one of --site, --latitude with --altitude, or --celsius")
    if celsius is not None:
        return climate.Site(f"{celsius:g} °C", fixed_c=celsius)
    if latitude is None and altitude is None:
        return climate.SITES[site or "minus-20"]
    if latitude is None or altitude is None:
        raise BadInputError("--latitude and --altitude go together: both make the climate")
    return climate.Site(f"{latitude:g}° N, {altitude:g} m", latitude, altitude, basin)


def _budget(file: Path | None, stay_up_ms: int) -> budgets.Budget:
    if file is None:
        return budgets.shipped(stay_up_ms)
    try:
        return budgets.parse(file.read_text(encoding="utf-8"), stay_up_ms, str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{file}: cannot be read ({error})") from error


def _plots(folder: Path, found: Study) -> list[Path]:
    case = found.case
    title = (
        f"{case.plan.wakes_a_day:g} wakes a day, {case.site.name}, {case.pack.series}S{case.pack.parallel}P (simulated)"
    )
    endless = replace(case, plan=replace(case.plan, reserve=-9.0)).run(step_days=3).left
    return [
        plots.charge(folder / "charge.png", found.typical, found.runs, title, case.plan.reserve),
        plots.tornado(folder / "tornado.png", found.bars, endless, title),
    ]


def _facts(found: Study, written: list[Path]) -> dict[str, Any]:
    case, typical = found.case, found.typical
    return {
        "measured_on_hardware": False,
        "site": asdict(case.site),
        "plan": asdict(case.plan),
        "pack": {"series": case.pack.series, "parallel": case.pack.parallel, "rated_mah": case.pack.rated_mah},
        "days": case.days,
        "survives": typical.survived,
        "dark_from_day": typical.dark_from_day,
        "left": typical.left,
        "lost_wakes": typical.lost_wakes,
        "left_band": asdict(found.left),
        "dark_from_day_band": asdict(found.dark_day),
        "survival_share": found.surviving,
        "tornado": [_bar(bar) for bar in found.bars],
        "compared": [asdict(rival) for rival in found.rivals],
        "year": [{"day": s.day, "night_c": round(s.night_c, 1), "left": round(s.left, 4)} for s in typical.steps[::7]],
        "plots": [str(path) for path in written],
    }


def _bar(bar: Bar) -> dict[str, Any]:
    ends = {"left_at_low": bar.left_at_low, "left_at_high": bar.left_at_high}
    return {
        "input": bar.name,
        "low": bar.interval.low,
        "typical": bar.interval.typical,
        "high": bar.interval.high,
        **ends,
    }


def _say(found: Study, written: list[Path]) -> None:
    case, typical, band, dark = found.case, found.typical, found.left, found.dark_day
    verdict = "survives" if typical.survived else f"goes dark on day {typical.dark_from_day}"
    click.echo(f"{case.plan.wakes_a_day:g} wakes a day, {case.site.name}, {case.pack.series}S{case.pack.parallel}P.")
    click.echo(f"With typical values it {verdict}, {_left(typical.left)} of the charge left after {case.days} days.")
    ends = f"{_left(band.low)} to {_left(band.high)}"
    click.echo(f"Over {len(found.runs)} draws: {found.surviving:.0%} survive, 5-95 % have {ends} left.")
    if found.surviving < 1:
        click.echo(f"First dark night: day {dark.low:.0f} to {dark.high:.0f}, median {dark.middle:.0f}.")
    Console().print(_rivals(found.rivals, case.days))
    Console().print(_tornado(found.bars[:8]))
    click.echo("Simulated; nothing here was measured on a Manul unit yet. Sources: trap_wire/energy/power_budget.toml.")
    for path in written:
        click.echo(f"wrote {path}")


def _left(share: float) -> str:
    """A pack that is over-empty in the cold (it would give charge back in spring) is just empty to a person."""
    return f"{max(0.0, share):.0%}"


def _rivals(others: Sequence[Rival], days: int) -> Table:
    table = Table("unit", "a year takes", "with this plan", "survives up to, wakes a day (5-95 %)", "in 9 draws of 10")
    for one in others:
        most = f"{one.most_wakes.middle:.0f} ({one.most_wakes.low:.0f} to {one.most_wakes.high:.0f})"
        fate = f"{_left(one.left)} left" if one.days is None else f"dark on day {one.days}"
        survives = (
            (most, f"{one.most_wakes_nine_in_ten:.0f}") if one.most_wakes.high >= 1 else ("does not survive", "0")
        )
        table.add_row(_NAMES[one.unit], f"{one.need_wh:,.0f} Wh", fate, *survives)
    table.caption = f"{days} days; median of the draws"
    return table


def _tornado(bars: Sequence[Bar]) -> Table:
    table = Table("what it hangs on", "from", "to", "charge left, each way")
    for bar in bars:
        ends = sorted((bar.left_at_low, bar.left_at_high))
        table.add_row(bar.name, f"{bar.interval.low:g}", f"{bar.interval.high:g}", f"{ends[0]:+.0%} … {ends[1]:+.0%}")
    return table
