"""Bring a unit's journal and pictures home, proved byte by byte: ``pull(port, folder)``.

Journal first, then thumbnails, then kept photographs newest first, so a visit cut short has what matters. Whatever ends
it (cable, battery, kill) leaves whole files and parts; the next pull proves the parts by hash and goes on.
"""

import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from trap_tools import i18n
from trap_tools.field import held
from trap_tools.field.stage import Stage
from trap_tools.field.visit import ClockReading, JournalProof, Progress, Receipt, Tally
from trap_tools.i18n import say
from trap_tools.keys import keystore
from trap_tools.keys.keystore import Signer
from trap_tools.link import group70
from trap_tools.link.client import Unit
from trap_tools.link.fetch import PATIENCE_S, Fetcher
from trap_tools.link.group70 import Row
from trap_tools.link.line import BAUD, Line
from trap_tools.link.login import Session
from trap_wire.errors import IntegrityError, RefusedError, TrapError
from trap_wire.vocabulary import Role

JOURNAL, THUMBNAILS, MEDIA = "journal", "thumbnails", "media"
KINDS = (JOURNAL, THUMBNAILS, MEDIA)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_busy: set[Path] = set()
_busy_lock = threading.Lock()


def _utc_now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Options:
    """``only`` names kinds to pull; ``set_clock`` steps the unit to ``now`` after the offset is noted.

    ``since`` leaves out pictures that were journalled before it. What is whole here is acknowledged to the unit.
    A unit that says nothing for ``patience_s`` is given up.
    """

    only: tuple[str, ...] = KINDS
    set_clock: bool = True
    since: datetime | None = None
    acknowledge: bool = True
    baud: int = BAUD
    patience_s: float = PATIENCE_S
    signers: Callable[[], Iterable[Signer]] = keystore.signers
    now: Callable[[], datetime] = _utc_now
    monotonic: Callable[[], float] = time.monotonic  # of the session


def pull(
    port: str,
    folder: Path,
    progress: Callable[[Progress], None] = lambda _: None,
    options: Options | None = None,
) -> Receipt:
    """Pull one unit into ``folder/<unit>/<deployment>`` and write the receipt there.

    Trouble with single files is in the receipt's ``problems``. ``NoUnitError``, ``LinkError``, ``StorageError`` and a
    folder that holds another journal (``IntegrityError``) end the pull; what was fetched stays and the receipt says so.
    """
    options = options or Options()
    with Line(port, options.baud) as line:
        unit = Unit(line)
        name = unit.hello()
        session = Session(unit, options.signers, options.monotonic)
        session.open()
        reading = _read_clock(unit, options)
        summary = unit.summary()
        i18n.suggest(str(summary.get("languages", "")))
        deployment = str(summary.get("deployment", ""))
        place = folder / _named(name) / _named(deployment)
        receipt = Receipt(name, deployment, port, str(place), reading.host, reading, summary=summary)
        with _alone_in(place):
            return _Pull(unit, session, place, receipt, progress, options).run()


@dataclass(slots=True)
class _Pull:
    unit: Unit
    session: Session
    folder: Path
    receipt: Receipt
    progress: Callable[[Progress], None]
    options: Options
    files: int = 0
    bytes: int = 0
    done_files: int = 0
    done_bytes: int = 0

    def run(self) -> Receipt:
        began, fetcher = time.monotonic(), Fetcher(self.unit.line, patience_s=self.options.patience_s)
        try:
            self._fetch_all(fetcher)
            self.receipt.complete = not self.receipt.problems
        except TrapError as error:
            self.receipt.problems.append(str(error))
            raise
        finally:
            self.receipt.seconds = round(time.monotonic() - began, 3)
            self.receipt.resent_requests, self.receipt.broken_lines = fetcher.resent, self.unit.line.bad
            self.receipt.finished = self.options.now()
            self.receipt.save(self.folder)
        return self.receipt

    def _fetch_all(self, fetcher: Fetcher) -> None:
        kinds = self._ordered(self.unit.index())
        self.files = sum(len(rows) for rows in kinds.values())
        self.bytes = sum(row.size for rows in kinds.values() for row in rows)
        for kind, offered in kinds.items():
            rows = offered if kind == JOURNAL else self._recent(offered)
            tally = self.receipt.kinds[kind] = Tally(offered=len(rows))
            advance = partial(self._advance, kind)
            stage = Stage(self.folder, rows, tally, advance, self.receipt.problems.append, self.session.renew)
            stage.run(fetcher, self.unit.prefix_sha256)
            self.session.renew()
            if kind == JOURNAL:
                self._prove_journal()
        if left := self.receipt.summary.get("unsealed"):
            self.receipt.problems.append(say("{count} older pictures were not sealed yet: pull again", count=left))
        if (
            not self.receipt.problems
            and self.options.acknowledge
            and set(kinds) == set(KINDS)
            and not self.options.since
        ):
            self._acknowledge(max((row.sequence for rows in kinds.values() for row in rows), default=0))

    def _recent(self, rows: list[Row]) -> list[Row]:
        """Those that were journalled since the day that was asked for, as the journal here tells."""
        if self.options.since is None:
            return rows
        first = held.first_since(self.folder, self.options.since)
        left = [row for row in rows if row.sequence >= first]
        self.files -= len(rows) - len(left)
        self.bytes -= sum(row.size for row in rows) - sum(row.size for row in left)
        return left

    def _acknowledge(self, upto: int) -> None:
        """Tell the unit what is safe here. One that knows no such command is none the worse for it."""
        with suppress(RefusedError):
            self.receipt.acknowledged = int(self.unit.do(group70.AckRequest(upto=upto))["upto"])

    def _ordered(self, rows: list[Row]) -> dict[str, list[Row]]:
        """Rows per kind in the order of fetching, odd names left out and said."""
        odd = [row for row in rows if not held.safe(row.path)]
        self.receipt.problems += [f"{row.path!r}: not a name for a file, left on the unit" for row in odd]
        good = [row for row in rows if held.safe(row.path)]
        kinds = {kind: [row for row in good if _kind(row) == kind] for kind in KINDS if kind in self.options.only}
        if MEDIA in kinds:
            kinds[MEDIA].sort(key=lambda row: (row.role != Role.PHOTOGRAPH, -row.sequence))
        return kinds

    def _prove_journal(self) -> None:
        try:
            sealed = len(list((self.folder / "journal").glob("*.jsonl.age")))
            self.receipt.journal = JournalProof(*held.check_journal(self.folder), sealed=sealed)
        except IntegrityError as error:
            self.receipt.journal = JournalProof(broken=str(error))
            self.receipt.problems.append(str(error))

    def _advance(self, kind: str, files: int, count: int) -> None:
        self.done_files += files
        self.done_bytes += count
        done = self.done_files, self.files, self.done_bytes, self.bytes
        self.progress(Progress(self.receipt.unit, kind, *done))


def _kind(row: Row) -> str:
    if row.path.startswith("journal/"):
        return JOURNAL
    return THUMBNAILS if row.role == Role.THUMBNAIL else MEDIA


def _named(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise IntegrityError(f"the unit calls itself {name!r}, which cannot be a folder: mend its station.toml first")
    return name


def _read_clock(unit: Unit, options: Options) -> ClockReading:
    told, now = unit.time(), options.now()
    if options.set_clock:
        unit.set_time(options.now())
    return ClockReading(told, now, options.set_clock)


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Two units of one name must not write into each other's journal."""
    with _busy_lock:
        if folder in _busy:
            raise IntegrityError(
                say(
                    "{folder}: two units call themselves that. Rename one, or pull them one after the other",
                    folder=folder,
                )
            )
        _busy.add(folder)
    try:
        yield
    finally:
        with _busy_lock:
            _busy.discard(folder)
