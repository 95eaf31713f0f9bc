"""What comes of a visit: progress while it runs, and the receipt that stays with the pulled files."""

import dataclasses
import json
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from trap_tools import durable
from trap_tools.i18n import say

SCHEMA = "manul-receipt/1"


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a pull is; ``stage`` is the kind of file being fetched. What was here already counts as done."""

    unit: str
    stage: str
    files_done: int
    files_total: int
    bytes_done: int
    bytes_total: int


@dataclass(slots=True)
class Tally:
    """Files of one kind: offered by the unit, already here and verified, fetched now, and failed."""

    offered: int = 0
    already_here: int = 0
    fetched: int = 0
    failed: int = 0
    bytes_fetched: int = 0


@dataclass(frozen=True, slots=True)
class ClockReading:
    """Both clocks at one moment, before any setting."""

    unit: datetime
    host: datetime
    was_set: bool

    @property
    def offset_s(self) -> float:
        """Unit minus host: positive when the unit is ahead."""
        return (self.unit - self.host).total_seconds()


@dataclass(frozen=True, slots=True)
class JournalProof:
    """The chain as it lies in the folder. ``broken`` says where it does not hold; empty when every entry does.

    ``sealed`` pages cannot be read here: ``manul unseal`` proves them.
    """

    first: int = 0
    last: int = 0
    head: str = ""
    broken: str = ""
    sealed: int = 0


@dataclass(slots=True)
class Receipt:
    """What one visit brought home and proved. ``complete`` only when everything that was asked for is here and verified."""

    unit: str
    deployment: str
    port: str
    folder: str
    started: datetime
    clock: ClockReading
    finished: datetime | None = None
    complete: bool = False
    seconds: float = 0.0
    kinds: dict[str, Tally] = field(default_factory=dict)
    journal: JournalProof = field(default_factory=JournalProof)
    resent_requests: int = 0
    broken_lines: int = 0
    acknowledged: int = 0
    problems: list[str] = field(default_factory=list)
    summary: dict[str, Any] = field(default_factory=dict)

    @property
    def bytes_fetched(self) -> int:
        """Over all kinds."""
        return sum(tally.bytes_fetched for tally in self.kinds.values())

    def to_dict(self) -> dict[str, Any]:
        """JSON form, described in docs/link.md."""
        body = dataclasses.asdict(self)
        body["clock"]["offset_s"] = self.clock.offset_s
        return {"schema": SCHEMA, **body}

    def to_json(self) -> str:
        """The receipt's file."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False, default=_plain) + "\n"

    def to_text(self) -> str:
        """The same for a person, in the language that was chosen."""
        clock, line = self.clock, {"repeated": self.resent_requests, "broken": self.broken_lines}
        state = say("complete") if self.complete else say("NOT COMPLETE, pull again")
        told = say("{offset_s:+.1f} s against the laptop", offset_s=clock.offset_s) + (
            say(", set") if clock.was_set else ""
        )
        rows = [
            (
                say("visited"),
                say(
                    "{at} UTC over {port}, {seconds:.0f} s",
                    at=f"{self.started:%Y-%m-%d %H:%M}",
                    port=self.port,
                    seconds=self.seconds,
                ),
            ),
            (say("clock"), told),
            *((say(kind), _tally(tally)) for kind, tally in self.kinds.items()),
            (
                say("entries"),
                _chain(self.journal),
            ),
            (say("line"), say("{repeated} requests repeated, {broken} broken lines", **line)),
            *((say("problem"), problem) for problem in self.problems),
        ]
        width = max(len(label) for label, _ in rows)
        return f"{self.unit} / {self.deployment}: {state}\n" + "".join(
            f"  {label:<{width}}  {words}\n" for label, words in rows
        )

    def save(self, folder: Path) -> Path:
        """Write ``receipt-<utc>.json`` and the same as text; gives back the JSON's path."""
        path = folder / f"receipt-{self.started:%Y%m%dT%H%M%SZ}.json"
        durable.write(path.with_suffix(".txt"), self.to_text().encode())
        return durable.write(path, self.to_json().encode())


def _chain(journal: JournalProof) -> str:
    if journal.sealed:
        return say("{sealed} sealed pages: manul unseal proves them", sealed=journal.sealed)
    return f"{journal.first}-{journal.last}: {journal.broken or say('hash chain holds')}"


def _tally(tally: Tally) -> str:
    words = say("{fetched} of {offered} fetched", fetched=tally.fetched, offered=tally.offered)
    words += say(", {here} already here", here=tally.already_here) if tally.already_here else ""
    return words + (say(", {failed} FAILED", failed=tally.failed) if tally.failed else "")


def _plain(value: object) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
