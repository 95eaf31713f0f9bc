"""``manul rescreen``."""

import csv
import io
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trap_tools import durable
from trap_tools.archive.cli import FOLDER
from trap_tools.archive.whole import whole
from trap_tools.rescreen.outcome import Second, crossed, jobs, seconds
from trap_tools.rescreen.run import on_dask, on_processes
from trap_tools.rescreen.store import Results
from trap_tools.rescreen.work import Card, Job, card
from trap_wire.errors import IntegrityError
from trap_wire.vocabulary import Decision


@click.command()
@FOLDER
@click.option(
    "--detector", required=True, type=click.Path(path_type=Path), help="Detector folder (model.toml and .tflite)."
)
@click.option(
    "--processes", default=os.cpu_count() or 1, show_default=True, type=click.IntRange(1), help="On this machine."
)
@click.option("--scheduler", help="Dask scheduler to send the work to, as tcp://10.0.0.1:8786.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
def rescreen(*, folder: Path, detector: Path, processes: int, scheduler: str | None, as_json: bool) -> None:
    """Look at every full frame in FOLDER again with another detector.

    Stop it at any time; the same command goes on. Results lie in FOLDER/rescreen, keyed by file hash and model hash.
    """
    spoken = card(detector)
    read = whole(folder)
    results = Results(folder, spoken.sha256)
    before, left, started = len(results), jobs(read, results), time.perf_counter()
    where = f"Dask at {scheduler}" if scheduler else f"{processes} processes"
    faults = _work(detector.resolve(), left, results, (processes, scheduler))
    found = list(seconds(read, results, spoken))
    table = durable.write(results.path.with_suffix(".csv"), _csv(found))
    taken = time.perf_counter() - started
    if as_json:
        facts = {
            "model": spoken.name,
            "looked_at": len(results) - before,
            "known_before": before,
            "seconds": round(taken, 2),
        }
        click.echo(json.dumps({**facts, "faults": faults, "decisions": crossed(found), "table": str(table)}, indent=2))
    else:
        _say(spoken, found, f"{len(results) - before} files in {taken:.1f} s on {where}, {before} known before")
        click.echo(f"Burst by burst: {table}")
        for fault in faults[:20]:
            click.echo(fault, err=True)
    if faults:
        raise IntegrityError(f"{len(faults)} files could not be looked at; the rest is done")


def _work(detector: Path, left: Sequence[Job], results: Results, how: tuple[int, str | None]) -> list[str]:
    """Do what is left, keeping results as they come; words for every file that could not be looked at."""
    processes, scheduler = how
    paths, faults = {job.sha256: job.path for job in left}, []
    columns = (TextColumn("looking again"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=len(left))
        chunks = on_dask(scheduler, detector, left) if scheduler else on_processes(detector, left, processes)
        for chunk in chunks if left else ():
            results.add(chunk)
            faults += [f"{paths[result.sha256]}: {result.fault}" for result in chunk if result.fault]
            bars.advance(task, len(chunk))
    return faults


def _say(spoken: Card, found: Sequence[Second], words: str) -> None:
    click.echo(f"{spoken.name}: {words}")
    table = crossed(found)
    for before in Decision:
        row = ", ".join(f"{count} {after}" for after, count in table[str(before)].items() if count)
        if row:
            click.echo(f"  was {before}: now {row}")


def _csv(found: Sequence[Second]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, [spec.name for spec in fields(Second)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(second) for second in found)
    return out.getvalue().encode()
