"""A minimal initramfs: load what the disk needs, mount the root read-only, hand over. Debian's takes ten times as long."""

import lzma
import shutil
from pathlib import Path

from tools.image.base import module_files
from tools.image.host import SUITE, Apt, cached, digest, run

NEEDED = ("virtio_pci", "virtio_blk", "virtio_console", "mmc_block", "sdhci-iproc", "bcm2835", "ext4")
INIT = """#!/bin/busybox sh
B=/bin/busybox
$B mount -t proc p /proc; $B mount -t sysfs s /sys; $B mount -t devtmpfs d /dev
for m in {modules}; do $B insmod /mods/$m 2>/dev/null; done
ROOT=/dev/mmcblk0p2
for a in $($B cat /proc/cmdline); do case $a in root=*) ROOT=${{a#root=}};; esac; done
n=0; while [ ! -b $ROOT ]; do n=$((n+1)); [ $n -gt 300 ] && {{ echo "no $ROOT"; $B sh; }}; $B sleep 0.05; done
$B mount -t ext4 -o ro $ROOT /new || $B sh
$B mount --move /proc /new/proc; $B mount --move /sys /new/sys; $B mount --move /dev /new/dev
exec $B switch_root /new /sbin/init
"""


def busybox() -> Path:
    """A static ARM busybox."""
    return cached("busybox", digest(SUITE), _fetch) / "x/usr/bin/busybox"


def _fetch(to: Path) -> None:
    Apt(to / "apt").extract(["busybox-static:arm64"], to / "x")
    shutil.rmtree(to / "apt")


def initrd(root: Path, version: str, to: Path) -> None:
    """Write the archive for a root file system's kernel."""
    tree = to.parent / "initrd.tree"
    for name in ("bin", "dev", "proc", "sys", "mods", "new"):
        (tree / name).mkdir(parents=True)
    shutil.copy(busybox(), tree / "bin/busybox")
    files = dict.fromkeys(path for name in NEEDED for path in module_files(root, version, name))
    names = [_plain(Path(path), tree / "mods") for path in files]
    (tree / "init").write_text(INIT.format(modules=" ".join(names)))
    (tree / "init").chmod(0o755)
    archive = f"cd {tree} && find . | cpio -o -H newc --quiet -R 0:0 | zstd -q -6 > {to.resolve()}"
    run("sh", "-c", archive)
    shutil.rmtree(tree)


def _plain(module: Path, to: Path) -> str:
    """Decompress a module, so that the initramfs needs no xz."""
    data, name = module.read_bytes(), module.name
    if name.endswith(".xz"):
        data, name = lzma.decompress(data), name.removesuffix(".xz")
    (to / name).write_bytes(data)
    return name
