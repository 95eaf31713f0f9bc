"""A whole unit at a cable for the tests of the link: real trap, real facts, pretend camera and detector."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.link_rig import Bench, SetClock, serving
from tests.unit.trap.parts import QueueLink, ScriptedCamera, ScriptedDetector, animal, shot
from trap.assembly import summary_of
from trap.cable import StationSlot, host_facts
from trap.deployment import parse_or_safe
from trap.drivers.age import sealer
from trap.drivers.tty import open_pty
from trap.duty import Trap
from trap.link.host import host_server
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
        pty = open_pty()
        station = StationSlot(self.slot.read_bytes, self.slot.write_bytes)
        facts = host_facts(self.trap, lambda: summary_of(self.trap), station)
        with serving(host_server(pty.port, facts)):
            yield pty.path
        pty.close()
