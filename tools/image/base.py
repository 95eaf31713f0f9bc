"""What of the root file system does not change with Manul: packages, wheels, kernel modules, byte code. Cached by itself."""

import subprocess
import sys
from pathlib import Path

from tools.image import packages, toolchain
from tools.image.host import cached, digest, run

SITE = "usr/local/lib/python3.13/dist-packages"
COMPILED = (f"/{SITE}", "/usr/lib/python3/dist-packages", "/usr/lib/python3.13")
# Kernel modules that a unit or its test loads; their dependencies follow. The rest of Debian's 100 MB stays out.
MODULES = (
    "ext4", "vfat", "exfat", "nls_ascii", "nls_utf8", "nls_cp437", "nls_iso8859-1", "overlay", "virtio_blk",
    "virtio_console", "virtio_pci", "mmc_block", "sdhci-iproc", "bcm2835", "i2c-dev", "i2c-bcm2835", "rtc-ds1307",
    "dwc2", "libcomposite", "usb_f_acm", "usb_f_mass_storage", "dummy_hcd", "cdc-acm", "usb-storage", "sd_mod",
    "udmabuf", "i6300esb", "bcm2835_wdt", "gpio-pl061", "bcm2835-unicam", "imx708", "imx219", "raspberrypi-hwmon",
    "bcm2835_thermal", "softdog", "dm-flakey", "configfs", "autofs4",
)  # fmt: skip


def kernel() -> str:
    """Version of the kernel in the packages."""
    (modules,) = (packages.extracted() / "root/usr/lib/modules").iterdir()
    return modules.name


def kernel_base() -> str:
    """The version without the flavour, as Debian's header packages are called."""
    return kernel().removesuffix("-arm64")


def base(*, compiled: bool = True) -> Path:
    """Folder with ``root/``; ``compiled`` False leaves the byte code to be made at every start, for the boot table."""
    key = digest(Path(__file__), packages.extracted().name, packages.wheels().name)
    name = "base" if compiled else "uncompiled"
    return cached(name, key, lambda to: _build(to / "root", compiled=compiled))


def _build(root: Path, *, compiled: bool) -> None:
    run("cp", "-a", "--reflink=auto", packages.extracted() / "root", root)
    _links(root)
    (root / SITE).mkdir(parents=True, exist_ok=True)
    run("cp", "-rT", packages.wheels() / "site", root / SITE)
    _prune_modules(root)
    if compiled:
        toolchain.compile_python(toolchain.toolchain(kernel_base()) / "tree", root, COMPILED)


def _links(root: Path) -> None:
    for name in ("bin", "sbin", "lib"):
        if not (root / name).exists():
            (root / name).symlink_to(f"usr/{name}")
    for name in (
        "boot/firmware",
        "var/lib/manul/journal",
        "var/lib/manul/card",
        "var/lib/manul/update",
        "var/log",
        "var/tmp",
        "mnt",
        "opt",
        "srv",
        "home",
        "usr/local/bin",
    ):
        (root / name).mkdir(parents=True, exist_ok=True)
    libraries = root / "usr/lib/aarch64-linux-gnu"
    for name in ("blas", "lapack"):  # update-alternatives' work
        (libraries / f"lib{name}.so.3").symlink_to(f"{name}/lib{name}.so.3")


def _prune_modules(root: Path) -> None:
    """Keep MODULES and what they need."""
    version = kernel()
    tree = root / "usr/lib/modules" / version
    run("depmod", "-b", root, version)
    # By name: modprobe answers with paths through the link /lib.
    keep = {Path(path).name for name in MODULES for path in module_files(root, version, name)}
    if "virtio_blk.ko.xz" not in keep:
        sys.exit(f"modules of {version} were not found: {len(keep)} kept")
    for module in sorted(tree.rglob("*.ko*")):
        if module.name not in keep:
            module.unlink()
    run("depmod", "-b", root, version)


def module_files(root: Path, version: str, name: str) -> list[str]:
    """Files of a module and its dependencies in load order; none for one that is built in or that this kernel lacks."""
    line = ["modprobe", "-d", str(root), "-S", version, "--show-depends", name]
    shown = subprocess.run(line, capture_output=True, text=True, check=False).stdout
    return [word.split()[1] for word in shown.splitlines() if word.startswith("insmod")]
