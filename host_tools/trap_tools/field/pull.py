"""``manul pull``: bring everything home from one unit or several, with a bar that says how long it will take."""

import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bars

from trap_tools.field.pulling import KINDS, Options
from trap_tools.field.pulling import pull as pull_one
from trap_tools.field.visit import Progress, Receipt
from trap_tools.i18n import say
from trap_tools.keys import keystore
from trap_tools.link.line import BAUD
from trap_tools.link.ports import units
from trap_wire.errors import IntegrityError, TrapError


@click.command()
@click.option(
    "--port", "ports", multiple=True, help="Where the unit is; once for each unit. Without it: every unit that answers."
)
@click.option("--to", "folder", required=True, type=click.Path(file_okay=False, path_type=Path), help="Folder to fill.")
@click.option("--only", multiple=True, type=click.Choice(KINDS), help="Leave the rest for another day.")
@click.option(
    "--since", type=click.DateTime(["%Y-%m-%d"]), help="Only pictures from that day on (UTC), by the unit's clock."
)
@click.option("--keep-clock", is_flag=True, help="Note the unit's clock, but do not set it.")
@click.option("--baud", default=BAUD, show_default=True, help="Rate of a UART; USB ignores it.")
@click.option(
    "--key", "keys", multiple=True, type=click.Path(path_type=Path), help="A private key to open the unit with."
)
@click.option("--json", "as_json", is_flag=True, help="Print the receipts as JSON.")
def pull(
    *,
    ports: tuple[str, ...],
    folder: Path,
    only: tuple[str, ...],
    since: datetime | None,
    keep_clock: bool,
    baud: int,
    keys: tuple[Path, ...],
    as_json: bool,
) -> None:
    """Bring the journal, thumbnails and photographs home, verified.

    Stopping it loses nothing: the same command goes on where it stopped. Files come to FOLDER/<unit>/<deployment>.
    """
    day = since.replace(tzinfo=UTC) if since else None
    signers = partial(keystore.signers, keys)
    options = Options(only=only or KINDS, set_clock=not keep_clock, since=day, baud=baud, signers=signers)
    outcomes = _pull_all(ports or tuple(units()), folder, options)
    receipts = [one for one in outcomes if isinstance(one, Receipt)]
    failures = [one for one in outcomes if isinstance(one, TrapError)]
    click.echo(_as_json(receipts) if as_json else "\n".join(receipt.to_text() for receipt in receipts), nl=False)
    for error in failures[1:]:
        click.echo(f"manul: {error}", err=True)
    if failures:
        raise failures[0]
    if not all(receipt.complete for receipt in receipts):
        raise IntegrityError(
            say("not everything could be verified; the receipt says what. Pull again before you leave")
        )


def _pull_all(ports: tuple[str, ...], folder: Path, options: Options) -> list[Receipt | TrapError]:
    """Every unit at once; one that fails does not stop the others."""
    with _bars() as bars, ThreadPoolExecutor(len(ports)) as pool:
        jobs = [pool.submit(_pull_shown, bars, port, folder, options) for port in ports]
        return [_outcome(job) for job in jobs]


def _outcome(job: "Future[Receipt]") -> Receipt | TrapError:
    try:
        return job.result()
    except TrapError as error:
        return error


def _pull_shown(bars: Bars, port: str, folder: Path, options: Options) -> Receipt:
    task = bars.add_task("", unit=port, stage=say("asking"), files="", total=None)

    def show(at: Progress) -> None:
        files = f"{at.files_done}/{at.files_total}"
        bars.update(task, unit=at.unit, stage=say(at.stage), files=files, total=at.bytes_total, completed=at.bytes_done)

    receipt = pull_one(port, folder, show, options)
    bars.update(task, stage=say("complete") if receipt.complete else say("INCOMPLETE"))
    return receipt


@contextmanager
def _bars() -> Iterator[Bars]:
    columns = [TextColumn("{task.fields[unit]}"), TextColumn("{task.fields[stage]:<10}"), BarColumn(),
               TextColumn("{task.fields[files]}"), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn()]  # fmt: skip
    with Bars(*columns, console=Console(stderr=True), refresh_per_second=4) as bars:
        yield bars


def _as_json(receipts: list[Receipt]) -> str:
    return json.dumps([json.loads(receipt.to_json()) for receipt in receipts], indent=2, ensure_ascii=False) + "\n"
