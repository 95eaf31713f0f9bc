"""The unit's root file system: packages, wheels, Manul, and what their maintainer scripts would have done."""

import shutil
import subprocess
from pathlib import Path

from tools.image import packages, toolchain
from tools.image.host import ROOT, cached, digest, run

OVERLAY = Path(__file__).parent / "overlay"
UNITS = ROOT / "firmware" / "systemd"
SITE = "usr/local/lib/python3.13/dist-packages"
COMPILED = ("/usr/local/lib/python3.13/dist-packages", "/usr/lib/python3/dist-packages", "/usr/lib/python3.13")
# Kernel modules that a unit or its test loads; their dependencies follow. The rest of Debian's 100 MB stays out.
MODULES = (
    "ext4", "vfat", "exfat", "nls_ascii", "nls_utf8", "nls_cp437", "nls_iso8859-1", "overlay", "virtio_blk",
    "virtio_console", "virtio_pci", "mmc_block", "sdhci-iproc", "bcm2835", "i2c-dev", "i2c-bcm2835", "rtc-ds1307",
    "dwc2", "libcomposite", "usb_f_acm", "usb_f_mass_storage", "dummy_hcd", "cdc-acm", "usb-storage", "sd_mod",
    "udmabuf", "i6300esb", "bcm2835_wdt", "gpio-pl061", "bcm2835-unicam", "imx708", "imx219", "raspberrypi-hwmon",
    "bcm2835_thermal", "softdog", "dm-flakey", "configfs",
)  # fmt: skip
# Services that a sealed unit has no use for; each costs boot time (docs/image.md has the table).
MASKED = (
    "systemd-hwdb-update.service", "ldconfig.service", "systemd-journal-catalog-update.service",
    "systemd-update-done.service", "systemd-pstore.service", "systemd-timesyncd.service",
    "systemd-networkd-wait-online.service", "systemd-binfmt.service", "systemd-firstboot.service",
    "systemd-tpm2-setup.service", "systemd-tpm2-setup-early.service", "systemd-pcrphase.service",
    "dev-hugepages.mount", "dev-mqueue.mount", "sys-kernel-tracing.mount", "sys-fs-fuse-connections.mount",
    "systemd-journal-flush.service", "systemd-random-seed.service", "getty@tty1.service", "systemd-logind.service",
    "systemd-user-sessions.service", "modprobe@drm.service", "modprobe@fuse.service", "modprobe@loop.service",
    "modprobe@dm_mod.service",
)  # fmt: skip
ENABLED = {
    "multi-user.target.wants": ("trapd.service", "manul-sleep.path"),
    "sysinit.target.wants": ("manul-gadget.service",),
}


def kernel() -> str:
    """Version of the kernel in the packages."""
    (modules,) = (packages.extracted() / "root/usr/lib/modules").iterdir()
    return modules.name


def kernel_base() -> str:
    """The version without the flavour, as Debian's header packages are called."""
    return kernel().removesuffix("-arm64")


def built(*, tuned: bool = True) -> Path:
    """Folder with ``root/``. ``tuned`` False leaves Debian's services and lazy byte code in place, for the boot table."""
    sources = (
        ROOT / "firmware",
        ROOT / "models",
        ROOT / "pyproject.toml",
        OVERLAY,
        Path(__file__),
        Path(packages.__file__),
    )
    key = digest(*sources, packages.extracted().name, packages.wheels().name)
    return cached("root" if tuned else "untuned", key, lambda to: _build(to / "root", tuned=tuned))


def _build(root: Path, *, tuned: bool) -> None:
    run("cp", "-a", "--reflink=auto", packages.extracted() / "root", root)
    _links(root)
    _python(root)
    run("cp", "-rT", OVERLAY, root)
    for unit in UNITS.iterdir():
        place = {".service": "usr/lib/systemd/system", ".path": "usr/lib/systemd/system", ".rules": "usr/lib/udev/rules.d",
                 ".sysusers": "usr/lib/sysusers.d"}.get(unit.suffix)  # fmt: skip
        if place:
            shutil.copy(unit, root / place / unit.name.replace(".sysusers", ".conf"))
    _accounts(root)
    _services(root, tuned=tuned)
    _prune_modules(root)
    if tuned:
        toolchain.compile_python(toolchain.toolchain(kernel_base()) / "tree", root, COMPILED)


def _links(root: Path) -> None:
    for name in ("bin", "sbin", "lib"):
        if not (root / name).exists():
            (root / name).symlink_to(f"usr/{name}")
    for name in (
        "boot/firmware",
        "var/lib/manul/journal",
        "var/lib/manul/card",
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


def _python(root: Path) -> None:
    site = root / SITE
    site.mkdir(parents=True, exist_ok=True)
    run("cp", "-rT", packages.wheels() / "site", site)
    wheel = root / "tmp" / "wheel"
    run(ROOT / ".venv/bin/python", "-m", "pip", "wheel", "-q", "--no-deps", "-w", wheel, ROOT)
    for file in wheel.glob("*.whl"):
        run("python3", "-m", "zipfile", "-e", file, site)
    shutil.rmtree(wheel)
    (root / "usr/share/manul").mkdir()
    (model,) = (card.parent for card in (ROOT / "models").glob("*/model.toml"))
    run("cp", "-rT", model, root / "usr/share/manul/detector")
    trapd = root / "usr/local/bin/trapd"
    trapd.write_text("#!/usr/bin/python3\nimport sys\n\nfrom trap.cli import main\n\nsys.exit(main())\n")
    trapd.chmod(0o755)


def _accounts(root: Path) -> None:
    for name in ("passwd", "group"):
        shutil.copy(root / f"usr/share/base-passwd/{name}.master", root / "etc" / name)
    run("systemd-sysusers", f"--root={root}")


def _services(root: Path, *, tuned: bool) -> None:
    system = root / "etc/systemd/system"
    system.mkdir(parents=True, exist_ok=True)
    (system / "default.target").symlink_to("/usr/lib/systemd/system/multi-user.target")
    for unit in MASKED if tuned else ():
        (system / unit).unlink(missing_ok=True)
        (system / unit).symlink_to("/dev/null")
    for target, units in ENABLED.items():
        (system / target).mkdir(exist_ok=True)
        for unit in units:
            (system / target / unit).symlink_to(f"/usr/lib/systemd/system/{unit}")
    (root / "etc/machine-id").write_text("")  # systemd makes a transient one on a read-only root
    for path in ("etc/.updated", "var/.updated"):
        (root / path).touch()


def _prune_modules(root: Path) -> None:
    """Keep MODULES and what they need."""
    version = kernel()
    tree = root / "usr/lib/modules" / version
    run("depmod", "-b", root, version)
    keep = {path for name in MODULES for path in module_files(root, version, name)}
    for module in sorted(tree.rglob("*.ko*")):
        if str(module) not in keep:
            module.unlink()
    run("depmod", "-b", root, version)


def module_files(root: Path, version: str, name: str) -> list[str]:
    """Files of a module and its dependencies in load order; none for one that is built in or that this kernel lacks."""
    line = ["modprobe", "-d", str(root), "-S", version, "--show-depends", name]
    shown = subprocess.run(line, capture_output=True, text=True, check=False).stdout
    return [word.split()[1] for word in shown.splitlines() if word.startswith("insmod")]
