"""The morning after: every unit of the site is plugged in and pulled, as field staff do it, over a serial line each."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from trap_sim.cable import plugged_in
from trap_sim.night import Morning, show_of
from trap_sim.site import NIGHT_MS
from trap_sim.unit import Fate, Setting, SimUnit
from trap_tools.field.pulling import Options, pull
from trap_tools.field.visit import Progress, Receipt

WALK_MS = 20 * 60_000  # from one trap to the next


@dataclass(frozen=True, slots=True)
class Round:
    """A walk from unit to unit. ``told`` is called as each pull goes on."""

    to: Path
    detector: Path | None
    told: Callable[[Progress], None] = lambda _: None

    def pull_all(self, mornings: list[Morning]) -> list[Receipt]:
        """Pull every unit, two at a time; receipts in the order of the units."""
        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(self._pull, mornings, range(len(mornings))))

    def _pull(self, morning: Morning, number: int) -> Receipt:
        at_ms = NIGHT_MS + number * WALK_MS
        true = morning.plan.started + timedelta(milliseconds=at_ms)
        with plugged_in(revived(morning, self.detector, at_ms)) as port:
            return pull(port, self.to, self.told, Options(now=lambda: true))


def revived(morning: Morning, detector: Path | None, at_ms: int) -> SimUnit:
    """The unit that a night left behind, at a later moment: battery, clock and supervisor as they have become."""
    plan = morning.plan
    fate = Fate(used_mah=morning.used_mah, uart_noise=plan.fate.uart_noise, rtc=plan.fate.rtc)
    unit = SimUnit(
        Setting(plan.folder, plan.started, plan.sky, plan.seed, detector), fate, lambda time: show_of(plan, time)
    )
    unit.time.advance_to(at_ms)
    return unit
