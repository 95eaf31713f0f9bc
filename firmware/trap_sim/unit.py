"""One pretend unit through its time: pulses come, the latch closes, the Pi boots, runs the real duty cycle, and is cut.

Each boot of the Pi puts the trap together anew from its files, as a real boot does, so recovery after a power cut is the
real recovery.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import numpy as np

from trap import duty
from trap.duty import Trap
from trap_sim.assembly import CARD, Rig, simulated_trap
from trap_sim.battery import Battery
from trap_sim.board import Board, Pins, Readings
from trap_sim.camera import CameraFaults, SimCamera, World
from trap_sim.card import CardFaults, SimCard
from trap_sim.clock import Rtc, RtcFaults, SimClock
from trap_sim.drive import PretendDrive
from trap_sim.flash import Flash
from trap_sim.pir import Pulse
from trap_sim.power import Supply
from trap_sim.sky import Sky
from trap_sim.uart import Uart
from trap_sim.vtime import PowerCut, VirtualTime
from trap_sim.world import Show, Surroundings
from trap_wire.errors import StorageError

BOOT_MS = 4_200  # tuned Zero 2 W: 3.5 s to user space, then Python and the detector
FLASH = "supervisor.json"  # the files on the supervisor's flash
HALT_MS = 1_300  # sync and halt


@dataclass(frozen=True, slots=True)
class Fate:
    """What will befall one unit, besides weather and animals. ``cut_at_ms``: the power goes in mid-write soon after."""

    used_mah: float = 0.0
    cut_at_ms: int | None = None
    uart_noise: float = 0.0
    camera: CameraFaults = field(default_factory=CameraFaults)
    card: CardFaults = field(default_factory=CardFaults)
    rtc: RtcFaults = field(default_factory=RtcFaults)


@dataclass(frozen=True, slots=True)
class Setting:
    """Where and when a unit stands. ``folder`` holds its boot partition and card; ``started`` is the true UTC at 0 ms."""

    folder: Path
    started: datetime
    sky: Sky
    seed: int
    detector: Path | None


class SimUnit:
    """Owner of one unit's world. ``run`` lets its time pass; ``power_cuts`` counts those that hit a running Pi."""

    def __init__(self, setting: Setting, fate: Fate, show: Callable[[VirtualTime], Show]) -> None:
        rng = np.random.default_rng([setting.seed, 17])
        self.time, sky = VirtualTime(), setting.sky
        self.surroundings = Surroundings(self.time, show(self.time))
        rtc = Rtc(self.time, setting.started, self._celsius, float(rng.uniform(-2, 2)), fate.rtc)
        self.battery = Battery(fate.used_mah)
        self._sky, self._fate = sky, fate
        uart = Uart(fate.uart_noise, setting.seed)
        pins = Pins(rtc, Supply(self.time, self.battery, self._celsius), uart, self._sense)
        self._flash = setting.folder / FLASH
        self.board = Board(self.time, pins, Flash.load(self._flash))  # the Pi tells it the protocol at its first boot
        self.card = SimCard(setting.folder / CARD, fate.card, setting.seed)
        world = World(self.surroundings.scene, lambda: sky.lux(self.time.ms))
        camera = SimCamera(self.time, SimClock(self.time, rtc), world, fate.camera, setting.seed)
        drive = PretendDrive()  # at a laptop nothing comes up, but the unit lends its card as a real one does
        self.rig = Rig(setting.folder, self.time, rtc, uart, self.board, camera, self.card, setting.detector, drive)
        self.power_cuts = 0
        self.troubles: list[str] = []

    def run(self, pulses: Iterable[Pulse], end_ms: int, told: Callable[[int], None] = lambda _: None) -> None:
        """From the batteries going in to ``end_ms``; ``told`` is called with the virtual time after every wake."""
        for pulse in pulses:
            self.time.at(pulse.at_ms, lambda pulse=pulse: self._pulse(pulse))  # type: ignore[misc]
        if self._fate.cut_at_ms is not None:
            self.time.at(self._fate.cut_at_ms, self._loosen_contact)
        self.board.switch_on()
        while (due := self.time.next_ms()) is not None and due <= end_ms:
            self.time.advance_to(due)
            if self.board.pi_wanted:
                self.boot()
                told(self.time.ms)
        self.time.advance_to(end_ms)
        self.board.flash.save(self._flash)

    def step_until_wanted(self, patience_ms: int = 5_000) -> None:
        """Let time pass until the supervisor wants the Pi up, or patience is over."""
        end = self.time.ms + patience_ms
        while not self.board.pi_wanted and self.time.ms < end:
            due = self.time.next_ms()
            self.time.advance_to(end if due is None else min(due, end))

    def boot(self, work: Callable[[Trap], None] = duty.awake) -> None:
        """The rail is up: boot, recover, do the work, halt. A power cut ends it wherever it is."""
        if not self.board.pi_wanted:
            return
        self.board.pi_running = True
        try:
            self.time.advance(BOOT_MS)
            self._live(work)
            self.board.halt()
        except PowerCut:
            self.power_cuts += 1
            self.card.cut()
            if self.board.pi_wanted:
                self.board.power_lost()

    def _live(self, work: Callable[[Trap], None]) -> None:
        trap = simulated_trap(self.rig)
        try:
            duty.start(trap)
            work(trap)
        except StorageError as error:
            self.troubles.append(str(error))
        finally:
            trap.journal.close()
        self.time.advance(HALT_MS)

    def _pulse(self, pulse: Pulse) -> None:
        if not self.surroundings.over:
            self.surroundings.pulse(pulse)
            self.board.pulse()

    def _loosen_contact(self) -> None:
        """The next file but one that is written after this is the one during which the power goes."""
        self.card.faults.cut_at = self.card.operations + 5

    def _celsius(self) -> float:
        return self._sky.celsius(self.time.ms)

    def _sense(self) -> Readings:
        return Readings(self._celsius(), self._sky.lux(self.time.ms))
