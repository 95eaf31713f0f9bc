"""Twelve AA lithium cells, 4S3P: the charge of the pack of ``trap_wire.energy``, spent by the second."""

from dataclasses import dataclass

from trap_wire.energy import cells

PACK = cells.pack("lithium-aa-12")
_RESTING_MA = 200.0  # what the unit takes in a wake, for questions that name no load
_BELOW_EMPTY_V = 20.0  # for each charge over: a reversed cell, straight down


@dataclass
class Battery:
    """Owner of the charge. ``used_mah`` counts at the pack's terminals."""

    used_mah: float = 0.0

    def draw(self, milliamps: float, ms: float) -> None:
        """Take a current for a time."""
        self.used_mah += milliamps * ms / 3_600_000

    def millivolts(self, load_ma: float, celsius: float) -> int:
        """Pack voltage under a load at a temperature; never below 0."""
        share = self.used_mah / PACK.available_mah(celsius, max(load_ma, _RESTING_MA))
        over_mv = 1000 * _BELOW_EMPTY_V * max(0.0, share - 1.0)
        return max(0, round(PACK.millivolts(share, celsius, load_ma) - over_mv))

    def left(self, celsius: float) -> float:
        """Share of the charge that is left at this temperature, 0..1."""
        return max(0.0, 1.0 - self.used_mah / capacity_mah(celsius))


def capacity_mah(celsius: float) -> float:
    """Charge of the pack at a temperature."""
    return PACK.available_mah(celsius, _RESTING_MA)
