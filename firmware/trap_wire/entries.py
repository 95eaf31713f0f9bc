"""A line of the journal: what it holds, and the hash over the line before it that both ends compute.

An entry's hash is SHA-256 over ``previous hash ‖ sequence u64 ‖ time µs i64 ‖ kind ‖ 0x00 ‖ body``, big-endian, where the
body is JSON with sorted keys and no spaces. A missing, changed or swapped line breaks the chain at that sequence number.
"""

import hashlib
import json
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from trap_wire.errors import IntegrityError

GENESIS = bytes(32)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Kind(StrEnum):
    """Kinds of entries. The body's fields are described where the entry is written."""

    BOOT = "boot"
    WAKE = "wake"
    BURST = "burst"
    VERDICT = "verdict"
    MEDIA = "media"
    BATTERY = "battery"
    SUPERVISOR = "supervisor"
    THROTTLED = "throttled"
    STATE = "state"
    CLOCK = "clock"
    ERROR = "error"
    VISIT = "visit"
    EVICTED = "evicted"
    RECOVERED = "recovered"
    DEPLOYMENT = "deployment"
    WALK_TEST = "walk_test"
    SELF_TEST = "self_test"
    SETTINGS = "settings"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry. ``at`` is the unit's own clock, UTC, uncorrected; ``digest`` closes the chain up to here."""

    sequence: int
    at: datetime
    kind: Kind
    body: Mapping[str, Any]
    digest: bytes

    def to_line(self) -> str:
        """One JSON line of a journal page."""
        fields = {"seq": self.sequence, "at_us": to_us(self.at), "kind": self.kind, "body": self.body}
        return canonical({**fields, "hash": self.digest.hex()})


def canonical(body: Mapping[str, Any]) -> str:
    """The one JSON text of a body."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def to_us(at: datetime) -> int:
    """Microseconds since 1970, exact (a float timestamp is not)."""
    since = at - _EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def from_us(at_us: int) -> datetime:
    """UTC time from microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=at_us)


def chained(previous: bytes, sequence: int, at_us: int, kind: str, body: str) -> bytes:
    """Hash of an entry, 32 bytes, from the hash of the one before it and its own canonical body."""
    head = previous + struct.pack(">Qq", sequence, at_us)
    return hashlib.sha256(head + kind.encode() + b"\0" + body.encode()).digest()


def parse_line(line: str) -> Entry:
    """Entry from a line of a journal page; ``IntegrityError`` when it is not one."""
    try:
        raw = json.loads(line)
        at = from_us(raw["at_us"])
        return Entry(raw["seq"], at, Kind(raw["kind"]), raw["body"], bytes.fromhex(raw["hash"]))
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise IntegrityError(f"not a journal line ({error}): {line[:80]!r}") from error


def verified(entries: Iterable[Entry], previous: bytes = GENESIS, first: int = 1) -> Iterator[Entry]:
    """Pass entries on while the chain holds; ``IntegrityError`` names the first sequence number where it does not."""
    expected = first
    for entry in entries:
        if entry.sequence != expected:
            raise IntegrityError(f"journal gap: entry {expected} is missing, {entry.sequence} follows")
        digest = chained(previous, entry.sequence, to_us(entry.at), entry.kind, canonical(entry.body))
        if digest != entry.digest:
            raise IntegrityError(
                f"journal entry {entry.sequence} does not match its hash: it or one before was changed"
            )
        previous, expected = digest, expected + 1
        yield entry
