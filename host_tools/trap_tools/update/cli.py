"""The command ``manul update``."""

import json
from functools import partial
from pathlib import Path

import click

from trap_tools import keys
from trap_tools.keys import keystore
from trap_tools.link.client import Unit
from trap_tools.link.login import opened
from trap_tools.link.ports import the_one, units
from trap_tools.protocol import programme
from trap_tools.update import send, several
from trap_tools.update.send import Signers
from trap_wire import bundle as bundles
from trap_wire.bundle import Bundle

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@click.argument("bundle_path", metavar="[BUNDLE]", type=_FILE, required=False)
@click.option("--key", type=_FILE, help="Public keys that you trust; the unit has its own.")
@click.option("--login", "private", multiple=True, type=_FILE, help="A private key to open the unit with.")
@click.option(
    "--port", "named", multiple=True, help="Serial port (repeat for several); by default the one that answers."
)
@click.option("--all", "every", is_flag=True, help="Every unit that answers, at once; one that fails stops no other.")
@click.option("--restart", is_flag=True, help="Restart the unit now and wait for its verdict.")
@click.option("--show", is_flag=True, help="Only show what the unit runs and what is ready.")
@click.option("--json", "as_json", is_flag=True, help="For programs; a line a unit.")
@click.pass_context
def update(
    ctx: click.Context,
    *,
    bundle_path: Path | None,
    key: Path | None,
    private: tuple[Path, ...],
    named: tuple[str, ...],
    every: bool,
    restart: bool,
    show: bool,
    as_json: bool,
) -> None:
    """Send a signed release to a unit.

    The unit checks it, unpacks it beside what it runs, and tries it at its next start; if it does not become healthy the
    unit goes back by itself. A cut cable, a full card or a power cut on the way cost nothing: the unit runs what it ran.
    """
    signers = partial(keystore.signers, private)
    if not show and (bundle_path is None or key is None):
        raise click.UsageError("give a bundle and --key, or --show")
    bundle = _proved(bundle_path, key) if bundle_path and key and not show else None
    ports = list(dict.fromkeys(named)) or (units() if every else [the_one(None)])
    if bundle is None:
        for at in ports:
            with opened(at, signers) as (unit, name, _):
                _show(unit, name if len(ports) > 1 else "", as_json)
        return
    with several.Bars(ports, shown=not as_json) as bars:
        found = several.each(ports, partial(_updated, bundle, signers, restart=restart, bars=bars))
    for one in found:
        one.say(as_json)
    ctx.exit(next((one.exit_code for one in found if one.exit_code), 0))


def _proved(path: Path, key: Path) -> Bundle:
    """Here, before an hour on a slow line."""
    bundle = bundles.opened(path, keys.load_public(key), keys.check)
    programme.remember(bundle)
    for _ in bundle.contents():
        pass
    return bundle


def _updated(bundle: Bundle, signers: Signers, at: str, *, restart: bool, bars: several.Bars) -> several.Told:
    version = bundle.manifest.version
    with opened(at, signers) as (unit, name, session):
        if send.runs(unit, bundle):
            return several.Told(at, name, version, confirmed=True)
        if send.lacks(unit, bundle):
            send.upload(unit, bundle.path, partial(bars.advance, at, session.renew))
        bars.note(f"{name}: the unit checks and unpacks it; this takes a minute or two.")
        send.tried(unit, bundle, renew=session.renew)
    confirmed = bool(restart and send.restarted(at, bundle, signers=signers))
    return several.Told(at, name, version, confirmed=confirmed)


def _show(unit: Unit, name: str, as_json: bool) -> None:
    found = send.slots(unit)
    rows = [
        {"slot": slot, "version": s.version, "on_trial": s.pending, "confirmed": s.confirmed}
        for slot, s in found.items()
    ]
    words = [f"{('runs', 'ready')[slot]} {s.version}{' (on trial)' if s.pending else ''}" for slot, s in found.items()]
    words += [str(error["words"]) for error in unit.summary().get("errors", []) if error.get("part") == "update"]
    words = [
        f"{name}: {said}" if name else said for said in words or ["no release: the unit was not prepared with a bundle"]
    ]
    click.echo((json.dumps({"unit": name, "releases": rows} if name else rows)) if as_json else "\n".join(words))
