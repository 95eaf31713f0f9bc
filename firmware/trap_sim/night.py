"""One night of a site: every unit in virtual time, in worker processes, and what each has to tell in the morning."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import Any

from trap_sim import noise, place
from trap_sim.site import NIGHT_MS, Plan
from trap_sim.unit import Setting, SimUnit
from trap_sim.vtime import VirtualTime
from trap_sim.world import CompositeShow, PhotoShow, Show, Shown

Told = Callable[[str, int], None]


@dataclass(frozen=True, slots=True)
class Morning:
    """What only the simulator knows of a unit's night, for the reckoning. ``battery_left`` is 0..1 at dawn's cold."""

    plan: Plan
    pulses: int
    power_cuts: int
    battery_left: float
    used_mah: float
    shown: tuple[Shown, ...]
    unshown: int
    damaged: dict[str, str]
    troubles: tuple[str, ...]


def sleep_through(plan: Plan, detector: Path | None, told: Callable[[int], None] = lambda _: None) -> Morning:
    """Live one unit's night. ``told`` is called with the virtual time now and then."""
    unit = SimUnit(
        Setting(plan.folder, plan.started, plan.sky, plan.seed, detector), plan.fate, lambda t: show_of(plan, t)
    )
    unit.run(plan.pulses(), NIGHT_MS, told)
    return morning_of(plan, unit)


def morning_of(plan: Plan, unit: SimUnit) -> Morning:
    """What a unit that has lived through its night leaves behind."""
    seen = tuple(unit.surroundings.shown)
    return Morning(
        plan=plan,
        pulses=unit.board.pulses,
        power_cuts=unit.power_cuts,
        battery_left=unit.battery.left(plan.sky.celsius(NIGHT_MS)),
        used_mah=unit.battery.used_mah,
        shown=seen,
        unshown=len(plan.bursts) - len(seen) if plan.bursts is not None else 0,
        damaged=unit.surroundings.damaged(),
        troubles=tuple(unit.troubles),
    )


def live(plans: list[Plan], detector: Path | None, workers: int, log: Path, told: Told) -> list[Morning]:
    """The night of all units; ``told(unit, ms)`` is called as their time passes. A defect in a worker comes out here."""
    context = multiprocessing.get_context("spawn")
    queue: SimpleQueue[tuple[str, int]] = context.SimpleQueue()
    with ProcessPoolExecutor(workers, context, _prepare, (queue, str(log))) as pool:
        jobs = [pool.submit(_work, plan, detector) for plan in plans]
        _watch(jobs, queue, told)
        return [job.result() for job in jobs]


def _watch(jobs: "list[Future[Morning]]", queue: "SimpleQueue[tuple[str, int]]", told: Told) -> None:
    waiting: set[Future[Morning]] = set(jobs)
    while waiting:
        _, waiting = wait(waiting, timeout=0.1, return_when=FIRST_COMPLETED)
        while not queue.empty():
            told(*queue.get())


def show_of(plan: Plan, time: VirtualTime) -> Show:
    """What there is to see at a unit of this plan."""
    if plan.bursts is not None:
        return PhotoShow(list(plan.bursts))
    return CompositeShow(lambda: place.build(plan.seed), plan.sky, time)


_worker: dict[str, Any] = {}


def _prepare(queue: "SimpleQueue[tuple[str, int]]", log: str) -> None:
    """In each worker: where to tell, and its noise out of the bars' way."""
    _worker["queue"] = queue
    noise.divert(Path(log))


def _work(plan: Plan, detector: Path | None) -> Morning:
    morning = sleep_through(plan, detector, lambda ms: _worker["queue"].put((plan.unit, ms)))
    _worker["queue"].put((plan.unit, NIGHT_MS))
    return morning
