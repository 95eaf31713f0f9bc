"""The whole unit on one thread, as on the Pi: a cat that passes while the laptop pulls is photographed all the same."""

import dataclasses
import threading
import time
from datetime import UTC, datetime

from tests.link_rig import Bench
from tests.unit.trap.parts import ScriptedCamera, ScriptedDetector, animal, wake
from trap.deployment import Deployment, Protocol, Station
from trap.drivers.tty import open_pty
from trap.duty import Trap, awake
from trap.link.host import host_server
from trap.triage.judge import Triage
from trap_tools.field.pulling import Options, pull
from trap_wire import codes, frames
from trap_wire.entries import Kind

STATION = Station(unit="MN-017", deployment="tost-2026-a", audit_key="5c" * 32)


@dataclasses.dataclass
class RunningClock:
    """The computer's; once the visit is ``over`` each look is a minute later, so that nobody waits for a quiet host."""

    over: threading.Event
    skipped_ms: int = 0

    def now(self):
        return datetime.now(UTC)

    def monotonic_ms(self):
        self.skipped_ms += 60_000 if self.over.is_set() else 0
        return time.monotonic_ns() // 1_000_000 + self.skipped_ms

    def set(self, now):
        pass


@dataclasses.dataclass
class PassingCat:
    """A supervisor that says WAKE once ``passes`` is set."""

    passes: threading.Event
    said: bool = False
    sent: list[int] = dataclasses.field(default_factory=list)

    def receive(self, timeout_s):
        if self.passes.is_set() and not self.said:
            self.said = True
            return frames.Frame(codes.WAKE, 0, frames.pack_wake(wake()))
        return None

    def send(self, type_, payload=b""):
        self.sent.append(type_)


def test_trigger_in_the_middle_of_a_pull_is_photographed_and_the_pull_completes(tmp_path):
    bench = Bench(tmp_path / "unit")
    for n in range(10):
        bench.keep(f"p{n}", 1_500_000)
    passes, over = threading.Event(), threading.Event()
    supervisor, pty, clock = PassingCat(passes), open_pty(), RunningClock(over)
    deployment = Deployment(station=STATION, protocol=Protocol(stay_up_ms=1))
    detector = ScriptedDetector([(animal(0.9),)] * 30)
    camera = ScriptedCamera()
    trap = Trap(
        deployment=deployment,
        camera=camera,
        supervisor=supervisor,
        card=bench.card,
        clock=clock,
        triage=Triage(detector, deployment, clock.monotonic_ms),
        journal=bench.journal,
        store=bench.store,
        host=host_server(pty.port, bench.facts()),
    )
    unit = threading.Thread(target=awake, args=(trap,))
    unit.start()
    photographed_at = []

    def progress(at):
        if at.stage == "media" and at.files_done >= 3:
            passes.set()
        if camera.plans and not photographed_at:
            photographed_at.append(at.bytes_done / at.bytes_total)

    receipt = pull(pty.path, tmp_path / "home", progress, Options(set_clock=False))
    over.set()
    unit.join(30)
    pty.close()
    assert receipt.complete
    assert receipt.kinds["media"].fetched == 10
    assert photographed_at
    assert photographed_at[0] < 0.9
    assert [entry.body["decision"] for entry in bench.journal.entries(kind=Kind.VERDICT)] == ["keep"]
    assert codes.SLEEP_REQUEST in supervisor.sent
    bench.journal.close()
