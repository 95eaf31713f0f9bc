"""What the emulated Pico is made of: the firmware, a boot ROM, and the emulator from npm. All cached by what goes in."""

import fcntl
import os
import shutil
import subprocess
from pathlib import Path

from tools.image.host import ROOT, cached, digest, run
from tools.rp2040 import firmware

HERE = Path(__file__).parent
MODULES = ROOT / ".cache" / "rp2040js"


def uf2() -> Path:
    """The firmware with the supervisor frozen in; MANUL_SUPERVISOR names a folder with one that was built before."""
    given = os.environ.get("MANUL_SUPERVISOR")
    return (Path(given) if given else firmware.firmware()) / "manul-supervisor.uf2"


def bootrom() -> Path:
    """The ROM's 16 KiB."""
    source, script = HERE / "bootrom.c", HERE / "bootrom.ld"

    def make(to: Path) -> None:
        run(
            "arm-none-eabi-gcc", "-mcpu=cortex-m0plus", "-mthumb", "-Os", "-ffreestanding", "-fno-tree-loop-distribute-patterns",
            "-fno-toplevel-reorder", "-nostartfiles", "-nostdlib", "-T", script, "-o", to / "bootrom.elf", source, "-lgcc",
        )  # fmt: skip
        run("arm-none-eabi-objcopy", "-O", "binary", to / "bootrom.elf", to / "bootrom.bin")

    return cached("rp2040-bootrom", digest(source, script, Path(__file__)), make) / "bootrom.bin"


def emulator() -> Path:
    """``node_modules`` with rp2040js, fetched by npm the first time."""
    MODULES.mkdir(parents=True, exist_ok=True)
    with (MODULES / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (MODULES / "node_modules" / "rp2040js").is_dir():
            shutil.copy(HERE / "package.json", MODULES)
            run("npm", "install", "--no-package-lock", "--no-audit", "--no-fund", "--prefix", MODULES)
    return MODULES / "node_modules"


def missing() -> str:
    """Why the firmware cannot be run here; empty when it can."""
    if not shutil.which("node") or not shutil.which("npm"):
        return "node and npm are not installed: the emulated RP2040 runs in them"
    absent = [package for command, package in firmware.TOOLS.items() if not shutil.which(command)]
    if absent and subprocess.run(["id", "-u"], capture_output=True, text=True, check=True).stdout.strip() != "0":
        return f"run 'sudo apt-get install --no-install-recommends {' '.join(sorted(set(absent)))}' and start again"
    return ""
