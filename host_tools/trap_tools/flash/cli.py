"""Commands of ``manul flash``."""

import os
import subprocess
from pathlib import Path

import click
from rich.console import Console

from trap_tools import keys
from trap_tools.flash import box, disks, fat, image, imageproof, receipt, screen, stations
from trap_tools.flash.box import Work
from trap_tools.flash.job import SLOT_NAME
from trap_tools.flash.offers import Choice
from trap_tools.flash.receipt import Source
from trap_tools.flash.stations import Ticket
from trap_tools.flash.supervisor.cli import supervisor
from trap_tools.sums import sha256_of
from trap_wire import bundle as bundles
from trap_wire import sshsig
from trap_wire.errors import BadInputError, PartError

_FILE = click.Path(path_type=Path, dir_okay=False)
_GB = 10**9


@click.group(invoke_without_command=True)
@click.pass_context
@click.option("--image", "image_path", type=_FILE, help="Image to write: .img, .img.xz or .img.zst.")
@click.option("--bmap", type=_FILE, help="Block map; by default the .bmap beside the image.")
@click.option(
    "--to", multiple=True, metavar="DEV", help="Disk to write (repeat for several); by default the next to appear."
)
@click.option(
    "--file", "files", multiple=True, type=_FILE, help="Write into a file of a card's size instead of a disk."
)
@click.option("--bundle", "bundle_path", type=_FILE, help="Signed bundle that the image belongs to.")
@click.option("--key", type=_FILE, help="Public keys that you trust, for --bundle.")
@click.option("--station", type=_FILE, help="station.toml of one unit.")
@click.option("--sheet", type=_FILE, help="CSV or TOML with a line for every unit in the box.")
@click.option("--protocol", "protocol_", help="Preset or file with the rules; by default the bundle's.")
@click.option(
    "--receipts",
    type=click.Path(path_type=Path),
    default=Path("receipts"),
    show_default=True,
    help="Where receipts and labels go.",
)
@click.option("--sign", type=_FILE, help="Private key to sign receipts with.")
@click.option(
    "--yes", multiple=True, metavar="SERIAL", help="Write the card with this serial (a file: its name) unasked."
)
@click.option(
    "--max-size",
    type=click.IntRange(1),
    default=disks.MAX_SIZE // _GB,
    show_default=True,
    help="GB; larger disks are refused.",
)
@click.option("--list", "only_list", is_flag=True, help="Show the disks and whether they may be written.")
@click.option("--usb", is_flag=True, help="Make a unit on the cable appear as a disk first (needs rpiboot).")
@click.option("--json", "as_json", is_flag=True, help="Receipts as JSON lines on stdout.")
def flash(
    ctx: click.Context,
    *,
    image_path: Path | None,
    bmap: Path | None,
    to: tuple[str, ...],
    files: tuple[Path, ...],
    bundle_path: Path | None,
    key: Path | None,
    station: Path | None,
    sheet: Path | None,
    protocol_: str | None,
    receipts: Path,
    sign: Path | None,
    yes: tuple[str, ...],
    max_size: int,
    only_list: bool,
    usb: bool,
    as_json: bool,
) -> None:
    """Write cards, compare every byte, tell each who it is, and leave a receipt and a label.

    Exit codes are those of 'manul'; 130 after Ctrl-C. A card that was not finished does not start.
    """
    if ctx.invoked_subcommand:
        return
    choice = Choice(to, files, yes, max_size * _GB)
    if only_list:
        Console().print(screen.offered(choice.listed(), choice.max_size))
        return
    if image_path is None:
        raise click.UsageError("give --image IMG, or --list")
    source, rules = _source(image_path, bmap, bundle_path, key, protocol_)
    tickets = _tickets(station, sheet, rules, receipts)
    if tickets:
        _check_slot(source.image)
    if sign:
        keys.load_private(sign)
    receipt.check_folder(receipts)
    known = choice.listed() if usb else None  # what the unit will appear beside
    if usb:
        _rpiboot()
    ctx.exit(box.write(Work(source, choice, receipts, sign, as_json), tickets, in_a_row=bool(sheet), known=known))


def _source(
    path: Path, bmap: Path | None, bundle_path: Path | None, key: Path | None, rules: str | None
) -> tuple[Source, str | None]:
    """The image, proved by the bundle if there is one, and the protocol's name or file."""
    found, facts = image.opened(path, bmap), dict[str, str]()
    digest = sha256_of(path) if bundle_path or path.stat().st_size < _GB else ""
    if bundle_path:
        facts, brought = _bundle(bundle_path, key, path, digest)
        rules = rules or brought
    return Source(found, digest, facts), rules


def _bundle(path: Path, key: Path | None, image_path: Path, digest: str) -> tuple[dict[str, str], str | None]:
    if key is None:
        raise click.UsageError("--bundle needs --key: the public keys that you trust")
    found = bundles.opened(path, keys.load_public(key), keys.check)
    imageproof.check(image_path, digest, found, keys.load_public(key))
    facts = {"version": found.manifest.version, "sha256": found.sha256, "signer": sshsig.fingerprint(found.signer)}
    return facts, _brought(found)


def _brought(found: bundles.Bundle) -> str | None:
    """The bundle's protocol as text that ``stations`` takes, None when it brings none."""
    names = [file.path for file in found.manifest.of_role("protocol") if file.path.endswith(".toml")]
    return next((data.decode() for _, data in found.contents(names[:1])), None) if names else None


def _check_slot(found: image.Image) -> None:
    """Say before a card is written, and not after, that there is no place for the station; a packed image tells only later."""
    if found.packing == "raw":
        with found.path.open("rb") as file:
            fat.locate(lambda offset, length: os.pread(file.fileno(), length, offset), SLOT_NAME)


def _tickets(station: Path | None, sheet: Path | None, rules: str | None, receipts: Path) -> list[Ticket]:
    if station and sheet:
        raise click.UsageError("give --station for one unit or --sheet for several, not both")
    if station:
        return [stations.from_station(station, rules)]
    if not sheet:
        return []
    done = receipt.finished(receipts)
    left = [ticket for ticket in stations.from_sheet(sheet, rules) if ticket.facts.station.unit not in done]
    if not left:
        raise BadInputError(
            f"every unit of {sheet} has a good receipt in {receipts}: remove one there to flash it again"
        )
    return left


def _rpiboot() -> None:
    """Raspberry Pi's usbboot: the unit's own card reader becomes a disk on this machine."""
    try:
        subprocess.run(["rpiboot", "-d", "mass-storage-gadget64"], check=True, timeout=120)
    except FileNotFoundError as error:
        why = "is not installed: github.com/raspberrypi/usbboot has it; or put the card into a reader, which needs none of it"
        raise PartError("rpiboot", why) from error
    except (OSError, subprocess.SubprocessError) as error:
        why = f"{error}: is the unit in USB boot mode (no bootable card), and are you root? A card reader needs none of it"
        raise PartError("rpiboot", why) from error


flash.add_command(supervisor)
