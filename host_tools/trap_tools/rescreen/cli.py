"""``manul rescreen``."""

import csv
import io
import json
import os
import time
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict, fields
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from trap.triage import model_folder
from trap_tools import durable
from trap_tools.archive.cli import FOLDER
from trap_tools.archive.whole import whole
from trap_tools.protocol.ran import known, unknown
from trap_tools.rescreen.outcome import Second, crossed, seconds
from trap_tools.rescreen.replay import Card
from trap_tools.rescreen.run import Workers, workers
from trap_tools.rescreen.screening import Screening
from trap_tools.rescreen.store import Results
from trap_wire.errors import IntegrityError


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
    """Judge every burst in FOLDER again with another detector, as the unit would: both looks, its protocol, its memory.

    Stop it at any time; the same command goes on. Results lie in FOLDER/rescreen, keyed by file hash and model hash.
    """
    spoken = model_folder.load(detector)
    card, read = Card(spoken.identity, spoken.thresholds), whole(folder)
    rules, started = known(read, folder), time.perf_counter()
    with closing(Results(folder, spoken.identity.sha256)) as results:
        before = len(results)
        screening = Screening(read, rules, card, results)
        with workers(detector.resolve(), processes, scheduler) as hands:
            faults = _work(screening, hands)
        found = list(seconds(read, results))
        looked_at = len(results) - before
    table = durable.write(results.path.with_suffix(".csv"), _csv(found))
    taken = time.perf_counter() - started
    silent = unknown(read, rules)
    if as_json:
        facts = {
            "model": str(card.identity),
            "looked_at": looked_at,
            "known_before": before,
            "seconds": round(taken, 2),
        }
        more = {"rules_unknown": silent, "faults": faults, "decisions": crossed(found), "table": str(table)}
        click.echo(json.dumps({**facts, **more}, indent=2))
    else:
        where = f"Dask at {scheduler}" if scheduler else f"{processes} process{'es' if processes > 1 else ''}"
        click.echo(f"{card.identity}: {looked_at} files in {taken:.1f} s on {where}, {before} known before")
        _say(found, silent)
        click.echo(f"Burst by burst: {table}")
        for fault in faults[:20]:
            click.echo(fault, err=True)
    if faults:
        raise IntegrityError(f"{len(faults)} files could not be looked at; the rest is done")


def _work(screening: Screening, hands: Workers) -> list[str]:
    """Do what is left, keeping results as they come; words for every file that could not be looked at."""
    faults: list[str] = []
    columns = (TextColumn("looking again"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("", total=screening.total)
        for step in screening.steps(hands):
            faults += step.faults
            bars.advance(task, step.looks)
    return faults


def _say(found: Sequence[Second], rules_unknown: Sequence[str]) -> None:
    for before, counts in crossed(found).items():
        if row := ", ".join(f"{count} {after}" for after, count in counts.items() if count):
            click.echo(f"  was {before}: now {row}")
    for name in rules_unknown:
        click.echo(f"  protocol {name}: its rules are not here, so the thresholds are the detector's own", err=True)


def _csv(found: Sequence[Second]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, [spec.name for spec in fields(Second)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(second) for second in found)
    return out.getvalue().encode()
