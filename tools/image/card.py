"""The card: FAT boot with the station slot, read-only ext4 root, ext4 journal, FAT32 media. No loop mount is needed."""

import os
import shutil
import sys
from pathlib import Path

from tools.image import base
from tools.image import root as rootfs
from tools.image.host import ROOT, cached, digest, run, say
from tools.image.initrd import initrd

sys.path.insert(0, str(ROOT / "firmware"))
from trap.drivers.partition import README
from trap_wire import slot

# The Pi's own boot ROM firmware is not free software and not in Debian main; docs/image.md says where it comes from.
CONFIG = """# Manul on a Raspberry Pi Zero 2 W
arm_64bit=1
kernel=kernel8.img
initramfs initrd.img followkernel
enable_uart=1
dtparam=i2c_arm=on
dtoverlay=dwc2,dr_mode=peripheral
dtoverlay=gpio-poweroff,gpiopin=26
disable_splash=1
boot_delay=0
camera_auto_detect=1
"""
ACCOUNT = 900  # firmware/systemd/manul.sysusers
CMDLINE = "console=tty1 root={root} ro rootwait quiet loglevel=3 panic=10 fsck.repair=yes"
GENIMAGE = """
image boot.vfat {
  vfat {
    label = "MANUL-BOOT"
    extraargs = "-F 32"
    files = { "boot/station.toml", "boot/kernel8.img", "boot/initrd.img", "boot/bcm2837-rpi-zero-2-w.dtb",
              "boot/config.txt", "boot/cmdline.txt" }
  }
  size = 96M
}
image root.ext4 {
  ext4 { label = "manul-root" use-mke2fs = true features = "^has_journal,^metadata_csum_seed" extraargs = "-m 0" }
  mountpoint = "/"
  size = %(root)s
}
image journal.ext4 {
  ext4 { label = "manul-journal" use-mke2fs = true extraargs = "-m 0 -N 32768 -E root_owner=900:900" }
  mountpoint = "/journal"
  size = 768M
}
image media.vfat {
  vfat { label = "MANUL-MEDIA" extraargs = "-F 32" }
  mountpoint = "/media"
  size = %(media)s
}
image manul.img {
  # 4 MiB: the erase block of an SD card; a partition that begins inside one costs every write two.
  hdimage { partition-table-type = "mbr" disk-signature = 0x4d414e55 align = 4M }
  partition boot { partition-type = 0xC bootable = true image = "boot.vfat" }
  partition root { partition-type = 0x83 image = "root.ext4" }
  partition journal { partition-type = 0x83 image = "journal.ext4" }
  partition media { partition-type = 0xC image = "media.vfat" }
}
"""
STATION = """# Written over by 'manul flash': this file's 64 KiB are the station slot. Until then the unit keeps everything.
[station]
unit = "unset"
deployment = "bench"
"""


def card(*, tuned: bool = True, media: str = "512M") -> Path:
    """Folder with ``manul.img``, and ``kernel8.img`` and ``initrd.img`` for booting it without the Pi's firmware."""
    built = rootfs.built(tuned=tuned)
    key = digest(
        built.name,
        media,
        CONFIG,
        CMDLINE,
        GENIMAGE,
        STATION,
        Path(__file__),
        Path(rootfs.__file__).with_name("initrd.py"),
    )
    return cached("card" if tuned else "untuned-card", key, lambda to: _build(to, built / "root", media))


def _build(to: Path, root: Path, media: str) -> None:
    version = base.kernel()
    boot = to / "in" / "boot"
    boot.mkdir(parents=True)
    shutil.copy(root / f"boot/vmlinuz-{version}", boot / "kernel8.img")
    (device_tree,) = (root / "usr/lib").glob("linux-image-*/broadcom/bcm2837-rpi-zero-2-w.dtb")
    shutil.copy(device_tree, boot)
    initrd(root, version, boot / "initrd.img")
    (boot / "config.txt").write_text(CONFIG)
    (boot / "cmdline.txt").write_text(CMDLINE.format(root="/dev/mmcblk0p2") + "\n")
    (boot / "station.toml").write_bytes(slot.fill(STATION))
    tree = _without_boot(to, root)
    size = int(run("du", "-sm", tree).split()[0]) * 5 // 4 + 48
    (to / "genimage.cfg").write_text(GENIMAGE % {"root": f"{size}M", "media": media})
    run(
        "genimage",
        "--config",
        to / "genimage.cfg",
        "--rootpath",
        tree,
        "--tmppath",
        to / "tmp",
        "--inputpath",
        to / "in",
        "--outputpath",
        to,
    )
    for name in ("kernel8.img", "initrd.img"):
        shutil.move(boot / name, to / name)
    for name in ("in", "tmp", "tree"):
        shutil.rmtree(to / name)
    for name in ("boot.vfat", "root.ext4", "journal.ext4", "media.vfat"):
        (to / name).unlink()
    say(f"manul.img: {(to / 'manul.img').stat().st_size >> 20} MiB, root {size} MiB")


def _without_boot(to: Path, root: Path) -> Path:
    """The tree as it goes onto the card: the kernel lies on the boot partition, device trees and headers nowhere."""
    tree = to / "tree"
    run("cp", "-a", "--reflink=auto", root, tree)
    for path in (*tree.glob("boot/*-arm64"), *tree.glob("usr/lib/linux-image-*"), tree / "usr/include"):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    # What the two data partitions begin with; whoever pulls a card reads the second one anywhere.
    (tree / "journal/releases").mkdir(parents=True)
    for folder in (tree / "journal", tree / "journal/releases"):
        os.chown(folder, ACCOUNT, ACCOUNT)
    (tree / "media").mkdir(exist_ok=True)
    (tree / "media/README.txt").write_text(README)
    return tree
