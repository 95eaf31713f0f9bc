"""Days of a unit at a site until its cells are empty: the simulation that ``manul power`` and ``forecast`` run.

Each step spends what the plan asks and compares the charge used with what the cells give at that step's coldest hour: cold
takes charge away and warmth gives it back, as primary cells do. A pack below the reserve leaves its unit dark for that step.
"""

from dataclasses import dataclass

from trap_wire.energy.budget import Costs
from trap_wire.energy.cells import Pack
from trap_wire.energy.climate import Site

YEAR_D = 365
_S_PER_H = 3600.0


@dataclass(frozen=True, slots=True)
class Flood:
    """Days on which grass, sun or cattle keep the PIR busy. ``pulses_a_day`` come to the gate."""

    first_day: int
    days: int
    pulses_a_day: float


@dataclass(frozen=True, slots=True)
class Plan:
    """What is asked of the unit. ``most_wakes_a_day`` is what the protocol's token bucket lets through on a flood's day."""

    wakes_a_day: float
    heartbeats_a_day: float = 1.0
    refused_a_day: float = 0.0
    visits_a_year: float = 2.0
    floods: tuple[Flood, ...] = ()
    most_wakes_a_day: float = 360.0
    reserve: float = 0.05  # share of the charge that is left to the cells: protocol off_pct


@dataclass(frozen=True, slots=True)
class Step:
    """State after one step. ``left``: share of the charge that the cells give at that night's temperature."""

    day: int
    night_c: float
    used_mah: float
    left: float
    lost_wakes: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """A simulated stretch. ``dark_from_day`` is None when every wake was served."""

    steps: tuple[Step, ...]
    dark_from_day: int | None

    @property
    def survived(self) -> bool:
        """True when no step was dark."""
        return self.dark_from_day is None

    @property
    def left(self) -> float:
        """Share left at the end, at that night's temperature."""
        return self.steps[-1].left

    @property
    def lowest(self) -> float:
        """Least share left on any night."""
        return min(step.left for step in self.steps)

    @property
    def lost_wakes(self) -> float:
        """Wakes that a dark unit missed."""
        return sum(step.lost_wakes for step in self.steps)


def simulate(
    costs: Costs,
    pack: Pack,
    site: Site,
    plan: Plan,
    *,
    days: int = YEAR_D,
    used_mah: float = 0.0,
    first_day: int = 0,
    step_days: int = 1,
) -> Outcome:
    """Run ``days`` from ``first_day`` of the year on, with ``used_mah`` already gone from a pack at its terminals."""
    steps: list[Step] = []
    dark_from: int | None = None
    for day in range(0, days, step_days):
        of_year = (first_day + day) % YEAR_D
        wakes, refused = asked(plan, of_year)
        mean_c, night_c = site.day_c(of_year) + costs.offset_c, site.night_c(of_year) + costs.offset_c
        busy_ma = wake_ma(costs, pack, mean_c, used_mah)
        left = 1.0 - used_mah / pack.available_mah(night_c, busy_ma)
        dark = left <= plan.reserve
        if dark and dark_from is None:
            dark_from = day
        spent = idle_mah(costs, pack, mean_c, used_mah)
        if not dark:
            joules = wakes * costs.wake_j + refused * costs.refused_j + plan.heartbeats_a_day * costs.heartbeat_j
            joules += plan.visits_a_year / YEAR_D * costs.visit_j
            spent += mah(joules, costs, terminal_v(costs, pack, mean_c, used_mah, busy_ma))
        used_mah += spent * step_days
        left = 1.0 - used_mah / pack.available_mah(night_c, busy_ma)
        steps.append(Step(day, night_c, used_mah, left, wakes * step_days if dark else 0.0))
    return Outcome(tuple(steps), dark_from)


def asked(plan: Plan, day_of_year: int) -> tuple[float, float]:
    """Wakes and refused pulses of a day."""
    pulses = sum(f.pulses_a_day for f in plan.floods if f.first_day <= day_of_year < f.first_day + f.days)
    wakes = min(plan.wakes_a_day + pulses, max(plan.most_wakes_a_day, plan.wakes_a_day))
    return wakes, plan.refused_a_day + plan.wakes_a_day + pulses - wakes


def mah(joules: float, costs: Costs, volts: float) -> float:
    """Charge out of a pack of ``volts`` for energy at 5 V behind the converter."""
    return joules / costs.efficiency / volts / _S_PER_H * 1000


def idle_mah(costs: Costs, pack: Pack, celsius: float, used_mah: float) -> float:
    """Charge of one day of standby and self-discharge, which halves every 10 °C of cold (estimate)."""
    volts = terminal_v(costs, pack, celsius, used_mah, costs.always_5v_ma)
    from_5v = mah(costs.always_5v_ma * 5e-3 * 24 * _S_PER_H, costs, volts)
    own = pack.rated_mah * pack.self_discharge_a_year / YEAR_D * 2.0 ** ((celsius - 20.0) / 10.0)
    return float(costs.always_pack_ma * 24 + from_5v + own)


def wake_ma(costs: Costs, pack: Pack, celsius: float, used_mah: float) -> float:
    """Mean pack current in a wake: what the cells' load and voltage curves see."""
    if costs.wake_s <= 0:
        return costs.always_5v_ma
    watts = costs.wake_j / costs.wake_s / costs.efficiency
    return 1000 * watts / terminal_v(costs, pack, celsius, used_mah, 250.0)


def terminal_v(costs: Costs, pack: Pack, celsius: float, used_mah: float, load_ma: float) -> float:
    """Volts behind the string diodes under a load; never below the cut-off, where the unit is dark anyway."""
    share = used_mah / pack.available_mah(celsius, load_ma)
    return max(pack.cutoff_mv, pack.millivolts(share, celsius, load_ma)) / 1000 - costs.diode_v
