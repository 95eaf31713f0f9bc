"""Debian's own initramfs for the image's kernel, made by Debian's own tool where it belongs: on the unit, in the emulated machine.

Only the boot table asks for it. ``MODULES=most`` of the image's kernel modules, which are those of a unit and not all that Debian has.
"""

import shutil
import subprocess
from pathlib import Path

from tests.system.crash import cut_out, partitions
from tests.system.machine import overlay, running
from tools.image.host import SUITE, Apt, cached, digest, run

TOOLS = (
    "initramfs-tools", "initramfs-tools-core", "initramfs-tools-bin:arm64", "klibc-utils:arm64", "libklibc:arm64", "cpio:arm64",
    "zstd:arm64", "busybox:arm64", "findutils:arm64", "libc-bin:arm64", "mawk:arm64", "logsave:arm64", "gzip:arm64", "liblz4-1:arm64", "libxxhash0:arm64",
)  # fmt: skip
MAKE = """set -e
export PATH=/usr/bin:/usr/sbin:/bin:/sbin
mkdir -p /run/tools /run/work; mount -o ro /dev/vdb /run/tools
for part in usr etc; do
  mkdir -p /run/work/$part/upper /run/work/$part/work
  mount -t overlay -o lowerdir=/run/tools/$part:/$part,upperdir=/run/work/$part/upper,workdir=/run/work/$part/work none /$part
done
mount -t tmpfs -o size=256M none /var/tmp
mkinitramfs -o /var/lib/manul/journal/initrd.img $(uname -r)
sync
"""


def made(image: Path) -> Path:
    """The archive; ``image`` is a folder of ``tools.image.card``."""
    return cached("debian-initrd", digest(SUITE, *TOOLS, MAKE, image.name), lambda to: _make(to, image)) / "initrd.img"


def _make(to: Path, image: Path) -> None:
    Apt(to / "apt").extract(TOOLS, to / "tree")
    run("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", to / "tree", to / "tools.ext4", "64M")
    card = overlay(image / "manul.img", to / "card.qcow2")
    with running(to, image, card, to / "tools.ext4") as machine:
        machine.wait_for_shell()
        machine.run("for n in $(seq 600); do mountpoint -q /var/lib/manul/journal && break; sleep 0.2; done")
        machine.run(MAKE, timeout_s=900)
    run("qemu-img", "convert", "-O", "raw", card, to / "card.img")
    cut_out(to / "card.img", partitions(to / "card.img")[2], to / "journal.ext4")
    done = subprocess.run(
        ["debugfs", "-R", f"dump /initrd.img {to / 'initrd.img'}", to / "journal.ext4"], check=True, capture_output=True
    )
    assert (to / "initrd.img").stat().st_size > 1 << 20, done.stderr
    for name in ("apt", "tree"):
        shutil.rmtree(to / name)
    for name in ("card.qcow2", "card.img", "journal.ext4", "tools.ext4"):
        (to / name).unlink()
