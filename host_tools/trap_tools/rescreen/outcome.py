"""What another detector would have decided: burst by burst beside what the unit's own detector did decide."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from trap_tools.archive.facts import Medium, Verdict
from trap_tools.archive.whole import Whole
from trap_tools.rescreen.store import Results
from trap_tools.rescreen.work import Card, Job
from trap_wire.vocabulary import Decision, ObservationType


@dataclass(frozen=True, slots=True)
class Second:
    """One burst: the unit's decision and the other detector's. ``frames`` were looked at, of the full ones that are kept."""

    unit: str
    deployment: str
    burst: str
    before: str
    score_before: float | None
    after: str
    score_after: float
    frames: int


def jobs(read: Sequence[Whole], done: Results) -> list[Job]:
    """Files still to be looked at, each content once, however often it lies in the archive."""
    found: dict[str, Job] = {}
    for one in read:
        for medium in one.log.present:
            path = one.holding.root / medium.path
            if medium.is_full and medium.sha256 not in done and medium.sha256 not in found and path.is_file():
                found[medium.sha256] = Job(medium.sha256, str(path.resolve()))
    return list(found.values())


def seconds(read: Sequence[Whole], results: Results, card: Card) -> Iterator[Second]:
    """Both decisions for every burst of which a full frame was looked at."""
    for one in read:
        frames: dict[str, list[Medium]] = {}
        for medium in one.log.present:
            if medium.is_full and medium.burst is not None and medium.sha256 in results:
                frames.setdefault(medium.burst, []).append(medium)
        for burst, media in frames.items():
            if verdict := one.log.verdicts.get(burst):
                yield _second(one, verdict, media, results, card)


def _second(one: Whole, verdict: Verdict, media: Iterable[Medium], results: Results, card: Card) -> Second:
    looked = [result for medium in media if (result := results.get(medium.sha256))]
    scores = [box["score"] for result in looked for box in result.boxes if box["label"] in _KEPT]
    score = max(scores, default=0.0)
    after = Decision.KEEP if score >= card.keep_at else Decision.BLANK if score < card.blank_at else Decision.UNKNOWN
    return Second(
        one.log.unit, one.log.deployment, verdict.burst, verdict.decision, verdict.score, str(after), score, len(looked)
    )


_KEPT = frozenset({str(ObservationType.ANIMAL), str(ObservationType.HUMAN), str(ObservationType.VEHICLE)})


def crossed(found: Iterable[Second]) -> dict[str, dict[str, int]]:
    """How often each decision became which: before -> after -> bursts."""
    table = {str(before): {str(after): 0 for after in Decision} for before in Decision}
    for second in found:
        table[second.before][second.after] += 1
    return table
