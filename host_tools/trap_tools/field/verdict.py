"""The one line that a visitor reads first: leave the unit, look after it, or bring it home, and why."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from trap_tools.i18n import say
from trap_tools.protocol.programme import Programme
from trap_wire.entries import from_us

LEAVE, ATTENTION, HOME = "leave", "attention", "home"
_CLOCK_S = 120
_LITTLE_BYTES = 500_000_000
_SOON_D = 60  # the next visit is months away
_RECENT = timedelta(days=7)
_LADDER = {"no_hold_off": ATTENTION, "heartbeat_only": ATTENTION, "off": ATTENTION}


@dataclass(frozen=True, slots=True)
class Reason:
    """One thing that is not as it should be; ``level`` is what it asks for, ``words`` the reader's own."""

    level: str
    words: str


def reasons(facts: dict[str, Any], host: datetime, known: Programme | None = None) -> list[Reason]:
    """Everything that speaks against leaving the unit as it is, gravest first."""
    found = [
        *_storage(facts),
        *_rules(facts),
        *_programme(facts, known),
        *_battery(facts),
        *_clock(facts, host),
        *_errors(facts),
    ]
    return sorted(found, key=lambda reason: reason.level != HOME)


def line(found: list[Reason]) -> str:
    """The verdict in words."""
    if not found:
        return say("leave it")
    because = "; ".join(reason.words for reason in found)
    if found[0].level == HOME:
        return say("bring it home, because {because}", because=because)
    return say("needs attention, because {because}", because=because)


def _storage(facts: dict[str, Any]) -> Iterator[Reason]:
    free = facts.get("storage_free_bytes")
    if free is not None and free < _LITTLE_BYTES:
        yield Reason(ATTENTION, say("the card is nearly full: pull, then change it"))
    words = " ".join(str(error.get("words")) for error in facts.get("errors") or ())
    if "read-only" in words or "Input/output" in words:
        yield Reason(HOME, say("its card is failing"))


def _rules(facts: dict[str, Any]) -> Iterator[Reason]:
    if facts.get("bulk_left_s") is not None:
        yield Reason(ATTENTION, say("it shows its card as a drive and takes no pictures: manul bulk off"))
    if facts.get("unsealed"):
        yield Reason(ATTENTION, say("it is still sealing older pictures: wait, then pull again"))
    if facts.get("trouble"):
        yield Reason(ATTENTION, say("its settings are not good, so it keeps everything"))
    if not facts.get("locked") and "model" in facts and not facts["model"]:
        yield Reason(ATTENTION, say("it has no detector, so it keeps everything"))
    if facts.get("bench") and facts.get("deployment") not in (None, "bench"):
        yield Reason(ATTENTION, say("it has no key: anybody can open it"))


def _programme(facts: dict[str, Any], known: Programme | None) -> Iterator[Reason]:
    """Data of two protocols, releases or detectors do not compare as they are, so a visit is the time to put it right."""
    if known is None or facts.get("locked"):
        return
    if facts.get("protocol_hash") and known.protocol_hash and facts["protocol_hash"] != known.protocol_hash:
        yield Reason(ATTENTION, say("its protocol is not the programme’s: manul deploy start, or manul update"))
    behind = [("release", known.release), ("model", known.model)]
    if any(theirs and facts.get(key) and facts[key] != theirs for key, theirs in behind):
        yield Reason(ATTENTION, say("it does not run the programme’s release: manul update"))


def _battery(facts: dict[str, Any]) -> Iterator[Reason]:
    left = facts.get("days_left") or {}
    if left.get("low", _SOON_D) < _SOON_D:
        yield Reason(ATTENTION, say("its cells may last only {days} days: put in new ones", days=left["low"]))
        return
    state = (facts.get("battery") or {}).get("state") or facts.get("battery_state")
    if state in _LADDER:
        yield Reason(_LADDER[state], say("its battery is low: put in new cells"))


def _clock(facts: dict[str, Any], host: datetime) -> Iterator[Reason]:
    if facts.get("now_us") is None:
        return
    offset_s = (from_us(facts["now_us"]) - host).total_seconds()
    if abs(offset_s) > _CLOCK_S:
        yield Reason(ATTENTION, say("its clock is {offset_s:+.0f} s off: pull sets it", offset_s=offset_s))


def _errors(facts: dict[str, Any]) -> Iterator[Reason]:
    if facts.get("now_us") is None:
        return
    since = from_us(facts["now_us"]) - _RECENT
    recent = {
        str(error.get("part")) for error in facts.get("errors") or () if from_us(error.get("at_us") or 0) >= since
    }
    if recent:
        yield Reason(ATTENTION, say("of errors this week: {parts}", parts=", ".join(sorted(recent))))
