"""The laptop's port as it really is: there or not, pulled and plugged in again, at any moment.

- absent: reads as silence, looked for again every second.
- slow (a laptop that does not read): what it does not take in time is thrown away (``trap.drivers.tty``).
- lying: frames have a CRC, ``trap.link`` drops what is broken.
- gone in mid-use: ``PartError`` once, then as absent until it is back.
"""

import time
from collections.abc import Callable
from contextlib import suppress

from trap.drivers.tty import TtyPort, open_tty
from trap_wire.errors import PartError

# How often a port that is not there is looked for; a visit waits this long at most for its first answer.
RETRY_S = 1.0


class LastingPort:
    """``trap.ports.HostPort`` on a device that comes and goes. Held open while it is there (raspberrypi/linux#2962)."""

    def __init__(self, path: str, open_port: Callable[[str], TtyPort] = open_tty) -> None:
        self._path = path
        self._open_port = open_port
        self._port: TtyPort | None = None
        self._not_before_s = 0.0

    def read(self, timeout_s: float) -> bytes:
        """What came, or nothing after the time-out, also while there is no device."""
        if (port := self._there()) is None:
            time.sleep(timeout_s)
            return b""
        try:
            return port.read(timeout_s)
        except PartError:
            self._drop()
            raise

    def write(self, data: bytes) -> None:
        """Send, if somebody is there."""
        if (port := self._there()) is not None:
            port.write(data)

    def close(self) -> None:
        """Let go of the device."""
        self._drop()

    def _there(self) -> TtyPort | None:
        if self._port is None and time.monotonic() >= self._not_before_s:
            self._not_before_s = time.monotonic() + RETRY_S
            with suppress(PartError):
                self._port = self._open_port(self._path)
        return self._port

    def _drop(self) -> None:
        port, self._port = self._port, None
        if port is not None:
            with suppress(OSError):
                port.close()
