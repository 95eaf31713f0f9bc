"""What only the host knows of a deployment: the place, who set it up, when it began and ended. Never on the unit.

Read from ``places.toml`` (tables ``programme`` and ``deployment``) or ``places.geojson`` in the pulled folder, or from a file
that is named. The format is described in docs/scientist.md.
"""

import dataclasses
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from types import UnionType
from typing import Any, get_args, get_origin

from trap_wire.errors import BadInputError

NAMES = ("places.toml", "places.geojson")


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Time that a person knows to be worthless: a branch before the lens, a cow that turned the camera."""

    start: datetime
    end: datetime
    cause: str = "obstructed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sync:
    """A photograph of a GPS or telephone: the unit's clock when it was taken, and the time that it shows."""

    unit_time: datetime
    true_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One deployment as people recorded it. Degrees WGS84, metres; None where nobody wrote it down."""

    unit: str
    deployment: str
    location: str = ""
    location_name: str = ""
    country: str = ""
    latitude: float | None = None
    longitude: float | None = None
    uncertainty_m: float | None = None
    start: datetime | None = None
    end: datetime | None = None
    set_up_by: str = ""
    height_m: float | None = None
    tilt_deg: float | None = None
    heading_deg: float | None = None
    detection_distance_m: float | None = None
    bait: bool | None = None
    feature: str = ""
    habitat: str = ""
    groups: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    comments: str = ""
    lost: tuple[Lost, ...] = ()
    sync: tuple[Sync, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Programme:
    """Whose data these are, as a Camtrap DP package must say it."""

    name: str = "manul"
    title: str = ""
    description: str = ""
    contact: str = ""
    email: str = ""
    organisation: str = ""
    data_licence: str = "CC-BY-4.0"
    media_licence: str = "CC-BY-4.0"
    species: tuple[str, ...] = ("Otocolobus manul", "Panthera uncia")
    sampling_design: str = "targeted"


@dataclass(frozen=True, slots=True)
class Places:
    """The whole file."""

    programme: Programme = field(default_factory=Programme)
    by_deployment: Mapping[tuple[str, str], Place] = field(default_factory=dict)

    def of(self, unit: str, deployment: str) -> Place:
        """The record of a deployment; one without a place where nobody wrote any."""
        return self.by_deployment.get((unit, deployment)) or Place(unit=unit, deployment=deployment)


def load(folder: Path, path: Path | None = None) -> Places:
    """The places of a folder, from the named file or the one in it; ``BadInputError`` lists every bad field."""
    found = path or next((folder / name for name in NAMES if (folder / name).is_file()), None)
    if found is None:
        return Places()
    try:
        text = found.read_text(encoding="utf-8-sig")
        raw = _from_geojson(json.loads(text)) if found.suffix in (".geojson", ".json") else tomllib.loads(text)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInputError(f"{found}: cannot be read as places ({error})") from error
    return parse(raw, found.name)


def parse(raw: Mapping[str, Any], source: str) -> Places:
    """Places from tables."""
    problems: list[str] = []
    programme = _made(Programme, raw.get("programme", {}), "programme", problems)
    records = [_place(row, f"deployment {number}", problems) for number, row in enumerate(raw.get("deployment", []), 1)]
    problems += [f"{name}: unknown table" for name in raw if name not in ("programme", "deployment")]
    keys = [(record.unit, record.deployment) for record in records if record]
    problems += [f"{'/'.join(key)}: given twice" for key in dict.fromkeys(keys) if keys.count(key) > 1]
    if problems or programme is None:
        raise BadInputError(f"{source}: " + "; ".join(problems) + ". Fix these and run again.")
    return Places(programme, {(record.unit, record.deployment): record for record in records if record})


def _place(row: Any, name: str, problems: list[str]) -> Place | None:
    if not isinstance(row, Mapping):
        problems.append(f"{name}: must be a table")
        return None
    row = dict(row)
    for key, cls in (("lost", Lost), ("sync", Sync)):
        made = [_made(cls, item, f"{name}.{key}", problems) for item in row.pop(key, [])]
        row[key] = tuple(item for item in made if item)
    place: Place | None = _made(Place, row, name, problems)
    if place:
        problems += [f"{name}.{words}" for words in _complaints(place)]
    return place


def _complaints(place: Place) -> list[str]:
    """What cannot be so."""
    found = []
    if (place.latitude is None) != (place.longitude is None):
        found.append("latitude and longitude: give both or neither")
    if place.latitude is not None and not -90 <= place.latitude <= 90:
        found.append(f"latitude = {place.latitude}: must lie in -90..90")
    if place.longitude is not None and not -180 <= place.longitude <= 180:
        found.append(f"longitude = {place.longitude}: must lie in -180..180")
    if place.start and place.end and place.end <= place.start:
        found.append("end: must be later than start")
    return found


def _made(cls: type, row: Any, name: str, problems: list[str]) -> Any:
    """A fact from a table, or None with the complaints added."""
    if not isinstance(row, Mapping):
        problems.append(f"{name}: must be a table")
        return None
    fields = {spec.name: spec for spec in dataclasses.fields(cls)}
    count = len(problems)
    problems += [f"{name}.{key}: unknown field" for key in row if key not in fields]
    problems += [f"{name}.{key}: missing" for key, spec in fields.items() if _is_needed(spec) and key not in row]
    values = {key: _value(fields[key], value, f"{name}.{key}", problems) for key, value in row.items() if key in fields}
    return cls(**values) if len(problems) == count else None


def _is_needed(spec: "dataclasses.Field[Any]") -> bool:
    return spec.default is dataclasses.MISSING and spec.default_factory is dataclasses.MISSING


def _value(spec: "dataclasses.Field[Any]", value: Any, name: str, problems: list[str]) -> Any:
    """A value in the type of its field. Times without a zone are refused: a season may cross three of them."""
    kind: Any = get_args(spec.type)[0] if isinstance(spec.type, UnionType) else spec.type
    if kind is datetime:
        return _time(value, name, problems)
    if get_origin(kind) is tuple:
        return tuple(value)
    wanted = (int, float) if kind is float else (kind,)
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind is not bool):
        problems.append(f"{name} = {value!r}: must be of type {kind.__name__}")
    return value


def _time(value: Any, name: str, problems: list[str]) -> datetime | None:
    try:
        at = datetime.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        at = None
    if isinstance(at, datetime) and at.tzinfo is not None:
        return at.astimezone(UTC)
    hint = " without a time zone" if isinstance(at, datetime | date) else ""
    problems.append(f"{name} = {value}{hint}: must be a time with its zone, as 2026-11-01T12:00:00+05:00")
    return None


def _from_geojson(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Tables from a FeatureCollection of points whose properties are the fields."""
    rows = []
    for feature in raw["features"]:
        longitude, latitude = feature["geometry"]["coordinates"][:2]
        rows.append({**feature["properties"], "latitude": latitude, "longitude": longitude})
    return {"programme": raw.get("programme", {}), "deployment": rows}
