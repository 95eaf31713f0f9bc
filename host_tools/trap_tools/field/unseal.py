"""``manul unseal``: open what a sealing unit wrote, with the programme's private key, into a folder of its own."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pyrage
from rich.progress import track

from trap_tools import durable
from trap_tools.field import held
from trap_tools.i18n import say
from trap_tools.keys import keystore
from trap_wire.errors import BadInputError, IntegrityError

SEALED = ".age"


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--to",
    "target",
    required=True,
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the opened files.",
)
@click.option(
    "--key",
    "private",
    multiple=True,
    type=click.Path(path_type=Path),
    help="OpenSSH or age key; default: `manul keys`.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def unseal(folder: Path, target: Path, private: tuple[Path, ...], as_json: bool) -> None:
    """Open the sealed files of FOLDER, as `manul pull` filled it, into --to; the others are copied.

    What comes out is an ordinary pulled folder. Starting it again goes on where it stopped.
    """
    keys = identities(private)
    names = sorted(
        path.relative_to(folder) for path in folder.rglob("*") if path.is_file() and path.suffix != held.PART
    )
    shown = track(names, "unsealing", disable=as_json) if names else []
    opened = sum(_opened(folder, target, name, keys) for name in shown)
    journals = {str(journal.parent.relative_to(target)): _proved(journal.parent) for journal in target.rglob("journal")}
    if as_json:
        click.echo(json.dumps({"opened": opened, "copied": len(names) - opened, "journals": journals}, indent=2))
    else:
        click.echo(f"{opened} files opened, {len(names) - opened} copied to {target}")
        click.echo("\n".join(f"  {name}: {words}" for name, words in journals.items()))
    if broken := [name for name, words in journals.items() if not words.startswith("entries")]:
        raise IntegrityError(f"the journal of {', '.join(broken)} does not hold; pull it again")


def identities(private: tuple[Path, ...]) -> list[Any]:
    """Keys to open with: the files that are named, else every OpenSSH key of the store."""
    paths = private or tuple(path.with_suffix("") for path in sorted((keystore.home() / "keys").glob("*.pub")))
    if not paths:
        raise BadInputError("no key to open with: --key names one, or `manul keys add` takes the programme's in")
    return [key for path in paths for key in _identities(path)]


def _identities(path: Path) -> Iterator[Any]:
    try:
        raw = path.read_bytes()
        if raw.startswith(b"-----BEGIN OPENSSH"):
            yield pyrage.ssh.Identity.from_buffer(raw)
            return
        lines = [line.strip() for line in raw.decode().splitlines()]
        yield from (pyrage.x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#"))
    except (OSError, UnicodeDecodeError, pyrage.IdentityError) as error:
        raise BadInputError(
            f"{path}: not a key that age takes ({error}). One with a passphrase must be opened first."
        ) from error


def plain(sealed: bytes, name: str, keys: list[Any]) -> bytes:
    """What is in a sealed file; ``IntegrityError`` when none of the keys opens it."""
    try:
        opened: bytes = pyrage.decrypt(sealed, keys)
    except pyrage.DecryptError as error:
        words = say("{name}: none of the keys opens it, or it is damaged ({why})", name=name, why=error)
        raise IntegrityError(words) from error
    return opened


def _opened(folder: Path, target: Path, name: Path, keys: list[Any]) -> bool:
    """Bring one file over; whether it was sealed."""
    source, goal = folder / name, target / name
    if name.suffix != SEALED:
        if not goal.exists():
            goal.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, goal)
        return False
    goal = goal.with_suffix("")
    if not goal.exists():
        durable.write(goal, plain(source.read_bytes(), str(source), keys))
    for shorter in held.same_page(goal.parent.parent, f"{goal.parent.name}/{goal.name}"):
        if shorter != goal and shorter.stat().st_size < goal.stat().st_size:
            shorter.unlink()
    return True


def _proved(deployment: Path) -> str:
    try:
        first, last, _ = held.check_journal(deployment)
    except IntegrityError as error:
        return str(error)
    return f"entries {first}-{last}, hash chain holds"
