"""``trapd``'s life: arm, say so, wait for triggers until the rail is cut or the service is stopped."""

import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from trap import duty, releases
from trap.drivers.absent import AbsentSupervisor
from trap.drivers.camera import PiCamera
from trap.drivers.lone import LoneSupervisor
from trap.drivers.watchdog import sd_notify
from trap.duty import Trap
from trap.offering import SupervisorOffer
from trap.ports import SupervisorLink
from trap.update import boot
from trap_wire.entries import Kind
from trap_wire.errors import PartError
from trap_wire.frames import Frame

# manul-sleep.path switches the Pi off when this comes to be.
SLEEP = Path("/run/manul/sleep")
RETOLD = 10  # entries about updates to look back on


class Watched:
    """A supervisor link that says on every call that the duty cycle lives, and ends the wait when ``trapd`` is stopped.

    The duty cycle comes by here every few seconds; a burst, a detector or a card that hangs does not, and that is what
    systemd's watchdog is for.
    """

    def __init__(self, link: SupervisorLink, alive: Callable[[], object], stopping: threading.Event) -> None:
        self._link = link
        self._alive = alive
        self._stopping = stopping

    def receive(self, timeout_s: float) -> Frame | None:
        """The next frame as the link gives it; None at once when stopping, between two triggers and never within one."""
        self._alive()
        return None if self._stopping.is_set() else self._link.receive(timeout_s)

    def send(self, type_: int, payload: bytes = b"") -> None:
        """Send one frame."""
        self._alive()
        self._link.send(type_, payload)


def alive() -> None:
    """Tell systemd's watchdog."""
    sd_notify("WATCHDOG=1")


# EX_TEMPFAIL: systemd starts trapd again at once (RestartForceExitStatus).
RESTART = 75


def stop_on_signals() -> threading.Event:
    """Set by SIGTERM and SIGINT: the trigger that runs is brought to its end first."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def arm(trap: Trap, started_ns: int) -> dict[str, Any]:
    """Open the camera, put right what a cut left, journal that the unit is armed and how long that took; the entry's body."""
    trouble = _open_camera(trap)
    duty.start(trap)
    body = {
        "state": "armed",
        "since_start_ms": (time.monotonic_ns() - started_ns) // 1_000_000,
        "since_boot_ms": time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000,
        "camera_open_ms": trap.camera.times.open_ms if isinstance(trap.camera, PiCamera) else None,
    }
    trap.journal.append(Kind.STATE, trap.clock.now(), body)
    if trouble:
        trap.journal.append(Kind.ERROR, trap.clock.now(), {"part": "camera", "words": trouble})
    _tell(trap, releases.decided(trouble))
    sd_notify("READY=1\nSTATUS=armed")
    return body


def _tell(trap: Trap, said: str) -> None:
    """What became of a release, once; one that was left is trouble that the summary shows."""
    if not said or any(entry.body.get("words") == said for entry in trap.journal.newest(Kind.UPDATE, RETOLD)):
        return
    trap.journal.append(Kind.UPDATE, trap.clock.now(), {"words": said})
    if boot.LEFT in said:
        trap.journal.append(Kind.ERROR, trap.clock.now(), {"part": "update", "words": said})


def live(trap: Trap, stopping: threading.Event, sleep: Path = SLEEP) -> int:
    """Duty cycle after duty cycle; the exit code: 0 stopped or asked to sleep, 8 stuck in a way that a new process cures.

    75: a host asked for a restart; what it sent is tried then.
    """
    offer = SupervisorOffer(trap, _line(trap), alive)
    while True:
        duty.awake(trap, offer)
        if stopping.is_set():
            return 0
        if trap.restart.is_set():
            return RESTART
        if isinstance(trap.camera, PiCamera) and trap.camera.stuck:
            words = "the camera does not come back; trapd starts anew"
            trap.journal.append(Kind.ERROR, trap.clock.now(), {"part": "camera", "words": words})
            return PartError.exit_code
        if _has_rail(trap):
            sleep.touch()
            return 0


def _has_rail(trap: Trap) -> bool:
    """Whether somebody cuts our power after the halt; a unit without a supervisor waits for the next pulse instead."""
    return not isinstance(_line(trap), LoneSupervisor | AbsentSupervisor)


def _line(trap: Trap) -> SupervisorLink:
    return trap.supervisor._link if isinstance(trap.supervisor, Watched) else trap.supervisor


def _open_camera(trap: Trap) -> str:
    try:
        if isinstance(trap.camera, PiCamera):
            trap.camera.arm()
    except PartError as error:
        return str(error)
    return ""
