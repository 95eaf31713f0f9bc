"""The duty cycle: one wake from the supervisor's frame to the request to sleep. Read this and you know the product.

WAKE ─► camera asked ─► journal ─► burst ─► verdict ─► photographs, thumbnail ─► journal ─► SLEEP_REQUEST
"""

import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from trap.capture.burst import take
from trap.deployment import Deployment
from trap.link import ring
from trap.link.bulk import Bulk, Cause
from trap.ports import BurstPlan, Camera, Card, Clock, HostLink, StartsEarly, SupervisorLink
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
PHOTOGRAPHED = (codes.REASON_PIR, codes.REASON_SCHEDULE)
WAIT_FOR_WAKE_MS = 5_000
BEAT_MS = 5_000  # the supervisor takes 30 s of silence for a hang
HOST_SLICE_MS = 20  # a trigger waits this long at most behind a pull
# After a cable was plugged in, and after each command: field staff think between two of them. At 120 mA it costs 20 mAh.
HOST_VISIT_MS = 600_000


@dataclass(slots=True)
class Waking:
    """What the Pi knows since its rail rose: the newest wake number that it has seen, and how long it waits for another."""

    seen: int = 0
    patience_ms: int = WAIT_FOR_WAKE_MS
    state: int = codes.PI_BUSY
    told: int | None = None
    beat_ms: int = 0


@dataclass(frozen=True, slots=True)
class Trap:
    """A unit, put together: the same for the real one and the simulated one. ``host`` is None where no cable can come.

    ``own`` is what no laptop ever sees, neither by name nor as a drive. Between two triggers the duty cycle ends when
    ``stopping`` is set, by a signal, or ``restart``, by a host.
    """

    deployment: Deployment
    camera: Camera
    supervisor: SupervisorLink
    card: Card
    clock: Clock
    triage: Triage
    journal: Journal
    store: MediaStore
    host: HostLink | None = None
    own: Card | None = None
    bulk: Bulk | None = None
    stopping: threading.Event = field(default_factory=threading.Event)
    restart: threading.Event = field(default_factory=threading.Event)

    @property
    def ending(self) -> bool:
        """Whether the next moment between two triggers is the last."""
        return self.stopping.is_set() or self.restart.is_set()


def start(trap: Trap) -> None:
    """After power came up: put right what a cut left, and say who we are."""
    at = trap.clock.now()
    if trap.bulk is not None:
        trap.bulk.settle()
    trap.store.recover(at)
    before = next(iter(trap.journal.newest(Kind.BOOT)), None)
    trap.journal.append(Kind.BOOT, at, boot_body(trap.deployment, trap.triage, before.body if before else {}))


def awake(trap: Trap, errand: Callable[[], bool] = lambda: False) -> None:
    """From the rail's rise to the request to cut it: every trigger that comes, then whoever is at the cable, then sleep.

    ``errand`` is for work that can wait until nothing else is to be done; True when it took so long that a trigger may wait.
    """
    waking = Waking()
    try:
        _answer_all(trap, waking)
        while not trap.ending and errand():
            waking.patience_ms = 0
            _answer_all(trap, waking)
        if trap.bulk is not None:
            trap.bulk.end(Cause.STOPPED)
        remember(trap)
    except StorageError:
        # Without a journal there is nothing left to do but not to waste the battery.
        _ask_to_sleep(trap, waking)
        raise
    if trap.restart.is_set():
        trap.supervisor.send(codes.HEARTBEAT, _heartbeat(waking))  # the rail stays up for who comes next
    else:
        _ask_to_sleep(trap, waking)


def _answer_all(trap: Trap, waking: Waking) -> None:
    while (frame := _next_frame(trap, waking)) is not None:
        _answer(trap, frame, waking)


def remember(trap: Trap) -> None:
    """Keep what triage learned of the place; a card that does not take it costs nothing but that."""
    try:
        if (learned := trap.triage.scene.to_save()) is not None:
            durable_write(trap.own or trap.card, scene.PATH, learned)
    except StorageError as error:
        trap.journal.append(Kind.ERROR, trap.clock.now(), {"part": "card", "words": str(error)})


def _next_frame(trap: Trap, waking: Waking) -> frames.Frame | None:
    """The supervisor's next frame, None when patience ends; a host is served meanwhile, and a trigger comes first.

    While nobody talks at the cable the wait is for the trigger, which then is not kept waiting at all.
    """
    clock_ms = trap.clock.monotonic_ms
    deadline, talking = clock_ms() + waking.patience_ms, False
    while True:
        busy = talking or trap.store.sealing
        longest_ms = 0 if busy else BEAT_MS if trap.host is None else HOST_SLICE_MS
        slice_ms = min(max(deadline - clock_ms(), 0), longest_ms)
        if (frame := trap.supervisor.receive(slice_ms / 1000)) is not None:
            return frame
        talking = trap.host is not None and trap.host.serve_for(HOST_SLICE_MS if talking else 0) > 0
        if talking:
            waking.state, deadline = codes.PI_HOST, max(deadline, clock_ms() + HOST_VISIT_MS)
        if trap.bulk is not None and trap.bulk.look():
            waking.state, deadline = codes.PI_HOST, max(deadline, clock_ms() + HOST_VISIT_MS)
        if _seal_older(trap):
            deadline = max(deadline, clock_ms() + 1)  # once in a unit's life it stays up for that
        if trap.ending or clock_ms() >= deadline:
            return None
        _beat(trap, waking)


def _seal_older(trap: Trap) -> bool:
    """One picture from before this unit was told to seal: some 50 ms, in a pull too, because until then it cannot be pulled."""
    lent = trap.bulk is not None and trap.bulk.on
    return trap.store.sealing and not lent and trap.store.seal_older(trap.clock.now())


def _beat(trap: Trap, waking: Waking) -> None:
    """Say that we live, every BEAT_MS and when our state changes, so that a long wait is not taken for a hang."""
    now_ms = trap.clock.monotonic_ms()
    if waking.state != waking.told or now_ms - waking.beat_ms >= BEAT_MS:
        waking.told, waking.beat_ms = waking.state, now_ms
        trap.supervisor.send(codes.HEARTBEAT, _heartbeat(waking))


def _ask_to_sleep(trap: Trap, waking: Waking) -> None:
    trap.supervisor.send(codes.SLEEP_REQUEST, _heartbeat(waking))


def _heartbeat(waking: Waking) -> bytes:
    return frames.pack_heartbeat(frames.Heartbeat(waking.state, waking.seen))


def on_wake(trap: Trap, wake: frames.Wake, beat: Callable[[], None] = lambda: None) -> Verdict | None:
    """One wake: what woke us is journalled at once, then the burst and everything that became of it in one transaction.

    The camera starts while that first transaction waits for the card (an SD card's flush takes 5 to 30 ms); no frame of it is
    looked at before the wake is committed. ``beat`` is called now and then, so that a long burst is not taken for a hang.
    """
    at, started, paused = trap.clock.now(), trap.clock.monotonic_ms(), trap.bulk is not None and trap.bulk.on
    plan = None if paused or wake.reason not in PHOTOGRAPHED else _plan(trap, wake)
    if plan is not None and isinstance(trap.camera, StartsEarly):
        trap.camera.begin(plan)
    first: list[Line] = [(Kind.WAKE, wake_body(wake, at)), (Kind.BATTERY, battery_body(wake))]
    if paused and wake.reason == codes.REASON_PIR:
        first.append((Kind.THROTTLED, {"triggers": 1, "seconds": 0, "cause": "paused"}))
    woken = trap.journal.append_all(at, first)[0]
    if plan is None:
        return None
    burst = take(trap.camera, plan, trap.clock.monotonic_ms, beat, started)
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
        # Effort ends here until the card takes a photograph again, so a program must be able to tell.
        words = f"{error}: pictures of {episode.name} are lost"
        yield Kind.ERROR, {"part": "card", "words": words, "lost_burst": episode.name}
    except BadInputError as error:
        yield Kind.ERROR, {"part": "camera", "words": f"{episode.name}: {error}; kept as it is, without a thumbnail"}


def _answer(trap: Trap, frame: frames.Frame, waking: Waking) -> None:
    """Do what one frame asks; a defect in it is an entry, never the end of the duty cycle."""
    try:
        if frame.type in (codes.WAKE, codes.TRIGGER):
            _answer_wake(trap, frames.unpack_wake(frame.payload), waking)
        elif frame.type == codes.RING:
            _merge(trap, frames.unpack_record(frame.payload))
    except StorageError:
        raise
    except (TrapError, ValueError) as error:
        trap.journal.append(Kind.ERROR, trap.clock.now(), {"part": "duty", "words": str(error)})


def _answer_wake(trap: Trap, wake: frames.Wake, waking: Waking) -> None:
    """A trigger that the supervisor repeats because our heartbeat crossed it is not a second one."""
    if wake.wake_number <= waking.seen:
        return
    waking.seen, waking.state, waking.told = wake.wake_number, codes.PI_BUSY, None
    _beat(trap, waking)  # the supervisor learns at once that this trigger was seen
    on_wake(trap, wake, lambda: _beat(trap, waking))
    visited = wake.reason == codes.REASON_HOST and trap.host is not None
    waking.state = codes.PI_HOST if visited else codes.PI_ARMED
    stay_up_ms = trap.deployment.protocol.stay_up_ms if wake.ladder < codes.LADDER_NO_HOLD_OFF else 0
    waking.patience_ms = HOST_VISIT_MS if visited else stay_up_ms
    _beat(trap, waking)


def _merge(trap: Trap, record: frames.Record) -> None:
    """Take over one record of the supervisor's ring; it is acknowledged only after it is committed here."""
    trap.journal.append(Kind.SUPERVISOR, trap.clock.now(), ring.body_of(record))
    trap.supervisor.send(codes.RING_ACK, frames.pack_u32(record.sequence))
