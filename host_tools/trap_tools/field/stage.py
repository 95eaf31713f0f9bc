"""One kind of file of a pull: what is here is passed over, parts go on, the rest is fetched, proved and made durable."""

from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from trap_tools import durable
from trap_tools.field import held
from trap_tools.field.held import Incoming
from trap_tools.field.visit import Tally
from trap_tools.link.fetch import Fetcher, Job
from trap_tools.link.group70 import Row
from trap_wire.errors import IntegrityError

_SYNCERS = 4  # fsync waits for the disk; the line need not
_UNSYNCED_MOST = 64  # open files


@dataclass(slots=True)
class Stage:
    """Fetches ``rows`` into ``folder``. ``advance(files, bytes)`` is told of headway, ``problem`` of what failed."""

    folder: Path
    rows: list[Row]
    tally: Tally
    advance: Callable[[int, int], None]
    problem: Callable[[str], None]
    renew: Callable[[], None] = lambda: None  # the login, between files and within them
    _wrong: list[Incoming] = field(default_factory=list, init=False)
    _settling: deque[Future[Path]] = field(default_factory=deque, init=False)
    _touched: set[Path] = field(default_factory=set, init=False)

    def run(self, fetcher: Fetcher, prove: held.Prove) -> None:
        """Everything; ``LinkError`` and ``StorageError`` end it and leave parts to go on from."""
        wanted = [row for row in self.rows if not self._is_here(row)]
        incoming = [self._resumed(row, prove) for row in wanted]
        self.advance(0, sum(one.start for one in incoming))
        self._fetch(incoming, fetcher)
        # Once more for what came whole but wrong; then it is a matter of the unit's card, not of the line.
        repeated, self._wrong = self._wrong, []
        self._fetch(repeated, fetcher)
        for one in self._wrong:
            self._failed(one, "bytes do not match their SHA-256, twice")

    def _resumed(self, row: Row, prove: held.Prove) -> Incoming:
        self.renew()
        return held.resume(self.folder, row, prove)

    def _is_here(self, row: Row) -> bool:
        try:
            here = held.is_here(self.folder, row)
        except IntegrityError as error:
            if row.path.startswith("journal/"):
                raise
            self.tally.failed += 1
            self.problem(str(error))
            return True
        if here:
            self.tally.already_here += 1
            self.advance(1, row.size)
        return here

    def _fetch(self, incoming: list[Incoming], fetcher: Fetcher) -> None:
        try:
            with ThreadPoolExecutor(_SYNCERS) as syncers:
                fetcher.run(self._job(one, syncers) for one in incoming)
                while self._settling:
                    self._touched.add(self._settling.popleft().result())
        finally:
            for one in incoming:
                with suppress(OSError):
                    one.close()
            for folder in self._touched:
                durable.sync_folder(folder)

    def _job(self, one: Incoming, syncers: ThreadPoolExecutor) -> Job:
        self.renew()

        def take(data: bytes) -> None:
            one.take(data)
            self.tally.bytes_fetched += len(data)
            self.advance(0, len(data))
            # What of the window comes during a login is lost to it, and asked for again.
            self.renew()

        def finish() -> None:
            if not one.is_true():
                self.advance(0, -one.row.size)
                one.drop()
                self._wrong.append(one)
                return
            self._settling.append(syncers.submit(one.settle))
            if len(self._settling) > _UNSYNCED_MOST:
                self._touched.add(self._settling.popleft().result())
            self.tally.fetched += 1
            self.advance(1, 0)

        return Job(one.row.path, one.start, one.row.size, take, finish, lambda reason: self._failed(one, reason))

    def _failed(self, one: Incoming, reason: str) -> None:
        one.drop()
        self.tally.failed += 1
        self.problem(f"{one.row.path}: {reason}")
