"""The duty cycle: one wake from the supervisor's frame to the request to sleep. Read this and you know the product.

WAKE ─► burst ─► verdict ─► photographs, thumbnail ─► journal ─► SLEEP_REQUEST
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from trap.capture.burst import take
from trap.deployment import Deployment
from trap.ports import BurstPlan, Camera, Card, Clock, HostLink, SupervisorLink
from trap.records import (
    Episode,
    battery_body,
    boot_body,
    burst_body,
    photographs_of,
    thumbnail_of,
    verdict_body,
    wake_body,
)
from trap.store.journal import Journal
from trap.store.media import MediaStore, durable_write
from trap.triage import scene
from trap.triage.judge import Triage, Verdict
from trap_wire import codes, frames
from trap_wire.entries import Kind
from trap_wire.errors import BadInputError, StorageError, TrapError

Line = tuple[Kind, Mapping[str, Any]]
WAIT_FOR_WAKE_MS = 5_000
HOST_SLICE_MS = 20  # a trigger waits this long at most behind a pull
IDLE_SLICE_S = 0.05  # a laptop's first request waits this long at most while the unit listens for triggers
HOST_QUIET_MS = 30_000  # field staff think between two commands


@dataclass(frozen=True, slots=True)
class Trap:
    """A unit, put together: the same for the real one and the simulated one. ``host`` is None where no cable can come."""

    deployment: Deployment
    camera: Camera
    supervisor: SupervisorLink
    card: Card
    clock: Clock
    triage: Triage
    journal: Journal
    store: MediaStore
    host: HostLink | None = None


def start(trap: Trap) -> None:
    """After power came up: put right what a cut left, and say who we are."""
    at = trap.clock.now()
    trap.store.recover(at)
    trap.journal.append(Kind.BOOT, at, boot_body(trap.deployment, trap.triage))


def awake(trap: Trap) -> None:
    """From the rail's rise to the request to cut it: every trigger that comes, then whoever is at the cable, then sleep."""
    wait_ms = WAIT_FOR_WAKE_MS
    try:
        while (frame := _next_frame(trap, wait_ms)) is not None:
            _answer(trap, frame)
            trap.supervisor.send(codes.HEARTBEAT)
            wait_ms = trap.deployment.protocol.stay_up_ms
        remember(trap)
    except StorageError:
        # Without a journal there is nothing left to do but not to waste the battery.
        trap.supervisor.send(codes.SLEEP_REQUEST)
        raise
    trap.supervisor.send(codes.SLEEP_REQUEST)


def remember(trap: Trap) -> None:
    """Keep what triage learned of the place; a card that does not take it costs nothing but that."""
    try:
        if (learned := trap.triage.scene.to_save()) is not None:
            durable_write(trap.card, scene.PATH, learned)
    except StorageError as error:
        trap.journal.append(Kind.ERROR, trap.clock.now(), {"part": "card", "words": str(error)})


def _next_frame(trap: Trap, wait_ms: int) -> frames.Frame | None:
    """The supervisor's next frame; while a host is talking the wait starts anew, and a trigger still comes first."""
    if trap.host is None:
        return trap.supervisor.receive(wait_ms / 1000)
    deadline = trap.clock.monotonic_ms() + wait_ms
    # While nobody talks, the wait is for the trigger, which then is not kept waiting; a host's first request is, a little.
    slice_ms = 0
    while (frame := trap.supervisor.receive(0.0 if slice_ms else IDLE_SLICE_S)) is None:
        answered = trap.host.serve_for(slice_ms)
        slice_ms = HOST_SLICE_MS if answered else 0
        if answered:
            deadline = max(deadline, trap.clock.monotonic_ms() + HOST_QUIET_MS)
            trap.supervisor.send(codes.HEARTBEAT)
        if trap.clock.monotonic_ms() >= deadline:
            return None
    return frame


def on_wake(trap: Trap, wake: frames.Wake) -> Verdict | None:
    """One wake: what woke us is journalled at once, then the burst and everything that became of it in one transaction."""
    at = trap.clock.now()
    woken = trap.journal.append_all(at, [(Kind.WAKE, wake_body(wake, at)), (Kind.BATTERY, battery_body(wake))])[0]
    if wake.reason not in (codes.REASON_PIR, codes.REASON_SCHEDULE):
        return None
    burst = take(trap.camera, _plan(trap, wake), trap.clock.monotonic_ms)
    name = f"{trap.deployment.station.unit}-{woken.sequence:08d}"
    lines: list[Line] = [(Kind.BURST, burst_body(name, woken.sequence, wake, burst))]
    if burst.fault is not None:
        lines.append((Kind.ERROR, {"part": burst.fault.part, "words": str(burst.fault)}))
    verdict = None
    if burst.shots:
        verdict = trap.triage.judge(name, burst.shots, heartbeat=wake.reason == codes.REASON_SCHEDULE)
        lines.append((Kind.VERDICT, verdict_body(name, verdict)))
        lines += _keep(trap, Episode(trap.deployment, name, wake, burst, verdict))
    trap.journal.append_all(trap.clock.now(), lines)
    return verdict


def _plan(trap: Trap, wake: frames.Wake) -> BurstPlan:
    protocol = trap.deployment.protocol
    light_lux = None if wake.flags & codes.FLAG_LIGHT_MISSING else float(wake.light_lux)
    count = 1 if wake.reason == codes.REASON_SCHEDULE else protocol.burst_frames
    return BurstPlan(count, protocol.burst_interval_ms, light_lux)


def _keep(trap: Trap, episode: Episode) -> Iterator[Line]:
    """Make durable what the verdict keeps, photographs first; a media entry for each, an error entry for what failed."""
    at = trap.clock.now()
    try:
        for photograph in photographs_of(episode):
            yield Kind.MEDIA, trap.store.save(photograph, at, heartbeat=episode.heartbeat)
        yield Kind.MEDIA, trap.store.save(thumbnail_of(episode), at, heartbeat=episode.heartbeat)
    except StorageError as error:
        yield Kind.ERROR, {"part": "card", "words": f"{error}: pictures of {episode.name} are lost"}
    except BadInputError as error:
        yield Kind.ERROR, {"part": "camera", "words": f"{episode.name}: {error}; kept as it is, without a thumbnail"}


def _answer(trap: Trap, frame: frames.Frame) -> None:
    """Do what one frame asks; a defect in it is an entry, never the end of the duty cycle."""
    try:
        if frame.type in (codes.WAKE, codes.TRIGGER):
            on_wake(trap, frames.unpack_wake(frame.payload))
        elif frame.type == codes.RING:
            _merge(trap, frames.unpack_record(frame.payload))
    except StorageError:
        raise
    except (TrapError, ValueError) as error:
        trap.journal.append(Kind.ERROR, trap.clock.now(), {"part": "duty", "words": str(error)})


def _merge(trap: Trap, record: frames.Record) -> None:
    """Take over one record of the supervisor's ring; it is acknowledged only after it is committed here."""
    name = codes.RECORD_NAMES.get(record.kind, str(record.kind))
    body = {"ring": record.sequence, "rtc_s": record.rtc_s, "record": name, "code": record.code, "value": record.value}
    trap.journal.append(Kind.SUPERVISOR, trap.clock.now(), body)
    trap.supervisor.send(codes.RING_ACK, frames.pack_u32(record.sequence))
