"""Detections of animals, in true time: people's words where there are any, else the detector's."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from trap_tools.archive.facts import Verdict
from trap_tools.archive.whole import Whole
from trap_tools.observers.labels import Burst, Label
from trap_wire.entries import to_us
from trap_wire.vocabulary import CaptureMethod, Decision, ObservationType

ANY = "animal"  # all animals together, named or not
MINUTE_US = 60_000_000


@dataclass(frozen=True, slots=True)
class Detection:
    """One burst with an animal. ``species`` is a Latin name, or ``animal`` where nobody named it; ``at_us`` is true time.

    ``verdict`` is the machine's on that burst.
    """

    site: str
    species: str
    at_us: int
    by_person: bool
    verdict: Verdict


def detections(one: Whole, labels: Mapping[Burst, list[Label]]) -> list[Detection]:
    """Bursts with animals of one deployment, oldest first, inside its effort."""
    seen = [
        (verdict, kind, by_person) for verdict in _candidates(one) for kind, by_person in _seen(one, verdict, labels)
    ]
    times = one.clock.correct_us([v.sequence for v, _, _ in seen], [to_us(v.at) for v, _, _ in seen])
    start, end = (one.effort.spans[0].start_us, one.effort.spans[-1].end_us) if one.effort.spans else (0, 0)
    found = [
        Detection(one.site, species, int(at), by_person, verdict)
        for (verdict, species, by_person), at in zip(seen, times, strict=True)
        if start <= at <= end
    ]
    return sorted(found, key=lambda detection: detection.at_us)


def _candidates(one: Whole) -> Iterable[Verdict]:
    for verdict in one.log.verdicts.values():
        burst = one.log.bursts.get(verdict.burst)
        if burst is None or burst.capture_method == CaptureMethod.ACTIVITY_DETECTION:
            yield verdict


def _seen(one: Whole, verdict: Verdict, labels: Mapping[Burst, list[Label]]) -> Iterable[tuple[str, bool]]:
    """Species in a burst. An audited blank in which a person saw an animal is no detection: effort of the audit differs."""
    if verdict.decision == Decision.BLANK:
        return []
    said = labels.get((one.log.unit, one.log.deployment, verdict.burst), [])
    if said:
        names = {label.scientific_name or ANY for label in said if label.observation_type == ObservationType.ANIMAL}
        return [(name, True) for name in sorted(names - {ANY} or names)]
    return [(ANY, False)] if verdict.observation_type == ObservationType.ANIMAL else []


def independent(times_us: Sequence[int], minutes: float = 30) -> list[int]:
    """First times of visits: a detection within ``minutes`` of the one before belongs to the same visit.

    Thirty minutes is the custom of camera trap studies (O'Brien et al. 2003, Animal Conservation 6).
    """
    events: list[int] = []
    last: int | None = None
    for at in sorted(times_us):
        if last is None or at - last > minutes * MINUTE_US:
            events.append(at)
        last = at
    return events


def of_species(found: Iterable[Detection], species: str) -> list[int]:
    """Times of one species; of ``animal`` all of them."""
    return [detection.at_us for detection in found if species in (ANY, detection.species)]
