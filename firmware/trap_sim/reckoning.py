"""Truth against verdicts: what the simulator showed, and what the unit's journal says became of it."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from trap.store.journal import Journal
from trap_sim.assembly import JOURNAL
from trap_sim.night import Morning
from trap_wire.entries import Kind
from trap_wire.vocabulary import Decision, ObservationType

Truth = ObservationType | None


@dataclass
class Reckoning:
    """Counts by (truth, decision), of bursts and of frames. ``lost`` were shown, but the power went before a verdict."""

    bursts: Counter[tuple[Truth, Decision]] = field(default_factory=Counter)
    frames: Counter[tuple[Truth, Decision]] = field(default_factory=Counter)
    lost: int = 0

    def kept(self, truth: Truth, counts: Counter[tuple[Truth, Decision]]) -> tuple[int, int]:
        """How many of a truth were kept (in doubt counts as kept), and how many there were."""
        there = sum(n for (said, _), n in counts.items() if said is truth)
        return there - counts[truth, Decision.BLANK], there

    def to_json(self) -> dict[str, object]:
        """Plain values: labelled empty and discarded, labelled animal and kept, bursts and frames."""
        return {
            name: {"empty": empty, "empty_discarded": empty - kept, "animal": animal, "animal_kept": animal_kept}
            for name, counts in (("bursts", self.bursts), ("frames", self.frames))
            for kept, empty in [self.kept(ObservationType.BLANK, counts)]
            for animal_kept, animal in [self.kept(ObservationType.ANIMAL, counts)]
        }


def reckon(mornings: Iterable[Morning]) -> Reckoning:
    """Match every scene that was shown with the verdict on it."""
    total = Reckoning()
    for morning in mornings:
        _add(total, morning)
    return total


def _add(total: Reckoning, morning: Morning) -> None:
    verdicts = _verdicts(morning)
    for shown in morning.shown:
        found = [(decision, frames) for start, end, decision, frames in verdicts if start <= shown.at_ms <= end]
        if not found:
            total.lost += 1
            continue
        decision, frames = found[-1]
        total.bursts[shown.truth, decision] += 1
        total.frames[shown.truth, decision] += frames


def _verdicts(morning: Morning) -> list[tuple[int, int, Decision, int]]:
    """(from the wake, to the burst's entry, decision, frames) in virtual ms, by the unit's own clock put right."""
    journal = Journal(Path(morning.plan.folder) / JOURNAL)
    try:
        wakes = {entry.sequence: entry.at for entry in journal.entries(kind=Kind.WAKE)}
        bursts = {entry.body["burst"]: entry for entry in journal.entries(kind=Kind.BURST)}
        said = {entry.body["burst"]: Decision(entry.body["decision"]) for entry in journal.entries(kind=Kind.VERDICT)}
    finally:
        journal.close()
    ms, lie, slack = timedelta(milliseconds=1), morning.plan.fate.rtc.lies_by_s * 1_000, 500  # slack: drift of a night
    return [
        (
            (wakes[entry.body["wake"]] - morning.plan.started) // ms - lie - slack,
            (entry.at - morning.plan.started) // ms - lie + slack,
            said[name],
            int(entry.body["frames"]),
        )
        for name, entry in bursts.items()
        if name in said
    ]
