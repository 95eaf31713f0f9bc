"""Putting a pretend unit together: pretend board, camera, clock and card; everything else is what runs on a mountain."""

from dataclasses import dataclass
from pathlib import Path

from trap.assembly import Parts, put_together
from trap.deployment import Deployment, parse_or_safe
from trap.drivers.supervised import HELLO_S, acquaint
from trap.duty import Trap
from trap.link.bulk import Bulk
from trap.link.supervisor import SupervisorLine, settings_of
from trap.store.held import HeldCard
from trap.store.media import MIB, Reserve
from trap_sim.board import Board
from trap_sim.camera import SimCamera
from trap_sim.card import SimCard
from trap_sim.clock import Rtc, SimClock
from trap_sim.drive import PretendDrive
from trap_sim.flash import Flash
from trap_sim.uart import Uart, WirePort
from trap_sim.vtime import VirtualTime
from trap_supervisor import body
from trap_wire import frames
from trap_wire.energy.ladder import steps
from trap_wire.entries import Kind

STATION = "boot/station.toml"
CARD = "card"
JOURNAL = "card/journal.sqlite"
RESERVE = Reserve(journal=2 * MIB, heartbeat=2 * MIB)


@dataclass(frozen=True, slots=True)
class Rig:
    """The pretend parts of one unit, and the folder that stands for its card. ``detector`` None runs without one.

    ``drive`` None: a unit without a USB gadget.
    """

    folder: Path
    time: VirtualTime
    rtc: Rtc
    uart: Uart
    board: Board
    camera: SimCamera
    card: SimCard
    detector: Path | None
    drive: PretendDrive | None = None


def simulated_trap(rig: Rig) -> Trap:
    """The same frozen ``Trap`` as ``trap.assembly.real_trap``, as it stands after each boot of the Pi."""
    deployment, line = deployment_of(rig.folder), line_of(rig.time, rig.uart, rig.board)
    clock = SimClock(rig.time, rig.rtc, lambda now: line.set_clock(round(now.timestamp())))
    bulk = Bulk(rig.drive, clock.monotonic_ms) if rig.drive else None
    trap = put_together(
        Parts(
            deployment=deployment,
            camera=rig.camera,
            supervisor=line,
            card=HeldCard(rig.card, lambda: bulk.on) if bulk else rig.card,
            clock=clock,
            journal=rig.folder / JOURNAL,
            detector=rig.detector,
            reserve=RESERVE,
            bulk=bulk,
        )
    )
    if trouble := acquaint(line, deployment, trap.journal.newest(Kind.SUPERVISOR)):
        trap.journal.append(Kind.ERROR, trap.clock.now(), {"part": "supervisor", "words": trouble})
    return trap


def line_of(time: VirtualTime, uart: Uart, board: Board) -> SupervisorLine:
    """The real link over the pretend wire, after its handshake."""
    line = SupervisorLine(WirePort(time, uart, board.take), lambda: time.ms / 1000)
    line.hello(HELLO_S)
    return line


def deployment_of(folder: Path) -> Deployment:
    """What the station slot says, or the safe default with the reason."""
    try:
        raw = (folder / STATION).read_bytes()
    except OSError:
        raw = b""
    return parse_or_safe(raw)


def told(deployment: Deployment) -> Flash:
    """A supervisor's flash to which a Pi has told this deployment's rules."""
    flash = Flash()
    body.keep_settings(
        flash, frames.pack_settings(settings_of(deployment), steps(deployment.station.chemistry, deployment.protocol))
    )
    return flash
