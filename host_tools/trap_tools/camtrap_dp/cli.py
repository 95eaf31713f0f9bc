"""``manul export`` and ``manul import``."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from trap_tools.archive.cli import FOLDER, PLACES
from trap_tools.archive.faults import exit_code
from trap_tools.archive.whole import whole
from trap_tools.camtrap_dp.package import Outcome, Plan
from trap_tools.camtrap_dp.package import export as write_package
from trap_tools.camtrap_dp.rows import Choice
from trap_tools.observers.labels import Labels


@click.command()
@FOLDER
@PLACES
@click.option(
    "--to", "target", required=True, type=click.Path(path_type=Path), help="A folder, or a file ending in .zip."
)
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
) -> None:
    """Write FOLDER as a Camtrap DP 1.0.2 package, with tables of triggers, effort, battery and clock.

    Coordinates are rounded and people's pictures left out unless you say otherwise. Exits with 6 when something was left out.
    """
    choice = Choice(precision, people=with_people, thumbnails=with_thumbnails)
    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("journals", total=None)
        read = whole(folder, places)
        bars.update(task, description="photographs", total=sum(len(one.log.present) for one in read))
        plan = Plan(choice, datetime.now(UTC), link=link, replace=replace, advance=lambda: bars.advance(task))
        outcome = write_package(read, Labels(folder).standing(), target, plan)
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
