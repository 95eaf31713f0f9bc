"""A unit on a real pty for the tests of the link: real journal, real card folder, real server; a cable that can be bad."""

import os
import random
import select
import threading
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trap.drivers.card import FolderCard
from trap.drivers.ed25519 import Ed25519
from trap.drivers.tty import open_pty
from trap.link.answers import CHUNK
from trap.link.host import HostFacts, Trust, host_server
from trap.link.smp_server import Server
from trap.ports import HostPort
from trap.store.journal import Journal
from trap.store.media import MediaStore, Picture, Reserve
from trap.store.shelf import JournalShelf
from trap_wire.entries import Kind
from trap_wire.vocabulary import Role

START = datetime(2026, 3, 1, 18, 0, tzinfo=UTC)


@dataclass
class SetClock:
    """A clock that stands where it was set."""

    time: datetime = START

    def now(self) -> datetime:
        return self.time

    def monotonic_ms(self) -> int:
        return 0

    def set(self, now: datetime) -> None:
        self.time = now


@dataclass
class Bench:
    """A unit's memory, and what the link told it."""

    root: Path
    unit: str = "MN-017"
    deployment: str = "tost-2026-a"
    clock: SetClock = field(default_factory=SetClock)
    told: list[tuple[datetime, datetime]] = field(default_factory=list)
    door: bool = False
    keys: tuple[bytes, ...] = ()
    seed: bytes = bytes(range(32))
    visitors: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.journal = Journal(self.root / "journal.sqlite")
        self.card = FolderCard(self.root)
        self.store = MediaStore(self.card, self.journal, Reserve(journal=0, heartbeat=0))

    def summary(self) -> dict[str, object]:
        return {"unit": self.unit, "deployment": self.deployment, "entries": self.journal.head}

    def facts(self) -> HostFacts:
        shelf = JournalShelf(self.journal, self.card)
        trust = (
            Trust(lambda: self.keys, Ed25519(self.seed), lambda *said: self.visitors.append(said))
            if self.door
            else None
        )
        told = lambda *times: self.told.append(times)  # noqa: E731
        return HostFacts(self.unit, "0.1.0", self.clock, shelf, self.summary, told, trust)

    def wakes(self, count: int) -> None:
        at = [START + timedelta(minutes=minute) for minute in range(count)]
        self.journal.append_all(START, [(Kind.WAKE, {"reason": "pir", "at": str(when)}) for when in at])

    def keep(self, name: str, size: int, role: Role = Role.PHOTOGRAPH) -> bytes:
        """A file of random bytes between JPEG markers, journalled."""
        folder = "thumbnails" if role == Role.THUMBNAIL else "media"
        data = b"\xff\xd8" + random.Random(name).randbytes(size - 4) + b"\xff\xd9"
        body = self.store.save(Picture(f"{folder}/{name}.jpg", data, role, {}), START)
        self.journal.append(Kind.MEDIA, START, body)
        return data


@contextmanager
def serving(server: Server) -> Iterator[None]:
    """Run a server in slices of 20 ms, as the duty cycle does."""
    over = threading.Event()

    def serve() -> None:
        while not over.is_set():
            server.serve_for(20)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(5)


@contextmanager
def plugged_in(bench: Bench, chunk: int = CHUNK, damage: "Damage | None" = None) -> Iterator[str]:
    """Serve a unit on a pty; gives the path that the laptop opens. ``damage`` puts a bad cable between."""
    pty = open_pty()
    cable = Cable(pty.path, damage) if damage else None
    with serving(host_server(pty.port, bench.facts(), chunk)):
        try:
            yield cable.path if cable else pty.path
        finally:
            if cable:
                cable.close()
    pty.close()


Damage = Callable[[bytes], bytes | None]


def noise(share: float, seed: int = 1) -> Damage:
    """Corrupts or drops that share of the lines, both ways."""
    draw = random.Random(seed)

    def spoil(line: bytes) -> bytes | None:
        if draw.random() >= share:
            return line
        if draw.random() < 0.3 or len(line) < 4:
            return None
        at = draw.randrange(2, len(line) - 1)
        return line[:at] + bytes([line[at] ^ (1 << draw.randrange(7))]) + line[at + 1 :]

    return spoil


class Cable:
    """Copies lines between a unit's pty and another one, and does to each what ``damage`` says. ``cut`` hangs up."""

    def __init__(self, unit_path: str, damage: Damage) -> None:
        self._unit = os.open(unit_path, os.O_RDWR | os.O_NOCTTY)
        self._host, self._slave = os.openpty()
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._damage = damage
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._copy, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._over.set()
        self._thread.join(5)
        for descriptor in (self._unit, self._host, self._slave):
            os.close(descriptor)

    def _copy(self) -> None:
        rests = {self._unit: b"", self._host: b""}
        while not self._over.is_set():
            ready, _, _ = select.select(list(rests), [], [], 0.05)
            for source in ready:
                *lines, rests[source] = (rests[source] + os.read(source, 65536)).split(b"\n")
                kept = [spoilt for line in lines if (spoilt := self._damage(line + b"\n")) is not None]
                self._send(self._host if source == self._unit else self._unit, b"".join(kept))

    def _send(self, target: int, data: bytes) -> None:
        while data and not self._over.is_set():
            if select.select([], [target], [], 0.05)[1]:
                data = data[os.write(target, data[:1024]) :]


def quiet_port() -> HostPort:
    """A pty at which nobody answers."""
    return open_pty().port
