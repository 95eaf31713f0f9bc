"""A stand-in for a stock Raspberry Pi OS image: Debian with what apt brings a unit there, a writable root, and nothing of Manul.

Two partitions, as Raspberry Pi OS has them. What it cannot stand in for is named in docs/system-test.md.
"""

import shutil
import sys
from pathlib import Path

from tools.image import base, packages, toolchain
from tools.image.host import ROOT, Apt, cached, digest, run

sys.path.insert(0, str(ROOT / "firmware"))

# python3-picamera2 and its Python half, in apt's place; the rest comes out of the bundle.
APT = (
    "picamera2", "simplejpeg", "piexif", "videodev2", "jsonschema", "jsonschema-specifications", "referencing", "rpds-py", "attrs",
    "tqdm", "typing-extensions", "pillow",
)  # fmt: skip
PLACE = "usr/lib/python3/dist-packages"
FSTAB = """proc      /proc          proc  defaults          0 0
/dev/vda1 /boot/firmware vfat  defaults          0 2
/dev/vda2 /              ext4  defaults,noatime  0 1
"""
GENIMAGE = """
image boot.vfat {
  vfat { label = "bootfs" extraargs = "-F 32" files = { "config.txt", "cmdline.txt" } }
  size = 128M
}
image root.ext4 {
  ext4 { label = "rootfs" use-mke2fs = true features = "^metadata_csum_seed" }
  mountpoint = "/"
  size = %(root)s
}
image stock.img {
  hdimage { partition-table-type = "mbr" disk-signature = 0x5052494f align = 4M }
  partition boot { partition-type = 0xC bootable = true image = "boot.vfat" }
  partition root { partition-type = 0x83 image = "root.ext4" }
}
"""
ROOM_MB = 640  # a first release, one beside it, photographs; on a real card the first boot takes all there is


def stock() -> Path:
    """The image."""
    key = digest(base.base().name, packages.unpacked("apt-wheels", APT).name, GENIMAGE, FSTAB, Path(__file__))
    return cached("stock", key, _build) / "stock.img"


def _build(to: Path) -> None:
    root = to / "root"
    run("cp", "-a", "--reflink=auto", base.base() / "root", root)
    shutil.rmtree(root / base.SITE)
    shutil.rmtree(root / "var/lib/manul")
    run("cp", "-rT", packages.unpacked("apt-wheels", APT) / "site", root / PLACE)
    Apt(to / "apt").extract(["openssh-client:arm64"], root)
    toolchain.compile_python(toolchain.toolchain(base.kernel_base()) / "tree", root, (f"/{PLACE}",))
    _settled(root)
    (to / "in").mkdir()
    for name in ("config.txt", "cmdline.txt"):
        (to / "in" / name).write_text("")
    size = (
        -(-(int(run("du", "-sm", root).split()[0]) * 5 // 4 + ROOM_MB) // 4) * 4
    )  # genimage cuts off what is no multiple of the alignment
    (to / "genimage.cfg").write_text(GENIMAGE % {"root": f"{size}M"})
    folders = {"root": root, "tmp": to / "tmp", "input": to / "in", "output": to}
    run("genimage", "--config", to / "genimage.cfg", *(word for k, v in folders.items() for word in (f"--{k}path", v)))
    for name in ("root", "apt", "in", "tmp"):
        shutil.rmtree(to / name)
    for name in ("boot.vfat", "root.ext4"):
        (to / name).unlink()


def _settled(root: Path) -> None:
    """What an installed system has that an unpacked one lacks; the unit's own account is not part of it."""
    for name in ("passwd", "group"):
        shutil.copy(root / f"usr/share/base-passwd/{name}.master", root / "etc" / name)
    with (root / "etc/group").open(
        "a"
    ) as file:  # by which Raspberry Pi OS gives out the header, under numbers of its own
        file.write("gpio:x:986:\ni2c:x:994:\n")
    run("systemd-sysusers", f"--root={root}")
    (root / "etc/fstab").write_text(FSTAB)
    (root / "etc/machine-id").write_text("uninitialized\n")
    (root / "etc/systemd/system/systemd-firstboot.service").symlink_to(
        "/dev/null"
    )  # it would ask for a locale at the console
    for path in (*root.glob("boot/*-arm64"), *root.glob("usr/lib/linux-image-*"), root / "usr/include"):
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
