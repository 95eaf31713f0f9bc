"""Media files: written tmp → fsync → rename → fsync folder, then journalled; at start, what a power cut left is put right."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from trap.ports import Card, Item
from trap.store.journal import Journal
from trap.store.retention import victims
from trap_wire.entries import Kind
from trap_wire.errors import StorageError
from trap_wire.vocabulary import Role

TEMPORARY = ".tmp"
SEALED = ".age"
SEAL_MOST = 4 * 1024  # what sealing to a few keys adds to a file
Seal = Callable[[bytes], bytes]
FOLDERS = ("media", "thumbnails")
MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Reserve:
    """Room that photographs on triggers may not take, in bytes; small cards of tests and the simulator set their own.

    ``journal``: a year of 200,000 entries at 0.4 KB. ``heartbeat``: 365 frames at 0.5 MB.
    """

    journal: int = 96 * MIB
    heartbeat: int = 192 * MIB

    @classmethod
    def of(cls, card: int, *, journal_apart: bool) -> "Reserve":
        """For a card of so many bytes: an eighth each at most, and nothing for a journal that has a partition of its own."""
        most = cls()
        return cls(0 if journal_apart else min(most.journal, card // 8), min(most.heartbeat, card // 8))


@dataclass(frozen=True, slots=True)
class Picture:
    """A file about to be kept: its path on the card, bytes, role, and what its journal entry adds."""

    path: str
    data: bytes
    role: Role
    facts: Mapping[str, Any]


class MediaStore:
    """Owner of the media folders. Raises ``StorageError`` when the card takes no more."""

    def __init__(
        self,
        card: Card,
        journal: Journal,
        reserve: Reserve | None = None,
        seal: Seal | None = None,
        keep_acked_days: int = 30,
    ) -> None:
        """``seal`` encrypts what is written, to keys that are not here; the journal keeps both sizes and hashes.

        ``keep_acked_days``: how long a host's acknowledgement takes to make a file the first to go.
        """
        self._card = card
        self._journal = journal
        self._reserve = reserve or Reserve()
        self._seal = seal
        self._keep_acked_days = keep_acked_days
        self._sealed_upto: int | None = 0 if seal else None  # everything before it; None: all there is

    @property
    def seals(self) -> bool:
        """Whether what is written is sealed."""
        return self._seal is not None

    @property
    def sealing(self) -> bool:
        """Whether files may be left that were kept before this unit was told to seal."""
        return self._sealed_upto is not None

    def seal_older(self, at: datetime) -> bool:
        """Seal the next file that was kept in the clear; False when there is none, or the card does not take it.

        The sealed file is durable before the journal names it, and only then does the plain one go; ``recover`` puts right
        what a power cut leaves of that.
        """
        if self._seal is None or self._sealed_upto is None:
            return False
        try:
            if (item := next(iter(self._journal.files(self._sealed_upto, 1, sealed=False)), None)) is not None:
                self._seal_one(item, self._seal, at)
                self._sealed_upto = item.sequence
                return True
        except StorageError as error:  # a full or failing card: once, and again at the next start
            self._journal.append(Kind.ERROR, at, {"part": "card", "words": f"{error}: older pictures stay unsealed"})
        self._sealed_upto = None
        return False

    def _seal_one(self, item: Item, seal: Seal, at: datetime) -> None:
        if self._card.size(item.path) is None:
            return  # recover says so at the next start
        sealed = seal(self._card.read(item.path))
        durable_write(self._card, item.path + SEALED, sealed)
        body = {"path": item.path, "what": "sealed", "words": "kept in the clear before; sealed now"}
        self._journal.append(Kind.RECOVERED, at, {**body, "sealed": _measured(sealed)})
        self._card.remove(item.path)
        self._card.sync_folder(item.path.rpartition("/")[0])

    def free_bytes(self, *, heartbeat: bool = False) -> int:
        """Room for photographs, the reserves taken off; a heartbeat frame may use its own."""
        reserved = self._reserve.journal + (0 if heartbeat else self._reserve.heartbeat)
        return max(0, self._card.free_bytes() - reserved)

    def save(self, picture: Picture, at: datetime, *, heartbeat: bool = False) -> dict[str, Any]:
        """Make one file durable, evicting what a full card gives up first; gives the body of its media entry.

        The caller journals all files of a burst in one transaction; if the power goes before, ``recover`` adopts them.
        """
        self._make_room(len(picture.data) + (SEAL_MOST if self._seal else 0), at, heartbeat)
        picture = self._unused(picture)
        if self._seal is None:
            durable_write(self._card, picture.path, picture.data)
            return media_body(picture)
        sealed = self._seal(picture.data)
        durable_write(self._card, picture.path + SEALED, sealed)
        return {**media_body(picture), "sealed": _measured(sealed)}

    def _unused(self, picture: Picture) -> Picture:
        """The picture under a path that nothing has: numbers start anew when a journal had to be set aside."""
        stem, dot, ending = picture.path.rpartition(".")
        for again in range(1, 1000):
            if self._card.size(picture.path) is None and self._card.size(picture.path + SEALED) is None:
                return picture
            picture = replace(picture, path=f"{stem}.{again}{dot}{ending}")
        raise StorageError(f"card: no free name for {picture.path}")

    def recover(self, at: datetime) -> list[str]:
        """Put right what a power cut left: torn files go, orphans are adopted, missing ones are said. Words for each."""
        known = {item.path: item for item in self._journal.files()}
        on_card = [path for folder in FOLDERS for path in self._card.files(folder)]
        strays = [path for path in on_card if path not in known]
        for path in (halves := [path for path in strays if self._half_sealed(path, known)]):
            self._card.remove(path)
        words = [word for path in strays if path not in halves for word in self._orphan(path, at)]
        return words + [word for path in sorted(known.keys() - set(on_card)) for word in self._missing(path, at)]

    def _half_sealed(self, path: str, known: Mapping[str, Item]) -> bool:
        """Whether a file is one of two that a cut in ``seal_older`` left: the journal names the one that counts."""
        whole = plain(path) in known and self._card.size(plain(path)) is not None
        return path + SEALED in known or (path.endswith(SEALED) and whole)

    def _orphan(self, path: str, at: datetime) -> Iterator[str]:
        data = b"" if path.endswith(TEMPORARY) else self._card.read(path)
        if not is_whole_jpeg(data) and not is_sealed(path, data):
            self._card.remove(path)
            yield self._say(path, "torn", "cut off while it was written; dropped", at)
            return
        role = Role.THUMBNAIL if path.startswith("thumbnails/") else Role.PHOTOGRAPH
        body = media_body(Picture(plain(path), data, role, {}))
        # What a sealed orphan is inside, nobody here can say: its sizes and hashes are those of the sealed file.
        self._journal.append(Kind.MEDIA, at, {**body, "sealed": _measured(data)} if path.endswith(SEALED) else body)
        yield self._say(path, "adopted", "whole, but its journal entry was cut off", at)

    def _missing(self, path: str, at: datetime) -> Iterator[str]:
        self._journal.append(Kind.EVICTED, at, {"path": plain(path), "cause": "missing"})
        yield self._say(path, "missing", "journalled, but not on the card", at)

    def _say(self, path: str, what: str, words: str, at: datetime) -> str:
        self._journal.append(Kind.RECOVERED, at, {"path": plain(path), "what": what, "words": words})
        return f"{path}: {words}"

    def _make_room(self, needed: int, at: datetime, heartbeat: bool) -> None:
        """Evict what ``retention`` says, only as much as is needed."""
        if self.free_bytes(heartbeat=heartbeat) < needed:
            for item in victims(self._journal, at, self._keep_acked_days):
                self._card.remove(item.path)
                self._journal.append(Kind.EVICTED, at, {"path": plain(item.path), "cause": "card_full"})
                if self.free_bytes(heartbeat=heartbeat) >= needed:
                    return
        if (free := self.free_bytes(heartbeat=heartbeat)) < needed:
            raise StorageError(f"card full: {needed} bytes needed, {free} left beside the reserve")


def durable_write(card: Card, path: str, data: bytes) -> None:
    """The only way a file comes to be: after this returns it survives a power cut; before, only a ``.tmp`` may be left."""
    folder = path.rpartition("/")[0]
    temporary = path + TEMPORARY
    card.write(temporary, data)
    card.sync(temporary)
    card.rename(temporary, path)
    card.sync_folder(folder)


def media_body(picture: Picture) -> dict[str, Any]:
    """Body of a media entry."""
    digest = hashlib.sha256(picture.data).hexdigest()
    own = {"path": picture.path, "role": picture.role, "size": len(picture.data), "sha256": digest}
    return {**picture.facts, **own}


def _measured(data: bytes) -> dict[str, Any]:
    return {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def plain(path: str) -> str:
    """The name that the journal gives a file, sealed or not."""
    return path.removesuffix(SEALED)


def is_sealed(path: str, data: bytes) -> bool:
    """Whether a file is an age file by name and head. It got its name after its last byte was on the card."""
    return path.endswith(SEALED) and data.startswith(b"age-encryption.org/v1\n")


def is_whole_jpeg(data: bytes) -> bool:
    """Whether a JPEG begins and ends as one; a torn write has no end-of-image marker (ITU-T T.81, B.1.1.3)."""
    return data[:2] == b"\xff\xd8" and data[-2:] == b"\xff\xd9"
