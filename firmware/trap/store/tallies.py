"""What the summary counts: names of tallies that one entry adds to, so that a year's counts are a few rows a day."""

from collections.abc import Iterable, Mapping
from typing import Any

from trap_wire.entries import Kind


def tallies_of(kind: Kind, body: Mapping[str, Any]) -> dict[str, int]:
    """Tally names and what this entry adds to each."""
    if kind is Kind.WAKE:
        # A wake on a trigger is one admitted trigger; those refused by the gate come with it.
        return {
            f"wake:{body['reason']}": 1,
            **_throttled(body.get("throttled_triggers", 0), body.get("throttled_s", 0)),
            **_shares(body.get("lost", ())),
        }
    if kind is Kind.VERDICT:
        audited = {"audited": 1} if body["audited"] else {}
        fail_open = {"fail_open": 1} if body["fail_open"] else {}
        return {f"verdict:{body['decision']}": 1, f"type:{body['observation_type']}": 1, **audited, **fail_open}
    if kind is Kind.MEDIA:
        return {f"media:{body['role']}": 1}
    if kind is Kind.THROTTLED:
        return _throttled(body["triggers"], body["seconds"], "paused" if body.get("cause") == "paused" else "throttled")
    if kind is Kind.STATE and body.get("from") == "bulk":
        return {"state": 1, "paused_s": body.get("seconds", 0)}
    return {str(kind): 1}


def _shares(lost: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """What the causes other than a flood have of the throttled sums."""
    named = [loss for loss in lost if loss["cause"] != "flooded"]
    return {
        name: n for loss in named for name, n in _throttled(loss["triggers"], loss["seconds"], loss["cause"]).items()
    }


def _throttled(triggers: int, seconds: int, cause: str = "throttled") -> dict[str, int]:
    return {name: n for name, n in ((f"{cause}_triggers", triggers), (f"{cause}_s", seconds)) if n}


def measures_of(kind: Kind, body: Mapping[str, Any]) -> dict[str, float]:
    """Measures of which the summary wants the day's lowest and highest."""
    celsius = body.get("temperature_c") if kind is Kind.BATTERY else None
    return {"temperature_c": float(celsius)} if celsius is not None else {}
