"""Six traps of one site for one night: who stands where, what will happen to whom, and what there is to see."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import numpy as np

from trap_sim.assembly import STATION
from trap_sim.camera import CameraFaults
from trap_sim.clock import RtcFaults
from trap_sim.photos import PhotoBurst
from trap_sim.pir import Pulse, Rates, pulses, spread
from trap_sim.sky import HOUR_MS, Sky
from trap_sim.unit import Fate
from trap_wire import slot

NIGHT_MS = 17 * HOUR_MS  # 16:00 to 09:00, dusk and dawn included
NIGHT = datetime(2026, 10, 3, 9, tzinfo=UTC)  # 16:00 solar time in western Mongolia; fixed, so that a seed says it all
MOST_BURSTS = 1_200  # of the user's photographs; more are sampled evenly, so that a night stays a minute or two
STORIES = (
    ("all is well", Fate(), Rates()),
    ("its battery goes flat", Fate(used_mah=7_550), Rates()),
    ("loses power in mid-write", Fate(cut_at_ms=5 * HOUR_MS), Rates(visits=22)),
    ("stands in a wind storm", Fate(), Rates(storm=(5 * HOUR_MS, 8 * HOUR_MS))),
    ("its clock is wrong", Fate(rtc=RtcFaults(lies_by_s=94)), Rates(visits=20)),
    ("noisy wires and a lens that hunts", Fate(uart_noise=0.02, camera=CameraFaults(misses_focus=0.25)), Rates()),
)
FLAT, FLAT_SHARE = 1, 0.3  # the unit with the flat battery can show only so many of the user's photographs


@dataclass(frozen=True, slots=True)
class Plan:
    """All about one unit's night, as it goes to a worker. ``bursts`` are the user's photographs, None: composed scenes."""

    unit: str
    folder: Path
    started: datetime
    seed: int
    story: str
    fate: Fate = field(default_factory=Fate)
    rates: Rates = field(default_factory=Rates)
    sky: Sky = field(default_factory=Sky)
    bursts: tuple[PhotoBurst, ...] | None = None

    def pulses(self) -> list[Pulse]:
        """Every pulse of the night; for photographs, enough of them that each burst finds one."""
        rng = np.random.default_rng([self.seed, 23])
        if self.bursts is None:
            return pulses(rng, self.sky, self.rates, NIGHT_MS)
        return spread(rng, self.sky, self.rates, NIGHT_MS, len(self.bursts))


def plans(folder: Path, seed: int, units: int, bursts: Sequence[PhotoBurst] | None) -> list[Plan]:
    """Plans of a site; the same seed plans the same night."""
    shares = _shares(bursts, units)
    return [_plan(folder, seed, number, share) for number, share in enumerate(shares)]


def write_station(plan: Plan, seed: int) -> None:
    """Put the station slot on the unit's boot partition, as ``manul flash`` does."""
    path = plan.folder / STATION
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(slot.fill(station(plan.unit, plan.started, seed)))


def station(unit: str, started: datetime, seed: int) -> str:
    """Text of a unit's ``station.toml``."""
    key = hashlib.sha256(f"audit {seed}".encode()).hexdigest()
    return (
        f'[station]\nunit = "{unit}"\ndeployment = "sim-{started:%Y-%m}"\nprogramme = "simulated"\naudit_key = "{key}"\n'
        '[protocol]\nname = "simulated-night"\naudit_every = 10\nheartbeat_hour = 18\n'
    )


def _plan(folder: Path, seed: int, number: int, share: tuple[PhotoBurst, ...] | None) -> Plan:
    unit = f"MN-{101 + number}"
    story, fate, rates = _lot(number)
    return Plan(unit, folder / "units" / unit, NIGHT, seed * 1_000 + number, story, fate, rates, bursts=share)


def _lot(number: int) -> tuple[str, Fate, Rates]:
    """What befalls the n-th unit; with fewer than six units the later stories are not told."""
    return STORIES[number % len(STORIES)]


def _shares(bursts: Sequence[PhotoBurst] | None, units: int) -> list[tuple[PhotoBurst, ...] | None]:
    """Photographs for each unit, neighbours together."""
    if bursts is None:
        return [None] * units
    chosen = (
        [bursts[at * len(bursts) // MOST_BURSTS] for at in range(MOST_BURSTS)] if len(bursts) > MOST_BURSTS else bursts
    )
    weights = [FLAT_SHARE if number % len(STORIES) == FLAT else 1.0 for number in range(units)]
    cuts = [round(len(chosen) * sum(weights[:number]) / sum(weights)) for number in range(units + 1)]
    return [tuple(chosen[start:end]) for start, end in pairwise(cuts)]
