"""Journals read with open eyes: overlaps are folded, breaks are named, and everything that can be read is given.

A journal comes as pages (``manul pull``), as the unit's own SQLite file (a card copied by hand), or as both.
"""

import heapq
import json
import re
import sqlite3
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

from trap_tools.archive.faults import Fault, What, fault_of
from trap_tools.archive.layout import Holding
from trap_wire.entries import GENESIS, Entry, Kind, canonical, chained, from_us, parse_line, to_us
from trap_wire.errors import IntegrityError

Report = Callable[[Fault], None]
Line = tuple[Entry, str]  # an entry and the text of its body, which is what its hash is over
# A line as a unit writes it. Taking the body's text as it stands saves writing every body again to check its hash.
_CANONICAL = re.compile(r'\{"at_us":(-?\d+),"body":(\{.*\}),"hash":"([0-9a-f]{64})","kind":"(\w+)","seq":(\d+)\}\n?')
_KINDS = {str(kind): kind for kind in Kind}


def read(holding: Holding, report: Report) -> Iterator[Entry]:
    """Entries of a holding in order, each once; what is wrong goes to ``report`` and reading goes on behind it."""
    pages, files = holding.pages(), holding.databases()
    if not pages and not files:
        sealed = any(holding.root.rglob("*.age"))
        words = (
            "sealed; open it first: manul unseal FOLDER --to OPENED" if sealed else "no journal; pull the unit again"
        )
        report(Fault(What.NO_JOURNAL, str(holding), words))
    sources = [_of_pages(pages, report), *(_of_database(path, report) for path in files)]
    merged = heapq.merge(*sources, key=lambda line: line[0].sequence) if files else sources[0]
    yield from _checked(merged, report)


def _of_pages(pages: list[Path], report: Report) -> Iterator[Line]:
    """Lines of the longest page of each start: a page pulled earlier is a prefix of its later self."""
    for _, group in groupby(pages, key=lambda page: page.name.partition("-")[0]):
        *shorter, longest = sorted(group, key=lambda page: (page.stat().st_size, page.name))
        for page in shorter:
            if not _is_prefix(page, longest):
                words = f"says other things than {longest.name} from the same entry on; the longer one is used"
                report(Fault(What.CONFLICT, page.name, words))
        yield from _lines(longest, report)


def _is_prefix(page: Path, longest: Path) -> bool:
    with longest.open("rb") as file:
        return file.read(page.stat().st_size) == page.read_bytes()


def _lines(page: Path, report: Report) -> Iterator[Line]:
    with page.open("rb") as file:
        for number, raw in enumerate(file, 1):
            try:
                yield parsed(raw.decode())
            except (IntegrityError, UnicodeDecodeError) as error:
                report(fault_of(error, What.UNREADABLE, f"{page.name} line {number}"))


def parsed(line: str) -> Line:
    """Entry and body's text of a line; ``IntegrityError`` when it is none."""
    if (match := _CANONICAL.fullmatch(line)) and match[4] in _KINDS:
        try:
            body = json.loads(match[2])
            return Entry(int(match[5]), from_us(int(match[1])), _KINDS[match[4]], body, bytes.fromhex(match[3])), match[
                2
            ]
        except (ValueError, OverflowError) as error:
            raise IntegrityError(f"not a journal line ({error}): {line[:80]!r}") from error
    entry = parse_line(line)
    return entry, canonical(entry.body)


def _of_database(path: Path, report: Report) -> Iterator[Line]:
    """Lines of a SQLite journal, opened without writing to it; where the file is torn, what can be read comes first."""
    last = 0
    try:
        database = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
        # Without this SQLite refuses a file that is shorter than its head says, before it reads a page that is still there.
        database.execute("PRAGMA writable_schema = ON")
        for sequence, at_us, kind, body, digest in database.execute(
            "SELECT seq, at_us, kind, body, hash FROM entries ORDER BY seq"
        ):
            yield Entry(sequence, from_us(at_us), Kind(kind), json.loads(body), digest), body
            last = sequence
    except (sqlite3.Error, ValueError, TypeError, OverflowError) as error:
        words = f"cannot be read behind entry {last} ({error}); `sqlite3 {path.name} .recover` may give more back"
        report(Fault(What.UNREADABLE, path.name, words))


def _checked(lines: Iterator[Line], report: Report) -> Iterator[Entry]:
    """Pass every entry on once; name gaps, contradictions and broken links, and take up the chain again behind each."""
    previous, expected = GENESIS, 1
    for entry, text in lines:
        if entry.sequence < expected:
            if entry.sequence == expected - 1 and entry.digest != previous:
                words = "two journals here say different things; do two units share a name?"
                report(Fault(What.CONFLICT, f"entry {entry.sequence}", words))
            continue
        if entry.sequence > expected:
            report(_gap(expected, entry.sequence - 1))
        elif chained(previous, entry.sequence, to_us(entry.at), entry.kind, text) != entry.digest:
            words = "does not match its hash: it or one before was changed"
            report(Fault(What.CHAIN, f"entry {entry.sequence}", words))
        previous, expected = entry.digest, entry.sequence + 1
        yield entry


def _gap(first: int, last: int) -> Fault:
    what = f"entry {first} is" if first == last else f"entries {first} to {last} are"
    return Fault(What.GAP, f"entry {first}", f"{what} missing from the journal; pull the unit again")


def receipts(holding: Holding, report: Report) -> list[dict[str, object]]:
    """Receipts of the pulls, oldest first by name; an unreadable one is named."""
    found = []
    for path in sorted(holding.root.glob("receipt-*.json")):
        try:
            found.append(dict(json.loads(path.read_text(encoding="utf-8"))))
        except (OSError, ValueError, TypeError) as error:
            report(fault_of(ValueError(f"not a receipt ({error})"), What.UNREADABLE, path.name))
    return found
