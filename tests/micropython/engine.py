"""A real MicroPython for the tests: ``micropython`` on the PATH, or the WebAssembly build under Node.

The WebAssembly build comes from npm into ``.cache/micropython`` the first time (``make micropython`` does the same). Where
neither is to be had, the tests say so and are skipped; ``MANUL_NEED_MICROPYTHON=1`` (set by ``.ci/run``) makes that a failure.
"""

import fcntl
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
HOME = ROOT / ".cache" / "micropython"
MODULES = HOME / "node_modules"
PACKAGE = MODULES / "@micropython" / "micropython-webassembly-pyscript" / "micropython.mjs"
TIMEOUT_S = 120
# What MicroPython may import, and the folders that hold it.
ROOTS = (ROOT / "firmware", ROOT)
FOLDERS = (
    ROOT / "hardware",
    ROOT / "firmware" / "trap_wire",
    ROOT / "firmware" / "trap_supervisor",
    ROOT / "tests" / "unit" / "supervisor",
    HERE,
)


@dataclass(frozen=True)
class Engine:
    """How to start it. ``native`` is a micropython binary, else Node with the WebAssembly build."""

    command: tuple[str, ...]
    native: bool

    def run(self, script: Path, *arguments: str) -> str:
        """Standard output of a script that can import ROOTS; fails the test on an exception."""
        roots = ":".join(map(str, ROOTS))
        if self.native:
            command = [*self.command, "-X", "heapsize=32m", str(script), *arguments]
        else:
            command = [*self.command, str(script), roots, ":".join(map(str, FOLDERS)), "--", *arguments]
        env = {**os.environ, "MICROPYPATH": f"{roots}:.frozen"}
        done = subprocess.run(command, capture_output=True, text=True, env=env, timeout=TIMEOUT_S, check=False)
        if done.returncode:
            pytest.fail(
                f"MicroPython: {script.name} ended with {done.returncode}:\n{done.stdout[-4000:]}\n{done.stderr}"
            )
        return done.stdout


def find() -> Engine | str:
    """The engine, or the reason why there is none."""
    if binary := shutil.which("micropython"):
        return Engine((binary,), native=True)
    if not (node := shutil.which("node")):
        return "neither micropython nor node is installed: no MicroPython to run the supervisor under"
    if trouble := install():
        return trouble
    return Engine((node, str(HERE / "run.mjs"), str(MODULES)), native=False)


def install() -> str:
    """Have npm fetch the WebAssembly build; empty when it is there, else what went wrong. One process at a time."""
    HOME.mkdir(parents=True, exist_ok=True)
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if PACKAGE.exists():
            return ""
        if not (npm := shutil.which("npm")):
            return "npm is not installed and the WebAssembly MicroPython is not in .cache/micropython"
        shutil.copy(HERE / "package.json", HOME)
        command = [npm, "install", "--no-package-lock", "--no-audit", "--no-fund", "--prefix", str(HOME)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
        return "" if PACKAGE.exists() else f"npm could not install MicroPython: {done.stderr.strip()[-300:]}"


if __name__ == "__main__":
    found = find()
    if isinstance(found, str):
        raise SystemExit(found)
