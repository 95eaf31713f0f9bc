"""Who ran what: the same protocol and the same detector make numbers comparable, and only those."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trap_tools.archive.whole import Whole
from trap_wire.entries import from_us


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

    @property
    def comparable(self) -> bool:
        """Whether rates may be put side by side as they are."""
        return not self.differences


def sameness(read: Sequence[Whole]) -> Sameness:
    """Compare what was run."""
    ran = tuple(_ran(one) for one in read)
    found = [*_spread("protocol", ran, lambda one: one.protocols), *_spread("detector", ran, lambda one: one.models)]
    return Sameness(ran, tuple(found))


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
