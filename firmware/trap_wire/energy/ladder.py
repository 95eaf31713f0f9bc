"""The battery ladder of a protocol in millivolts: what share of the charge is left can only be seen by the resting voltage.

The Pi works the steps out of the cells' curve and hands them to the supervisor, which compares and no more; a unit without a
supervisor compares here. A flat curve (lithium: 75 mV a cell between 60 % and 15 % left) makes a step early or late by some
percent of the charge; the curve's sources are in ``cells``.
"""

from typing import NamedTuple

from trap_wire.energy import cells
from trap_wire.protocol import Protocol

# As trap_supervisor.energy has them; a test compares the two.
HYSTERESIS_MV = 150
COLD_MV_PER_C = 4
COLD_MOST_MV = 200


class Steps(NamedTuple):
    """Rested voltage of the pack at 20 °C; below each the unit does less. All 0: it never does (mains)."""

    no_hold_off_mv: int
    heartbeat_only_mv: int
    off_mv: int


def steps(chemistry: str, protocol: Protocol) -> Steps:
    """Steps of a pack named as in ``station.toml``."""
    if chemistry not in cells.PACKS:
        return Steps(0, 0, 0)
    pack = cells.pack(chemistry)
    shares = (protocol.no_hold_off_pct, protocol.heartbeat_only_pct, protocol.off_pct)
    return Steps(*(round(pack.millivolts(1 - share / 100, 20.0, 0.0)) for share in shares))


def rung(given: Steps, now: int, rested_mv: float, celsius: float | None) -> int:
    """Next rung (``codes.LADDER_*``) from the rung ``now``: each is left downwards at its step, upwards well above it."""
    excused = rested_mv + _cold_mv(celsius)
    below = sum(excused < step for step in given)
    if below >= now:
        return below
    return min(now, max(below, sum(excused < step + HYSTERESIS_MV for step in given)))


class Ladder:
    """The rung of a unit whose pack is measured while it works, from one measurement to the next."""

    def __init__(self, chemistry: str, protocol: Protocol) -> None:
        self._steps = steps(chemistry, protocol)
        self._pack = cells.PACKS.get(chemistry)
        self._now = 0

    def judged(self, battery_mv: float | None, battery_ma: float | None, celsius: float | None) -> int:
        """``codes.LADDER_*``; ``battery_ma`` is negative out of the pack, and what it sags by is added. No gauge: as it was."""
        if battery_mv is not None and self._pack is not None:
            warm = 20.0 if celsius is None else celsius
            rested_mv = battery_mv - (battery_ma or 0.0) * self._pack.resistance_ohm(warm)
            self._now = rung(self._steps, self._now, rested_mv, celsius)
        return self._now


def _cold_mv(celsius: float | None) -> float:
    return 0.0 if celsius is None else min(COLD_MOST_MV, max(0.0, 20.0 - celsius) * COLD_MV_PER_C)
