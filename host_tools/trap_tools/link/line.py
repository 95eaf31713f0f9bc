"""The laptop's end of the cable: SMP packets over a serial port. Everything above speaks packets, not bytes."""

from types import TracebackType

import serial

from trap_tools.i18n import say
from trap_wire import console
from trap_wire.errors import LinkError, NoUnitError

BAUD = 115_200  # USB ignores it
_WRITE_TIMEOUT_S = 5.0
_MOST = 256 * 1024


class Line:
    """An open port. ``received`` counts bytes that came, ``bad`` lines and packets that arrived broken."""

    def __init__(self, port: str, baud: int = BAUD) -> None:
        """Open; ``NoUnitError`` when there is no such port or somebody else has it."""
        self.port = port
        self.received = 0
        self._decoder = console.Decoder()
        try:
            self._serial = serial.Serial(port, baud, timeout=0, write_timeout=_WRITE_TIMEOUT_S, exclusive=True)
        except (OSError, ValueError) as error:
            raise NoUnitError(
                say("{port}: cannot be opened ({why}). manul ports lists what there is", port=port, why=_reason(error))
            ) from error

    @property
    def bad(self) -> int:
        """Lines and packets dropped for framing, base64 or CRC."""
        return self._decoder.bad

    def send(self, packet: bytes) -> None:
        """One packet; ``LinkError`` when the cable is gone or takes nothing."""
        try:
            self._serial.write(console.encode(packet))
        except OSError as error:
            raise self._gone(error) from error

    def receive(self, timeout_s: float) -> list[bytes]:
        """Packets that came, after waiting at most ``timeout_s`` for a first byte; ``LinkError`` when the cable is gone."""
        try:
            if timeout_s != self._serial.timeout:  # setting it costs pyserial three system calls
                self._serial.timeout = timeout_s
            data = self._serial.read(min(max(self._serial.in_waiting, 1), _MOST))
        except OSError as error:
            raise self._gone(error) from error
        self.received += len(data)
        return self._decoder.feed(data) if data else []

    def close(self) -> None:
        """Give the port back."""
        self._serial.close()

    def __enter__(self) -> "Line":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _gone(self, error: OSError) -> LinkError:
        return LinkError(
            say(
                "{port}: the cable is gone ({why}). Plug it in and start again; it goes on from here",
                port=self.port,
                why=_reason(error),
            )
        )


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
