"""The sun's hour at a place: activity of animals follows it, not UTC. Formulas of NOAA's solar calculator, good to a minute."""

import math
from datetime import datetime, timedelta


def solar_hour(at: datetime, longitude_deg: float) -> float:
    """True solar time, hours 0..24; the sun is highest at 12."""
    utc = at.hour + at.minute / 60 + at.second / 3600
    return (utc + longitude_deg / 15 + equation_of_time_min(at) / 60) % 24


def equation_of_time_min(at: datetime) -> float:
    """Minutes by which the sundial is ahead of a mean clock."""
    day = _year_angle(at)
    return 229.18 * (
        0.000075
        + 0.001868 * math.cos(day)
        - 0.032077 * math.sin(day)
        - 0.014615 * math.cos(2 * day)
        - 0.040849 * math.sin(2 * day)
    )


def day_length_h(at: datetime, latitude_deg: float) -> float:
    """Hours between sunrise and sunset (centre of the sun 0.833° below the horizon); 0 or 24 beyond the polar circles."""
    declination = _declination(at)
    latitude = math.radians(latitude_deg)
    cosine = (math.cos(math.radians(90.833)) - math.sin(latitude) * math.sin(declination)) / (
        math.cos(latitude) * math.cos(declination)
    )
    return 24 / math.pi * math.acos(min(1.0, max(-1.0, cosine)))


def _declination(at: datetime) -> float:
    day = _year_angle(at)
    return (
        0.006918
        - 0.399912 * math.cos(day)
        + 0.070257 * math.sin(day)
        - 0.006758 * math.cos(2 * day)
        + 0.000907 * math.sin(2 * day)
        - 0.002697 * math.cos(3 * day)
        + 0.00148 * math.sin(3 * day)
    )


def _year_angle(at: datetime) -> float:
    start = datetime(at.year, 1, 1, tzinfo=at.tzinfo)
    return 2 * math.pi * ((at - start) / timedelta(days=1)) / 365.25
