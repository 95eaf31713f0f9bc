"""Many years of one unit: a Monte Carlo over every interval of the budget, what costs most, and how busy a unit may be."""

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from trap_wire.energy.budget import UNITS, Budget, Interval, Pick, settle, typical
from trap_wire.energy.cells import Pack
from trap_wire.energy.climate import Site
from trap_wire.energy.year import Outcome, Plan, simulate

MOST_WAKES = 400.0


@dataclass(frozen=True, slots=True)
class Case:
    """A unit at a place with a plan."""

    budget: Budget
    pack: Pack
    site: Site
    plan: Plan
    unit: str = "latched"
    days: int = 365

    def run(self, pick: Pick = typical, step_days: int = 1) -> Outcome:
        """Simulate with every number chosen by ``pick``."""
        costs = settle(self.budget, self.unit, pick)
        return simulate(costs, self.pack.settled(pick), self.site, self.plan, days=self.days, step_days=step_days)

    def busy(self, wakes_a_day: float) -> "Case":
        """The same with another trigger rate and no floods."""
        return replace(self, plan=replace(self.plan, wakes_a_day=wakes_a_day, floods=()))

    def pick(self, seed: int) -> Pick:
        """Every uncertain number of the case drawn once; the rest typical."""
        draw = drawn(seed)
        chosen = {name: draw(name, interval) for name, interval in self.inputs()}
        return lambda name, interval: chosen.get(name, interval.typical)

    def inputs(self) -> Iterator[tuple[str, Interval]]:
        """Every uncertain number that bears on this case; a fixed temperature has no climate to be wrong about."""
        for name, interval in (*self.budget.inputs(self.unit), *self.pack.inputs()):
            if name != "climate °C" or self.site.fixed_c is None:
                yield name, interval


@dataclass(frozen=True, slots=True)
class Band:
    """5 %, 50 % and 95 % of something over the draws."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: list[float]) -> "Band":
        """Band of values; nearest ranks."""
        ordered = sorted(values)
        last = len(ordered) - 1
        return cls(*(ordered[round(share * last)] for share in (0.05, 0.5, 0.95)))


@dataclass(frozen=True, slots=True)
class Bar:
    """One input of the tornado: charge left at the year's end with it at its low and at its high end, the rest typical."""

    name: str
    interval: Interval
    left_at_low: float
    left_at_high: float

    @property
    def width(self) -> float:
        """How much of the charge hangs on it."""
        return abs(self.left_at_high - self.left_at_low)


@dataclass(frozen=True, slots=True)
class Rival:
    """One way to build a unit: how much a year of the plan takes, and to what trigger rate it survives."""

    unit: str
    days: int | None  # until the first dark night with the plan; None: it survived
    left: float
    need_wh: float
    most_wakes: Band
    most_wakes_nine_in_ten: float  # what nine draws in ten survive


@dataclass(frozen=True, slots=True)
class Study:
    """Everything that ``manul power`` says about a case."""

    case: Case
    typical: Outcome
    runs: tuple[Outcome, ...]
    bars: tuple[Bar, ...]
    rivals: tuple[Rival, ...]

    @property
    def left(self) -> Band:
        """Charge left at the end, over the draws."""
        return Band.of([run.left for run in self.runs])

    @property
    def dark_day(self) -> Band:
        """First dark night, or the end, over the draws."""
        ends = [self.case.days if run.dark_from_day is None else run.dark_from_day for run in self.runs]
        return Band.of([float(day) for day in ends])

    @property
    def surviving(self) -> float:
        """Share of the draws that survive."""
        return sum(run.survived for run in self.runs) / len(self.runs)


def drawn(seed: int) -> Pick:
    """A pick that draws each number: as likely above typical as below it, thinning out towards the ends.

    The same seed draws the same number for the same name, whoever asks and in whatever order.
    """

    def pick(name: str, interval: Interval) -> float:
        source = random.Random(f"{seed} {name}")  # noqa: S311  # a simulation, not a secret
        end = interval.high if source.random() < 0.5 else interval.low
        return interval.typical + (1 - math.sqrt(source.random())) * (end - interval.typical)

    return pick


def monte_carlo(case: Case, draws: int, seed: int) -> Iterator[Outcome]:
    """One simulated year a draw."""
    for number in range(draws):
        yield case.run(case.pick(seed * 1_000_003 + number), step_days=3)


def tornado(case: Case) -> list[Bar]:
    """Bars, widest first. The pack may be driven below empty here, so that a bar does not stop at zero."""
    open_case = replace(case, plan=replace(case.plan, reserve=-9.0))
    bars = [
        Bar(
            name,
            interval,
            *(open_case.run(_only(name, end), step_days=3).left for end in (interval.low, interval.high)),
        )
        for name, interval in case.inputs()
    ]
    return sorted(bars, key=lambda bar: bar.width, reverse=True)


def _only(name: str, value: float) -> Pick:
    return lambda asked, interval: value if asked == name else interval.typical


def most_wakes(case: Case, pick: Pick = typical) -> float:
    """Wakes a day that the unit serves for the whole time, to half a wake; 0 when it cannot even stand by."""
    if not case.busy(0).run(pick, step_days=7).survived:
        return 0.0
    low, high = 0.0, MOST_WAKES
    while high - low > 0.5:
        middle = (low + high) / 2
        low, high = (middle, high) if case.busy(middle).run(pick, step_days=7).survived else (low, middle)
    return low


def most_wakes_drawn(case: Case, draws: int, seed: int) -> list[float]:
    """``most_wakes`` of every draw, fewest first."""
    return sorted(most_wakes(case, case.pick(seed * 1_000_003 + number)) for number in range(draws))


def rivals(case: Case, draws: int, seed: int) -> Iterator[Rival]:
    """The same plan, place and cells under every way to build a unit."""
    for unit in UNITS:
        other = replace(case, unit=unit)
        run, most = other.run(), most_wakes_drawn(other, draws, seed)
        nine_in_ten = most[(len(most) - 1) // 10]
        yield Rival(unit, run.dark_from_day, run.left, need_wh(other), Band.of(most), nine_in_ten)


def need_wh(case: Case) -> float:
    """Energy behind the cells that the plan would take in a year if the cells never ended, Wh."""
    costs = settle(case.budget, case.unit)
    plan = case.plan
    joules = case.days * (plan.wakes_a_day * costs.wake_j + plan.heartbeats_a_day * costs.heartbeat_j)
    joules += plan.visits_a_year * costs.visit_j + costs.always_5v_ma * 5e-3 * case.days * 86_400
    return joules / costs.efficiency / 3600 + costs.always_pack_ma * 6e-3 * case.days * 24
