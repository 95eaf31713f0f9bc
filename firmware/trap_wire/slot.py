r"""The station slot: a fixed 64 KiB file on the boot partition that a host overwrites in place.

``MANUL1\r\n | length u32 LE | sha256 of the text | UTF-8 TOML | zeroes``. The file is allocated when the image is built, so
writing it needs no mount and changes no FAT. A plain ``station.toml`` without this head is read as text, for the bench.
"""

import hashlib
import struct

from trap_wire.errors import BadInputError

SLOT_SIZE = 64 * 1024
MAGIC = b"MANUL1\r\n"
_HEAD = struct.Struct("<8sI32s")
TEXT_MAX = SLOT_SIZE - _HEAD.size


def fill(text: str) -> bytes:
    """The whole slot, SLOT_SIZE bytes; ``BadInputError`` when the text does not fit."""
    raw = text.encode()
    if len(raw) > TEXT_MAX:
        raise BadInputError(
            f"station.toml has {len(raw)} bytes, the slot holds {TEXT_MAX}: shorten its comments or keys"
        )
    head = _HEAD.pack(MAGIC, len(raw), hashlib.sha256(raw).digest())
    return (head + raw).ljust(SLOT_SIZE, b"\0")


def read(slot: bytes) -> str:
    """TOML text of a slot or a plain file; ``BadInputError`` when it is empty, torn or not text."""
    raw = _body(slot) if slot.startswith(MAGIC) else slot.rstrip(b"\0")
    if not raw.strip():
        raise BadInputError(
            "station.toml is empty: write it again with 'manul flash' or copy one from docs/station.toml"
        )
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise BadInputError(f"station.toml is not UTF-8 text (byte {error.start}): save it as UTF-8") from error


def _body(slot: bytes) -> bytes:
    if len(slot) < _HEAD.size:
        raise BadInputError("station slot is torn: shorter than its head; write it again")
    _, length, digest = _HEAD.unpack_from(slot)
    raw = slot[_HEAD.size : _HEAD.size + length]
    if hashlib.sha256(raw).digest() != digest:
        raise BadInputError("station slot is torn: its text does not match its hash; write it again")
    return raw
