"""``manul audit`` and ``manul label``: look at photographs in a browser, on this machine only."""

import json
import logging
import webbrowser
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from trap_tools.analysis.corrected import Corrected, corrected
from trap_tools.archive.cli import FOLDER, PLACES
from trap_tools.archive.whole import Whole, whole
from trap_tools.audit.desk import Desk
from trap_tools.audit.queue import Task
from trap_tools.audit.species import Species, species
from trap_tools.observers.intervals import finite
from trap_tools.observers.labels import Labels
from trap_tools.observers.missed import GROUPINGS, Agreement, Missed, agreements, missed
from trap_tools.protocol.ran import known, ran, spoken, unknown
from trap_tools.report.wording import LANGUAGES, words
from trap_wire.errors import BadInputError

OBSERVER = click.option("--observer", help="Your name; verdicts are kept per observer.")
PORT = click.option("--port", default=0, help="Port of the page [any that is free].")
BROWSER = click.option("--browser/--no-browser", default=True, help="Open the page in the browser.")
LANGUAGE = click.option("--language", type=click.Choice(LANGUAGES), help="Language of the page [the protocol's first].")


def _serve(
    folder: Path, places: Path | None, observer: str | None, task: Task, options: tuple[int, bool, str | None]
) -> None:
    """Serve the page until the terminal is closed or Ctrl-C."""
    from werkzeug.serving import make_server

    from trap_tools.audit.web import app

    port, browser, asked = options
    read = whole(folder, places)
    language = asked or spoken(read, folder)
    desk = Desk(read, Labels(folder), observer or "", task, _now)
    offered = choices(folder, read, language) if task is Task.LABEL else []
    if not desk.items:
        raise BadInputError(f"{folder}: nothing to look at: no audited blank, doubt or kept burst with a photograph")
    try:
        server = make_server("127.0.0.1", port, app(desk, offered, words(language), language), threaded=True)
    except (OSError, SystemExit) as error:
        raise BadInputError(f"--port {port}: cannot be opened; leave it out for a free one") from error
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for every photograph helps nobody
    address = f"http://127.0.0.1:{server.server_port}/"
    click.echo(f"{address}  {len(desk.items)} bursts; verdicts go to {folder / 'labels.jsonl'}. Ctrl-C ends.")
    if browser:
        webbrowser.open(address)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        click.echo("Done; what was said is kept.")


def choices(folder: Path, read: Sequence[Whole], language: str) -> list[Species]:
    """What the protocols of these deployments name; the deployment that is there most often comes first."""
    rules = known(read, folder)
    for name in unknown(read, rules):
        click.echo(
            f"protocol {name}: its rules are not here, so its species list is not; put its file into {folder}", err=True
        )
    used = Counter(protocol for one in read for protocol in ran(one, rules))
    return species(folder, language, [protocol for protocol, _ in used.most_common()])


def _now() -> datetime:
    return datetime.now(UTC)


@click.command()
@FOLDER
@PLACES
@OBSERVER
@PORT
@BROWSER
@LANGUAGE
@click.option("--results", is_flag=True, help="Only print what the audit says so far.")
@click.option(
    "--by", type=click.Choice(list(GROUPINGS)), default="unit", show_default=True, help="Group of the results."
)
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def audit(
    *,
    folder: Path,
    places: Path | None,
    observer: str | None,
    port: int,
    browser: bool,
    language: str | None,
    results: bool,
    by: str,
    as_json: bool,
) -> None:
    """Show audited blanks and doubts in random order, one key a verdict; then say how many animals the filter missed."""
    if not (results or as_json):
        _serve(folder, places, observer, Task.AUDIT, (port, browser, language))
        return
    labels = Labels(folder)
    read, pairs = whole(folder, places), agreements(labels)
    found, truth = missed(read, labels.standing(), by), corrected(read, labels.standing(), by)
    if as_json:
        click.echo(
            json.dumps(
                {
                    "missed": [finite(asdict(row)) for row in found],
                    "corrected": [finite(asdict(row)) for row in truth],
                    "agreement": [asdict(pair) for pair in pairs],
                },
                indent=2,
            )
        )
        return
    _print(found, truth, pairs)


@click.command()
@FOLDER
@PLACES
@OBSERVER
@PORT
@BROWSER
@LANGUAGE
def label(
    *, folder: Path, places: Path | None, observer: str | None, port: int, browser: bool, language: str | None
) -> None:
    """Name the species, count, sex and age in kept bursts, in a browser."""
    _serve(folder, places, observer, Task.LABEL, (port, browser, language))


def _print(found: list[Missed], truth: list[Corrected], pairs: list[Agreement]) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    rates = {row.group: row for row in truth}
    columns: list[tuple[str, Callable[[Missed], str]]] = [
        ("group", lambda row: row.group),
        ("kept", lambda row: str(row.kept_animals)),
        ("thrown away", lambda row: str(row.discarded)),
        ("looked at", lambda row: f"{row.looked_at}/{row.audited}"),
        ("animals", lambda row: str(row.animals_found)),
        ("missed, %", lambda row: str(row.missed.scaled(100) if row.missed else "–")),
        ("per 100 days", lambda row: str((rates[row.group].raw if row.group in rates else None) or "–")),
        ("corrected", lambda row: str((rates[row.group].corrected if row.group in rates else None) or "–")),
    ]
    for name, _ in columns:
        table.add_column(name, justify="left" if name == "group" else "right")
    for row in found:
        table.add_row(*(cell(row) for _, cell in columns))
    Console().print(table)
    if not any(row.looked_at for row in found):
        click.echo("nobody has looked at an audited blank yet: manul audit FOLDER --observer NAME")
    for pair in pairs:
        kappa = "–" if pair.kappa is None else f"{pair.kappa:.2f}"
        click.echo(f"{pair.one} and {pair.other} agree on {pair.agreed} of {pair.both}, kappa {kappa}")
