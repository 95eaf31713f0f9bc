"""The image of a supervisor update: entries of ``name length u8 | size u32 | name | bytes``, little-endian, no padding."""

import struct

TYPE_CHECKING = False  # MicroPython has no typing
if TYPE_CHECKING:
    from pathlib import Path

# What the RP2040 imports; the rest of trap_wire is for the Pi and the host.
_WIRE = ("__init__", "codes", "crc16", "frames", "pins")


def pack(modules: "dict[str, bytes]") -> bytes:
    """An image from modules by path (``trap_supervisor/life.mpy``)."""
    entries = ((path.encode(), data) for path, data in sorted(modules.items()))
    return b"".join([struct.pack("<BI", len(path), len(data)) + path + data for path, data in entries])


def sources(firmware: "Path") -> "dict[str, bytes]":
    """The supervisor's modules, as sources, from the source root ``firmware/``."""
    paths = [firmware / "trap_wire" / f"{name}.py" for name in _WIRE]
    paths += sorted((firmware / "trap_supervisor").glob("*.py"))
    return {path.relative_to(firmware).as_posix(): path.read_bytes() for path in paths}
