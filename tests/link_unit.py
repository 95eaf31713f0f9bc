"""A whole unit at a cable for the tests of the link: real trap, real facts, pretend camera and detector."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from tests.link_rig import Bench, SetClock
from tests.unit.trap.parts import QueueLink, ScriptedCamera, ScriptedDetector, animal, shot
from trap.assembly import summary_of
from trap.cable import StationSlot, host_facts
from trap.deployment import parse_or_safe
from trap.drivers.age import sealer
from trap.drivers.tty import open_pty
from trap.duty import Trap
from trap.link.host import HostFacts, host_server
from trap.store.media import MediaStore, Reserve
from trap.triage.judge import Triage
from trap_wire import slot
from trap_wire.entries import Kind

STATION = '[station]\nunit = "MN-017"\ndeployment = "tost-2026-a"\n[protocol]\nname = "pallas"\n'


@dataclass
class WholeUnit:
    root: Path
    station: str = STATION
    camera: ScriptedCamera = field(default_factory=lambda: ScriptedCamera([shot(grey=90)]))
    detector: ScriptedDetector | None = field(default_factory=lambda: ScriptedDetector([(animal(0.9),)] * 50))

    def __post_init__(self) -> None:
        self.bench = Bench(self.root)
        self.slot = self.root / "station.slot"
        self.slot.write_bytes(slot.fill(self.station))
        deployment = parse_or_safe(self.slot.read_bytes())
        if seal := sealer(deployment.station.sealed_to):
            self.bench.store = MediaStore(self.bench.card, self.bench.journal, Reserve(journal=0, heartbeat=0), seal)
        clock = SetClock()
        self.trap = Trap(
            deployment=deployment,
            camera=self.camera,
            supervisor=QueueLink([]),
            card=self.bench.card,
            clock=clock,
            triage=Triage(self.detector, deployment, clock.monotonic_ms, "" if self.detector else "no detector"),
            journal=self.bench.journal,
            store=self.bench.store,
        )

    @property
    def journal(self):
        return self.bench.journal

    def kinds(self, kind: Kind) -> list[dict]:
        return [dict(entry.body) for entry in self.journal.entries(kind=kind)]

    @contextmanager
    def at_a_cable(self) -> Iterator[str]:
        """Served on a pty; a restart that a host asks for is one."""
        pty, over = open_pty(), threading.Event()

        def serve() -> None:
            while not over.is_set():
                server = host_server(pty.port, self._facts())
                while not over.is_set() and not self.trap.restart.is_set():
                    server.serve_for(20)
                if self.trap.restart.is_set():
                    self._start_anew()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield pty.path
        finally:
            over.set()
            thread.join(5)
        pty.close()

    def _facts(self) -> HostFacts:
        station = StationSlot(self.slot.read_bytes, self.slot.write_bytes)
        return host_facts(self.trap, lambda: summary_of(self.trap), station)

    def _start_anew(self) -> None:
        deployment = parse_or_safe(self.slot.read_bytes())
        triage = Triage(self.detector, deployment, self.trap.clock.monotonic_ms, self.trap.triage.trouble)
        self.trap = replace(self.trap, deployment=deployment, triage=triage, restart=threading.Event())
