"""How many days are left: the unit's own prediction, from what its gauge counted and how busy the last weeks were."""

from dataclasses import dataclass

from trap_wire.energy.budget import Budget, Interval, settle
from trap_wire.energy.cells import Pack
from trap_wire.energy.climate import Site
from trap_wire.energy.year import Plan, idle_mah, mah, simulate, terminal_v, wake_ma

HORIZON_D = 730
# Every number this far towards its bad end gives the 5 %, 50 % and 95 % bounds of a Monte Carlo over all of them, without its
# thousand years: intervals reach further to the bad side than to the good one, so even the middle leans a little.
# tests/unit/tools/test_power.py holds it to that.
LEANS = (0.22, 0.07, -0.11)


@dataclass(frozen=True, slots=True)
class DaysLeft:
    """Days until the first dark night, 5 %, 50 % and 95 % bounds. ``HORIZON_D`` means at least that."""

    low: int
    middle: int
    high: int


def days_left(budget: Budget, pack: Pack, site: Site, plan: Plan, *, used_mah: float, day_of_year: int) -> DaysLeft:
    """Prediction for the latched unit. A unit that knows no site passes ``Site("here", fixed_c=mean of the last weeks)``."""

    def days(lean: float) -> int:
        def pick(_name: str, interval: Interval) -> float:
            return interval.at(lean)

        run = simulate(
            settle(budget, "latched", pick), pack.settled(pick), site, plan,
            days=HORIZON_D, used_mah=used_mah, first_day=day_of_year, step_days=7,
        )  # fmt: skip
        return HORIZON_D if run.dark_from_day is None else run.dark_from_day

    return DaysLeft(*(days(lean) for lean in LEANS))


def reckoned_mah(budget: Budget, pack: Pack, celsius: float, wakes: float, days: float) -> float:
    """Charge that so many wakes and days have taken from fresh cells, for a unit whose gauge does not count."""
    costs = settle(budget, "latched")
    half = 0.5 * pack.available_mah(celsius, 0.0)  # the voltage in the middle of the discharge stands for all of it
    volts = terminal_v(costs, pack, celsius, half, wake_ma(costs, pack, celsius, half))
    joules = wakes * costs.wake_j + days * costs.heartbeat_j
    return mah(joules, costs, volts) + days * idle_mah(costs, pack, celsius, half)
