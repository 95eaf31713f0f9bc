"""What a full card gives up, and in which order: what is safe elsewhere first, and never a photograph that was kept."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import takewhile

from trap.ports import Item
from trap.store.journal import Journal
from trap_wire.entries import Kind
from trap_wire.vocabulary import Role


def victims(journal: Journal, at: datetime, keep_acked_days: int) -> Iterator[Item]:
    """Files in the order of their going, each kind oldest first.

    A host's acknowledgement counts after ``keep_acked_days``: until then its copy may still be the only other one. So: audit
    frames and thumbnails that are safe, then audit frames, then thumbnails. A kept photograph stays, acknowledged or not: that
    a laptop had it once does not say that it reached the archive.
    """
    safe = acknowledged(journal, at - timedelta(days=keep_acked_days))
    expendable = (Role.AUDIT, Role.THUMBNAIL)
    for role in expendable:
        yield from _upto(journal, role, safe)
    for role in expendable:
        yield from journal.files(after=safe, role=role)


def acknowledged(journal: Journal, before: datetime) -> int:
    """The newest entry up to which a host had everything, proved by hash, at that time; 0: none."""
    visits = journal.entries(kind=Kind.VISIT)
    marks = (e.body["upto"] for e in visits if e.body.get("what") == "acknowledged" and e.at <= before)
    return max(marks, default=0)


def _upto(journal: Journal, role: Role, last: int) -> Iterator[Item]:
    return takewhile(lambda item: item.sequence <= last, journal.files(role=role)) if last else iter(())
