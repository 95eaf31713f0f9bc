"""Temperature of a mountain site over the year, from latitude, altitude and whether cold air collects there.

Two stations of the Altai fix it: Altai City (46.4° N, 2,213 m, open slope: January −18.0 °C mean, −24.8 °C at night, −10.4 °C
by day; NOAA 1961-1990) and Kosh-Agach (50.0° N, 1,758 m, a basin: year −6.7 °C, January −31 °C; Altai Republic). Between and
beyond them it is an estimate good to about ±3 °C (``[climate]`` of the budget): 6 °C a kilometre, 0.7 °C a degree of
latitude, a cosine over the year. No weather: cold spells below the night's mean are not in it.
"""

import math
from dataclasses import dataclass

_COLDEST_DAY = 15
_SEA_LEVEL_C, _SEA_LEVEL_LATITUDE = 11.3, 46.4
_LAPSE_C_PER_KM, _LATITUDE_C_PER_DEG = 6.0, 0.7
_SWING_C, _NIGHT_C = 16.0, 7.0
_BASIN_C, _BASIN_SWING_C = 5.0, 6.0


@dataclass(frozen=True, slots=True)
class Site:
    """A place. ``basin``: 0 a slope, 1 a closed basin. ``fixed_c`` overrides it all: a cold chamber's year."""

    name: str
    latitude_deg: float = 0.0
    altitude_m: float = 0.0
    basin: float = 0.0
    fixed_c: float | None = None

    def day_c(self, day: int) -> float:
        """Mean of a day of the year, 0 = 1 January, °C."""
        if self.fixed_c is not None:
            return self.fixed_c
        mean = _SEA_LEVEL_C - _LAPSE_C_PER_KM * self.altitude_m / 1000 - self.basin * _BASIN_C
        mean -= _LATITUDE_C_PER_DEG * (self.latitude_deg - _SEA_LEVEL_LATITUDE)
        swing = _SWING_C + self.basin * _BASIN_SWING_C
        return mean - swing * math.cos(2 * math.pi * (day - _COLDEST_DAY) / 365)

    def night_c(self, day: int) -> float:
        """Coldest hour of a day, °C."""
        return self.day_c(day) - (0.0 if self.fixed_c is not None else _NIGHT_C)


SITES = {
    site.name: site
    for site in (
        Site("altai-slope", 49.0, 2_400),
        Site("altai-basin", 50.0, 1_760, basin=1.0),
        Site("gobi-altai", 45.5, 1_900),
        Site("tian-shan", 41.5, 3_000),
        Site("bench", fixed_c=20.0),
        Site("minus-20", fixed_c=-20.0),
        Site("minus-30", fixed_c=-30.0),
    )
}
