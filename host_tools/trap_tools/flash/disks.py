"""Which disks there are and which of them may be written: everything that could be somebody's data is refused with the fix."""

import json
import stat
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trap_wire.errors import PartError, RefusedError

COLUMNS = "NAME,KNAME,PATH,TYPE,SIZE,MODEL,SERIAL,VENDOR,TRAN,RM,HOTPLUG,RO,MOUNTPOINTS,FSTYPE"
# Larger than any card that a unit takes, smaller than the disks that people keep their work on.
MAX_SIZE = 256 * 10**9
SYSTEM = ("/", "/boot", "/boot/efi", "/boot/firmware", "/usr", "/var", "/home", "[SWAP]")


@dataclass(frozen=True, slots=True)
class Disk:
    """One block device as lsblk tells it. ``mounted`` and ``holds`` count everything on it, partitions included."""

    path: str
    kind: str
    size: int
    model: str = ""
    serial: str = ""
    transport: str = ""
    removable: bool = False
    read_only: bool = False
    mounted: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()

    def __str__(self) -> str:
        serial = f"serial {self.serial}" if self.serial else "no serial"
        return f"{self.path}  {self.model or 'unknown model'}, {serial}, {said_size(self.size)}"


def said_size(size: int) -> str:
    """Bytes as it stands on a card's sleeve: decimal."""
    return f"{size / 1e9:.1f} GB" if size >= 10**9 else f"{size / 1e6:.1f} MB"


def listed() -> list[Disk]:
    """Every block device of this machine; ``PartError`` when lsblk is not there or too old."""
    order = ["lsblk", "--json", "--bytes", "--output", COLUMNS]
    try:
        text = subprocess.run(order, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise PartError("lsblk", f"{error}: install util-linux 2.37 or newer; cards are flashed from Linux") from error
    return parse(text)


def parse(text: str, sysfs: Path = Path("/sys")) -> list[Disk]:
    """Disks and their partitions from lsblk's JSON, each disk before its own partitions."""
    devices = json.loads(text)["blockdevices"]
    return [_disk(device, sysfs) for device in _flat(devices)]


def _flat(devices: Iterable[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for device in devices:
        yield device
        yield from _flat(device.get("children", ()))


def _disk(device: Mapping[str, Any], sysfs: Path) -> Disk:
    family = list(_flat([device]))
    model = " ".join(part.strip() for part in (device.get("vendor"), device.get("model")) if part and part.strip())
    return Disk(
        path=device["path"],
        kind=device["type"],
        size=int(device["size"] or 0),
        model=model,
        serial=(device.get("serial") or "").strip(),
        transport=device.get("tran") or "",
        removable=bool(device.get("rm") or device.get("hotplug")) or _is_sd(device["kname"], sysfs),
        read_only=bool(device.get("ro")),
        mounted=tuple(point for member in family for point in member.get("mountpoints") or () if point),
        holds=tuple(str(member["type"]) for member in family[1:] if member["type"] not in ("part", "disk")),
    )


def _is_sd(kname: str, sysfs: Path) -> bool:
    """A card in a built-in reader says SD; soldered eMMC says MMC."""
    try:
        return (sysfs / "block" / kname / "device" / "type").read_text().strip() == "SD"
    except OSError:
        return False


def refusal(disk: Disk, max_size: int = MAX_SIZE) -> str:
    """Why a disk is not written, with what to do; empty when it may be."""
    if disk.kind != "disk":
        return f"{disk.path} is a {'partition' if disk.kind == 'part' else disk.kind}, not a disk: give the whole disk"
    if system := [point for point in disk.mounted if point in SYSTEM]:
        return (
            f"{disk.path} holds the running system ({', '.join(system)}): it is never written; "
            "'manul flash --list' shows the cards"
        )
    if disk.mounted:
        points = ", ".join(disk.mounted)
        return (
            f"{disk.path} is mounted at {points}: save what is on it, unmount it (umount {disk.mounted[0]}), try again"
        )
    if disk.holds:
        return f"{disk.path} is in use ({', '.join(disk.holds)}): close it first, or choose another disk"
    return _unfit(disk, max_size)


def _unfit(disk: Disk, max_size: int) -> str:
    if disk.size == 0:
        return f"{disk.path} has no card in it: insert one"
    if not disk.removable:
        return (
            f"{disk.path} ({disk.model}) is built into this machine: only removable disks are written; "
            "put the card into a reader"
        )
    if disk.size > max_size:
        return (
            f"{disk.path} has {said_size(disk.size)}, above the cap of {said_size(max_size)}: it is hardly a card; "
            "if it is, raise the cap with --max-size"
        )
    if disk.read_only:
        return f"{disk.path} is write-protected: slide the lock on the card's adapter"
    return ""


def chosen(path: str, disks: Iterable[Disk], max_size: int = MAX_SIZE) -> Disk:
    """The disk at ``path``; ``RefusedError`` when it may not be written."""
    real = str(Path(path).resolve())
    found = next((disk for disk in disks if disk.path in (path, real)), None)
    if found is None:
        raise RefusedError(_not_a_disk(Path(path)))
    if reason := refusal(found, max_size):
        raise RefusedError(reason)
    return found


def _not_a_disk(path: Path) -> str:
    if not path.exists():
        return f"{path} is not there: 'manul flash --list' shows the cards that are"
    if stat.S_ISREG(path.stat().st_mode):
        return f"{path} is a file, not a disk: to write a card image into a file give it with --file"
    return f"{path} is not a disk: 'manul flash --list' shows the cards that are"


def appeared(before: Iterable[Disk], now: Iterable[Disk], max_size: int = MAX_SIZE) -> list[Disk]:
    """Disks that may be written and were not there, or had no card, before."""
    known = {(disk.path, disk.serial, disk.size) for disk in before}
    return [d for d in now if (d.path, d.serial, d.size) not in known and not refusal(d, max_size)]
