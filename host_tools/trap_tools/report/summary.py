"""The numbers of one unit and deployment: what the table shows and what ``--json`` says."""

from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from trap_tools.archive.facts import Log, Note, Sample
from trap_tools.archive.faults import Fault
from trap_tools.archive.whole import Whole, whole
from trap_wire.vocabulary import CaptureMethod, Decision


@dataclass(frozen=True, slots=True)
class UnitSummary:
    """Counts of one deployment. ``kept``, ``unknown`` and ``discarded`` are bursts of the PIR; heartbeats are apart.

    ``stored_bytes`` is what its files take; times are the unit's own clock, None for an empty journal.
    """

    unit: str
    deployment: str
    first_at: datetime | None
    last_at: datetime | None
    camera_days: float
    triggers: int
    throttled_triggers: int
    lost_s: float
    bursts: int
    heartbeats: int
    kept: int
    unknown: int
    discarded: int
    audited: int
    photographs: int
    stored_bytes: int
    battery_mv: int | None
    charge_used_mah: float | None
    lowest_temperature_c: float | None
    protocol: str
    protocol_hash: str
    model: str
    software: str
    entries: int
    troubles: tuple[str, ...]
    faults: tuple[Fault, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values, times as ISO 8601."""
        plain = asdict(self)
        for name in ("first_at", "last_at"):
            plain[name] = plain[name].isoformat() if plain[name] else None
        return plain


def summaries(folder: Path) -> list[UnitSummary]:
    """The numbers of every unit and deployment below a pulled folder; ``BadInputError`` when there is none."""
    return [summary_of(read) for read in whole(folder)]


def summary_of(read: Whole) -> UnitSummary:
    """Count one log."""
    log, boot = read.log, read.log.boots[-1] if read.log.boots else None
    triggered = {name for name, burst in log.bursts.items() if burst.capture_method == CaptureMethod.ACTIVITY_DETECTION}
    decisions = Counter(verdict.decision for name, verdict in log.verdicts.items() if name in triggered)
    newest = newest_sample(log)
    return UnitSummary(
        unit=log.unit,
        deployment=log.deployment,
        first_at=log.first_at,
        last_at=log.last_at,
        camera_days=round(read.effort.days(), 3),
        triggers=sum(wake.reason == "pir" for wake in log.wakes),
        throttled_triggers=sum(lost.triggers for lost in log.lost if lost.cause != "paused"),
        lost_s=sum(lost.seconds for lost in log.lost),
        bursts=len(triggered),
        heartbeats=len(log.bursts) - len(triggered),
        kept=decisions[Decision.KEEP],
        unknown=decisions[Decision.UNKNOWN],
        discarded=decisions[Decision.BLANK],
        audited=sum(verdict.audited for verdict in log.verdicts.values()),
        photographs=sum(medium.is_full for medium in log.present),
        stored_bytes=sum(medium.size for medium in log.present),
        battery_mv=newest.battery_mv if newest else None,
        charge_used_mah=max((s.charge_used_mah for s in log.samples if s.charge_used_mah is not None), default=None),
        lowest_temperature_c=min((s.temperature_c for s in log.samples if s.temperature_c is not None), default=None),
        protocol=boot.protocol if boot else "",
        protocol_hash=boot.protocol_hash if boot else "",
        model=_model(log),
        software=boot.software if boot else "",
        entries=log.entries,
        troubles=tuple(f"{words} ({times}×)" if times > 1 else words for words, times in grouped(log.notes)),
        faults=read.faults,
    )


def newest_sample(log: Log) -> Sample | None:
    """The last battery sample that a gauge answered for."""
    return next((sample for sample in reversed(log.samples) if sample.battery_mv), None)


def grouped(notes: list[Note]) -> list[tuple[str, int]]:
    """Words of troubles, each once with how often, in the order in which they first appeared."""
    counts = Counter(
        f"{note.part}: {note.words}" if note.part and note.part not in note.words else note.words for note in notes
    )
    return list(counts.items())


def _model(log: Log) -> str:
    """The detectors that spoke, else the one that the unit said it has."""
    spoke = list(dict.fromkeys(verdict.model for verdict in log.verdicts.values() if verdict.model))
    stated = [boot.model for boot in log.boots[-1:] if boot.model]
    return ", ".join(spoke or stated)
