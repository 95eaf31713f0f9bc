"""The RP2040 through ``mpremote``, a command a step: every step can be done again, since the chip may reset in between.

The watchdog of a running supervisor cannot be stopped (RP2040 data sheet, 4.7), so the chip resets up to 8 s after the
program was interrupted; a step that fails is therefore tried again after the chip is back.
"""

import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from trap_wire.errors import IntegrityError, NoUnitError, PartError

# An update that came through the Pi would run instead of what is flashed here; its choice and its rest go, the log stays.
STALE = ("supervisor/slots", "supervisor/update.img")
PAUSES_S = (0.5, 1.0, 2.0, 4.0)  # a chip that was reset is back on USB in about two seconds
_STEP_S = 60
_LISTED = re.compile(r"\s*(\d+) (.+?)(/?)")


@dataclass(frozen=True, slots=True)
class Chip:
    """A board at a serial port, ``auto`` for the first that is found."""

    port: str = "auto"
    tool: str = "mpremote"

    def listed(self, folder: str = "") -> dict[str, bool]:
        """Names in a folder of the chip; True for folders."""
        lines = self._run("fs", "ls", f":{folder}").splitlines()
        found = [match for line in lines if (match := _LISTED.fullmatch(line))]
        return {match[2]: bool(match[3]) for match in found}

    def programs(self, folder: str = "") -> set[str]:
        """Every ``.py`` and ``.mpy`` below a folder; other files are data and none of our business."""
        found = set()
        for name, is_folder in self.listed(folder).items():
            path = f"{folder}/{name}".lstrip("/")
            if is_folder:
                found |= self.programs(path)
            elif path.endswith((".py", ".mpy")):
                found.add(path)
        return found

    def beside(self, path: str) -> set[str]:
        """Names in the folder that a path lies in; nothing where there is no such folder."""
        folder = path.rpartition("/")[0]
        return set(self.listed(folder)) if folder in self.listed() else set()

    def make_folder(self, path: str) -> None:
        """Make a folder and those above it."""
        above = ""
        for part in path.split("/"):
            if part and part not in self.listed(above):
                self._run("fs", "mkdir", f":{above}/{part}".replace(":/", ":"))
            above = f"{above}/{part}".lstrip("/")

    def put(self, file: Path, path: str) -> None:
        """Copy a file to the chip."""
        self._run("fs", "cp", str(file), f":{path}")

    def remove(self, path: str) -> None:
        """Remove a file of the chip."""
        self._run("fs", "rm", f":{path}")

    def sha256(self, path: str) -> str:
        """Hash, hex, computed by the chip over what its flash holds."""
        lines = self._run("fs", "sha256sum", f":{path}").split()
        return lines[-1] if lines else ""

    def restart(self) -> None:
        """Hard reset."""
        self._run("reset")

    def _run(self, *words: str) -> str:
        answer = self._once(words)
        for pause_s in PAUSES_S:
            if answer.returncode == 0 or _final(answer.stderr):
                break
            time.sleep(pause_s)
            answer = self._once(words)
        if answer.returncode:
            raise _failed(self.port, answer.stderr.strip() or answer.stdout.strip())
        return answer.stdout

    def _once(self, words: Sequence[str]) -> "subprocess.CompletedProcess[str]":
        order = [_found(self.tool), "connect", self.port, *words]
        try:
            return subprocess.run(order, capture_output=True, text=True, check=False, timeout=_STEP_S)
        except FileNotFoundError as error:
            raise PartError(self.tool, "is not installed: python -m pip install mpremote") from error
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(order, 1, "", f"no answer in {_STEP_S} s")


def _found(tool: str) -> str:
    """The tool on PATH, or the one installed beside this command."""
    beside = Path(sys.executable).with_name(tool)
    return shutil.which(tool) or (str(beside) if beside.exists() else tool)


def _final(said: str) -> bool:
    """Whether trying again cannot help."""
    return any(words in said for words in ("ENOSPC", "No space left", "no device found", "failed to access"))


def _failed(port: str, said: str) -> Exception:
    if "no device found" in said or "failed to access" in said:
        return NoUnitError(
            f"{port}: no supervisor there ({said}): connect the Pico's own USB, close other serial programs"
        )
    if "space" in said or "ENOSPC" in said:
        return PartError("supervisor", "its flash is full: erase it (see docs/technician.md), then flash again")
    return PartError("supervisor", f"{said}: unplug it, plug it in, start again; nothing is lost")


def flash(chip: Chip, files: dict[str, Path], hashes: dict[str, str], report: Callable[[str], None]) -> None:
    """Make the chip's programs exactly ``files``. ``main.py`` goes first and comes last: half done, it starts nothing."""
    there = chip.programs()
    stale = {path for path in STALE if path.rpartition("/")[2] in chip.beside(path)}
    for path in sorted((there - set(files)) | ({"main.py"} & there) | stale):
        report(f"remove {path}")
        chip.remove(path)
    for path in sorted(files, key=lambda name: (name == "main.py", name)):
        report(f"write {path}")
        if "/" in path:
            chip.make_folder(path.rpartition("/")[0])
        _written(chip, files[path], path, hashes[path])
    if (now := chip.programs()) != set(files):
        raise IntegrityError(f"the chip holds other programs than the manifest: {', '.join(sorted(now ^ set(files)))}")
    chip.restart()


def _written(chip: Chip, file: Path, path: str, digest: str) -> None:
    for _ in range(2):
        chip.put(file, path)
        if (found := chip.sha256(path)) == digest:
            return
    raise IntegrityError(
        f"the chip keeps {path} wrongly ({found[:12]} instead of {digest[:12]}): its flash is failing, change the Pico"
    )
