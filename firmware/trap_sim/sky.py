"""Sun, light and temperature of a pretend site: enough of the sky to make dusk, night and dawn where they belong.

Times are virtual milliseconds since the start of the simulation, which is a moment of local solar time.
"""

import math
from dataclasses import dataclass

from trap_sim.scene import Light

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


@dataclass(frozen=True, slots=True)
class Sky:
    """The sky over one site: the hour (0..24, solar) at virtual time 0, the season's day length, the day's temperatures."""

    start_hour: float = 16.0
    day_hours: float = 11.0
    mean_c: float = -6.0
    swing_c: float = 9.0

    def hour(self, ms: int) -> float:
        """Hour of the day, 0..24."""
        return (self.start_hour + ms / HOUR_MS) % 24

    def height(self, ms: int) -> float:
        """How high the sun is: 1 at noon, 0 at sunrise and sunset, negative at night."""
        lift = math.cos(math.pi * self.day_hours / 24)
        return (math.cos((self.hour(ms) - 12) / 12 * math.pi) - lift) / (1 - lift)

    def lux(self, ms: int) -> float:
        """Light on the ground: 20,000 lx by day, 400 lx at sunset, 3 lx at the end of civil twilight, starlight after."""
        height = self.height(ms)
        if height >= 0:
            return 400.0 + 40_000.0 * height
        return max(0.002, 400.0 * math.exp(height * 34))

    def light(self, ms: int) -> Light:
        """Light with its colour: warm and long-shadowed when the sun is low, blue in twilight."""
        height = self.height(ms)
        if height <= 0:
            return Light(self.lux(ms), -0.08, 0.0)
        return Light(self.lux(ms), 0.14 * math.exp(-height * 5), min(1.0, height * 2.5))

    def celsius(self, ms: int) -> float:
        """Air temperature: coldest before dawn, warmest in the early afternoon."""
        return self.mean_c + self.swing_c * math.cos((self.hour(ms) - 14) / 12 * math.pi)
