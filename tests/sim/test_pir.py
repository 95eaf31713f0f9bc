from collections import Counter

import numpy as np

from trap_sim.pir import Rates, crepuscular, pulses
from trap_sim.scene import Subject
from trap_sim.sky import DAY_MS, HOUR_MS, Sky

SKY = Sky()


def night(seed=1, end_ms=17 * HOUR_MS, **rates):
    return pulses(np.random.default_rng(seed), SKY, Rates(**rates), end_ms)


def test_same_seed_gives_the_same_night():
    assert night(7) == night(7)
    assert night(7) != night(8)


def test_animals_come_at_dusk_and_dawn_most():
    found = [p for p in night(end_ms=60 * DAY_MS) if p.cause.animal]
    hours = Counter(int(SKY.hour(p.at_ms)) for p in found)
    edges = sum(hours[h] for h in (5, 6, 7, 16, 17, 18))
    middle = sum(hours[h] for h in (0, 1, 2, 10, 11, 12))
    assert edges > 3 * middle


def test_stones_warm_only_where_the_sun_is():
    found = [p for p in night(end_ms=60 * DAY_MS) if p.cause is Subject.WARM_STONE]
    by_day = sum(SKY.height(p.at_ms) > 0 for p in found)
    assert by_day > 0.8 * len(found)


def test_storm_floods_its_hours_and_no_others():
    calm, stormy = night(), night(storm=(5 * HOUR_MS, 8 * HOUR_MS))
    assert len(stormy) > len(calm) + 300
    inside = [p for p in stormy if 5 * HOUR_MS <= p.at_ms < 8 * HOUR_MS]
    assert len(stormy) - len(inside) < len(calm) + 20


def test_visit_is_a_few_pulses_of_the_same_animal():
    visits = Counter(p.seed for p in night(end_ms=30 * DAY_MS) if p.cause.animal)
    assert max(visits.values()) > 1
    assert min(visits.values()) == 1


def test_mean_rate_of_animals_is_about_what_was_asked_for():
    ms = range(0, DAY_MS, 60_000)
    assert 0.8 < sum(crepuscular(SKY, at) for at in ms) / len(ms) < 1.3


def test_light_falls_at_sunset_and_returns_at_dawn():
    lux = [SKY.lux(h * HOUR_MS) for h in range(18)]
    assert lux[0] > 5_000
    assert min(lux) < 0.01
    assert lux[17] > 5_000
