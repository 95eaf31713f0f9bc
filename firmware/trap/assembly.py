"""Putting a unit together. One composition root a world: this one for the real parts, ``trap_sim.assembly`` for pretend ones.

Both end in ``put_together``, so what differs between the worlds is only which parts are handed in.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from trap.deployment import Deployment
from trap.drivers import detector as runtime
from trap.duty import Trap
from trap.health.summary import summary
from trap.link.answers import CHUNK
from trap.link.host import HostFacts, host_server
from trap.ports import Camera, Card, Clock, Detector, HostPort, SupervisorLink
from trap.store.journal import Journal
from trap.store.media import MediaStore, Reserve
from trap.store.shelf import JournalShelf
from trap.triage import scene
from trap.triage.judge import Triage
from trap.triage.scene import Scene
from trap_wire import __version__
from trap_wire.entries import Kind, to_us
from trap_wire.errors import StorageError, TrapError


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one world. ``journal`` is a path on ext4; ``detector`` a folder, None to run without."""

    deployment: Deployment
    camera: Camera
    supervisor: SupervisorLink
    card: Card
    clock: Clock
    journal: Path
    detector: Path | None
    reserve: Reserve | None = None


def put_together(parts: Parts) -> Trap:
    """A unit without a host link; nothing that is wrong with the detector or the old journal keeps it from starting."""
    journal = open_journal(parts.journal, parts.clock.now())
    detector, trouble = load_detector(parts.detector)
    return Trap(
        deployment=parts.deployment,
        camera=parts.camera,
        supervisor=parts.supervisor,
        card=parts.card,
        clock=parts.clock,
        triage=Triage(detector, parts.deployment, parts.clock.monotonic_ms, trouble, scene=_scene(parts.card)),
        journal=journal,
        store=MediaStore(parts.card, journal, parts.reserve),
    )


def with_host(trap: Trap, port: HostPort, chunk: int = CHUNK) -> Trap:
    """The same unit answering a laptop on ``port``; ``chunk`` is the most data in one reply (1 KiB on a UART)."""
    facts = HostFacts(
        unit=trap.deployment.station.unit,
        version=__version__,
        clock=trap.clock,
        shelf=JournalShelf(trap.journal, trap.card),
        summary=lambda: summary_of(trap),
        clock_told=lambda unit_time, host_time: _clock_told(trap.journal, unit_time, host_time),
    )
    return replace(trap, host=host_server(port, facts, chunk))


def summary_of(trap: Trap) -> dict[str, Any]:
    """One screen's worth of this unit, now."""
    detector = trap.triage.detector
    model = str(detector.identity) if detector else None
    return summary(trap.journal, trap.deployment, model, trap.store.free_bytes(), trap.clock.now())


def _clock_told(journal: Journal, unit_time: datetime, host_time: datetime) -> None:
    """Both times of a visit, before the clock is stepped: what the host corrects by afterwards."""
    body = {"unit_us": to_us(unit_time), "host_us": to_us(host_time), "cause": "host"}
    journal.append(Kind.CLOCK, unit_time, body)


def _scene(card: Card) -> Scene:
    try:
        return Scene.load(card.read(scene.PATH))
    except StorageError:
        return Scene()


def load_detector(folder: Path | None) -> tuple[Detector | None, str]:
    """The detector, or None and why: a unit without one keeps everything."""
    if folder is None:
        return None, "no detector folder was given"
    try:
        return runtime.load(folder), ""
    except TrapError as error:
        return None, str(error)


def open_journal(path: Path, now: datetime) -> Journal:
    """The journal; one that cannot be read is set aside beside it, never deleted, and the new one says so first."""
    try:
        return Journal(path)
    except StorageError as error:
        if not path.is_file():
            raise
        aside = path.with_name(f"{path.stem}-unreadable-{now:%Y%m%dT%H%M%SZ}{path.suffix}")
        path.rename(aside)
        for rest in ("-wal", "-shm"):
            path.with_name(path.name + rest).unlink(missing_ok=True)
        journal = Journal(path)
        words = f"{error}; set aside as {aside.name}, a new journal begins"
        journal.append(Kind.RECOVERED, now, {"path": path.name, "what": "unreadable", "words": words})
        return journal
