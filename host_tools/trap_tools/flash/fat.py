"""Where a file's bytes lie in the FAT file system of a card, found by reading only: no mount, no change.

Sources: Microsoft's "FAT: General Overview of On-Disk Format" (fatgen103) and the MBR partition table. FAT16 and FAT32.
"""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from trap_wire.errors import BadInputError

Read = Callable[[int, int], bytes]
SECTOR = 512
FAT_TYPES = {0x04, 0x06, 0x0B, 0x0C, 0x0E}
_LONG_NAME = 0x0F


@dataclass(frozen=True, slots=True)
class Extent:
    """A contiguous file: where it starts on the card and its size in bytes."""

    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Volume:
    """Geometry of one FAT file system; offsets are bytes on the card."""

    read: Read
    fat: int
    wide: bool  # FAT32
    root: int  # FAT32: first cluster; FAT16: byte offset
    root_size: int  # FAT16 only
    data: int
    cluster: int
    clusters: int

    def chain(self, first: int) -> Iterator[int]:
        """Cluster numbers of a file; ends at the chain's end, raises when it is broken or runs in a circle."""
        at = first
        for _ in range(self.clusters + 1):
            if not 2 <= at < self.clusters + 2:
                raise BadInputError(
                    f"FAT chain of cluster {first} leaves the file system at {at}: the image is damaged"
                )
            yield at
            at = self._next(at)
            if at >= (0x0FFFFFF8 if self.wide else 0xFFF8):
                return
        raise BadInputError(f"FAT chain of cluster {first} runs in a circle: the image is damaged")

    def _next(self, cluster: int) -> int:
        if self.wide:
            return int(struct.unpack("<I", self.read(self.fat + cluster * 4, 4))[0]) & 0x0FFFFFFF
        return int(struct.unpack("<H", self.read(self.fat + cluster * 2, 2))[0])

    def offset(self, cluster: int) -> int:
        """First byte of a cluster on the card."""
        return self.data + (cluster - 2) * self.cluster

    def root_entries(self) -> bytes:
        """The root directory's bytes."""
        if not self.wide:
            return self.read(self.root, self.root_size)
        return b"".join(self.read(self.offset(cluster), self.cluster) for cluster in self.chain(self.root))


def locate(read: Read, name: str) -> Extent:
    """A file of the boot partition's root directory; ``BadInputError`` when it is not there or not in one piece."""
    volume = _volume(read, _boot_partition(read))
    for found, first, size in _files(volume.root_entries()):
        if found.lower() == name.lower():
            return _extent(volume, name, first, size)
    raise BadInputError(f"the image has no file {name} on its boot partition: prepare it with 'manul release image'")


def _extent(volume: Volume, name: str, first: int, size: int) -> Extent:
    clusters = list(volume.chain(first)) if size else []
    needed = -(-size // volume.cluster)
    if not clusters or clusters[:needed] != list(range(first, first + needed)):
        raise BadInputError(
            f"{name} on the boot partition is empty or in several places: make the image again with 'manul release image'"
        )
    return Extent(volume.offset(first), size)


def _boot_partition(read: Read) -> int:
    """Byte offset of the first FAT partition of the MBR."""
    mbr = read(0, SECTOR)
    if mbr[510:512] != b"\x55\xaa":
        raise BadInputError("the image has no partition table (MBR): it is not an image of a whole card")
    for at in range(446, 510, 16):
        kind, start = mbr[at + 4], struct.unpack_from("<I", mbr, at + 8)[0]
        if kind in FAT_TYPES and start:
            return int(start) * SECTOR
    raise BadInputError("the image has no FAT partition: it is not an image for a Raspberry Pi")


def image_end(mbr: bytes) -> int:
    """Bytes that the partition table says are needed; 0 when there is none."""
    if mbr[510:512] != b"\x55\xaa":
        return 0
    entries = [struct.unpack_from("<II", mbr, at + 8) for at in range(446, 510, 16) if mbr[at + 4]]
    return max(((start + count) * SECTOR for start, count in entries), default=0)


def _volume(read: Read, start: int) -> Volume:
    boot = read(start, SECTOR)
    sector, per_cluster, reserved, fats, roots, small, _, fat16 = struct.unpack_from("<HBHBHHBH", boot, 11)
    large, fat32 = struct.unpack_from("<II", boot, 32)
    if boot[510:512] != b"\x55\xaa" or sector not in (512, 1024, 2048, 4096) or not per_cluster or not fats:
        raise BadInputError("the boot partition is not a FAT file system: the image is damaged")
    fat_sectors = fat16 or fat32
    root_offset = reserved + fats * fat_sectors
    root_sectors = -(-roots * 32 // sector)
    clusters = ((small or large) - root_offset - root_sectors) // per_cluster
    if clusters < 4085:
        raise BadInputError("the boot partition is FAT12: use FAT16 or FAT32, as Raspberry Pi's images do")
    wide = clusters >= 65525
    root = struct.unpack_from("<I", boot, 44)[0] if wide else start + root_offset * sector
    return Volume(
        read=read,
        fat=start + reserved * sector,
        wide=wide,
        root=root,
        root_size=roots * 32,
        data=start + (root_offset + root_sectors) * sector,
        cluster=per_cluster * sector,
        clusters=clusters,
    )


def _files(entries: bytes) -> Iterator[tuple[str, int, int]]:
    """Name, first cluster and size of each file; long names are joined from the entries before."""
    long = ""
    for at in range(0, len(entries), 32):
        entry = entries[at : at + 32]
        if entry[0] == 0:
            return
        if entry[0] != 0xE5 and entry[11] == _LONG_NAME:
            part = (entry[1:11] + entry[14:26] + entry[28:32]).decode("utf-16-le", "replace")
            long = part.split("\0")[0] + ("" if entry[0] & 0x40 else long)
            continue
        if entry[0] != 0xE5 and not entry[11] & 0x18:
            high, low, size = (*struct.unpack_from("<H", entry, 20), *struct.unpack_from("<HI", entry, 26))
            yield long or _short(entry), high << 16 | low, size
        long = ""


def _short(entry: bytes) -> str:
    name, extension = entry[:8].decode("ascii", "replace").rstrip(), entry[8:11].decode("ascii", "replace").rstrip()
    return f"{name}.{extension}" if extension else name
