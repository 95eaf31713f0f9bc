"""A folder of a commercial camera's files as a deployment of ours: EXIF says when and by what; the time zone must be told."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from PIL import ExifTags, Image, UnidentifiedImageError

from trap_tools.archive.faults import Fault, What
from trap_tools.camtrap_dp.writing import Event, Foreign, Photograph
from trap_wire.errors import BadInputError

SUFFIXES = frozenset({".jpg", ".jpeg"})


def read(folder: Path, names: tuple[str, str], zone: str | None, gap_s: float, faults: list[Fault]) -> Foreign:
    """One deployment from every JPEG below a folder; files without a usable time are named in ``faults``.

    Files closer than ``gap_s`` seconds are one event. ``zone`` is the camera's, an IANA name or an offset as ``+05:00``;
    needed where the EXIF has no offset of its own.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES and path.is_file())
    if not paths:
        raise BadInputError(f"{folder}: no JPEG here")
    told = _zone(zone)
    cameras: dict[str, None] = {}
    found = sorted(_photographs(paths, told, faults, cameras), key=lambda photograph: photograph.taken_at)
    if not found:
        raise BadInputError(f"{folder}: none of {len(paths)} files says when it was taken, or --time-zone is missing")
    unit, deployment = names
    events = tuple(Event(f"{unit}-{number:06d}", group) for number, group in enumerate(_grouped(found, gap_s), 1))
    return Foreign(unit, deployment, "", ", ".join(cameras) or "a camera that does not name itself", events)


def _photographs(
    paths: Sequence[Path], zone: ZoneInfo | timedelta | None, faults: list[Fault], cameras: dict[str, None]
) -> Iterator[Photograph]:
    for path in paths:
        try:
            with Image.open(path) as image:
                exif = image.getexif()
            yield Photograph(path, _taken_at(exif, zone))
            if camera := " ".join(
                str(exif.get(tag) or "").strip() for tag in (ExifTags.Base.Make, ExifTags.Base.Model)
            ).strip():
                cameras[camera] = None
        except (OSError, UnidentifiedImageError, ValueError) as error:
            faults.append(Fault(What.UNREADABLE, path.name, f"left out: {error}"))


def _taken_at(exif: Image.Exif, zone: ZoneInfo | timedelta | None) -> datetime:
    details = exif.get_ifd(ExifTags.IFD.Exif)
    text = str(details.get(ExifTags.Base.DateTimeOriginal) or exif.get(ExifTags.Base.DateTime) or "").strip("\0 ")
    if not text:
        raise ValueError("no time in its EXIF")
    local = datetime.strptime(text, "%Y:%m:%d %H:%M:%S")  # noqa: DTZ007 - the zone comes next
    if offset := str(details.get(ExifTags.Base.OffsetTimeOriginal) or "").strip("\0 "):
        return datetime.fromisoformat(f"{local.isoformat()}{offset}").astimezone(UTC)
    if zone is None:
        raise ValueError("its EXIF has no time zone; give --time-zone")
    if isinstance(zone, timedelta):
        return (local - zone).replace(tzinfo=UTC)
    return local.replace(tzinfo=zone).astimezone(UTC)


def _zone(text: str | None) -> ZoneInfo | timedelta | None:
    if text is None:
        return None
    try:
        if text[:1] in "+-" or text == "UTC":
            offset = datetime.fromisoformat(f"2000-01-01T00:00:00{'+00:00' if text == 'UTC' else text}").utcoffset()
            return offset or timedelta(0)
        return ZoneInfo(text)
    except (ValueError, ZoneInfoNotFoundError, OSError) as error:
        raise BadInputError(
            f"--time-zone {text!r}: give an IANA name as Asia/Almaty, or an offset as +05:00"
        ) from error


def _grouped(found: Sequence[Photograph], gap_s: float) -> Iterator[tuple[Photograph, ...]]:
    group: list[Photograph] = []
    for photograph in found:
        if group and (photograph.taken_at - group[-1].taken_at).total_seconds() > gap_s:
            yield tuple(group)
            group = []
        group.append(photograph)
    yield tuple(group)
