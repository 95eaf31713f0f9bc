"""A laptop's cable to a pretend unit: it wakes the unit, and the real SMP server answers on a real pty.

While the cable is in, the unit's virtual time keeps pace with the wall clock, and the duty cycle is the real one: it serves
the host and takes a burst when a trigger comes. A unit that was cut is woken by the cable again.
"""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from trap import duty
from trap.assembly import with_host
from trap.cable import StationSlot
from trap.drivers.tty import Pty, open_pty
from trap.duty import Trap
from trap.ports import HostLink
from trap_sim.assembly import STATION
from trap_sim.unit import SimUnit
from trap_sim.vtime import VirtualTime
from trap_wire.errors import StorageError

HURRY_MS = 1_000


class PacedHost:
    """``trap.ports.HostLink`` that keeps virtual time at the pace of the wall clock and the unit awake.

    Once unplugged it is silent and in a hurry, so that the duty cycle comes to its end.
    """

    def __init__(self, host: HostLink, virtual: VirtualTime, unplugged: threading.Event) -> None:
        self._host = host
        self._time = virtual
        self._unplugged = unplugged
        self._ahead_ms = virtual.ms - monotonic_ms()

    def serve_for(self, milliseconds: int) -> int:
        """Answer requests for so long, or for as long as virtual time is ahead; how many there were, never none."""
        if self._unplugged.is_set():
            self._time.advance(HURRY_MS)
            return 0
        answered = self._host.serve_for(max(milliseconds, self._time.ms - self._ahead_ms - monotonic_ms()))
        self._time.advance_to(monotonic_ms() + self._ahead_ms)
        return max(1, answered)


def monotonic_ms() -> int:
    """The wall clock, which only the cable looks at: a laptop lives in real time."""
    return time.monotonic_ns() // 1_000_000


class Cable:
    """A unit with a laptop at it, in a thread that owns the unit. ``defect`` is what ended it early, if anything did."""

    def __init__(self, unit: SimUnit) -> None:
        self._unit = unit
        self._unplugged = threading.Event()
        self._pty: Pty = open_pty()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.defect: BaseException | None = None

    @property
    def path(self) -> str:
        """What the laptop opens."""
        return self._pty.path

    def plug_in(self) -> None:
        """Start serving."""
        self._thread.start()

    def pull_out(self) -> None:
        """Let the unit go to sleep, then hang up."""
        self._unplugged.set()
        self._thread.join()
        self._pty.close()

    @property
    def plugged(self) -> bool:
        """Whether the unit is still served."""
        return self._thread.is_alive()

    def _run(self) -> None:
        try:
            while not self._unplugged.is_set():
                self._unit.board.plug_in()
                self._unit.step_until_wanted()
                self._unit.boot(self._awake)
        except BaseException as error:  # noqa: BLE001  # handed to whoever waits in the other thread
            self.defect = error

    def _awake(self, trap: Trap) -> None:
        host = with_host(trap, self._pty.port, station=_station_slot(self._unit.rig.folder / STATION)).host
        if host is not None:
            paced = PacedHost(host, self._unit.time, self._unplugged)
            duty.awake(replace(trap, host=paced))


def _station_slot(path: Path) -> StationSlot:
    def keep(raw: bytes) -> None:
        path.write_bytes(raw)

    return StationSlot(path.read_bytes, keep)


@contextmanager
def plugged_in(unit: SimUnit) -> Iterator[str]:
    """Serve a unit on a pty for a while; the path that a laptop opens."""
    cable = Cable(unit)
    cable.plug_in()
    try:
        yield cable.path
    finally:
        cable.pull_out()
    if cable.defect is not None:
        raise cable.defect


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
