"""Commands of ``manul protocol``."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from trap_tools import durable, keys
from trap_tools.protocol import files
from trap_wire import sshsig
from trap_wire.errors import BadInputError, IntegrityError

_KEY = click.Path(path_type=Path, dir_okay=False)
_json = click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")


@click.group()
def protocol() -> None:
    """The rules that every unit of a programme runs: show, check, compare, sign.

    PROTOCOL is a preset's name, a protocol file, a station file or slot, a receipt of 'manul flash' or 'manul pull', what
    'manul summary --json' printed, or a folder that was pulled from units.
    """


@protocol.command("list")
@_json
def list_(as_json: bool) -> None:
    """Protocols that ship with Manul."""
    found = {name: files.load(name).protocol.digest for name in files.presets()}
    click.echo(json.dumps(found) if as_json else "\n".join(f"{name}  {digest[:12]}" for name, digest in found.items()))


@protocol.command()
@click.argument("source", metavar="PROTOCOL")
@_json
def show(source: str, as_json: bool) -> None:
    """Every rule with its value and its reason."""
    rules = _load(source)
    values = dataclasses.asdict(rules.protocol)
    if as_json:
        click.echo(
            json.dumps(
                {"protocol": values, "why": dict(rules.why), "sha256": rules.protocol.digest}, ensure_ascii=False
            )
        )
        return
    table = Table("rule", "value", "why", title=f"{rules.protocol.name} {rules.protocol.version}")
    for key, value in values.items():
        table.add_row(key, _said(value), rules.why.get(key, "[red]no reason given[/]"))
    Console().print(table)
    click.echo(f"sha256 {rules.protocol.digest}")


@protocol.command()
@click.argument("sources", metavar="PROTOCOL...", nargs=-1, required=True)
@click.option("--strict", is_flag=True, help="A rule without a reason, or left to the default, is an error too.")
def check(sources: tuple[str, ...], strict: bool) -> None:
    """Check that files are protocols that a unit will take."""
    troubles = [trouble for source in sources if (trouble := _checked(source, strict))]
    if troubles:
        raise BadInputError("\n".join(troubles))


def _checked(source: str, strict: bool) -> str:
    try:
        rules = _load(source)
    except BadInputError as error:
        return str(error)
    silent = ", ".join(rules.unexplained)
    unwritten = ", ".join(f"{name} ({getattr(rules.protocol, name)!r})" for name in rules.unwritten)
    if strict and (silent or unwritten):
        said = [f"no reason in [why] for: {silent}"] * bool(silent) + [f"not written: {unwritten}"] * bool(unwritten)
        return f"{source}: {'; '.join(said)}"
    click.echo(f"{source}: good, {rules.protocol.name} {rules.protocol.version}, sha256 {rules.protocol.digest[:12]}")
    if silent:
        click.echo(f"{source}: no reason in [why] for: {silent}", err=True)
    if unwritten:
        click.echo(f"{source}: not written, so this version's default: {unwritten}", err=True)
    return ""


@protocol.command()
@click.argument("one", metavar="PROTOCOL")
@click.argument("other", metavar="PROTOCOL")
@click.option("--require-same", is_flag=True, help="Exit with 6 when they differ.")
@_json
def diff(one: str, other: str, require_same: bool, as_json: bool) -> None:
    """What differs between two units, countries or years."""
    left, right = _load(one), _load(other)
    found = files.differences(left.protocol, right.protocol)
    if as_json:
        click.echo(json.dumps({"same": not found, "differences": found}))
    elif found:
        Console().print(_diff_table(left, right, found))
    else:
        click.echo(f"the same rules, sha256 {left.protocol.digest}")
    if found and {"name", "version"}.isdisjoint(found):
        said = f"{left.protocol.name} {left.protocol.version}"
        click.echo(f"both are called {said}: raise the version of one, or nobody can tell them apart by name", err=True)
    if found and require_same:
        raise IntegrityError(f"{one} and {other} differ in {', '.join(found)}: data of the two are not comparable")


def _diff_table(left: files.Rules, right: files.Rules, found: dict[str, tuple[Any, Any]]) -> Table:
    table = Table("rule", left.source, right.source)
    for key, (before, after) in found.items():
        table.add_row(key, _said(before), _said(after))
    return table


@protocol.command()
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--from", "source", default="pallas-cat", show_default=True, help="Preset to start from.")
def new(target: Path, source: str) -> None:
    """Write a protocol file to edit, reasons included."""
    if target.exists():
        raise BadInputError(f"{target} is there already: choose another name")
    durable.write(target, files.preset_text(source).encode())
    click.echo(f"{target}: edit it, raise its version, then 'manul protocol check' and 'manul protocol sign' it")


@protocol.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--key", type=_KEY, required=True, help="Private Ed25519 key in OpenSSH format.")
def sign(path: Path, key: Path) -> None:
    """Sign a protocol file: writes FILE.sig, an OpenSSH signature of namespace manul-protocol."""
    files.load(str(path))
    target = keys.sign_file(path, keys.load_private(key), files.NAMESPACE)
    click.echo(f"{target} written; check it with 'manul protocol verify {path} --key {key}.pub'")


@protocol.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--key", type=_KEY, required=True, help="Public keys that you trust (.pub or authorized_keys).")
def verify(path: Path, key: Path) -> None:
    """Check a protocol file's signature."""
    public = keys.verify_file(path, keys.load_public(key), files.NAMESPACE)
    click.echo(f"{path}: signed by {sshsig.fingerprint(public)}, sha256 {files.load(str(path)).protocol.digest}")


def _load(source: str) -> files.Rules:
    if not Path(source).is_dir():
        return files.load(source)
    from trap_tools.protocol.ran import of_folder  # reading journals is a heavy import that presets need not wait for

    return of_folder(Path(source))


def _said(value: object) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, bool | str) else str(value)
