"""Pulses of a pretend PIR: what crosses its field through a day, and what only seems to.

Animals come at dusk and dawn most (Pallas's cat is crepuscular: Ross et al. 2012, "Activity patterns", peaks around both),
each visit a few pulses; stones that the sun has warmed pulse in the afternoon; wind pulses with moving grass, in a storm by
the hundred, which is what the gate's token bucket is for.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from trap_sim.scene import Subject
from trap_sim.sky import HOUR_MS, Sky

Weight = Callable[[Sky, int], float]


@dataclass(frozen=True, slots=True)
class Pulse:
    """A rising edge of the PIR, what caused it, and the seed of its scene. Pulses of one visit share the seed."""

    at_ms: int
    cause: Subject
    seed: int


@dataclass(frozen=True, slots=True)
class Rates:
    """How much goes on, on average in 24 hours; ``storm`` is (start, end) in virtual ms, ``storm_per_hour`` its pulses."""

    visits: float = 14.0
    wind: float = 22.0
    warm_stones: float = 8.0
    shadows: float = 9.0
    storm: tuple[int, int] | None = None
    storm_per_hour: float = 160.0


def pulses(rng: np.random.Generator, sky: Sky, rates: Rates, end_ms: int) -> list[Pulse]:
    """Every pulse from 0 to ``end_ms``, in order."""
    found = list(_visits(rng, sky, rates, end_ms))
    for cause, a_day, weight in (
        (Subject.WIND, rates.wind, _windy),
        (Subject.WARM_STONE, rates.warm_stones, _sunny),
        (Subject.SHADOW, rates.shadows, _bright),
    ):
        found += [Pulse(at, cause, _seed(rng)) for at in _moments(rng, sky, a_day, weight, end_ms)]
    found += _storm(rng, rates)
    return sorted((pulse for pulse in found if 0 <= pulse.at_ms < end_ms), key=lambda pulse: pulse.at_ms)


def spread(rng: np.random.Generator, sky: Sky, rates: Rates, end_ms: int, count: int) -> list[Pulse]:
    """Pulses for ``count`` things to be seen, in the rhythm of animals, a fifth more than needed, and the storm on top."""
    scale = 24 * HOUR_MS / end_ms
    found = [Pulse(at, Subject.CAT, _seed(rng)) for at in _moments(rng, sky, 1.2 * count * scale, crepuscular, end_ms)]
    return sorted(found + _storm(rng, rates), key=lambda pulse: pulse.at_ms)


def _visits(rng: np.random.Generator, sky: Sky, rates: Rates, end_ms: int) -> Iterator[Pulse]:
    for at in _moments(rng, sky, rates.visits, crepuscular, end_ms):
        animal = rng.choice([Subject.CAT, Subject.PEEKING_CAT, Subject.HOOFED], p=[0.5, 0.2, 0.3])
        seed, later = _seed(rng), at
        for _ in range(1 + int(rng.poisson(1.2))):
            yield Pulse(later, Subject(animal), seed)
            later += int(rng.uniform(2_500, 25_000))


def _storm(rng: np.random.Generator, rates: Rates) -> list[Pulse]:
    if rates.storm is None:
        return []
    start, end = rates.storm
    count = int(rng.poisson(rates.storm_per_hour * (end - start) / HOUR_MS))
    return [Pulse(int(at), Subject.WIND, _seed(rng)) for at in rng.uniform(start, end, size=count)]


def _moments(rng: np.random.Generator, sky: Sky, a_day: float, weight: Weight, end_ms: int) -> Iterator[int]:
    """Moments of a process whose rate follows ``weight(sky, ms)``, a number up to about 3 with mean 1 (thinning)."""
    at, most = 0.0, 3.0
    while True:
        at += float(rng.exponential(24 * HOUR_MS / (a_day * most))) if a_day > 0 else math.inf
        if at >= end_ms:
            return
        if rng.uniform(0, most) < weight(sky, int(at)):
            yield int(at)


def crepuscular(sky: Sky, ms: int) -> float:
    """Rate of animals against the day's mean: two peaks where the sun crosses the horizon, a quiet noon."""
    edge = sky.day_hours / 2
    distance = abs(abs(sky.hour(ms) - 12) - edge)  # hours from sunrise or sunset
    return 0.35 + 2.4 * math.exp(-((distance / 1.6) ** 2))


def _windy(sky: Sky, ms: int) -> float:
    """Wind rises in the afternoon and dies at night."""
    return 0.5 + 1.2 * max(0.0, math.cos((sky.hour(ms) - 15) / 12 * math.pi))


def _sunny(sky: Sky, ms: int) -> float:
    return 2.6 if sky.height(ms) > 0.15 else 0.15


def _bright(sky: Sky, ms: int) -> float:
    return 2.4 if sky.height(ms) > 0.05 else 0.0


def _seed(rng: np.random.Generator) -> int:
    return int(rng.integers(1 << 31))
