"""One observer at work: what is next, what was said, what was taken back. The page is only its face."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from trap_tools.archive.whole import Whole
from trap_tools.audit.queue import Item, Task, items
from trap_tools.observers.intervals import finite
from trap_tools.observers.labels import Label, Labels
from trap_tools.observers.missed import agreements, missed
from trap_wire.errors import BadInputError
from trap_wire.vocabulary import ObservationType

SEXES = ("", "female", "male")
STAGES = ("", "adult", "subadult", "juvenile")


class Desk:
    """Owner of the queue of one observer. ``now`` gives the laptop's time."""

    def __init__(
        self, read: Sequence[Whole], labels: Labels, observer: str, task: Task, now: Callable[[], datetime]
    ) -> None:
        if not observer.strip():
            raise BadInputError("an observer needs a name: --observer NAME")
        self._read, self._labels, self._observer, self._now = read, labels, observer.strip(), now
        self.task = task
        self.items = items(read, task, self._observer)

    @property
    def observer(self) -> str:
        """Whose verdicts these are."""
        return self._observer

    def next(self) -> dict[str, Any]:
        """The next burst without a word of this observer, as the page shows it; ``done`` without one when all is seen."""
        said = self._labels.of(self._observer)
        left = [index for index, item in enumerate(self.items) if item.key not in said]
        counts = {"done": len(self.items) - len(left), "of": len(self.items)}
        return {**counts, "item": self._shown(left[0]) if left else None}

    def _shown(self, index: int) -> dict[str, Any]:
        item: Item = self.items[index]
        return {
            "id": index,
            "unit": item.key[0],
            "frames": len(item.files),
            "taken_at": item.taken_at,
            "boxes": [[asdict(box) for box in frame] for frame in item.boxes],
            "infrared": item.infrared,
            "best": item.best,
        }

    def say(self, index: int, said: Mapping[str, Any]) -> None:
        """Put down a verdict; ``BadInputError`` for one that is no verdict or is about nothing here."""
        if not 0 <= index < len(self.items):
            raise BadInputError(f"burst {index} is not in this queue")
        self._labels.add(_label(self._observer, self._now(), self.items[index], said))

    def undo(self) -> bool:
        """Take the last verdict back; False when there is none."""
        return self._labels.undo(self._observer, self._now()) is not None

    def results(self) -> dict[str, Any]:
        """What the audit says so far, per unit, light and model, and how observers agree."""
        groups = {
            by: [finite(asdict(row)) for row in missed(self._read, self._labels.standing(), by)]
            for by in ("all", "unit", "site", "light", "model")
        }
        return {"missed": groups, "agreement": [asdict(pair) for pair in agreements(self._labels)]}


def _label(observer: str, at: datetime, item: Item, said: Mapping[str, Any]) -> Label:
    kind = str(said.get("observation_type", ""))
    if kind not in {str(known) for known in ObservationType}:
        raise BadInputError(f"{kind!r} is no verdict")
    count = said.get("count")
    if count is not None and (isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= 999):
        raise BadInputError(f"count {count!r}: must be a number from 1 to 999")
    sex, stage = str(said.get("sex") or ""), str(said.get("life_stage") or "")
    if sex not in SEXES or stage not in STAGES:
        raise BadInputError(f"sex {sex!r} or life stage {stage!r} is none that Camtrap DP knows")
    name, comments = str(said.get("scientific_name") or "")[:80], str(said.get("comments") or "")[:500]
    return Label(at.isoformat(), observer, *item.key, kind, name, count, sex, stage, comments)
