"""``manul keys``: who may open the programme's units."""

import json
from pathlib import Path

import click

from trap_tools.keys import keystore
from trap_tools.keys.keystore import Signer
from trap_tools.link.client import Unit
from trap_tools.link.line import Line
from trap_tools.link.login import Session
from trap_wire import sshsig
from trap_wire.errors import BadInputError
from trap_wire.login import fingerprint

SETTING = "programme_keys"
_FILE = click.Path(dir_okay=False, path_type=Path)


@click.group()
def keys() -> None:
    """The programme's Ed25519 keys, in OpenSSH's format: make, take in, list, give to units.

    They lie in $MANUL_HOME/keys (else the user's settings folder). A passphrase comes from $MANUL_KEY_PASSPHRASE.
    """


@keys.command()
@click.argument("name")
def new(name: str) -> None:
    """Make a key pair NAME. Give NAME.pub to units; keep the other half to yourself."""
    path = keystore.new(name)
    click.echo(f"{path}: new key. Back it up: without it the units that know only it cannot be opened.")


@keys.command()
@click.argument("file", type=_FILE)
@click.option("--name", help="What to call it here. Default: the file's name.")
@click.option("--port", help="Give the public key FILE to the unit there, instead of taking a private one in.")
def add(file: Path, name: str | None, port: str | None) -> None:
    """Take the private key FILE into the store, or with --port give the public key FILE to a unit."""
    if port is None:
        click.echo(f"{keystore.add(file, name or file.name)}: taken in")
        return
    with Line(port) as line:
        unit = Unit(line)
        called = unit.hello()
        Session(unit).open()
        before = [entry for entry in unit.setting(SETTING).decode().splitlines() if entry.strip()]
        after = list(dict.fromkeys([*before, *_public_lines(file)]))
        unit.change_settings(**{SETTING: ("\n".join(after) + "\n").encode()})
    click.echo(
        f"{called}: {len(after)} keys, {len(after) - len(before)} new. It is closed to everybody else from now on."
    )


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_(as_json: bool) -> None:
    """List the keys that are here, ssh-agent's too."""
    found = list(keystore.signers())
    if as_json:
        click.echo(json.dumps([{"name": one.name, "fingerprint": fingerprint(one.public)} for one in found], indent=2))
        return
    click.echo("\n".join(map(_line, found)) or "no keys here: `manul keys new NAME` makes one")


def _line(signer: Signer) -> str:
    return f"{fingerprint(signer.public)}  {signer.name}"


def _public_lines(file: Path) -> list[str]:
    """The public keys of a file, as they stand there; anything else in it is an error."""
    try:
        lines = [line.strip() for line in file.read_text().splitlines() if line.strip() and not line.startswith("#")]
    except (OSError, UnicodeDecodeError) as error:
        raise BadInputError(f"{file}: cannot be read as a public key ({error})") from error
    for line in lines:
        sshsig.login_key(line)
    if not lines:
        raise BadInputError(f"{file}: no key in it. Give a .pub file.")
    return lines
