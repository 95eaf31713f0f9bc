"""The command ``manul flash supervisor``."""

import json
import tempfile
from pathlib import Path

import click

from trap_tools import keys
from trap_tools.flash.supervisor import chip, manifest, uf2
from trap_tools.flash.supervisor.chip import Chip
from trap_tools.sums import sha256_of
from trap_wire import bundle as bundles
from trap_wire.errors import BadInputError

_PATH = click.Path(path_type=Path)


@click.command()
@click.option("--files", "folder", type=_PATH, help="Folder with manifest.py, or the manifest itself.")
@click.option("--uf2", "uf2_path", type=_PATH, help="Whole firmware instead of files; by picotool.")
@click.option("--bundle", "bundle_path", type=_PATH, help="Take the supervisor out of a signed bundle.")
@click.option("--key", type=_PATH, help="Public keys that you trust, for --bundle.")
@click.option("--port", default="auto", show_default=True, help="Serial port of the Pico.")
@click.option("--json", "as_json", is_flag=True, help="What is on the chip now, for programs.")
def supervisor(
    *, folder: Path | None, uf2_path: Path | None, bundle_path: Path | None, key: Path | None, port: str, as_json: bool
) -> None:
    """Write the supervisor's files and compare each hash on the chip.

    Programs that the manifest does not name are removed, the log and the settings stay. Stopped half way the chip starts
    nothing until this was run again.
    """
    if sum(given is not None for given in (folder, uf2_path, bundle_path)) != 1:
        raise click.UsageError("give one of --files, --uf2 and --bundle")
    with tempfile.TemporaryDirectory() as place:
        if bundle_path:
            folder, uf2_path = _out_of(bundle_path, key, Path(place))
        if uf2_path:
            uf2.flash(uf2_path)
            _say(f"{uf2_path.name}: written, compared", {"uf2": uf2_path.name, "sha256": sha256_of(uf2_path)}, as_json)
        elif folder:
            _files(folder, port, as_json)


def _files(folder: Path, port: str, as_json: bool) -> None:
    files = manifest.files(folder)
    hashes = {path: sha256_of(file) for path, file in files.items()}
    chip.flash(Chip(port), files, hashes, lambda text: click.echo(text, err=True))
    _say(f"supervisor: {len(files)} files, every hash compared on the chip", {"port": port, "files": hashes}, as_json)


def _say(words: str, facts: dict[str, object], as_json: bool) -> None:
    click.echo(json.dumps(facts) if as_json else words)


def _out_of(path: Path, key: Path | None, place: Path) -> tuple[Path | None, Path | None]:
    """Folder of files, or the UF2, of a bundle's supervisor."""
    if key is None:
        raise click.UsageError("--bundle needs --key: the public keys that you trust")
    found = bundles.opened(path, keys.load_public(key), keys.check)
    for file, data in found.contents([file.path for file in found.manifest.of_role("supervisor")]):
        target = place / file.path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)
    whole = sorted(place.rglob("*.uf2"))
    if not whole and not any(place.rglob("*.py")):
        raise BadInputError(f"{path}: brings no supervisor")
    return (None, whole[0]) if whole else (place / "supervisor", None)
