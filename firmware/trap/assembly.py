"""Putting a unit together. One composition root a world: this one for the real parts, ``trap_sim.assembly`` for pretend ones.

Both end in ``put_together``, so what differs between the worlds is only which parts are handed in.
"""

import os
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from trap.cable import StationSlot, host_facts
from trap.deployment import Deployment
from trap.drivers import detector as runtime
from trap.drivers import vitals
from trap.drivers.absent import AbsentSupervisor
from trap.drivers.age import sealer
from trap.drivers.camera import CameraSettings, PiCamera
from trap.drivers.card import FolderCard
from trap.drivers.clock import BackedClock
from trap.drivers.flash import Flash
from trap.drivers.gadget import CardDrive
from trap.drivers.gauge import Gauge
from trap.drivers.hostport import LastingPort
from trap.drivers.i2c import Bus
from trap.drivers.inputs import Input
from trap.drivers.lone import LoneSupervisor, battery_and_climate
from trap.drivers.rtc import Rtc
from trap.drivers.supervised import SupervisedRtc, acquaint, supervisor_on
from trap.duty import Trap
from trap.health.summary import summary
from trap.link.answers import CHUNK
from trap.link.bulk import Bulk
from trap.link.host import host_server
from trap.places import CARD, DATA, JOURNAL, STATION, load_deployment
from trap.ports import Camera, Card, Clock, Detector, HostPort, SupervisorLink
from trap.store.held import HeldCard
from trap.store.journal import Journal
from trap.store.media import MediaStore, Reserve
from trap.triage import scene
from trap.triage.judge import Triage
from trap.triage.scene import Scene
from trap_wire import pins
from trap_wire.energy.ladder import Ladder
from trap_wire.entries import Kind
from trap_wire.errors import PartError, StorageError, TrapError


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts of one world. ``journal`` is a path on ext4; ``detector`` a folder, None to run without.

    ``own`` is where the unit keeps what no laptop sees; without it that lies on the card.
    """

    deployment: Deployment
    camera: Camera
    supervisor: SupervisorLink
    card: Card
    clock: Clock
    journal: Path
    detector: Path | None
    reserve: Reserve | None = None
    own: Card | None = None
    bulk: Bulk | None = None


def put_together(parts: Parts) -> Trap:
    """A unit without a host link; nothing that is wrong with the detector or the old journal keeps it from starting."""
    journal = open_journal(parts.journal, parts.clock.now())
    seal = sealer(parts.deployment.station.sealed_to)
    detector, trouble = load_detector(parts.detector)
    store = MediaStore(parts.card, journal, parts.reserve, seal, parts.deployment.protocol.keep_acked_days)
    if parts.bulk is not None:
        parts.bulk.unless(lambda: _in_the_clear(store, journal))
        parts.bulk.journals(lambda body: journal.append(Kind.STATE, parts.clock.now(), body))
    return Trap(
        deployment=parts.deployment,
        camera=parts.camera,
        supervisor=parts.supervisor,
        card=parts.card,
        clock=parts.clock,
        triage=Triage(
            detector, parts.deployment, parts.clock.monotonic_ms, trouble, scene=_scene(parts.own or parts.card)
        ),
        journal=journal,
        store=store,
        own=parts.own,
        bulk=parts.bulk,
    )


def _in_the_clear(store: MediaStore, journal: Journal) -> str:
    left = journal.unsealed() if store.seals else 0
    words = f"{left} pictures from before the seal are still in the clear: wait until the summary says no more of them"
    return words if left else ""


def with_host(
    trap: Trap,
    port: HostPort,
    chunk: int = CHUNK,
    *,
    station: StationSlot | None = None,
    data: Path | None = None,
    secrets: Card | None = None,
) -> Trap:
    """The same unit answering a laptop on ``port``; ``chunk`` is the most data in one reply (1 KiB on a UART).

    Without a ``station`` slot the laptop cannot change the station's settings, without ``data`` it cannot send releases.
    """
    facts = host_facts(trap, lambda: summary_of(trap), station, data, secrets)
    return replace(trap, host=host_server(port, facts, chunk))


def summary_of(trap: Trap) -> dict[str, Any]:
    """One screen's worth of this unit, now."""
    detector = trap.triage.detector
    model = str(detector.identity) if detector else None
    told = summary(trap.journal, trap.deployment, model, trap.store.free_bytes(), trap.clock.now())
    if trap.store.seals and (unsealed := trap.journal.unsealed()):
        told |= {"unsealed": unsealed}
    return {**told, "bulk_left_s": trap.bulk.told()["left_s"]} if trap.bulk is not None and trap.bulk.on else told


@dataclass(frozen=True, slots=True)
class UnitConfig:
    """Where the parts of a real unit are. The first ``detectors`` folder that exists is used.

    ``trapd`` puts the running release's own behind the first of them, which is for one that somebody copied onto the unit.
    """

    station: Path = STATION
    journal: Path = JOURNAL / "journal.sqlite"
    card: Path = CARD
    detectors: tuple[Path, ...] = (JOURNAL / "detector", Path("/usr/share/manul/detector"))
    uart: Path = Path("/dev/serial0")
    host_port: Path = Path("/dev/ttyGS0")
    gpio_chip: str | None = None
    camera: CameraSettings = field(default_factory=CameraSettings)
    reserve: Reserve | None = None

    def detector_folder(self) -> Path | None:
        """The detector that this unit runs."""
        return next((folder for folder in self.detectors if folder.is_dir()), None)


def real_trap(config: UnitConfig) -> Trap:
    """A unit of real parts. One that is absent is said in ``deployment.trouble`` and at every wake; the unit starts anyway.

    ``StorageError`` when the journal cannot be opened: without it there is nothing to run for.
    """
    deployment, bus = load_deployment(config.station), Bus()
    line = supervisor_on(config.uart)
    clock = BackedClock(SupervisedRtc(line) if line else Rtc(bus))
    flash, dark = _flash(config)
    bulk = Bulk(CardDrive(config.card), clock.monotonic_ms)
    # Beside the journal, not on the media partition: that one is shown to hosts as a drive.
    own = FolderCard(config.journal.parent)
    supervisor, deaf = (line, "") if line else _lone(config, deployment, clock, bus)
    words = [said for said in (deployment.trouble, clock.adopt(), dark, deaf) if said]
    trap = put_together(
        Parts(
            deployment=replace(deployment, trouble="; ".join(words)),
            camera=PiCamera(config.camera, clock.now, flash),
            supervisor=supervisor,
            card=HeldCard(FolderCard(config.card), lambda: bulk.on),
            clock=clock,
            journal=config.journal,
            detector=config.detector_folder(),
            reserve=config.reserve or _reserve(config),
            own=own,
            bulk=bulk,
        )
    )
    if line and (trouble := acquaint(line, deployment, trap.journal.newest(Kind.SUPERVISOR))):
        trap.journal.append(Kind.ERROR, clock.now(), {"part": "supervisor", "words": trouble})
    return with_host(
        trap,
        LastingPort(str(config.host_port)),
        station=_station_slot(config.station),
        data=DATA,
        secrets=own,
    )


def _station_slot(path: Path) -> StationSlot:
    def keep(raw: bytes) -> None:
        # In place, as `manul flash` does: FAT has no rename that survives a power cut, and the head's hash tells a torn one.
        try:
            with path.open("r+b") as file:
                file.write(raw)
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise StorageError(f"{path}: {error.strerror}") from error

    return StationSlot(path.read_bytes, keep)


def _reserve(config: UnitConfig) -> Reserve | None:
    """By the size of the card that is really there; None where none is, which the first write will say."""
    card, journal = vitals.storage(config.card), vitals.storage(config.journal.parent)
    if card is None or journal is None:
        return None
    return Reserve.of(card.size_bytes, journal_apart=card.device != journal.device)


def _flash(config: UnitConfig) -> tuple[Flash | None, str]:
    try:
        return Flash(chip=config.gpio_chip), ""
    except PartError as error:
        return None, str(error)


def _lone(config: UnitConfig, deployment: Deployment, clock: Clock, bus: Bus) -> tuple[SupervisorLink, str]:
    """The PIR on the header; words when nothing can wake this unit (a laptop still can)."""
    try:
        pir = Input(pins.PI_PIR, "PIR, header pin 11", config.gpio_chip)
    except PartError as error:
        return AbsentSupervisor(), f"nothing wakes this unit: {error}"
    vitals = battery_and_climate(Gauge(bus), Rtc(bus))
    ladder = Ladder(deployment.station.chemistry, deployment.protocol)
    return LoneSupervisor(pir, deployment.protocol.hold_off_ms, clock.now, vitals, ladder), ""


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
