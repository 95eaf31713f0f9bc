"""``manul bulk on|off|status``: the unit's card as a read-only drive, for gigabytes. Capture is paused meanwhile."""

import json
from functools import partial
from pathlib import Path
from typing import Any

import click

from trap_tools.field import drive
from trap_tools.i18n import say
from trap_tools.keys import keystore
from trap_tools.link import group70
from trap_tools.link.line import BAUD
from trap_tools.link.login import opened
from trap_tools.link.ports import the_one
from trap_wire.errors import LinkError

_PORT = click.option("--port", help="Where the unit is. Without it: the one unit that answers.")
_BAUD = click.option("--baud", default=BAUD, show_default=True, help="Rate of a UART; USB ignores it.")
_KEY = click.option(
    "--key", "private", multiple=True, type=click.Path(path_type=Path), help="A private key to open the unit with."
)
_JSON = click.option("--json", "as_json", is_flag=True, help="For programs.")
ENDS = {
    "host": "switched off",
    "ejected": "ejected",
    "unplugged": "the cable was pulled",
    "time": "its time was over",
    "stopped": "the unit stopped",
    "fault": "its USB gadget failed",
}


@click.group()
def bulk() -> None:
    """Show a unit's pictures as a read-only USB drive, for gigabytes. It takes no pictures meanwhile.

    The drive goes by itself after its time, when it is ejected, and when the cable is pulled. The journal is not on it:
    `manul pull` brings that, and proves the copies that are in its folder already.
    """


@bulk.command()
@click.option("--minutes", type=click.IntRange(1, 180), default=30, show_default=True, help="For how long at most.")
@_PORT
@_KEY
@_BAUD
@_JSON
def on(port: str | None, minutes: int, private: tuple[Path, ...], baud: int, as_json: bool) -> None:
    """Show the drive and say where it came up."""
    with opened(the_one(port), partial(keystore.signers, private), baud) as (unit, name, _):
        told = unit.do(group70.BulkRequest(action="on", seconds=60 * minutes))
    found = drive.wait(name, told["label"])
    if as_json:
        place = {"device": found.device, "folder": found.folder} if found else {"device": None, "folder": None}
        click.echo(json.dumps({"unit": name, **_shown(told), **place}))
    else:
        click.echo(
            say(
                "{unit}: the drive is on for {minutes} min; no pictures are taken meanwhile", unit=name, minutes=minutes
            )
        )
        click.echo(_where(found, told["label"]))
    if found is None:
        raise LinkError(say("the drive did not come up here: another cable or USB port, then manul bulk off"))


@bulk.command()
@_PORT
@_KEY
@_BAUD
@_JSON
def off(port: str | None, private: tuple[Path, ...], baud: int, as_json: bool) -> None:
    """Take the drive away; the unit takes pictures again. Eject it on this computer first."""
    with opened(the_one(port), partial(keystore.signers, private), baud) as (unit, name, _):
        told = unit.do(group70.BulkRequest(action="off"))
    click.echo(json.dumps({"unit": name, **_shown(told)}) if as_json else _state(name, told))


@bulk.command()
@_PORT
@_KEY
@_BAUD
@_JSON
def status(port: str | None, private: tuple[Path, ...], baud: int, as_json: bool) -> None:
    """Say whether the drive is on, and why it ended last."""
    with opened(the_one(port), partial(keystore.signers, private), baud) as (unit, name, _):
        told = unit.bulk()
    found = drive.find(name) if told["on"] else None
    if as_json:
        place = {"device": found.device, "folder": found.folder} if found else {}
        click.echo(json.dumps({"unit": name, **_shown(told), **place}))
        return
    click.echo(_state(name, told))
    if told["on"]:
        click.echo(_where(found, told["label"]))


def _shown(told: dict[str, Any]) -> dict[str, Any]:
    return {key: told[key] for key in ("on", "left_s", "label", "ended")}


def _state(name: str, told: dict[str, Any]) -> str:
    if told["on"]:
        return say(
            "{unit}: the drive is on for {minutes} min more; no pictures are taken",
            unit=name,
            minutes=-(-told["left_s"] // 60),
        )
    why = f" ({say(ENDS.get(told['ended'], told['ended']))})" if told["ended"] else ""
    return say("{unit}: the drive is off, pictures are taken", unit=name) + why


def _where(found: drive.Found | None, label: str) -> str:
    if found is None:
        return say("look for a drive called {label}", label=label)
    if found.folder:
        return say(
            "the drive is {device}, in {folder}: copy, eject it, then manul bulk off",
            device=found.device,
            folder=found.folder,
        )
    return say(
        "the drive is {device}: open it in the file manager (udisksctl mount -b {device}), copy, eject it, then manul bulk off",
        device=found.device,
    )
