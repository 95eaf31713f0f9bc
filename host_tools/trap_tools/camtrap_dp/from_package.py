"""A Camtrap DP package as deployments of ours: events, boxes, people's labels and places."""

import csv
import json
import tempfile
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from trap_tools.archive.faults import Fault, What
from trap_tools.archive.places import Place
from trap_tools.camtrap_dp.writing import Event, Foreign, Photograph, safe_name
from trap_tools.observers.labels import Label
from trap_wire.errors import BadInputError
from trap_wire.vocabulary import HUMAN_CLASSIFICATION, MACHINE, CaptureMethod, ObservationType

Cells = Mapping[str, str]


@dataclass(slots=True)
class Read:
    """What a package holds, in our words."""

    foreign: list[Foreign] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)


@contextmanager
def opened(source: Path) -> Iterator[Path]:
    """The package's folder; a zip is unpacked for as long as it is needed."""
    if source.is_dir():
        yield source
        return
    with tempfile.TemporaryDirectory() as folder:
        try:
            with zipfile.ZipFile(source) as archive:
                archive.extractall(folder)
        except (OSError, zipfile.BadZipFile) as error:
            raise BadInputError(f"{source}: neither a folder nor a zip of a package ({error})") from error
        inside = sorted(Path(folder).rglob("datapackage.json"))
        if not inside:
            raise BadInputError(f"{source}: no datapackage.json in it")
        yield inside[0].parent


def read(root: Path) -> Read:
    """Read a package; ``BadInputError`` when it is none. Rows that cannot be used are named in ``faults``."""
    try:
        descriptor = json.loads((root / "datapackage.json").read_text(encoding="utf-8-sig"))
        paths = {resource["name"]: resource["path"] for resource in descriptor["resources"] if "path" in resource}
        tables = {name: _table(root / paths[name]) for name in ("deployments", "media", "observations")}
    except (OSError, ValueError, KeyError, TypeError, csv.Error) as error:
        raise BadInputError(f"{root}: no Camtrap DP package ({type(error).__name__}: {error})") from error
    made = Read()
    media, observations = _grouped(tables["media"]), _grouped(tables["observations"])
    programme = safe_name(str(descriptor.get("name") or ""), "none")
    for row in tables["deployments"]:
        key = row["deploymentID"]
        _deployment(made, root, programme, row, (media.get(key, []), observations.get(key, [])))
    return made


def _table(path: Path) -> list[Cells]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def _grouped(rows: Sequence[Cells]) -> dict[str, list[Cells]]:
    groups: dict[str, list[Cells]] = {}
    for row in rows:
        groups.setdefault(row["deploymentID"], []).append(row)
    return groups


def _deployment(made: Read, root: Path, programme: str, row: Cells, tables: tuple[list[Cells], list[Cells]]) -> None:
    key = row["deploymentID"]
    unit, deployment = safe_name(row.get("cameraID") or row.get("locationID") or key), safe_name(key)
    media, mine = tables
    events = _events(made, root, deployment, media, mine)
    if not events:
        made.faults.append(Fault(What.NO_JOURNAL, key, "a deployment without media; its place is kept, nothing else"))
    else:
        camera = row.get("cameraModel") or "another camera"
        made.foreign.append(Foreign(unit, deployment, programme, camera, tuple(events)))
    made.labels += _labels(unit, deployment, mine, _event_of_media(mine))
    made.places.append(_place(unit, deployment, row))


def _events(
    made: Read, root: Path, deployment: str, media: Sequence[Cells], observations: Sequence[Cells]
) -> list[Event]:
    event_of, boxes = _event_of_media(observations), _boxes(observations)
    machine = {
        row["eventID"]: row
        for row in observations
        if row["observationLevel"] == "event" and row["classificationMethod"] == MACHINE
    }
    groups: dict[str, list[tuple[Cells, Photograph]]] = {}
    remote = 0
    for row in media:
        taken_at = _time(row["timestamp"])
        if taken_at is None:
            made.faults.append(
                Fault(What.BAD_BODY, row["mediaID"], f"timestamp {row['timestamp']!r} has no time zone or is none")
            )
            continue
        path = row["filePath"]
        source = None if "://" in path else root / path
        if source is not None and not (source.is_file() and source.resolve().is_relative_to(root.resolve())):
            made.faults.append(Fault(What.MISSING_FILE, path, "named in media.csv, but not in the package"))
            source = None
        remote += "://" in path
        photograph = Photograph(source, taken_at, tuple(boxes.get(row["mediaID"], ())))
        groups.setdefault(event_of.get(row["mediaID"]) or row["mediaID"], []).append((row, photograph))
    if remote:
        made.faults.append(
            Fault(What.NO_END, deployment, f"{remote} files lie on the web; their rows are imported, the files are not")
        )
    events = [_event(name, rows, machine.get(name)) for name, rows in groups.items()]
    return sorted(events, key=lambda event: event.photographs[0].taken_at)


def _event(name: str, rows: Sequence[tuple[Cells, Photograph]], said: Cells | None) -> Event:
    ordered = sorted(rows, key=lambda pair: pair[1].taken_at)
    method = ordered[0][0].get("captureMethod") or CaptureMethod.ACTIVITY_DETECTION
    kind = said["observationType"] if said else ObservationType.UNCLASSIFIED
    score = float(said["classificationProbability"]) if said and said["classificationProbability"] else None
    model = (said["classifiedBy"] or None) if said else None
    return Event(safe_name(name), tuple(photograph for _, photograph in ordered), method, kind, score, model)


def _event_of_media(observations: Sequence[Cells]) -> dict[str, str]:
    return {row["mediaID"]: row["eventID"] for row in observations if row["mediaID"] and row["eventID"]}


def _boxes(observations: Sequence[Cells]) -> dict[str, list[dict[str, object]]]:
    found: dict[str, list[dict[str, object]]] = {}
    names = {"x": "bboxX", "y": "bboxY", "width": "bboxWidth", "height": "bboxHeight"}
    for row in observations:
        if row["mediaID"] and all(row[column] for column in names.values()):
            box: dict[str, object] = {name: float(row[column]) for name, column in names.items()}
            score = float(row["classificationProbability"] or 1.0)
            found.setdefault(row["mediaID"], []).append({"label": row["observationType"], "score": score, **box})
    return found


def _labels(unit: str, deployment: str, observations: Sequence[Cells], event_of: Mapping[str, str]) -> Iterator[Label]:
    """People's words; a classification without a method is a person's, as it was before machines."""
    for row in observations:
        if (row["classificationMethod"] or HUMAN_CLASSIFICATION) != HUMAN_CLASSIFICATION or row.get("cameraSetupType"):
            continue
        burst = safe_name(row["eventID"] or event_of.get(row["mediaID"], "") or row["mediaID"])
        count = int(row["count"]) if row["count"] else None
        observer = row["classifiedBy"] or "imported"
        yield Label(row["classificationTimestamp"] or row["eventStart"], observer, unit, deployment, burst,
                    row["observationType"], row["scientificName"], count, row["sex"], row["lifeStage"],
                    row["observationComments"])  # fmt: skip


def _place(unit: str, deployment: str, row: Cells) -> Place:
    def number(column: str) -> float | None:
        return float(row[column]) if row.get(column) else None

    return Place(
        unit=unit,
        deployment=deployment,
        location=row.get("locationID") or "",
        location_name=row.get("locationName") or "",
        latitude=number("latitude"),
        longitude=number("longitude"),
        uncertainty_m=number("coordinateUncertainty"),
        start=_time(row["deploymentStart"]),
        end=_time(row["deploymentEnd"]),
        set_up_by=row.get("setupBy") or "",
        height_m=number("cameraHeight"),
        heading_deg=number("cameraHeading"),
        tilt_deg=number("cameraTilt"),
        detection_distance_m=number("detectionDistance"),
        feature=row.get("featureType") or "",
        habitat=row.get("habitat") or "",
        comments=row.get("deploymentComments") or "",
    )


def _time(text: str) -> datetime | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at.astimezone(UTC) if at.tzinfo else None
