"""The command ``manul update``."""

import json
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from trap_tools import keys
from trap_tools.keys import keystore
from trap_tools.link.client import Unit
from trap_tools.link.login import Session, opened
from trap_tools.link.ports import the_one
from trap_tools.protocol import programme
from trap_tools.update import send
from trap_wire import bundle as bundles
from trap_wire.bundle import Bundle

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("bundle_path", metavar="[BUNDLE]", type=_FILE, required=False)
@click.option("--key", type=_FILE, help="Public keys that you trust; the unit has its own.")
@click.option("--login", "private", multiple=True, type=_FILE, help="A private key to open the unit with.")
@click.option("--port", help="Serial port; by default the one at which a unit answers.")
@click.option("--restart", is_flag=True, help="Restart the unit now and wait for its verdict.")
@click.option("--show", is_flag=True, help="Only show what the unit runs and what is ready.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def update(
    *,
    bundle_path: Path | None,
    key: Path | None,
    private: tuple[Path, ...],
    port: str | None,
    restart: bool,
    show: bool,
    as_json: bool,
) -> None:
    """Send a signed release to a unit.

    The unit checks it, unpacks it beside what it runs, and tries it at its next start; if it does not become healthy the
    unit goes back by itself. A cut cable, a full card or a power cut on the way cost nothing: the unit runs what it ran.
    """
    signers = partial(keystore.signers, private)
    if show:
        with opened(the_one(port), signers) as (unit, _, _):
            _show(unit, as_json)
        return
    if bundle_path is None or key is None:
        raise click.UsageError("give a bundle and --key, or --show")
    bundle = bundles.opened(bundle_path, keys.load_public(key), keys.check)
    programme.remember(bundle)
    for _ in bundle.contents():
        pass  # proved here, before an hour on a slow line
    at = the_one(port)
    with opened(at, signers) as (unit, name, session):
        _send(unit, bundle, session, as_json)
    version = send.restarted(at, bundle, signers=signers) if restart else ""
    said = (
        f"{name}: runs {version}" if version else f"{name}: {bundle.manifest.version} will be tried at the next start"
    )
    click.echo(
        json.dumps({"unit": name, "version": bundle.manifest.version, "confirmed": bool(version)}) if as_json else said
    )


def _show(unit: Unit, as_json: bool) -> None:
    found = send.slots(unit)
    rows = [
        {"slot": slot, "version": s.version, "on_trial": s.pending, "confirmed": s.confirmed}
        for slot, s in found.items()
    ]
    words = [f"{('runs', 'ready')[slot]} {s.version}{' (on trial)' if s.pending else ''}" for slot, s in found.items()]
    words += [str(error["words"]) for error in unit.summary().get("errors", []) if error.get("part") == "update"]
    click.echo(
        json.dumps(rows) if as_json else "\n".join(words) or "no release: the unit was not prepared with a bundle"
    )


def _send(unit: Unit, bundle: Bundle, session: Session, as_json: bool) -> None:
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    bar = Progress(*columns, console=Console(file=sys.stderr)) if not as_json else None
    task = bar.add_task("send", total=None) if bar else None

    def advance(done: int, size: int) -> None:
        session.renew()
        if bar and task is not None:
            bar.update(task, completed=done, total=size)

    with bar or nullcontext():
        send.upload(unit, bundle.path, advance)
    if not as_json:
        click.echo("The unit checks and unpacks it; this takes a minute or two.", err=True)
    send.tried(unit, bundle, renew=session.renew)
