"""The UART to the supervisor: a byte stream on ``/dev/serial0``.

- absent or busy: ``PartError`` names the port; ``trapd`` then takes the unit for one without a supervisor.
- slow: reads give what came; a line that takes nothing for a second is gone.
- lying (noise, a loose wire): bytes are bytes here, CRC and repeats are ``trap.link.supervisor``'s.
- gone in mid-use: ``PartError``; ``trapd`` ends with 8 and is started anew.
"""

import serial

from trap_wire.errors import PartError

BAUD = 115_200
PART = "supervisor"


class Uart:
    """``trap.ports.HostPort`` over a serial device; ``PartError`` when it is absent, busy or gone."""

    def __init__(self, path: str, baud: int = BAUD) -> None:
        self._path = path
        try:
            self._serial = serial.Serial(path, baud, timeout=0, write_timeout=1, exclusive=True)
        except (serial.SerialException, ValueError) as error:
            raise PartError(
                PART, f"{path} cannot be opened ({error}): is the serial port switched on in config.txt?"
            ) from error

    def read(self, timeout_s: float) -> bytes:
        """What came, or nothing after the time-out."""
        try:
            self._serial.timeout = timeout_s
            first = self._serial.read(1)
            return first + self._serial.read(self._serial.in_waiting) if first else b""
        except (OSError, serial.SerialException) as error:
            raise PartError(PART, f"{self._path} is gone: {error}") from error

    def write(self, data: bytes) -> None:
        """Send; a line that takes nothing for a second is gone."""
        try:
            self._serial.write(data)
        except (OSError, serial.SerialException) as error:
            raise PartError(PART, f"{self._path} takes nothing: {error}") from error

    def close(self) -> None:
        """Give the device back."""
        self._serial.close()
