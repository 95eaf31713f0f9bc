"""Putting a pretend unit together: pretend board, camera, clock and card; everything else is what runs on a mountain."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path

from trap.assembly import Parts, put_together
from trap.deployment import Deployment, Protocol, parse_or_safe
from trap.duty import Trap
from trap.store.media import MIB, Reserve
from trap_sim.board import Board
from trap_sim.camera import SimCamera
from trap_sim.card import SimCard
from trap_sim.clock import Rtc, SimClock
from trap_sim.uart import SimLink, Uart
from trap_sim.vtime import VirtualTime

STATION = "boot/station.toml"
CARD = "card"
JOURNAL = "card/journal.sqlite"
RESERVE = Reserve(journal=2 * MIB, heartbeat=2 * MIB)


@dataclass(frozen=True, slots=True)
class Rig:
    """The pretend parts of one unit, and the folder that stands for its card. ``detector`` None runs without one."""

    folder: Path
    time: VirtualTime
    rtc: Rtc
    uart: Uart
    board: Board
    camera: SimCamera
    card: SimCard
    detector: Path | None


def simulated_trap(rig: Rig) -> Trap:
    """The same frozen ``Trap`` as ``trap.assembly.real_trap``, as it stands after each boot of the Pi."""
    clock = SimClock(rig.time, rig.rtc)
    return put_together(
        Parts(
            deployment=deployment_of(rig.folder),
            camera=rig.camera,
            supervisor=SimLink(rig.time, rig.uart, rig.board.hear),
            card=rig.card,
            clock=clock,
            journal=rig.folder / JOURNAL,
            detector=rig.detector,
            reserve=RESERVE,
        )
    )


def deployment_of(folder: Path) -> Deployment:
    """What the station slot says, or the safe default with the reason."""
    try:
        raw = (folder / STATION).read_bytes()
    except OSError:
        raw = b""
    return parse_or_safe(raw)


def settings_of(protocol: Protocol) -> dict[str, object]:
    """What the supervisor keeps in its flash of a protocol; fields that it does not know it leaves out by itself."""
    return dataclasses.asdict(protocol)
