"""A laptop's cable to a pretend unit: the real SMP server on a real pty, in a thread of its own."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from trap.drivers.tty import Pty, open_pty
from trap.duty import Trap
from trap.health.summary import summary
from trap.link.answers import Body
from trap.link.host import HostFacts, host_server
from trap.ports import HostPort
from trap.store.shelf import JournalShelf
from trap_wire import __version__
from trap_wire.entries import Kind, to_us
from trap_wire.errors import StorageError

SLICE_MS = 20


def with_host(trap: Trap, port: HostPort) -> Trap:
    """The trap with a laptop at its port."""
    return replace(trap, host=host_server(port, facts_of(trap)))


def facts_of(trap: Trap) -> HostFacts:
    """What the link needs of a trap."""

    def told(unit_time: datetime, host_time: datetime) -> None:
        body = {"unit_us": to_us(unit_time), "host_us": to_us(host_time), "source": "host"}
        trap.journal.append(Kind.CLOCK, unit_time, body)

    def state() -> Body:
        model = trap.triage.detector.identity if trap.triage.detector else None
        free, now = trap.store.free_bytes(), trap.clock.now()
        return summary(trap.journal, trap.deployment, str(model) if model else None, free, now)

    shelf = JournalShelf(trap.journal, trap.card)
    return HostFacts(trap.deployment.station.unit, __version__, trap.clock, shelf, state, told)


@contextmanager
def plugged_in(trap: Trap, turn: Callable[[int], None] | None = None) -> Iterator[str]:
    """Serve a trap on a pty; the path that a laptop opens. ``turn`` is called with the milliseconds of each slice."""
    pty = open_pty()
    over = threading.Event()
    thread = threading.Thread(target=_serve, args=(trap, pty, over, turn or trap_waits), daemon=True)
    thread.start()
    try:
        yield pty.path
    finally:
        over.set()
        thread.join(10)
        pty.close()


def trap_waits(_: int) -> None:
    """The unit does nothing else between two slices."""


def _serve(trap: Trap, pty: Pty, over: threading.Event, turn: Callable[[int], None]) -> None:
    host = with_host(trap, pty.port).host
    while host is not None and not over.is_set():
        host.serve_for(SLICE_MS)
        turn(SLICE_MS)


@contextmanager
def linked(path: Path | None, target: str) -> Iterator[str]:
    """A stable name for a pty, such as ``/tmp/manul-unit``; only a link that is there already is ever replaced."""
    if path is None:
        yield target
        return
    if path.exists() and not path.is_symlink():
        raise StorageError(f"{path}: is there already and is no link; give another --link")
    path.unlink(missing_ok=True)
    path.symlink_to(target)
    try:
        yield str(path)
    finally:
        path.unlink(missing_ok=True)
