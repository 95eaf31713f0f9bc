"""The media partition of a card that was just written: made as large as the card, once, before its first photograph.

An image is as small as it can be, a card is not. ``grow`` runs as root at the first boot (manul-media.service): the last entry
of the partition table is stretched to the end of the card and a new FAT32 made in it. Nothing is ever lost by that: a
partition that is full size, or that holds photographs, is left as it is. A power cut at any moment is put right by the next
boot: until the new file system is whole, its volume id says that it is not.

- absent (no fourth partition, no MBR: a card that was divided otherwise): left as it is, said in words.
- slow: five minutes for each command, then ``PartError``.
- lying or failing (a card that refuses the write): ``PartError``; the unit goes on with the partition as it is.
- gone in mid-use (the power, at any step): the next boot goes on where this one stopped.
"""

import os
import struct
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from trap_wire.errors import PartError

PART = "card"
NUMBER = 4
LABEL = "MANUL-MEDIA"
SECTOR, ALIGN = 512, 2048
FAT_TYPES = (0x0B, 0x0C)
UNFINISHED, FINISHED = 0x4D414E30, 0x4D414E55
# Smaller than this share of its partition, a file system is the image's and not the card's.
FULL_SIZE = 0.9
PATIENCE_S = 300
README = """Photographs of a Manul camera trap lie in media/ and thumbnails/, by day (UTC).\r
Read only, please: 'manul pull' copies and verifies them; the unit's journal is on the partition beside this one.\r
"""
Run = Callable[[list[str]], None]


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of an MBR, in sectors."""

    type_: int
    start: int
    count: int


def grow(disk: Path, partition: Path, run: Run | None = None, places: Path = Path("/run")) -> str:
    """Stretch and make anew, where that is due; words for what was done or why not. ``places``: where it mounts."""
    run = run or _run
    with disk.open("rb") as file:
        found, sectors = entry(file.read(SECTOR)), file.seek(0, os.SEEK_END) // SECTOR
    if found is None or found.type_ not in FAT_TYPES:
        return "no fourth partition with FAT: left as it is"
    count = max(found.count, (sectors - found.start) // ALIGN * ALIGN)
    if count > found.count:
        _stretch(disk, count)
        run(["partx", "--update", "--nr", str(NUMBER), str(disk)])
    if is_whole(partition, count):
        return "already as large as the card"
    if _has_photographs(partition, run, places):
        return "holds photographs: left as it is"
    _format(partition, run, places)
    return f"made anew with {count * SECTOR // 1_000_000} MB"


def entry(sector: bytes) -> Entry | None:
    """The fourth entry of an MBR; None when the sector is none."""
    if sector[510:512] != b"\x55\xaa":
        return None
    at = 446 + 16 * (NUMBER - 1)
    return Entry(sector[at + 4], *struct.unpack_from("<II", sector, at + 8))


def is_whole(partition: Path, sectors: int) -> bool:
    """Whether a finished FAT32 of (nearly) this size lies there."""
    with partition.open("rb") as file:
        boot = file.read(SECTOR)
    if boot[510:512] != b"\x55\xaa" or boot[82:87] != b"FAT32":
        return False
    (size,), (identity,) = struct.unpack_from("<I", boot, 32), struct.unpack_from("<I", boot, 67)
    return bool(identity != UNFINISHED and size >= FULL_SIZE * sectors)


def _stretch(disk: Path, count: int) -> None:
    """One sector is written, which a card does whole or not at all."""
    try:
        with disk.open("r+b") as file:
            table = bytearray(file.read(SECTOR))
            struct.pack_into("<I", table, 446 + 16 * (NUMBER - 1) + 12, count)
            file.seek(0)
            file.write(table)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise PartError(PART, f"{disk}: the partition table cannot be written: {error.strerror}") from error


def _has_photographs(partition: Path, run: Run, places: Path) -> bool:
    """A file system that cannot be mounted holds none: it was being made when the power went."""
    with tempfile.TemporaryDirectory(prefix="manul-", dir=places) as folder:
        try:
            run(["mount", "-t", "vfat", "-o", "ro", str(partition), folder])
        except PartError:
            return False
        try:
            return any((Path(folder) / name).is_dir() for name in ("media", "thumbnails"))
        finally:
            run(["umount", folder])


def _format(partition: Path, run: Run, places: Path) -> None:
    run(["mkfs.vfat", "-F", "32", "-n", LABEL, "-i", f"{UNFINISHED:08x}", str(partition)])
    with tempfile.TemporaryDirectory(prefix="manul-", dir=places) as folder:
        run(["mount", "-t", "vfat", str(partition), folder])
        try:
            (Path(folder) / "README.txt").write_text(README, newline="")
        finally:
            run(["umount", folder])
    os.sync()
    run(["fatlabel", "-i", str(partition), f"{FINISHED:08x}"])
    os.sync()


def _run(command: list[str]) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=PATIENCE_S)
    except (OSError, subprocess.SubprocessError) as error:
        words = (getattr(error, "stderr", "") or str(error)).strip()
        raise PartError(PART, f"{command[0]}: {words}") from error


def media_of(beside: Path, sys: Path = Path("/sys/dev/block"), dev: Path = Path("/dev")) -> tuple[Path, Path]:
    """The disk on which the partition that holds ``beside`` lies, and its fourth partition."""
    number = beside.stat().st_dev
    own = (sys / f"{os.major(number)}:{os.minor(number)}").resolve()
    if not (own / "partition").exists():
        raise PartError(PART, f"{beside} lies on no partition of a card")
    disk = own.parent.name
    return dev / disk, dev / f"{disk}{'p' if disk[-1].isdigit() else ''}{NUMBER}"
