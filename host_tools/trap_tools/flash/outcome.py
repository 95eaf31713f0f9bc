"""What became of one card."""

from dataclasses import dataclass, field
from enum import StrEnum

from trap_tools.flash.mapping import Range


class Stage(StrEnum):
    """Where a card is; the last one that it reached stands in its receipt."""

    WAITING = "waiting"
    WRITING = "writing"
    VERIFYING = "verifying"
    STATION = "station"
    CLOSING = "closing"
    DONE = "done"


@dataclass(slots=True)
class Outcome:
    """Facts about one card's flashing, filled in by its own thread only."""

    card: str
    stage: Stage = Stage.WAITING
    trouble: str = ""
    exit_code: int = 0
    written_bytes: int = 0
    image_sha256: str = ""  # over offset, length and digest of every piece: equal for equal writes
    slot_sha256: str = ""
    write_s: float = 0.0
    verify_s: float = 0.0
    retried: list[Range] = field(default_factory=list)
    bad: list[Range] = field(default_factory=list)

    @property
    def good(self) -> bool:
        """Written, compared, and the first block in place."""
        return self.stage is Stage.DONE and not self.trouble
