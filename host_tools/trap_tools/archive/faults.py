"""What is wrong with a folder, as values: reading goes on, the report names every one, and the exit code says so."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from trap_wire.errors import IntegrityError, TrapError


class What(StrEnum):
    """Kinds of faults; the words of a report are looked up by these."""

    NO_JOURNAL = "no_journal"
    UNREADABLE = "unreadable"
    GAP = "gap"
    CHAIN = "chain"
    CONFLICT = "conflict"
    BAD_BODY = "bad_body"
    IDENTITY = "identity"
    MISSING_FILE = "missing_file"
    CHANGED_FILE = "changed_file"
    EXTRA_FILE = "extra_file"
    CLOCK = "clock"
    NO_END = "no_end"


# What a person may want to know but what leaves the data whole.
HARMLESS = frozenset({What.EXTRA_FILE, What.NO_END, What.CLOCK})


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong. ``where`` is a path or an entry, ``words`` says what and what to do, in English."""

    what: What
    where: str
    words: str

    def __str__(self) -> str:
        return f"{self.where}: {self.words}"

    @property
    def serious(self) -> bool:
        """Whether data are missing or changed."""
        return self.what not in HARMLESS


def exit_code(faults: Iterable[Fault]) -> int:
    """0 when nothing serious was found, else that of ``IntegrityError``."""
    return IntegrityError.exit_code if any(fault.serious for fault in faults) else 0


def fault_of(error: TrapError | OSError | ValueError, what: What, where: str) -> Fault:
    """An error that was met while reading on, as a value."""
    return Fault(what, where, str(error))
