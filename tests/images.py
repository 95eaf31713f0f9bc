"""Card images made from Debian's own tools: a partition table, a FAT boot partition with the slot, an ext4 root."""

import os
import shutil
import struct
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from trap_wire.slot import SLOT_SIZE

MIB = 1024 * 1024
TOOLS = ("mkfs.fat", "mcopy", "mkfs.ext4", "debugfs", "e2fsck", "fsck.fat", "xz", "zstd")
ENV = {**os.environ, "PATH": os.environ.get("PATH", "") + ":/usr/sbin:/sbin", "MTOOLS_SKIP_CHECK": "1"}
MISSING = [tool for tool in TOOLS if not shutil.which(tool, path=ENV["PATH"])]
needs_tools = pytest.mark.skipif(bool(MISSING), reason=f"not on this machine: {', '.join(MISSING)}")
BOOT_AT, BOOT_SIZE = 4 * MIB, 40 * MIB
ROOT_AT, ROOT_SIZE = 48 * MIB, 16 * MIB


@dataclass(frozen=True)
class Made:
    path: Path
    size: int


def run(*words, **more):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, env=ENV, **more)


def partition_table(parts):
    """An MBR with entries of (type, start, size) in bytes."""
    table = b"".join(struct.pack("<B3sB3sII", 0, b"", kind, b"", at // 512, size // 512) for kind, at, size in parts)
    return bytes(446) + table.ljust(64, b"\0") + b"\x55\xaa"


def build(folder, name="manul.img", fat_bits=16, slot=bytes(SLOT_SIZE), boot_size=BOOT_SIZE, *, boot_at=BOOT_AT):
    """An image with a sparse map, as an image build leaves it."""
    boot, root, tree = folder / "boot.fat", folder / "root.ext4", folder / "tree"
    tree.mkdir(exist_ok=True)
    (tree / "hello").write_bytes(os.urandom(MIB))
    (folder / "station.toml").write_bytes(slot)
    (folder / "kernel8.img").write_bytes(os.urandom(2 * MIB))
    boot.unlink(missing_ok=True)
    run("mkfs.fat", "-F", fat_bits, "-n", "BOOT", "-C", boot, boot_size // 1024)
    for file in ("kernel8.img", "station.toml"):
        run("mcopy", "-i", boot, folder / file, f"::{file}")
    root_at = boot_at + boot_size + 4 * MIB
    run("mkfs.ext4", "-q", "-F", "-d", tree, root, f"{ROOT_SIZE // 1024}k")
    image = folder / name
    run("truncate", "-s", root_at + ROOT_SIZE, image)
    table = partition_table([(0x0C, boot_at, boot_size), (0x83, root_at, ROOT_SIZE)])
    with image.open("r+b") as file:
        file.write(table)
    for part, at in ((boot, boot_at), (root, root_at)):
        run("dd", f"if={part}", f"of={image}", "bs=1M", f"seek={at // MIB}", "conv=notrunc,sparse")
    return Made(image, root_at + ROOT_SIZE)


def partition_of(card, at, size, target):
    """A partition of a card as a file of its own."""
    run("dd", f"if={card}", f"of={target}", "bs=1M", f"skip={at // MIB}", f"count={size // MIB}", "conv=sparse")
    return target


def blank(path, size, fill=b"\xee"):
    """A card-sized sparse file with some old contents at its start, as used cards have."""
    with path.open("wb") as file:
        file.write(fill * (2 * MIB))
        file.truncate(size)
    return path
