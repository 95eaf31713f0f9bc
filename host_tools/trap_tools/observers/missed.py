"""How many animals the filter threw away, from what people saw in the audit sample, with exact intervals.

The sample is drawn at random from the blanks of every unit, so the share of animals in it estimates the share in all of
them. The missed-animal rate is that share times the blanks, over it plus the animals that were kept.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from trap_tools.archive.facts import Verdict
from trap_tools.archive.whole import Whole
from trap_tools.observers.intervals import Estimate, kappa, proportion
from trap_tools.observers.labels import Burst, Label, Labels
from trap_wire.vocabulary import CaptureMethod, Decision, ObservationType


@dataclass(frozen=True, slots=True)
class Missed:
    """The audit of one group. ``missed`` is the share of all animal bursts that the filter discarded.

    ``share`` is the share of animals among discarded bursts; both None until somebody has looked at an audited blank.
    ``corrected`` is what a detection rate must be multiplied with.
    """

    group: str
    kept_animals: int
    discarded: int
    audited: int
    looked_at: int
    animals_found: int
    share: Estimate | None
    missed: Estimate | None
    corrected: Estimate | None


@dataclass(frozen=True, slots=True)
class Agreement:
    """Two observers on the bursts that both looked at."""

    one: str
    other: str
    both: int
    agreed: int
    kappa: float | None


Grouping = Callable[[Whole, Verdict], str]
GROUPINGS: dict[str, Grouping] = {
    "all": lambda one, verdict: "all",  # noqa: ARG005
    "unit": lambda one, verdict: one.log.unit,  # noqa: ARG005
    "site": lambda one, verdict: one.site,  # noqa: ARG005
    "light": lambda one, verdict: "infrared" if _infrared(one, verdict) else "day",
    "model": lambda one, verdict: verdict.model or "none",  # noqa: ARG005
}


def missed(
    read: Sequence[Whole], standing: Mapping[Burst, list[Label]], by: str = "all", confidence: float = 0.95
) -> list[Missed]:
    """The audit's answer per group, sorted by its name. ``standing`` is what people say of each burst."""
    group_of = GROUPINGS[by]
    counts: dict[str, Counter[str]] = {}
    for one in read:
        for verdict in _triggered(one):
            counted = counts.setdefault(group_of(one, verdict), Counter())
            counted.update(_counts(verdict, standing.get((one.log.unit, one.log.deployment, verdict.burst), [])))
    return [_missed(group, counted, confidence) for group, counted in sorted(counts.items())]


def _triggered(one: Whole) -> Iterable[Verdict]:
    for verdict in one.log.verdicts.values():
        burst = one.log.bursts.get(verdict.burst)
        if burst is None or burst.capture_method == CaptureMethod.ACTIVITY_DETECTION:
            yield verdict


def _counts(verdict: Verdict, said: list[Label]) -> Iterable[str]:
    """What one burst adds. Where people disagree, an animal that anybody saw counts: a miss must not be argued away."""
    saw_animal = any(label.observation_type == ObservationType.ANIMAL for label in said)
    if verdict.decision != Decision.BLANK:
        # A person's word on a kept burst goes before the detector's.
        animal = saw_animal if said else verdict.observation_type == ObservationType.ANIMAL
        return ["kept_animals"] if animal else []
    looked = ["looked_at", *(["animals_found"] if saw_animal else [])] if said and verdict.audited else []
    return ["discarded", *(["audited"] if verdict.audited else []), *looked]


def _missed(group: str, counted: Counter[str], confidence: float) -> Missed:
    kept, discarded = counted["kept_animals"], counted["discarded"]
    looked, found = counted["looked_at"], counted["animals_found"]
    share = proportion(found, looked, confidence) if looked else None
    lost = None if share is None else _over(share, kept, discarded)
    corrected = None if lost is None else Estimate(*(1 / (1 - end) if end < 1 else float("inf") for end in _ends(lost)))
    return Missed(group, kept, discarded, counted["audited"], looked, found, share, lost, corrected)


def _over(share: Estimate, kept: int, discarded: int) -> Estimate:
    """Missed over all animals; it grows with the share, so the ends of one interval are those of the other."""
    return Estimate(
        *(end * discarded / (end * discarded + kept) if end * discarded + kept else 0.0 for end in _ends(share))
    )


def _ends(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high


def _infrared(one: Whole, verdict: Verdict) -> bool:
    burst = one.log.bursts.get(verdict.burst)
    return bool(burst and burst.infrared)


def agreements(labels: Labels) -> list[Agreement]:
    """Every pair of observers that looked at a same burst."""
    names = labels.observers()
    said: dict[str, dict[Burst, Label]] = {name: labels.of(name) for name in names}
    found = []
    for index, one in enumerate(names):
        for other in names[index + 1 :]:
            both = said[one].keys() & said[other].keys()
            pairs = [(said[one][key].observation_type, said[other][key].observation_type) for key in sorted(both)]
            if pairs:
                found.append(Agreement(one, other, len(pairs), sum(a == b for a, b in pairs), kappa(pairs)))
    return found
