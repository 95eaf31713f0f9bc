"""The test bench: kernel modules and files that the card image lacks, on a second disk that the machine mounts read-only."""

import json
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from tests.system.frames import draw
from tools.image import base, packages
from tools.image.host import ROOT, Apt, cached, digest, run
from tools.image.toolchain import compile_python, toolchain

HERE = Path(__file__).parent
GUEST = HERE / "guest"
SYSTEM = ROOT / "build" / "system"
SOURCES = (
    "drivers/gpio/gpio-sim.c",
    "drivers/gpio/dev-sync-probe.c",
    "drivers/gpio/dev-sync-probe.h",
    "kernel/irq/irq_sim.c",
    "drivers/scsi/scsi_debug.c",
    "drivers/scsi/scsi_logging.h",
    "drivers/scsi/sd.h",
)
# What `manul flash` needs of a laptop, for the card reader that the machine has; the program itself is in the image's wheel.
HOST = (
    "click",
    "rich",
    "markdown-it-py",
    "mdurl",
    "pygments",
    "segno",
    "fpdf2",
    "fonttools",
    "defusedxml",
    "zstandard",
)


def modules() -> Path:
    """Folder with gpio-sim.ko, scsi_debug.ko and i2c-regsim.ko for the image's kernel."""
    return cached("modules", digest(GUEST / "modules", base.kernel(), *SOURCES), _build_modules)


def _build_modules(to: Path) -> None:
    version = base.kernel()
    major = ".".join(version.split(".")[:2])
    apt = Apt(to / "apt")
    source = f"linux-source-{major}={apt.field(f'linux-image-{version}:arm64', 'Version')}"
    apt.extract([f"linux-headers-{version}:arm64", source], to / "x")
    wanted = [f"linux-source-{major}/{name}" for name in SOURCES]
    (archive,) = (to / "x/usr/src").glob("linux-source-*.tar.xz")
    run("sh", "-c", f"tar -xJf {archive} -C {to} {' '.join(wanted)} 2>/dev/null || true")
    tree = toolchain(base.kernel_base()) / "tree"
    run("cp", "-aT", to / "x/usr", tree / "usr")
    _sources(to / f"linux-source-{major}", tree / "build")
    run("chroot", tree, "make", "-s", "-C", f"/usr/src/linux-headers-{version}", "M=/build", "-j2", "modules")
    run("chroot", tree, "sh", "-c", "aarch64-linux-gnu-strip -g /build/*.ko")
    for module in (tree / "build").glob("*.ko"):
        shutil.copy(module, to)
    for rest in (to / "x", to / "apt", to / f"linux-source-{major}", tree / "build"):
        shutil.rmtree(rest)


def _sources(kernel: Path, build: Path) -> None:
    shutil.rmtree(build, ignore_errors=True)
    shutil.copytree(GUEST / "modules", build)
    shutil.copy(kernel / "drivers/gpio/gpio-sim.c", build / "gpio-sim-main.c")
    for name in (*SOURCES[1:3], *SOURCES[4:]):
        if (kernel / name).exists():
            shutil.copy(kernel / name, build)
    # irq_to_desc() is not exported to modules; generic_handle_irq() is, and does the same here.
    text = (
        (kernel / SOURCES[3])
        .read_text()
        .replace("handle_simple_irq(irq_to_desc(irqnum));", "generic_handle_irq(irqnum);")
    )
    lines = [line for line in text.splitlines() if not line.startswith("EXPORT_SYMBOL_GPL")]
    (build / "irq_sim.c").write_text("\n".join(lines) + "\n")


def host() -> Path:
    """Folder ``site`` with the wheels of HOST and their byte code, for the image's Python."""
    wheels = packages.unpacked("host-wheels", HOST)
    return cached("host", digest(wheels.name), lambda to: _compiled(wheels / "site", to)) / "site"


def _compiled(wheels: Path, to: Path) -> None:
    shutil.copytree(wheels, to / "site")
    compile_python(toolchain(base.kernel_base()) / "tree", to, ("/site",))


def disk(to: Path) -> Path:
    """An ext4 image in folder ``to`` with modules/, site/, host/, bin/ and frames/; named by what is in it, as snapshots need it."""
    fresh = bool(os.environ.get("MANUL_FIRMWARE_FROM_TREE"))  # for work on the firmware itself: newer than the image's
    inputs = (
        GUEST,
        HERE / "frames.py",
        Path(__file__),
        modules().name,
        host().parent.name,
        *([ROOT / "firmware"] if fresh else []),
    )
    image = to / f"bench-{digest(*inputs)}.ext4"
    if image.exists():
        return image
    tree = Path(tempfile.mkdtemp(dir=to)) / "tree"
    shutil.copytree(GUEST, tree, ignore=shutil.ignore_patterns("__pycache__"))
    draw(tree / "frames")
    shutil.copytree(host(), tree / "host")
    for package in ("trap", "trap_wire") if fresh else ():
        shutil.copytree(ROOT / "firmware" / package, tree / "site" / package)
    for module in modules().glob("*.ko"):
        shutil.copy(module, tree / "modules")
    run("mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-d", tree, tree.parent / image.name, "128M")
    (tree.parent / image.name).rename(image)
    shutil.rmtree(tree.parent)
    return image


def where() -> Path:
    """Folder for what a run writes, disks and consoles; each of several workers has its own."""
    folder = SYSTEM / os.environ.get("PYTEST_XDIST_WORKER", "alone")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def note(name: str, figures: Any) -> None:
    """Keep what a test measured in build/system/figures."""
    (SYSTEM / "figures").mkdir(parents=True, exist_ok=True)
    (SYSTEM / "figures" / f"{name}.json").write_text(json.dumps(figures) + "\n")
