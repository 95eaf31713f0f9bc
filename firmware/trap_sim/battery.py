"""Twelve AA lithium cells, four in series and three in parallel, as far as a night needs them: charge, cold and load.

Small on purpose; ``manul power`` has the big model. Constants from the Energizer L91 data sheet (form L91GL1218): open
circuit about 1.8 V fresh and 1.5 V for most of the discharge, cut-off 0.9 V, 3,500 mAh at 21 °C and low drain, some 85 % of
that at −20 °C and half at −40 °C, internal resistance 0.09–0.15 Ω a cell at 21 °C, which roughly doubles each 20 °C of cold.
"""

from dataclasses import dataclass
from itertools import pairwise

SERIES, PARALLEL = 4, 3
CELL_MAH = 3_500.0
CELL_OHM = 0.12
# Share of the charge used -> open-circuit volts of one cell.
_CURVE = ((0.0, 1.80), (0.03, 1.64), (0.15, 1.55), (0.60, 1.50), (0.85, 1.43), (0.95, 1.28), (1.0, 0.95))
_COLD = ((-40.0, 0.50), (-20.0, 0.85), (0.0, 0.95), (21.0, 1.0))


@dataclass
class Battery:
    """Owner of the charge. ``used_mah`` counts at the pack's terminals."""

    used_mah: float = 0.0

    def draw(self, milliamps: float, ms: float) -> None:
        """Take a current for a time."""
        self.used_mah += milliamps * ms / 3_600_000

    def millivolts(self, load_ma: float, celsius: float) -> int:
        """Pack voltage under a load at a temperature; never below 0."""
        used = self.used_mah / capacity_mah(celsius)
        open_circuit = SERIES * _between(_CURVE, min(used, 1.0)) - 20.0 * max(0.0, used - 1.0)
        return max(0, round(1000 * open_circuit - load_ma * pack_ohm(celsius)))

    def left(self, celsius: float) -> float:
        """Share of the charge that is left at this temperature, 0..1."""
        return max(0.0, 1.0 - self.used_mah / capacity_mah(celsius))


def capacity_mah(celsius: float) -> float:
    """Charge of the pack at a temperature."""
    return PARALLEL * CELL_MAH * _between(_COLD, celsius)


def pack_ohm(celsius: float) -> float:
    """Internal resistance of the pack."""
    return float(SERIES / PARALLEL * CELL_OHM * 2 ** (max(0.0, 21.0 - celsius) / 20))


def _between(points: tuple[tuple[float, float], ...], x: float) -> float:
    """Straight lines between points; the ends hold beyond them."""
    if x <= points[0][0]:
        return points[0][1]
    for (x0, y0), (x1, y1) in pairwise(points):
        if x <= x1:
            return y0 + (y1 - y0) * (x - x0) / (x1 - x0)
    return points[-1][1]
