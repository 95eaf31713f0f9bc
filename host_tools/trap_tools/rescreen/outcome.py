"""What another detector would have decided: burst by burst beside what the unit's own detector did decide."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from trap_tools.archive.whole import Whole
from trap_tools.rescreen.store import Judged, Results
from trap_wire.vocabulary import CaptureMethod, Decision

UNJUDGED = "unjudged"  # another camera's burst, or one of which a power cut left only photographs


@dataclass(frozen=True, slots=True)
class Second:
    """One burst: the unit's decision and the other detector's.

    ``frames`` were looked at, of the full ones that are kept; ``looked_again`` at native resolution besides.
    """

    unit: str
    deployment: str
    burst: str
    before: str
    type_before: str
    score_before: float | None
    after: str
    type_after: str
    score_after: float
    frames: int
    looked_again: int


def seconds(read: Sequence[Whole], results: Results) -> Iterator[Second]:
    """Both decisions for every burst that was judged again, without heartbeats: these are never filtered."""
    for one in read:
        for again in sorted(results.judged((one.log.unit, one.log.deployment)).values(), key=lambda it: it.sequence):
            burst = one.log.bursts.get(again.burst)
            if not (burst and burst.capture_method == CaptureMethod.TIME_LAPSE):
                yield _second(one, again)


def _second(one: Whole, again: Judged) -> Second:
    verdict = one.log.verdicts.get(again.burst)
    before = (verdict.decision, verdict.observation_type, verdict.score) if verdict else (UNJUDGED, "", None)
    after = (again.decision, again.observation_type, again.score)
    return Second(one.log.unit, one.log.deployment, again.burst, *before, *after, again.frames, again.looked_again)


def crossed(found: Iterable[Second]) -> dict[str, dict[str, int]]:
    """How often each decision became which: before -> after -> bursts."""
    table = {before: {str(after): 0 for after in Decision} for before in (*map(str, Decision), UNJUDGED)}
    for second in found:
        table[second.before][second.after] += 1
    return table
