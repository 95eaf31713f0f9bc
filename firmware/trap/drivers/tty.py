"""A host port on a terminal device: the USB gadget's ``/dev/ttyGS0``, a UART, or a pty in a simulation.

Plain file descriptors instead of pyserial: a pty's master is no path that could be opened, and a write must give up by
itself when the laptop stops listening, which pyserial answers with an exception in the middle of a packet.

- absent: ``PartError`` names the device.
- slow: a write gives up after ``WRITE_STALL_S`` of nothing taken.
- lying: bytes are bytes here, CRC and framing are ``trap.link``'s.
- gone in mid-use: a hang-up reads as nobody there, anything else is a ``PartError``.
"""

import os
import select
import termios
import time
import tty
from dataclasses import dataclass

from trap_wire.errors import PartError

_PIECE = 64 * 1024
# A laptop that takes nothing for this long is not there; the longest that one answer can hold up a trigger is WRITE_MOST_S.
WRITE_STALL_S = 0.25
WRITE_MOST_S = 2.0


class TtyPort:
    """``HostPort`` on an open descriptor, which it owns. ``name`` is what messages call it."""

    def __init__(self, descriptor: int, name: str) -> None:
        self._fd = descriptor
        self._name = name
        os.set_blocking(descriptor, False)

    def read(self, timeout_s: float) -> bytes:
        """What came, or nothing after the time-out; ``PartError`` when the device is gone.

        A pty whose other end is closed and a gadget without a host both read as an error or as end of file: nobody is
        there yet, so the time-out is waited out and nothing given back.
        """
        ready, _, _ = self._select([self._fd], [], timeout_s)
        if not ready:
            return b""
        try:
            if data := os.read(self._fd, _PIECE):
                return data
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno not in (5, None):  # EIO: hung up
                raise PartError("host port", f"{self._name}: {error.strerror}") from error
        time.sleep(min(timeout_s, 0.2))
        return b""

    def write(self, data: bytes) -> None:
        """Send; what a host does not take in time is thrown away, the rest of this answer with it."""
        view, deadline = memoryview(data), time.monotonic() + WRITE_MOST_S
        while view and time.monotonic() < deadline:
            _, ready, _ = self._select([], [self._fd], WRITE_STALL_S)
            if not ready:
                return
            try:
                view = view[os.write(self._fd, view) :]
            except BlockingIOError:
                continue
            except OSError as error:
                if error.errno == 5:
                    return
                raise PartError("host port", f"{self._name}: {error.strerror}") from error

    def close(self) -> None:
        """Give the descriptor back."""
        os.close(self._fd)

    def _select(
        self, readers: list[int], writers: list[int], timeout_s: float
    ) -> tuple[list[int], list[int], list[int]]:
        try:
            return select.select(readers, writers, [], timeout_s)
        except (OSError, ValueError) as error:
            raise PartError("host port", f"{self._name}: closed") from error


def open_tty(path: str, baud: int = 115_200) -> TtyPort:
    """Open a device in raw mode; ``PartError`` when it is not there. USB ignores the rate."""
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        tty.setraw(descriptor)
        attributes = termios.tcgetattr(descriptor)
        attributes[4] = attributes[5] = getattr(termios, f"B{baud}")
        attributes[2] |= termios.CLOCAL | termios.CREAD
        termios.tcsetattr(descriptor, termios.TCSANOW, attributes)
    except (OSError, termios.error, AttributeError) as error:
        raise PartError("host port", f"{path} cannot be opened at {baud} baud: {error}") from error
    return TtyPort(descriptor, path)


@dataclass(frozen=True, slots=True)
class Pty:
    """A pretend cable: the unit's end, and the path that the host opens. ``keep`` holds the line up between visits."""

    port: TtyPort
    path: str
    keep: int

    def close(self) -> None:
        """Pull the cable: whoever has the path open sees it hang up."""
        self.port.close()
        os.close(self.keep)


def open_pty() -> Pty:
    """A new pty in raw mode on both ends."""
    master, slave = os.openpty()
    tty.setraw(slave)
    path = os.ttyname(slave)
    return Pty(TtyPort(master, path), path, slave)
