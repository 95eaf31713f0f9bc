"""How long the cells will last: the energy model fed with what the journal knows of this deployment."""

from collections.abc import Iterable, Mapping
from datetime import date, datetime
from typing import Any, Protocol

from trap.deployment import Deployment
from trap_wire.energy import budget, cells, forecast
from trap_wire.energy.climate import Site
from trap_wire.energy.year import Plan
from trap_wire.entries import Entry, Kind

RECENT_D = 14
TEMPERATURES = 60
_UNKNOWN_C = 0.0


class Ledger(Protocol):
    """What the outlook needs of a journal."""

    def tallies(self, since_day: str = "") -> dict[str, dict[str, int]]:
        """Counts per UTC day."""

    def newest(self, kind: Kind, count: int = 1) -> list[Entry]:
        """Newest entries of a kind, newest first."""


def days_left(ledger: Ledger, deployment: Deployment, now: datetime) -> dict[str, Any] | None:
    """Days until the first dark night (5, 50, 95 %) if days go on like the last two weeks; None on mains or without a wake.

    The unit knows no place, so the temperature of its last wakes stands for what comes: too hopeful in summer.
    """
    if deployment.station.chemistry not in cells.PACKS:
        return None
    tallies = ledger.tallies(_cells_put_in(ledger))
    if not any(_wakes(day) for day in tallies.values()):
        return None
    pack, costs = cells.pack(deployment.station.chemistry), budget.shipped(deployment.protocol.stay_up_ms)
    celsius, a_day = _mean_c(ledger), _recent_wakes(tallies, now)
    counted = _counted_mah(ledger)
    used = counted if counted is not None else forecast.reckoned_mah(
        costs, pack, celsius, sum(map(_wakes, tallies.values())), _days(min(tallies), now)
    )  # fmt: skip
    plan = Plan(a_day, reserve=deployment.protocol.off_pct / 100)
    left = forecast.days_left(
        costs, pack, Site("here", fixed_c=celsius), plan, used_mah=used, day_of_year=now.timetuple().tm_yday
    )
    said = {"low": left.low, "middle": left.middle, "high": left.high}
    facts = {"wakes_a_day": round(a_day, 1), "celsius": round(celsius, 1), "used_mah": round(used)}
    return {**said, **facts, "used_by": "reckoning" if counted is None else "gauge"}


def _counted_mah(ledger: Ledger) -> float | None:
    """What the supervisor's gauge has counted since the deployment began, from its newest sample; None when it does not."""
    newest = ledger.newest(Kind.BATTERY)
    charge = newest[0].body.get("charge_used_mah") if newest else None
    return None if charge is None else float(charge)


def _cells_put_in(ledger: Ledger) -> str:
    """Day on which this deployment began; fresh cells are part of it."""
    begun = ledger.newest(Kind.DEPLOYMENT)
    return begun[0].at.date().isoformat() if begun else ""


def _wakes(counts: Mapping[str, int]) -> int:
    return sum(n for name, n in counts.items() if name.startswith("wake:"))


def _days(first: str, now: datetime) -> int:
    return max(1, (now.date() - date.fromisoformat(first)).days + 1)


def _recent_wakes(tallies: Mapping[str, Mapping[str, int]], now: datetime) -> float:
    recent = [counts for day, counts in tallies.items() if _days(day, now) <= RECENT_D]
    return sum(map(_wakes, recent)) / min(RECENT_D, _days(min(tallies), now))


def _mean_c(ledger: Ledger) -> float:
    known = _temperatures(ledger.newest(Kind.BATTERY, TEMPERATURES))
    return sum(known) / len(known) if known else _UNKNOWN_C


def _temperatures(entries: Iterable[Entry]) -> list[float]:
    return [float(entry.body["temperature_c"]) for entry in entries if entry.body.get("temperature_c") is not None]
