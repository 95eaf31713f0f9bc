"""A year of pulses through the real supervisor policy, without pictures: what the gate admits, refuses and loses.

The Pi is played by its shadow: it says HELLO, is busy for as long as a burst takes, asks for sleep and halts. Everything else
(life, gate, rail, schedule, energy ladder, clock, battery, frames) is what a night runs.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import numpy as np

from trap.deployment import SAFE, Protocol
from trap_sim.assembly import line_of, told
from trap_sim.battery import Battery
from trap_sim.board import Board, Pins, Readings
from trap_sim.clock import Rtc, SimClock
from trap_sim.pir import Rates, pulses
from trap_sim.power import Supply
from trap_sim.sky import DAY_MS, HOUR_MS, Sky
from trap_sim.uart import Uart
from trap_sim.unit import BOOT_MS, HALT_MS
from trap_sim.vtime import PowerCut, VirtualTime
from trap_wire import codes, frames

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
BURST_MS = 2_500  # three frames half a second apart, triage and writing
WAIT_S = 5.0
QUIET = Rates(visits=2.0, wind=7.0, warm_stones=3.0, shadows=3.0)  # about 15 pulses on a day without a storm


@dataclass
class Tally:
    """What a stretch of time brought. ``admitted`` by reason; ``refused`` and ``lost_s`` as the WAKE frames told."""

    pulses: int = 0
    admitted: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    lost_s: int = 0
    cuts: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "pulses": self.pulses, "admitted": dict(self.admitted), "refused": self.refused,
            "lost_h": round(self.lost_s / 3_600, 2), "power_cuts": self.cuts,
        }  # fmt: skip


class Year:
    """One unit through a year at a middle latitude: cold in January, storms in spring and autumn."""

    def __init__(self, seed: int, protocol: Protocol) -> None:
        self._rng = np.random.default_rng([seed, 31])
        self.time, self.battery = VirtualTime(), Battery()
        rtc = Rtc(self.time, BEGAN, self._celsius, float(self._rng.uniform(-2, 2)))
        uart = Uart(seed=seed)
        pins = Pins(rtc, Supply(self.time, self.battery, self._celsius), uart, self._sense)
        self.board, self._uart = Board(self.time, pins, told(replace(SAFE, protocol=protocol))), uart
        self.clock = SimClock(self.time, rtc)
        self.months = [Tally() for _ in range(12)]

    def run(self, days: int = 365, told: Callable[[int], None] = lambda _: None) -> None:
        """Let the year pass; ``told`` gets each day's number."""
        self.board.switch_on()
        for day in range(days):
            self._live(day)
            told(day + 1)

    def _live(self, day: int) -> None:
        start = day * DAY_MS
        for pulse in pulses(self._rng, sky_of(day), self._rates(day), DAY_MS):
            self.time.at(start + pulse.at_ms, self._pulse)
        while (due := self.time.next_ms()) is not None and due < start + DAY_MS:
            self.time.advance_to(due)
            if self.board.pi_wanted:
                self._shadow()
        self.time.advance_to(start + DAY_MS)

    def _shadow(self) -> None:
        """The Pi's part of a wake, without its work."""
        self.board.pi_running = True
        try:
            self.time.advance(BOOT_MS)
            link, wait_s = line_of(self.time, self._uart, self.board), WAIT_S
            while (frame := link.receive(wait_s)) is not None:
                if frame.type in (codes.WAKE, codes.TRIGGER):
                    self._count(frames.unpack_wake(frame.payload))
                    self.time.advance(BURST_MS)
                    link.send(codes.HEARTBEAT)
                    wait_s = 0.0
            link.send(codes.SLEEP_REQUEST)
            self.time.advance(HALT_MS)
            self.board.halt()
        except PowerCut:
            self._tally().cuts += 1
            if self.board.pi_wanted:
                self.board.power_lost()

    def _count(self, wake: frames.Wake) -> None:
        tally = self._tally()
        tally.admitted[codes.REASON_NAMES[wake.reason]] += 1
        tally.refused += wake.throttled_triggers
        tally.lost_s += wake.throttled_s

    def _pulse(self) -> None:
        self._tally().pulses += 1
        self.board.pulse()

    def _tally(self) -> Tally:
        return self.months[min(11, self.time.ms * 12 // (365 * DAY_MS))]

    def _rates(self, day: int) -> Rates:
        """A storm of some hours every two weeks or so, twice as often around the equinoxes."""
        spring = abs(np.sin(2 * np.pi * day / 365))
        if self._rng.uniform() > 0.05 + 0.06 * spring:
            return QUIET
        start = int(self._rng.uniform(0, 18) * HOUR_MS)
        return replace(QUIET, storm=(start, start + int(self._rng.uniform(2, 6) * HOUR_MS)))

    def _celsius(self) -> float:
        return sky_of(self.time.ms // DAY_MS).celsius(self.time.ms)

    def _sense(self) -> Readings:
        return Readings(self._celsius(), sky_of(self.time.ms // DAY_MS).lux(self.time.ms))


@lru_cache(maxsize=2)
def sky_of(day: int) -> Sky:
    """The sky of a day of the year at 48° north, 2,000 m: −24 °C in January, 14 °C in July, 8 to 16 hours of day."""
    season = -np.cos(2 * np.pi * (day - 10) / 365)
    return Sky(0.0, float(12 + 4 * season), float(-5 + 19 * season), 7.0)
