"""``manul export`` and ``manul import``."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from trap_tools.archive.cli import FOLDER, PLACES
from trap_tools.archive.faults import Fault, exit_code
from trap_tools.archive.places_text import add as add_places
from trap_tools.archive.whole import whole
from trap_tools.camtrap_dp import from_package, from_photographs
from trap_tools.camtrap_dp.csvs import timelapse
from trap_tools.camtrap_dp.package import DESCRIPTOR, Outcome, Plan
from trap_tools.camtrap_dp.package import export as write_package
from trap_tools.camtrap_dp.rows import Choice
from trap_tools.camtrap_dp.wildlife_insights import wildlife_insights
from trap_tools.camtrap_dp.writing import safe_name
from trap_tools.camtrap_dp.writing import write as write_deployment
from trap_tools.observers.labels import Labels

FORMATS = ("camtrap-dp", "timelapse", "wildlife-insights")


@click.command()
@FOLDER
@PLACES
@click.option(
    "--to", "target", required=True, type=click.Path(path_type=Path), help="A folder, or a file ending in .zip."
)
@click.option("--format", "layout", type=click.Choice(FORMATS), default=FORMATS[0], show_default=True)
@click.option(
    "--precision", default=0.1, show_default=True, help="Round coordinates to this many degrees; 0 gives them exactly."
)
@click.option("--with-people", is_flag=True, help="Also photographs that show people (marked as not public).")
@click.option("--with-thumbnails", is_flag=True, help="Also the thumbnails of discarded bursts.")
@click.option(
    "--link", is_flag=True, help="Hard links instead of copies of the photographs (folder on the same disk only)."
)
@click.option("--replace", is_flag=True, help="Replace an earlier package of that name.")
@click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
@click.pass_context
def export(
    ctx: click.Context,
    *,
    folder: Path,
    places: Path | None,
    target: Path,
    precision: float,
    with_people: bool,
    with_thumbnails: bool,
    link: bool,
    replace: bool,
    as_json: bool,
    layout: str,
) -> None:
    """Write FOLDER as a Camtrap DP 1.0.2 package, with tables of triggers, effort, battery and clock.

    Or as a CSV for Timelapse, or the CSV files of a Wildlife Insights upload.

    Coordinates are rounded and people's pictures left out unless you say otherwise. Exits with 6 when something was left out.
    """
    choice = Choice(precision, people=with_people, thumbnails=with_thumbnails)
    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("journals", total=None)
        read = whole(folder, places)
        bars.update(task, description="photographs", total=sum(len(one.log.present) for one in read))
        labels = Labels(folder).standing()
        if layout != FORMATS[0]:
            written = (
                timelapse(folder, read, labels, target)
                if layout == FORMATS[1]
                else wildlife_insights(read, labels, target, choice)
            )
            click.echo(f"Tables: {written}")
            ctx.exit(exit_code(fault for one in read for fault in one.faults))
        plan = Plan(choice, datetime.now(UTC), link=link, replace=replace, advance=lambda: bars.advance(task))
        outcome = write_package(read, labels, target, plan)
    _say(outcome, as_json=as_json)
    ctx.exit(exit_code(outcome.faults))


def _say(outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        faults = [asdict(fault) for fault in outcome.faults]
        click.echo(json.dumps({"package": str(outcome.target), "rows": outcome.rows, "faults": faults}, indent=2))
        return
    for fault in outcome.faults:
        click.echo(str(fault), err=True)
    click.echo(f"{outcome.target}: " + ", ".join(f"{count} {name}" for name, count in outcome.rows.items()))


@click.command("import")
@click.argument("source", type=click.Path(exists=True, path_type=Path))
@click.option("--to", "folder", required=True, type=click.Path(path_type=Path), help="Pulled folder to add to.")
@click.option("--unit", help="Name for the camera of a plain folder [the folder's name].")
@click.option("--deployment", default="imported", show_default=True, help="Name for the deployment of a plain folder.")
@click.option("--time-zone", help="The camera's, where EXIF has none: Asia/Almaty, or +05:00.")
@click.option("--gap", default=10.0, show_default=True, help="Seconds between two photographs of different events.")
@click.option("--link", is_flag=True, help="Hard links instead of copies (same disk only).")
@click.pass_context
def import_(
    ctx: click.Context,
    *,
    source: Path,
    folder: Path,
    unit: str | None,
    deployment: str,
    time_zone: str | None,
    gap: float,
    link: bool,
) -> None:
    """Add a Camtrap DP package (folder or zip), or a plain folder of another camera's JPEGs, to a pulled folder.

    Exits with 6 when something had to be left out; the rest is imported.
    """
    faults: list[Fault] = []
    if source.is_file() or (source / DESCRIPTOR).is_file():
        _import_package(source, folder, faults, link=link)
    else:
        names = (safe_name(unit or source.resolve().name), safe_name(deployment))
        foreign = from_photographs.read(source, names, time_zone, gap, faults)
        click.echo(f"{write_deployment(folder, foreign, link=link)}: {len(foreign.events)} events")
    for fault in faults:
        click.echo(str(fault), err=True)
    ctx.exit(exit_code(faults))


def _import_package(source: Path, folder: Path, faults: list[Fault], *, link: bool) -> None:
    with from_package.opened(source) as root:
        found = from_package.read(root)
        for foreign in found.foreign:
            click.echo(f"{write_deployment(folder, foreign, link=link)}: {len(foreign.events)} events")
    folder.mkdir(parents=True, exist_ok=True)
    Labels(folder).add(*found.labels)
    added = add_places(folder, found.places)
    click.echo(f"{len(found.labels)} labels of people, {len(added)} places")
    faults += found.faults
