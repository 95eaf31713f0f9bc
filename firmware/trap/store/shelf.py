"""What the host may take: the journal cut into pages, and the media files. Nothing else of the card can be named."""

import hashlib
import re
from functools import lru_cache

from trap.ports import PAGES_A_CALL, Card, Item
from trap.store.journal import Journal
from trap.store.media import SEALED, Seal, durable_write
from trap_wire.errors import StorageError

PAGE_ENTRIES = 1_000
_PAGE = re.compile(r"journal/(\d{8})-(\d{8})\.jsonl(\.age)?")
_SEALED_PAGES = "sealed"


class JournalShelf:
    """``trap.ports.Shelf`` over a journal and its card."""

    def __init__(self, journal: Journal, card: Card, seal: Seal | None = None) -> None:
        """With ``seal`` pages leave the unit sealed. Sealing is never twice the same, so a sealed page is kept on the card."""
        self._journal = journal
        self._seal = seal
        self._card = card
        # Pages never change once named, so their text may be kept; two of them, about 600 KB, serve one pull.
        self._page = lru_cache(maxsize=2)(self._render if seal is None else self._sealed)

    def items(self, after: int, limit: int) -> list[Item]:
        """Files above the cursor, journal pages and media merged in journal order; at most PAGES_A_CALL pages."""
        pages = self._page_bounds(after, limit)
        sealed = None if self._seal is None else True
        files = {item.sequence: item for item in self._journal.files(after, limit, sealed=sealed)}
        # A page costs its whole text, so only those that make it into the answer are rendered. A page sorts first.
        order = sorted([(last, 0, first) for first, last in pages] + [(sequence, 1, 0) for sequence in files])[:limit]
        places = [place for place, (_, is_file, _) in enumerate(order) if not is_file]
        if len(places) > PAGES_A_CALL:
            order = order[: places[PAGES_A_CALL]]
        return [files[at] if is_file else self._item(first, at) for at, is_file, first in order]

    def size(self, path: str) -> int | None:
        """Size in bytes of a page or of a file on the card."""
        if page := self._bounds(path):
            return len(self._page(*page))
        item = self._file(path)
        return item.size if item else None

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Bytes of a page or a file."""
        if page := self._bounds(path):
            return self._page(*page)[offset : offset + length]
        if self._file(path) is None:
            raise StorageError(f"no such file: {path}")
        return self._card.read(path, offset, length)

    def _file(self, path: str) -> Item | None:
        """A file by its name; what a sealing unit still has in the clear does not leave."""
        return None if self._seal is not None and not path.endswith(SEALED) else self._journal.file(path)

    def _page_bounds(self, after: int, limit: int) -> list[tuple[int, int]]:
        head = self._journal.head
        first = after // PAGE_ENTRIES * PAGE_ENTRIES + 1
        starts = range(first, head + 1, PAGE_ENTRIES)[:limit]
        bounds = [(start, min(start + PAGE_ENTRIES - 1, head)) for start in starts]
        return [(start, last) for start, last in bounds if last > after]

    def _item(self, first: int, last: int) -> Item:
        text = self._page(first, last)
        digest = hashlib.sha256(text).hexdigest()
        return Item(f"journal/{_name(first, last)}{SEALED if self._seal else ''}", len(text), digest, "journal", last)

    def _bounds(self, path: str) -> tuple[int, int] | None:
        """Entry numbers of a page's name, None when there is no such page."""
        if not (match := _PAGE.fullmatch(path)) or bool(match[3]) != (self._seal is not None):
            return None
        first, last = int(match[1]), int(match[2])
        whole = first % PAGE_ENTRIES == 1 and first <= last < first + PAGE_ENTRIES
        return (first, last) if whole and last <= self._journal.head else None

    def _render(self, first: int, last: int) -> bytes:
        return self._journal.lines(first, last).encode()

    def _sealed(self, first: int, last: int) -> bytes:
        """The sealed page as it was sealed first, so that a pull that was cut off goes on; its shorter selves are removed."""
        path = f"{_SEALED_PAGES}/{_name(first, last)}{SEALED}"
        if self._card.size(path) is not None:
            return self._card.read(path)
        if self._seal is None:
            raise StorageError("no key to seal to")
        sealed = self._seal(self._render(first, last))
        older = [name for name in self._card.files(_SEALED_PAGES) if name.startswith(f"{_SEALED_PAGES}/{first:08d}-")]
        try:
            durable_write(self._card, path, sealed)
            for name in older:
                self._card.remove(name)
        except StorageError:
            return sealed  # a full card: good for as long as this page is remembered
        return sealed


def _name(first: int, last: int) -> str:
    return f"{first:08d}-{last:08d}.jsonl"
