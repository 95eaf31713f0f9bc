"""The supervisor at the other end of the unit's UART: real MicroPython (unix port) in a process, its pins as words."""

import os
import shutil
import subprocess
import termios
import threading
import time
import tty
from pathlib import Path

from tools.image.host import ROOT, SUITE, Apt, cached, digest

HERE = Path(__file__).parent
PACKAGES = ("micropython", "libc6", "libffi8", "libmbedcrypto16", "libmbedtls21", "libmbedx509-7")
RAIL, HOLD = 3, 7  # hardware/pins.toml: supervisor.pi_rail, supervisor.latch_hold
# A second of the supervisor's takes so many of ours: it boots and halts an emulated Pi.
SLOWER = 6.0


def micropython() -> list[str]:
    """The command: what is installed, or SUITE's package with a C library of its own."""
    if installed := shutil.which("micropython"):
        return [installed]
    folder = cached("micropython", digest(SUITE, *PACKAGES), _fetch) / "x"
    libraries = folder / "usr/lib/x86_64-linux-gnu"
    loader = libraries / "ld-linux-x86-64.so.2"
    return [str(loader), "--library-path", str(libraries), str(folder / "usr/bin/micropython")]


def _fetch(to: Path) -> None:
    Apt(to / "apt").extract([f"{name}:amd64" for name in PACKAGES], to / "x")
    shutil.rmtree(to / "apt")


class Pico:
    """A running supervisor. ``pins`` is what it drives now, ``lines`` all that it said."""

    def __init__(self, folder: Path, uart: str, slower: float = SLOWER) -> None:
        self.flash = folder / "flash"
        self.pins: dict[int, int] = {}
        self.lines: list[str] = []
        self._uart = os.open(uart, os.O_RDWR | os.O_NOCTTY)  # kept open, so that the line stays raw and echoes nothing
        tty.setraw(self._uart)
        settings = termios.tcgetattr(self._uart)
        settings[6][termios.VMIN] = 0  # MicroPython's read would wait until its buffer is full
        termios.tcsetattr(self._uart, termios.TCSANOW, settings)
        roots = [HERE.parent / "micropython" / "pretend", ROOT / "firmware", ROOT, ".frozen"]
        line = [
            *micropython(),
            "-X",
            "heapsize=32m",
            HERE.parent / "micropython" / "on_a_line.py",
            self.flash,
            uart,
            str(slower),
        ]
        self._process = subprocess.Popen(
            [str(word) for word in line], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, env={**os.environ, "MICROPYPATH": ":".join(map(str, roots))},
        )  # fmt: skip
        threading.Thread(target=self._listen, daemon=True).start()

    def say(self, line: str) -> None:
        """What the mountain, or the Pi's halt pin, does to it."""
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def wait(self, line: str, timeout_s: float = 120) -> None:
        """Until it has said this since the last wait; ``AssertionError`` with everything that it said instead."""
        deadline = time.monotonic() + timeout_s
        while line not in self.lines:
            assert time.monotonic() < deadline, f"never said {line!r}: {self.lines}"
            assert self._process.poll() is None, f"it ended: {self.lines}"
            time.sleep(0.05)
        del self.lines[: self.lines.index(line) + 1]

    def close(self) -> None:
        """Batteries out; again is no harm."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
            os.close(self._uart)

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.strip())
            words = line.split()
            if words[:1] == ["pin"]:
                self.pins[int(words[1])] = int(words[2])
