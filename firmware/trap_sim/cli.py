"""``manul sim``: a site of pretend traps, on real photographs or composed scenes, through the real parts."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import click
from rich.console import Console

FAULTS = ("dead-flash", "blurred", "no-camera", "worn-cells")  # serving.FAULTS, which is slow to import
FOLDER = click.Path(file_okay=False, path_type=Path)


def _serving(command: Callable[..., None]) -> Callable[..., None]:
    """The options of serving, for ``manul sim serve`` and for ``manul sim --serve``."""
    for option in (
        click.option("--detector", type=FOLDER, help="Detector folder  [the newest below models/]."),
        click.option("--fault", type=click.Choice(FAULTS), help="Something that is wrong with it, to be found."),
        click.option("--hours", default=3.0, show_default=True, help="What the unit has lived through before."),
        click.option("--seed", default=1, show_default=True),
        click.option("--photos", type=FOLDER, help="Your own photographs instead of composed scenes."),
        click.option("--link", type=click.Path(path_type=Path), help="A stable name for the port, such as /tmp/unit."),
        click.option("--to", "to", type=FOLDER, help="Folder of the unit  [a new one that is removed at the end]."),
    ):
        command = option(command)
    return command


@click.group(invoke_without_command=True)
@click.option("--serve", "serve_now", is_flag=True, help="The same as `manul sim serve`, with the options that follow.")
@_serving
@click.pass_context
def sim(ctx: click.Context, /, *, serve_now: bool, **given: object) -> None:
    """Pretend traps that run the real software: a night of a site, a unit at a port, a year in seconds."""
    if serve_now and ctx.invoked_subcommand is None:
        _serve(given)
    elif ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@sim.command("night")
@click.option(
    "--to", "to", required=True, type=FOLDER, help="Folder for everything; an earlier simulation in it is replaced."
)
@click.option("--photos", type=FOLDER, help="Your own photographs instead of composed scenes.")
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same night.")
@click.option("--units", default=6, show_default=True, type=click.IntRange(1, 24))
@click.option("--detector", type=FOLDER, help="Detector folder  [the newest below models/].")
@click.option("--workers", default=2, show_default=True, type=click.IntRange(1, 32), help="Processes.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def night_command(*, as_json: bool, **given: object) -> None:
    """Simulate one night of a site of traps, pull every unit over a serial line, and report.

    Exit code 3 when there is no photograph in the folder.
    """
    from trap_sim import noise, screen, story

    started, console = time.monotonic(), Console(stderr=as_json)
    options = story.Options(**given)  # type: ignore[arg-type]
    with noise.own_stderr() as terminal, screen.Bars(Console(file=terminal)) as bars:
        told = story.tell(options, bars)
    if as_json:
        click.echo(json.dumps(told.to_json(), indent=2, ensure_ascii=False))
    else:
        screen.say_night(console, told)
        console.print(f"{time.monotonic() - started:.0f} s")


@sim.command()
@_serving
def serve(**given: object) -> None:
    """Serve one pretend unit at a port until Ctrl-C, for `manul summary`, `manul pull`, smpmgr and the like."""
    _serve(given)


def _serve(given: dict[str, object]) -> None:
    from trap_sim import serving

    serving.serve(serving.Options(**given), Console(stderr=True))  # type: ignore[arg-type]


@sim.command("year")
@click.option("--seed", default=1, show_default=True)
@click.option("--days", default=365, show_default=True, type=click.IntRange(1, 365))
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def year_command(seed: int, days: int, as_json: bool) -> None:
    """Send a year of pulses through the real supervisor policy, without pictures, in seconds."""
    from trap.deployment import Protocol
    from trap_sim import screen
    from trap_sim.year import Year

    made = Year(seed, Protocol())
    with screen.counting(Console(stderr=True), days) as told:
        made.run(days, told)
    if as_json:
        left = round(made.battery.left(0.0), 3)
        click.echo(json.dumps({"months": [tally.to_json() for tally in made.months], "battery_left": left}, indent=2))
    else:
        screen.say_year(Console(), made)
