"""What of a deployment is looked at again: its bursts in the order of capture, with the frames that are still there."""

import hashlib
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from trap.ports import Thresholds
from trap.triage.scene import Hour
from trap_tools.archive.facts import Medium, Verdict
from trap_tools.archive.whole import Whole
from trap_wire.protocol import Protocol
from trap_wire.vocabulary import CaptureMethod, Decision

# What the unit's camera gives its detector, for journals that do not say it.
LORES_PX = (640, 360)


@dataclass(frozen=True, slots=True)
class Frame:
    """One file of a burst."""

    sha256: str
    path: str


@dataclass(frozen=True, slots=True)
class Episode:
    """One burst. ``judged`` is False for a blank of which only the thumbnail is left: it shows the scene how the place looked.

    On the unit such a burst taught the memory nothing else: what recurs must have scored above the blank threshold.
    """

    burst: str
    sequence: int
    hour: Hour
    heartbeat: bool
    rules: Protocol
    lores_px: tuple[int, int]
    frames: tuple[Frame, ...]
    judged: bool

    def basis(self, at: Thresholds) -> str:
        """Everything that its verdict hangs on besides the bursts before it, in short."""
        parts = (
            at.keep_at,
            at.blank_at,
            at.second_look_at,
            self.rules.keep_bias,
            self.rules.filter_blanks,
            self.heartbeat,
        )
        files = (frame.sha256 for frame in self.frames)
        return hashlib.sha256(repr((*parts, self.lores_px, *files)).encode()).hexdigest()[:16]


def episodes(one: Whole, rules: Mapping[str, Protocol]) -> list[Episode]:
    """Bursts of a deployment that have a file, in the order of the journal. ``rules`` are known protocols by their hash.

    Bursts that nobody judged are among them: another camera's, and those of which a power cut left only photographs.
    """
    ran, found = _Ran(one, rules), []
    for name, media in _bursts(one).items():
        verdict = one.log.verdicts.get(name)
        if made := _episode(one, name, verdict, media, ran):
            found.append(made)
    return sorted(found, key=lambda episode: episode.sequence)


def _bursts(one: Whole) -> dict[str, list[Medium]]:
    """Files that are there, by burst; an orphan's burst is in its name. What people shot while aiming is no data."""
    files: dict[str, list[Medium]] = {}
    for medium in one.log.present:
        if not medium.setup and (one.holding.root / medium.path).is_file():
            files.setdefault(medium.burst or Path(medium.path).stem.rpartition("-")[0], []).append(medium)
    return files


class _Ran:
    """The rules in force at an entry: those of the last start before it."""

    def __init__(self, one: Whole, rules: Mapping[str, Protocol]) -> None:
        self._starts = [boot.sequence for boot in one.log.boots]
        self._rules = [rules.get(boot.protocol_hash, Protocol()) for boot in one.log.boots]

    def at(self, sequence: int) -> Protocol:
        """The protocol; the default where nothing is known."""
        found = bisect_right(self._starts, sequence) - 1
        return self._rules[found] if found >= 0 else Protocol()


def _episode(one: Whole, name: str, verdict: Verdict | None, files: Sequence[Medium], ran: _Ran) -> Episode | None:
    full = sorted((medium for medium in files if medium.is_full), key=lambda medium: (medium.frame or 0, medium.path))
    discarded = verdict is not None and verdict.decision == Decision.BLANK
    shown = full or (files[:1] if discarded else [])
    if not shown:
        return None
    sequence = verdict.sequence if verdict else shown[0].sequence
    burst = one.log.bursts.get(name)
    return Episode(
        burst=name,
        sequence=sequence,
        hour=Hour(shown[0].taken_at.hour, shown[0].infrared),
        heartbeat=burst is not None and burst.capture_method == CaptureMethod.TIME_LAPSE,
        rules=ran.at(sequence),
        lores_px=(burst.lores_px if burst else None) or LORES_PX,
        frames=tuple(Frame(medium.sha256, str((one.holding.root / medium.path).resolve())) for medium in shown),
        judged=bool(full),
    )
