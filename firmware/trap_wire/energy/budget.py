"""The power budget: states of a unit with current, time and source, each number an interval of ``power_budget.toml``."""

import dataclasses
import functools
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from trap_wire.errors import BadInputError

VOLTS_5 = 5.0
UNITS = ("latched", "sleeping-pico", "always-on-pi")
SOURCES = ("measured", "datasheet", "simulated", "paper", "estimate")
PERIODS = ("always", "wake", "during-wake", "refused", "heartbeat", "visit")
UNTIMED = ("always", "during-wake")
CYCLES = "instructions a cycle"
_M_A_SECOND = 1000.0  # million cycles of the Zero 2 W's 1 GHz


@dataclass(frozen=True, slots=True)
class Interval:
    """Low, typical, high. ``worse`` is +1 when more of it costs charge, −1 when more of it gives charge."""

    low: float
    typical: float
    high: float
    worse: int = 1

    def at(self, lean: float) -> float:
        """Typical at 0, the bad end at 1, the good end at −1, straight between."""
        towards = self.high if lean * self.worse > 0 else self.low
        return self.typical + abs(lean) * (towards - self.typical)


@dataclass(frozen=True, slots=True)
class State:
    """One state of the unit. ``seconds`` is None for ``per = always`` and ``during-wake``.

    ``instructions_m`` millions of ARM instructions come on top of ``seconds``, which is then what the processor waits for.
    """

    name: str
    units: tuple[str, ...]
    rail: str
    per: str
    ma: Interval
    seconds: Interval | None
    instructions_m: float
    source: str
    says: str
    bench: str


@dataclass(frozen=True, slots=True)
class Budget:
    """Every number of the model, as intervals."""

    states: tuple[State, ...]
    efficiency: Interval
    diode_v: Interval
    offset_c: Interval
    a_cycle: Interval  # ARM instructions a cycle of a Cortex-A53 at 1 GHz

    def inputs(self, unit: str) -> Iterator[tuple[str, Interval]]:
        """Name and interval of every uncertain number that bears on this unit; ``Pack.inputs`` come on top."""
        yield from (("converter efficiency", self.efficiency), ("string diodes V", self.diode_v))
        yield "climate °C", self.offset_c
        yield CYCLES, self.a_cycle
        for state in self.states:
            if unit in state.units:
                yield f"{state.name} mA", state.ma
                if state.seconds is not None and state.seconds.high > 0:
                    yield f"{state.name} s", state.seconds


@dataclass(frozen=True, slots=True)
class Costs:
    """The budget with every number settled: joules at 5 V for each occasion, and what is always on."""

    wake_j: float
    refused_j: float
    heartbeat_j: float
    visit_j: float
    always_5v_ma: float
    always_pack_ma: float
    wake_s: float
    efficiency: float
    diode_v: float
    offset_c: float


Pick = Callable[[str, Interval], float]


def typical(_name: str, interval: Interval) -> float:
    """The pick of a number that takes every typical value."""
    return interval.typical


def settle(budget: Budget, unit: str, pick: Pick = typical) -> Costs:
    """Costs of a unit, each number chosen by ``pick(name, interval)``."""
    joules = dict.fromkeys(PERIODS, 0.0)
    untimed_ma = {("5v", "always"): 0.0, ("pack", "always"): 0.0, ("5v", "during-wake"): 0.0}
    wake_s, m_a_second = 0.0, pick(CYCLES, budget.a_cycle) * _M_A_SECOND
    for state in budget.states:
        if unit not in state.units:
            continue
        ma = pick(f"{state.name} mA", state.ma)
        if state.seconds is None:
            untimed_ma[state.rail, state.per] += ma
            continue
        seconds = pick(f"{state.name} s", state.seconds) + state.instructions_m / m_a_second
        joules[state.per] += ma / 1000 * VOLTS_5 * seconds
        wake_s += (
            seconds if state.per == "wake" and state.name != "flash" else 0.0
        )  # the flash falls within the capture
    joules["wake"] += untimed_ma["5v", "during-wake"] / 1000 * VOLTS_5 * wake_s
    return Costs(
        joules["wake"], joules["refused"], joules["heartbeat"], joules["visit"],
        untimed_ma["5v", "always"], untimed_ma["pack", "always"], wake_s,
        pick("converter efficiency", budget.efficiency), pick("string diodes V", budget.diode_v),
        pick("climate °C", budget.offset_c),
    )  # fmt: skip


@functools.cache
def shipped(stay_up_ms: int = 0) -> Budget:
    """The budget that came with this code; read once."""
    return parse(resources.files("trap_wire.energy").joinpath("power_budget.toml").read_text(), stay_up_ms)


def parse(text: str, stay_up_ms: int = 0, source: str = "power_budget.toml") -> Budget:
    """Budget from TOML text; ``BadInputError`` names the table and the field that is wrong."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"{source}: not TOML: {error}") from error
    stay_s = stay_up_ms / 1000
    return Budget(
        states=tuple(_state(table, stay_s, source) for table in tables.get("state", [])),
        efficiency=dataclasses.replace(_interval(tables, "converter", "efficiency", source), worse=-1),
        diode_v=_interval(tables, "strings", "diode_v", source),
        offset_c=dataclasses.replace(_interval(tables, "climate", "offset_c", source), worse=-1),
        a_cycle=dataclasses.replace(_interval(tables, "cpu", "a_cycle", source), worse=-1),
    )


def _interval(tables: Mapping[str, Any], table: str, field: str, source: str) -> Interval:
    if table not in tables:
        raise BadInputError(f"{source}: [{table}] is missing")
    return _numbers(tables[table].get(field), f"{source}: {table}.{field}")


def _state(table: Mapping[str, Any], stay_s: float, source: str) -> State:
    where = f"{source}: state {table.get('name', '?')!r}"
    missing = {"name", "units", "rail", "per", "ma", "source", "says", "bench"} - table.keys()
    if missing:
        raise BadInputError(f"{where}: {', '.join(sorted(missing))} missing")
    for field, allowed in (("rail", ("5v", "pack")), ("per", PERIODS), ("source", SOURCES)):
        if table[field] not in allowed:
            raise BadInputError(f"{where}: {field} = {table[field]!r}, must be one of {', '.join(allowed)}")
    timed = table["per"] not in UNTIMED
    if table["per"] != "always" and table["rail"] != "5v":
        raise BadInputError(f"{where}: only what is always on may be counted at the pack")
    seconds = _seconds(table.get("s"), stay_s, where) if timed else None
    counted = table.get("instructions_m", 0.0)
    if not isinstance(counted, int | float) or counted < 0 or (counted and not timed):
        raise BadInputError(
            f"{where}: instructions_m = {counted!r}: must be millions of instructions of a state with a time"
        )
    facts = {field: str(table[field]) for field in ("name", "rail", "per", "source", "says", "bench")}
    ma = _numbers(table["ma"], f"{where}: ma")
    return State(units=tuple(table["units"]), ma=ma, seconds=seconds, instructions_m=float(counted), **facts)


def _seconds(value: Any, stay_s: float, where: str) -> Interval:
    return Interval(stay_s, stay_s, stay_s) if value == "protocol.stay_up_ms" else _numbers(value, f"{where}: s")


def _numbers(value: Any, where: str) -> Interval:
    good = isinstance(value, list) and len(value) == 3 and all(isinstance(x, int | float) for x in value)
    if not good or not value[0] <= value[1] <= value[2]:
        raise BadInputError(f"{where} = {value!r}: must be [low, typical, high], rising")
    low, typical_, high = (float(x) for x in value)
    return Interval(low, typical_, high)
