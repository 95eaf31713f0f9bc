"""What an observer is shown next: bursts in an order that is random, differs between observers, and survives a restart."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from trap_tools.archive.facts import Box, Medium, Verdict
from trap_tools.archive.whole import Whole
from trap_tools.observers.labels import Burst
from trap_wire.vocabulary import CaptureMethod, Decision, ObservationType, Role


class Task(StrEnum):
    """Which bursts are looked at."""

    AUDIT = "audit"  # audited blanks and doubts, mixed, so that nobody expects one of them
    LABEL = "label"  # kept animals and doubts, to be named


@dataclass(frozen=True, slots=True)
class Item:
    """A burst to look at: its files in the order of frames, and the boxes of each."""

    key: Burst
    files: tuple[Path, ...]
    taken_at: tuple[str, ...]
    boxes: tuple[tuple[Box, ...], ...]
    infrared: bool
    best: int


def items(read: Sequence[Whole], task: Task, observer: str) -> list[Item]:
    """Everything to look at, in this observer's order. Bursts without a file are left out; the archive's check names them."""
    found = [item for one in read for item in _of(one, task)]
    return sorted(found, key=lambda item: hashlib.sha256("\0".join((observer, *item.key)).encode()).digest())


def _of(one: Whole, task: Task) -> Iterator[Item]:
    files: dict[str, list[Medium]] = {}
    for medium in one.log.present:
        if medium.burst is not None and (one.holding.root / medium.path).is_file():
            files.setdefault(medium.burst, []).append(medium)
    for verdict in one.log.verdicts.values():
        if _is_wanted(one, verdict, task) and (mine := files.get(verdict.burst)):
            yield _item(one, verdict, mine)


def _is_wanted(one: Whole, verdict: Verdict, task: Task) -> bool:
    burst = one.log.bursts.get(verdict.burst)
    if burst is not None and burst.capture_method != CaptureMethod.ACTIVITY_DETECTION:
        return False
    if task is Task.AUDIT:
        return verdict.audited or verdict.decision == Decision.UNKNOWN
    return verdict.decision != Decision.BLANK and verdict.observation_type not in (
        ObservationType.HUMAN,
        ObservationType.VEHICLE,
    )


def _item(one: Whole, verdict: Verdict, files: list[Medium]) -> Item:
    full = [medium for medium in files if medium.role != Role.THUMBNAIL] or files
    shown = sorted(full, key=lambda medium: medium.frame or 0)
    frames = [medium.frame or 0 for medium in shown]
    return Item(
        key=(one.log.unit, one.log.deployment, verdict.burst),
        files=tuple(one.holding.root / medium.path for medium in shown),
        taken_at=tuple(f"{medium.taken_at:%Y-%m-%d %H:%M:%S}" for medium in shown),
        boxes=tuple(verdict.boxes[frame] if frame < len(verdict.boxes) else () for frame in frames),
        infrared=any(medium.infrared for medium in shown),
        best=frames.index(verdict.best_frame) if verdict.best_frame in frames else 0,
    )
