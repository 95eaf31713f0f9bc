"""CRC-16/XMODEM (polynomial 0x1021, start 0): what SMP's console framing uses, so one CRC serves both cables.

``binascii.crc_hqx`` is the same sum in C; MicroPython has none, so the supervisor computes it from a nibble table.
"""

_NIBBLES = (
    0x0000, 0x1021, 0x2042, 0x3063, 0x4084, 0x50A5, 0x60C6, 0x70E7,
    0x8108, 0x9129, 0xA14A, 0xB16B, 0xC18C, 0xD1AD, 0xE1CE, 0xF1EF,
)  # fmt: skip


def crc16(data: bytes, crc: int = 0) -> int:
    """CRC of ``data``, continuing from ``crc``."""
    for byte in data:
        crc = ((crc << 4) & 0xFFFF) ^ _NIBBLES[(crc >> 12) ^ (byte >> 4)]
        crc = ((crc << 4) & 0xFFFF) ^ _NIBBLES[(crc >> 12) ^ (byte & 0x0F)]
    return crc
