"""EXIF for every JPEG, so that a photograph torn from its journal still says where it belongs.

Standard tags where Exif 2.32 has one (time with offset, exposure, ISO, serial number, ambient temperature, unique id); the rest
is JSON in ``UserComment``. No GPS tags, ever: the unit does not know its place.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PIL import Image, TiffImagePlugin
from PIL.ExifTags import IFD, Base

from trap_wire.entries import canonical

AMBIENT_TEMPERATURE = 0x9400  # Exif 2.31; Pillow has no name for it
_ASCII = b"ASCII\0\0\0"


@dataclass(frozen=True, slots=True)
class Stamp:
    """What goes into a photograph. ``facts`` are JSON-able and end up in UserComment."""

    unit: str
    unique_id: str
    taken_at: datetime
    exposure_us: int
    gain: float
    temperature_c: float | None
    facts: Mapping[str, Any]


def stamped(jpeg: bytes, stamp: Stamp) -> bytes:
    """The JPEG with our EXIF in place of any other; its pixels are not touched."""
    payload = b"Exif\0\0" + _exif(stamp).tobytes().removeprefix(b"Exif\0\0")
    segment = b"\xff\xe1" + struct.pack(">H", len(payload) + 2) + payload
    return jpeg[:2] + segment + _without_exif(jpeg[2:])


def facts_of(image: Image.Image) -> dict[int, Any]:
    """Tags of the Exif IFD, for tests and for tools that read a card without its journal."""
    return dict(image.getexif().get_ifd(IFD.Exif))


def _exif(stamp: Stamp) -> Image.Exif:
    exif = Image.Exif()
    exif[Base.Make], exif[Base.Model], exif[Base.Software] = "Manul", "Manul camera trap", "trapd"
    exif[Base.DateTime] = stamp.taken_at.strftime("%Y:%m:%d %H:%M:%S")
    detail = exif.get_ifd(IFD.Exif)
    detail[Base.DateTimeOriginal] = exif[Base.DateTime]
    detail[Base.SubsecTimeOriginal] = f"{stamp.taken_at.microsecond // 1000:03d}"
    detail[Base.OffsetTimeOriginal] = "+00:00"
    detail[Base.ExposureTime] = TiffImagePlugin.IFDRational(stamp.exposure_us, 1_000_000)
    detail[Base.ISOSpeedRatings] = min(65_535, round(stamp.gain * 100))
    detail[Base.BodySerialNumber] = stamp.unit
    detail[Base.ImageUniqueID] = stamp.unique_id
    detail[Base.UserComment] = _ASCII + canonical(stamp.facts).encode("ascii", "backslashreplace")
    if stamp.temperature_c is not None:
        detail[AMBIENT_TEMPERATURE] = TiffImagePlugin.IFDRational(round(stamp.temperature_c * 100), 100)
    return exif


def _without_exif(body: bytes) -> bytes:
    """Segments after SOI without an Exif APP1, if the encoder put one first."""
    while body[:2] == b"\xff\xe1" and body[4:10] == b"Exif\0\0":
        body = body[2 + struct.unpack(">H", body[2:4])[0] :]
    return body
