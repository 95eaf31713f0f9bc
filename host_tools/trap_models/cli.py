"""``manul model``: prove a detector folder, and judge it on your own photographs."""

import json
from collections.abc import Callable
from pathlib import Path

import click
import numpy as np
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
UNSOUND = 6


@click.group()
def model() -> None:
    """Check a detector folder, or measure it on photographs."""


@model.command("check")
@click.argument("folder", type=FOLDER)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def check_command(folder: Path, *, as_json: bool) -> None:
    """Verify hash, known answer, runtime and thresholds of a detector FOLDER.

    Exit code 6 when a unit would not use it as it is.
    """
    from trap_models.check import findings

    found = list(findings(folder))
    if as_json:
        click.echo(json.dumps([vars(one) for one in found], indent=2))
    else:
        console = Console()
        for one in found:
            mark = "[green]ok[/]" if one.well else "[red]WRONG[/]" if one.serious else "[yellow]note[/]"
            console.print(f"{mark}  {one.what}: {one.words}", highlight=False)
    if any(one.serious and not one.well for one in found):
        raise SystemExit(UNSOUND)


@model.command("evaluate")
@click.argument("folder", type=FOLDER)
@click.option("--photos", required=True, type=FOLDER, help="Folder that the label file's names are relative to.")
@click.option("--labels", "labels_file", required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--to", type=click.Path(file_okay=False, path_type=Path), default=Path("build/evaluation"), show_default=True
)
def evaluate_command(folder: Path, photos: Path, labels_file: Path, to: Path) -> None:
    """Score photographs with a detector FOLDER and say what its thresholds would have cost.

    The label file is a CSV with the columns file,label[,sequence,camera]; label is animal, human, vehicle or empty.
    Writes figures.json (one score a file) and the curves as PNG. Unreadable files are named and count as kept.
    """
    from trap.drivers import detector as driver
    from trap_models import scoring, verdict

    detector, rows = driver.load(folder), scoring.labels(labels_file)
    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("looking", total=len(rows))
        tick: Callable[[], None] = lambda: bars.advance(task)  # noqa: E731
        scored = list(scoring.score_all(detector, photos, rows, tick))
    document = {"detector": str(detector.identity), **verdict.table(scored, detector.thresholds)}
    to.mkdir(parents=True, exist_ok=True)
    (to / "figures.json").write_text(json.dumps(document, indent=1))
    curves(to, folder.name, scored)
    show(document, verdict.lines(document))
    click.echo(f"figures and curves: {to}")


def curves(to: Path, name: str, scored: list) -> None:  # type: ignore[type-arg]
    """Draw the two curves and the reliability diagram when there is something of both kinds."""
    from trap_models import curves as plots

    seen = [one for one in scored if not one.trouble]
    best, labels = np.array([one.best for one in seen]), np.array([one.row.label for one in seen])
    animal, empty = best[labels == "animal"], best[labels == "empty"]
    if not len(animal) or not len(empty):
        return
    kept, precise = plots.keep_curve("frames", animal, empty), plots.precision_curve("frames", animal, empty)
    plots.draw(to / "discarded.png", name, ("animal recall", "empties discarded"), [kept])
    plots.draw(to / "precision.png", name, ("recall", "precision"), [precise])
    reliable = plots.reliability_curve("frames", best, labels == "animal")
    plots.draw(to / "reliability.png", name, ("mean score", "share of animals"), [reliable], diagonal=True)


def show(document: dict, rows: list[list[str]]) -> None:  # type: ignore[type-arg]
    """Print the table."""
    console = Console()
    table = Table(
        "part", "unit", "recall wanted", "threshold", "animal recall", "empties discarded", "animals", "empties"
    )
    for row in rows:
        table.add_row(*row)
    console.print(table)
    for name, figures in document["parts"].items():
        ranking = figures["auc"]
        if ranking:
            console.print(f"{name}: AUC {ranking['auc']:.3f} [{ranking['low']:.3f}, {ranking['high']:.3f}]")
    for name, trouble in document["unreadable"].items():
        console.print(f"kept unseen: {name}: {trouble}", highlight=False)
