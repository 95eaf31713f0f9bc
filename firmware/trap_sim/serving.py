"""One pretend unit at a port for as long as somebody wants it."""

import contextlib
import shutil
import signal
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click
from rich.console import Console

from trap.deployment import Protocol
from trap_sim.cable import linked, plugged_in
from trap_sim.camera import CameraFaults
from trap_sim.night import show_of
from trap_sim.photos import album, bursts
from trap_sim.site import Plan, write_station
from trap_sim.sky import HOUR_MS
from trap_sim.story import chosen_detector
from trap_sim.unit import Fate, Setting, SimUnit

# What `manul check` and `manul summary` have to find, for who learns to read them.
FAULTS = {
    "dead-flash": Fate(camera=CameraFaults(dead_flash=True)),
    "blurred": Fate(camera=CameraFaults(misses_focus=1.0)),
    "no-camera": Fate(camera=CameraFaults(absent=True)),
    "worn-cells": Fate(used_mah=8_900.0),
}


@dataclass(frozen=True, slots=True)
class Options:
    """What was asked for. ``hours``: what the unit has lived through when it is plugged in; ``fault``: what is wrong."""

    to: Path | None = None
    link: Path | None = None
    photos: Path | None = None
    seed: int = 1
    hours: float = 3.0
    detector: Path | None = None
    fault: str | None = None


def serve(options: Options, console: Console) -> None:
    """Until Ctrl-C or SIGTERM. The port is the only line on standard output."""
    with _folder(options.to) as folder:
        unit = lived(options, folder, datetime.now(UTC))
        with plugged_in(unit) as port, linked(options.link, port) as name:
            click.echo(name)
            console.print(f"MN-101 is served at {name} until Ctrl-C; try: manul summary --port {name}", soft_wrap=True)
            with contextlib.suppress(KeyboardInterrupt):
                signal.signal(signal.SIGTERM, signal.default_int_handler)
                signal.pause()


def lived(options: Options, folder: Path, now: datetime) -> SimUnit:
    """A unit with some hours behind it that ends at ``now``."""
    rules, before_ms = Protocol(), round(options.hours * HOUR_MS)
    shown = (
        bursts(album(options.photos).photos, rules.burst_frames, rules.burst_interval_ms) if options.photos else None
    )
    plan = Plan(
        "MN-101",
        folder,
        now - timedelta(milliseconds=before_ms),
        options.seed,
        "",
        bursts=tuple(shown) if shown else None,
    )
    write_station(plan, options.seed)
    setting = Setting(folder, plan.started, plan.sky, plan.seed, chosen_detector(options.detector))
    unit = SimUnit(setting, FAULTS.get(options.fault or "", plan.fate), lambda virtual: show_of(plan, virtual))
    unit.run(plan.pulses(), before_ms)
    return unit


@contextlib.contextmanager
def _folder(given: Path | None) -> Iterator[Path]:
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="manul-unit-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
