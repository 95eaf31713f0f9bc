"""The summary: one screen's worth of a unit's state, read from the journal's sums in a few milliseconds and under 4 KiB."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Protocol

from trap.deployment import Deployment
from trap.health.outlook import days_left
from trap_wire import codes
from trap_wire.entries import Entry, Kind, to_us

DAYS_SHOWN = 14
ERRORS_SHOWN = 3
_STARTS = 20  # entries about deployments to look back on
# What the summary counts a day, under its own short names: a year in CBOR must fit a slow cable.
COUNTED = {
    "triggers": "wake:pir",
    "kept": "verdict:keep",
    "unknown": "verdict:unknown",
    "discarded": "verdict:blank",
    "audited": "audited",
    "fail_open": "fail_open",
    "errors": "error",
    "throttled_triggers": "throttled_triggers",
    "throttled_s": "throttled_s",
    "paused_triggers": "paused_triggers",
    "paused_s": "paused_s",
}
# Shares of what was throttled that were no flood; said only where there are any.
SHARES = tuple(codes.GATE_NAMES[cause] for cause in codes.LOST if cause != codes.FLOODED)
COUNTED |= {f"{cause}_{unit}": f"{cause}_{unit}" for cause in SHARES for unit in ("triggers", "s")}


class Ledger(Protocol):
    """What the summary needs of a journal."""

    @property
    def head(self) -> int:
        """Newest sequence number."""

    def tallies(self, since_day: str = "") -> dict[str, dict[str, int]]:
        """Counts per UTC day."""

    def range(self, name: str, since_day: str = "") -> tuple[float, float] | None:
        """Lowest and highest value of a measure."""

    def newest(self, kind: Kind, count: int = 1) -> list[Entry]:
        """Newest entries of a kind, newest first."""


def summary(
    ledger: Ledger, deployment: Deployment, model: str | None, free_bytes: int, now: datetime
) -> dict[str, Any]:
    """Plain values only (str, int, float, None, list, dict). Times are microseconds since 1970, UTC, by the unit's clock."""
    begun = _begun(ledger, deployment.station.deployment)
    tallies = ledger.tallies(begun)
    station, protocol = deployment.station, deployment.protocol
    return {
        "unit": station.unit,
        "deployment": station.deployment,
        "programme": station.programme,
        "protocol": f"{protocol.name}@{protocol.version}",
        "protocol_hash": protocol.digest,
        "languages": protocol.languages,
        "model": model,
        "trouble": deployment.trouble or None,
        "now_us": to_us(now),
        "entries": ledger.head,
        "first_day": begun or min(tallies, default=None),
        "totals": _counts(tallies.values()),
        "days": _days(tallies, now),
        "battery": _battery(ledger),
        "celsius": ledger.range("temperature_c", begun),
        "days_left": days_left(ledger, deployment, now),
        "storage_free_bytes": free_bytes,
        "errors": [_error(entry) for entry in ledger.newest(Kind.ERROR, ERRORS_SHOWN)],
    }


def _begun(ledger: Ledger, deployment: str) -> str:
    """Day on which this deployment began; empty when nobody said so: then everything counts. Days are whole."""
    starts = (e for e in ledger.newest(Kind.DEPLOYMENT, _STARTS) if e.body.get("action") == "start")
    return next((e.at.date().isoformat() for e in starts if e.body.get("deployment") == deployment), "")


def _days(tallies: Mapping[str, Mapping[str, int]], now: datetime) -> list[dict[str, Any]]:
    """The last days, oldest first; zeroes are left out to keep the answer small."""
    days = [(now - timedelta(days=back)).date().isoformat() for back in range(DAYS_SHOWN - 1, -1, -1)]
    return [{"day": day, **_counts([tallies.get(day, {})], zeroes=False)} for day in days]


def _counts(tallies: Iterable[Mapping[str, int]], *, zeroes: bool = True) -> dict[str, int]:
    rows = list(tallies)
    sums = {short: sum(row.get(name, 0) for row in rows) for short, name in COUNTED.items()}
    return {short: n for short, n in sums.items() if n or (zeroes and not short.startswith(SHARES))}


def _battery(ledger: Ledger) -> dict[str, Any] | None:
    entries = ledger.newest(Kind.BATTERY)
    return dict(entries[0].body) if entries else None


def _error(entry: Entry) -> dict[str, Any]:
    return {"at_us": to_us(entry.at), "part": entry.body.get("part"), "words": entry.body.get("words")}
