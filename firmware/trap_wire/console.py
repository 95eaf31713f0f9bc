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
    """Packets out of a stream of lines. ``bad`` counts lines and packets dropped for framing, base64 or CRC.

    Continuation lines are joined and decoded a packet at a time: line by line in Python would cost a pull half its rate.
    """

    def __init__(self) -> None:
        self._line = b""
        self._text: list[bytes] = []
        self._missing = 0  # characters of base64 until the open packet is whole; 0 when none is open
        self.bad = 0

    def feed(self, data: bytes) -> list[bytes]:
        """Take bytes, give back the whole packets among them, oldest first."""
        text = (self._line + data).replace(b"\r", b"")
        lines, newline, self._line = text.rpartition(b"\n")
        # A line without an end is noise: keep only what can still become a line.
        if len(self._line) > LINE_MAX:
            self._drop()
            self._line = b""
        if not newline:
            return []
        joined = lines.replace(b"\n" + CONTINUE, b"").split(b"\n")
        return [packet for line in joined if (packet := self._take(line)) is not None]

    def _take(self, line: bytes) -> bytes | None:
        if (start := line.rfind(START)) >= 0:
            if self._missing:
                self._drop()
            return self._begin(line[start + 2 :])
        if line.startswith(CONTINUE) and self._missing:
            return self._append(line[2:])
        if line:
            self._drop()
        return None

    def _begin(self, text: bytes) -> bytes | None:
        """The length stands in the first two bytes; it says how much base64 there will be."""
        try:
            (length,) = struct.unpack_from(">H", binascii.a2b_base64(text[:4], strict_mode=True))
        except (binascii.Error, struct.error):
            self._drop()
            return None
        self._missing = (length + 4) // 3 * 4
        return self._append(text)

    def _append(self, text: bytes) -> bytes | None:
        self._text.append(text)
        self._missing -= len(text)
        if self._missing > 0:
            return None
        packet = _unwrapped(b"".join(self._text)) if self._missing == 0 else None
        self._text, self._missing = [], 0
        self.bad += packet is None
        return packet

    def _drop(self) -> None:
        self.bad += 1
        self._text, self._missing = [], 0


def _unwrapped(text: bytes) -> bytes | None:
    """The packet in its base64, None when length or CRC say that it is not what was sent."""
    try:
        wrapped = binascii.a2b_base64(text, strict_mode=True)
    except binascii.Error:
        return None
    packet, crc = wrapped[2:-2], wrapped[-2:]
    whole = len(wrapped) >= 4 and struct.unpack_from(">H", wrapped)[0] == len(wrapped) - 2
    return packet if whole and struct.pack(">H", binascii.crc_hqx(packet, 0)) == crc else None
