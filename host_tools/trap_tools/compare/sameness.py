"""Who ran what: the same protocol and the same detector make numbers comparable, and only those."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from trap_tools.archive.whole import Whole
from trap_tools.protocol.ran import differing, unknown
from trap_wire.entries import from_us
from trap_wire.protocol import Protocol


@dataclass(frozen=True, slots=True)
class Ran:
    """What one deployment ran. More than one entry in a tuple means that it changed on the way."""

    unit: str
    deployment: str
    country: str
    season: str
    protocols: tuple[str, ...]  # name and first half of the hash
    models: tuple[str, ...]
    software: tuple[str, ...]
    camera_days: float


@dataclass(frozen=True, slots=True)
class Sameness:
    """Everybody, and in what they differ. ``comparable`` when all ran one protocol and one detector from start to end."""

    ran: tuple[Ran, ...]
    differences: tuple[str, ...]
    rules: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)  # rule that differs -> protocol -> its value
    unknown: tuple[str, ...] = ()  # protocols whose rules are nowhere to be found

    @property
    def comparable(self) -> bool:
        """Whether rates may be put side by side as they are."""
        return not self.differences


def sameness(read: Sequence[Whole], rules: Mapping[str, Protocol] | None = None) -> Sameness:
    """Compare what was run; ``rules`` are the protocols that are known by their hash, to say in what they differ."""
    ran = tuple(_ran(one) for one in read)
    found = [*_spread("protocol", ran, lambda one: one.protocols), *_spread("detector", ran, lambda one: one.models)]
    return Sameness(ran, tuple(found), differing(read, rules or {}), tuple(unknown(read, rules or {})))


def _ran(one: Whole) -> Ran:
    boots, year = one.log.boots, ""
    if one.effort.spans:
        first, last = (from_us(at).year for at in (one.effort.spans[0].start_us, one.effort.spans[-1].end_us))
        year = str(first) if first == last else f"{first}–{last}"
    return Ran(
        one.log.unit,
        one.log.deployment,
        one.place.country,
        year,
        tuple(dict.fromkeys(f"{boot.protocol} {boot.protocol_hash[:12]}" for boot in boots)),
        tuple(dict.fromkeys(verdict.model or "none" for verdict in one.log.verdicts.values())),
        tuple(dict.fromkeys(boot.software for boot in boots)),
        round(one.effort.days(), 2),
    )


def _spread(what: str, ran: Sequence[Ran], of: Callable[[Ran], tuple[str, ...]]) -> list[str]:
    """Words for one thing that is not the same everywhere."""
    users: dict[str, list[str]] = {}
    for one in ran:
        for name in of(one):
            users.setdefault(name, []).append(f"{one.unit}/{one.deployment}")
    changed = [
        f"{one.unit}/{one.deployment} changed its {what} on the way: {', '.join(of(one))}"
        for one in ran
        if len(of(one)) > 1
    ]
    if len(users) <= 1:
        return changed
    listed = "; ".join(f"{name} on {', '.join(sorted(set(names)))}" for name, names in users.items())
    return [f"{len(users)} {what}s: {listed}", *changed]
