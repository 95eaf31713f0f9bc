"""Commands of ``manul release``."""

import json
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from trap_tools import keys
from trap_tools.flash import imageproof
from trap_tools.flash.disks import said_size
from trap_tools.flash.supervisor import bytecode, manifest
from trap_tools.protocol import files as protocols
from trap_tools.protocol import programme
from trap_tools.release import wheels
from trap_tools.release.build import Contents, build
from trap_tools.release.image import launcher, prepare
from trap_wire import bundle, sshsig
from trap_wire.errors import BadInputError

_PATH = click.Path(path_type=Path, exists=True)
_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.group()
def release() -> None:
    """Make and check signed bundles, and base images that take them."""


@release.command("build")
@click.option(
    "--version", "version_", required=True, help="Like 1.4.2; a unit never goes back to a lower one by itself."
)
@click.option("--key", type=_FILE, required=True, help="Private Ed25519 key of the programme, OpenSSH format.")
@click.option("--to", "target", type=click.Path(path_type=Path), required=True, help="The bundle to write.")
@click.option("--app", type=_FILE, required=True, help="Manul's own wheel: python -m pip wheel --no-deps .")
@click.option("--extras", default="pi", show_default=True, help="Extras of the application to bring.")
@click.option(
    "--python", "pythons", multiple=True, type=click.Choice(wheels.PYTHONS), default=wheels.PYTHONS, show_default=True,
    help="Python of the units; may be given twice. With one of them the bundle is half as large.",
)  # fmt: skip
@click.option("--wheelhouse", type=_PATH, help="Take wheels from this folder instead of an index.")
@click.option("--supervisor", type=_PATH, help="Supervisor files (folder with manifest.py) or a UF2.")
@click.option("--model", type=_PATH, help="Detector folder.")
@click.option("--protocol", "protocol_", help="Preset or protocol file.")
@click.option("--systemd", type=_PATH, help="Folder of systemd units.")
@click.option(
    "--image", "base", type=_FILE, multiple=True, help="Base image that this release is for; its SHA-256 is named."
)
def build_(
    *,
    version_: str,
    key: Path,
    target: Path,
    app: Path,
    extras: str,
    pythons: tuple[str, ...],
    wheelhouse: Path | None,
    supervisor: Path | None,
    model: Path | None,
    protocol_: str | None,
    systemd: Path | None,
    base: tuple[Path, ...],
) -> None:
    """Gather wheels, supervisor, model, protocol and the first-boot hook into one signed bundle."""
    private = keys.load_private(key)
    with tempfile.TemporaryDirectory() as folder:
        contents = Contents()
        for where, path in wheels.gathered(app, extras, Path(folder), wheelhouse, pythons):
            contents.add(where, "wheel", path)
        for role, path_ in (("supervisor", supervisor), ("model", model), ("systemd", systemd)):
            if path_:
                _add(contents, role, path_, Path(folder) / "bytecode")
        contents.add("hook/manul-boot.pyz", "hook", launcher(Path(folder) / "manul-boot.pyz"))
        if protocol_:
            contents.add("protocol/protocol.toml", "protocol", _protocol(protocol_, Path(folder)))
        made = build(contents, target, version=version_, python=pythons, base=base, key=private)
    click.echo(f"{target}: {made.version}, {len(made.files)} files, {said_size(target.stat().st_size)}")


def _add(contents: Contents, role: str, path: Path, made: Path) -> None:
    """A model keeps its folder's name; of a supervisor exactly the manifest's files go in, as bytecode."""
    if role == "supervisor" and path.is_dir():
        for where, file in bytecode.compiled(manifest.files(path), made).items():
            contents.add(f"supervisor/{where}", role, file)
        return
    contents.add(f"{role}/{path.name}" if path.is_file() or role == "model" else role, role, path)


def _protocol(source: str, folder: Path) -> Path:
    protocols.load(source)
    path = folder / "protocol.toml"
    path.write_bytes(Path(source).read_bytes() if Path(source).exists() else protocols.preset_text(source).encode())
    return path


@release.command()
@click.argument("path", metavar="BUNDLE", type=click.Path(path_type=Path))
@click.option("--key", type=_FILE, required=True, help="Public keys that you trust (.pub or authorized_keys).")
@click.option("--json", "as_json", is_flag=True, help="Machine-readable output.")
def verify(path: Path, key: Path, as_json: bool) -> None:
    """Check a bundle's signature and every byte in it; from then on 'manul summary' holds units to the newest release."""
    found = bundle.opened(path, keys.load_public(key), keys.check)
    sizes = {file.path: len(data) for file, data in found.contents()}
    named = found.manifest
    programme.remember(found)
    if as_json:
        said = {"version": named.version, "signer": sshsig.fingerprint(found.signer), "sha256": found.sha256}
        click.echo(json.dumps({**said, "files": sizes, "images": dict(named.images), "python": named.python}))
        return
    table = Table("file", "role", "size", title=f"{named.name} {named.version}, {named.created_at}")
    for file in named.files:
        table.add_row(file.path, file.role, said_size(file.size))
    Console().print(table)
    click.echo(f"{path}: good, signed by {sshsig.fingerprint(found.signer)}")


@release.command("image")
@click.argument("stock", type=_FILE)
@click.option(
    "--bundle", "bundle_", type=_FILE, required=True, help="Bundle that the unit installs when it first starts."
)
@click.option("--key", type=_FILE, required=True, help="Public keys that the unit will trust.")
@click.option("--to", "target", type=click.Path(path_type=Path), required=True, help="Image to write (.img).")
def image(stock: Path, bundle_: Path, key: Path, target: Path) -> None:
    """Prepare a stock Raspberry Pi OS image: station slot, bundle, keys and the first-boot hook; no mount, no root."""
    if target.exists():
        raise BadInputError(f"{target} is there already: choose another name")
    found = bundle.opened(bundle_, keys.load_public(key), keys.check)
    prepare(stock, found, key, target)
    click.echo(f"{target}: ready to flash, installs {found.manifest.version} when it first starts")


@release.command("sign-image")
@click.argument("path", metavar="IMAGE", type=_FILE)
@click.option("--bundle", "bundle_", type=_FILE, required=True, help="Bundle that the image installs.")
@click.option("--key", type=_FILE, required=True, help="Private Ed25519 key of the programme, OpenSSH format.")
def sign_image(path: Path, bundle_: Path, key: Path) -> None:
    """Sign that an image, as it is handed out, belongs to a bundle; 'manul flash --bundle' then takes no other."""
    private = keys.load_private(key)
    found = bundle.opened(bundle_, [keys.public_of(private)], keys.check)
    click.echo(f"{imageproof.sign(path, found, private)} and its signature: hand them out beside {path.name}")
