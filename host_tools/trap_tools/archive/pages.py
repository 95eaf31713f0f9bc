"""Journal pages read with open eyes: overlaps are folded, breaks are named, and everything that can be read is given."""

import json
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

from trap_tools.archive.faults import Fault, What, fault_of
from trap_tools.archive.layout import Holding
from trap_wire.entries import GENESIS, Entry, canonical, chained, parse_line, to_us
from trap_wire.errors import IntegrityError

Report = Callable[[Fault], None]


def read(holding: Holding, report: Report) -> Iterator[Entry]:
    """Entries of a holding in order, each once; what is wrong goes to ``report`` and reading goes on behind it."""
    pages = holding.pages()
    if not pages:
        report(Fault(What.NO_JOURNAL, str(holding), "no journal pages; pull the unit again"))
    yield from _checked(_unique(pages, report), report)


def _unique(pages: list[Path], report: Report) -> Iterator[Entry]:
    """Entries of the longest page of each start: a page pulled earlier is a prefix of its later self."""
    for _, group in groupby(pages, key=lambda page: page.name.partition("-")[0]):
        *shorter, longest = sorted(group, key=lambda page: (page.stat().st_size, page.name))
        for page in shorter:
            if not _is_prefix(page, longest):
                words = f"says other things than {longest.name}, from the same entry on; the longer one is used"
                report(Fault(What.CONFLICT, page.name, words))
        yield from _lines(longest, report)


def _is_prefix(page: Path, longest: Path) -> bool:
    with longest.open("rb") as file:
        return file.read(page.stat().st_size) == page.read_bytes()


def _lines(page: Path, report: Report) -> Iterator[Entry]:
    with page.open("rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                yield _parsed(raw)
            except (IntegrityError, UnicodeDecodeError) as error:
                report(fault_of(error, What.UNREADABLE, f"{page.name} line {number}"))


def _parsed(raw: bytes) -> Entry:
    return parse_line(raw.decode())


def _checked(entries: Iterator[Entry], report: Report) -> Iterator[Entry]:
    """Pass every entry on; name gaps, repetitions and broken links, and take up the chain again behind each."""
    previous, expected = GENESIS, 1
    for entry in entries:
        if entry.sequence < expected:
            continue
        if entry.sequence > expected:
            report(_gap(expected, entry.sequence - 1))
        elif digest_of(entry, previous) != entry.digest:
            report(
                Fault(What.CHAIN, f"entry {entry.sequence}", "does not match its hash: it or one before was changed")
            )
        previous, expected = entry.digest, entry.sequence + 1
        yield entry


def _gap(first: int, last: int) -> Fault:
    what = f"entry {first} is" if first == last else f"entries {first} to {last} are"
    return Fault(What.GAP, f"entry {first}", f"{what} missing from the journal pages; pull the unit again")


def digest_of(entry: Entry, previous: bytes) -> bytes:
    """The hash that an entry must have behind ``previous``."""
    return chained(previous, entry.sequence, to_us(entry.at), entry.kind, canonical(entry.body))


def receipts(holding: Holding, report: Report) -> list[dict[str, object]]:
    """Receipts of the pulls, oldest first by name; an unreadable one is named."""
    found = []
    for path in sorted(holding.root.glob("receipt-*.json")):
        try:
            found.append(dict(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError) as error:
            report(fault_of(ValueError(f"not a receipt ({error})"), What.UNREADABLE, path.name))
    return found
