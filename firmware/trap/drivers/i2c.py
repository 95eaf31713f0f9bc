"""The Pi's I²C bus through smbus2: every failure says which part, which address, and which pins to look at.

- absent (no bus, no rights to it): ``PartError`` names the line of config.txt or the group; opened anew at the next transfer.
- slow (a chip that stretches the clock): the kernel waits for it, one repeat, then ``PartError``.
- lying: what a chip answers is judged by its own driver.
- gone in mid-use: ``PartError`` for each transfer; the next one is tried for what it is.
"""

import errno
from collections.abc import Callable, Sequence
from typing import Any

from trap_wire.errors import PartError

BUS = 1
PINS = "pins 3 (SDA) and 5 (SCL)"
# BCM2835 clock stretching and long cables make single transfers fail on healthy buses: one repeat, then it is the part.
ATTEMPTS = 2
_CAUSES = {
    errno.EREMOTEIO: "does not answer",
    errno.ENXIO: "does not answer",
    errno.EIO: "does not answer",
    errno.ETIMEDOUT: f"holds the bus: is SDA or SCL shorted, on {PINS}?",
    errno.EAGAIN: "lost arbitration: is a second master on the bus?",
}


class Bus:
    """Owner of one bus. Opened at the first transfer, so that a unit without I²C starts."""

    def __init__(self, number: int = BUS, smbus: Any = None) -> None:
        self._number = number
        self._smbus = smbus

    def read(self, part: str, address: int, register: int, length: int) -> bytes:
        """``length`` bytes from a register on; ``PartError`` when the part does not answer."""
        return bytes(self._transfer(part, address, "read_i2c_block_data", register, length))

    def write(self, part: str, address: int, register: int, data: Sequence[int]) -> None:
        """Bytes to a register; ``PartError`` when the part does not take them."""
        self._transfer(part, address, "write_i2c_block_data", register, list(data))

    def close(self) -> None:
        """Let go of the bus."""
        if self._smbus is not None:
            self._smbus.close()
            self._smbus = None

    def _transfer(self, part: str, address: int, call: str, *args: Any) -> Any:
        transfer = getattr(self._opened(part), call)
        for left in range(ATTEMPTS - 1, -1, -1):
            try:
                return transfer(address, *args)
            except OSError as error:
                if left == 0:
                    raise PartError(part, _words(part, address, error)) from error
        return None

    def _opened(self, part: str) -> Any:
        if self._smbus is None:
            self._smbus = opened(part, self._number, _library(part))
        return self._smbus


def opened(part: str, number: int, library: Callable[[int], Any]) -> Any:
    """The bus as ``library`` opens it; ``PartError`` says why it cannot."""
    try:
        return library(number)
    except FileNotFoundError as error:
        raise PartError(part, f"no /dev/i2c-{number}: is 'dtparam=i2c_arm=on' in config.txt?") from error
    except OSError as error:
        words = f"/dev/i2c-{number} cannot be opened ({error.strerror}): is the account in group i2c?"
        raise PartError(part, words) from error


def _library(part: str) -> Callable[[int], Any]:
    try:
        from smbus2 import SMBus
    except ImportError as error:
        raise PartError(part, "smbus2 is not installed: pip install 'manul[pi]'") from error
    found: Callable[[int], Any] = SMBus
    return found


def _words(part: str, address: int, error: OSError) -> str:
    if error.errno in (errno.EREMOTEIO, errno.ENXIO, errno.EIO, None):
        return f"no {part} at 0x{address:02x}: is it wired to {PINS}? see hardware/wiring"
    return f"{part} at 0x{address:02x} {_CAUSES.get(error.errno or 0, error.strerror)}"
