"""SMP over a serial console: packets as base64 lines that survive a shared, noisy line.

``06 09`` starts a packet, ``04 14`` continues it; each line is at most 127 bytes with its newline. The packet is wrapped as
``length u16 ‖ packet ‖ crc16 u16`` big-endian before base64; the length counts packet and CRC. Source: Zephyr
``smp_transport.rst``, "UART/serial and console".
"""

import binascii
import struct

START = b"\x06\x09"
CONTINUE = b"\x04\x14"
LINE_MAX = 127
# Body bytes of a line: a multiple of four, so every line is whole base64.
_BODY = (LINE_MAX - len(START) - 1) // 4 * 4
MAX_PACKET = 65_000


def encode(packet: bytes) -> bytes:
    """The lines of one packet (header and CBOR)."""
    if len(packet) > MAX_PACKET:
        raise ValueError(f"packet of {len(packet)} bytes, at most {MAX_PACKET}")
    crc = binascii.crc_hqx(packet, 0)
    wrapped = struct.pack(">H", len(packet) + 2) + packet + struct.pack(">H", crc)
    text = binascii.b2a_base64(wrapped, newline=False)
    lines = [text[at : at + _BODY] for at in range(0, len(text), _BODY)]
    return START + (b"\n" + CONTINUE).join(lines) + b"\n"


class Decoder:
    """Packets out of a stream of lines. ``bad`` counts lines and packets dropped for framing, base64 or CRC."""

    def __init__(self) -> None:
        self._line = bytearray()
        self._packet = bytearray()
        self._open = False
        self.bad = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes, give back the whole packets among them, oldest first."""
        *lines, rest = (bytes(self._line) + data).split(b"\n")
        # A line without an end is noise: keep only what can still become a line.
        if len(rest) > LINE_MAX:
            self._drop()
            rest = b""
        self._line = bytearray(rest)
        return [packet for line in lines if (packet := self._take(line)) is not None]

    def _take(self, line: bytes) -> bytes | None:
        line = line.rstrip(b"\r")
        if (start := line.rfind(START)) >= 0:
            if self._open:
                self.bad += 1
            self._packet.clear()
            self._open = True
            return self._append(line[start + 2 :])
        if line.startswith(CONTINUE) and self._open:
            return self._append(line[2:])
        if line:
            self._drop()
        return None

    def _append(self, text: bytes) -> bytes | None:
        try:
            self._packet += binascii.a2b_base64(text, strict_mode=True)
        except binascii.Error:
            self._drop()
            return None
        if len(self._packet) < 2:
            self._drop()
            return None
        (length,) = struct.unpack_from(">H", self._packet)
        if length < 2 or len(self._packet) > length + 2:
            self._drop()
            return None
        return self._close() if len(self._packet) == length + 2 else None

    def _close(self) -> bytes | None:
        wrapped = bytes(self._packet)
        self._packet.clear()
        self._open = False
        packet, crc = wrapped[2:-2], wrapped[-2:]
        if struct.pack(">H", binascii.crc_hqx(packet, 0)) != crc:
            self.bad += 1
            return None
        return packet

    def _drop(self) -> None:
        self.bad += 1
        self._packet.clear()
        self._open = False
