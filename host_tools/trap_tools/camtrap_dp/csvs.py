"""Tables for two programs that many labs use: Timelapse and Wildlife Insights."""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from trap_tools import durable
from trap_tools.archive.facts import Medium
from trap_tools.archive.whole import Whole
from trap_tools.camtrap_dp.rows import Choice, Row, Source, rounded, shows_people
from trap_tools.observers.labels import Burst, Label
from trap_wire.entries import from_us, to_us
from trap_wire.vocabulary import ObservationType

# Timelapse matches rows by RelativePath and File; further columns fill fields of its template that have their names.
TIMELAPSE = ("File", "RelativePath", "DateTime", "DeleteFlag", "Unit", "Deployment", "Burst", "Decision", "MachineType",
             "MachineScore", "Species", "Count", "Sex", "LifeStage", "Observer", "Audited")  # fmt: skip
# The four files of Wildlife Insights' batch upload, v1.0, as its templates name their columns.
WI_IMAGES = (
    "project_id", "deployment_id", "image_id", "location", "is_blank", "identified_by", "wi_taxon_id", "class", "order",
    "family", "genus", "species", "common_name", "uncertainty", "timestamp", "age", "sex", "animal_recognizable",
    "individual_id", "number_of_objects", "individual_animal_notes", "behavior", "highlighted", "markings",
)  # fmt: skip
WI_DEPLOYMENTS = (
    "project_id", "deployment_id", "placename", "longitude", "latitude", "start_date", "end_date", "bait_type",
    "feature_type", "camera_id", "camera_functioning", "sensor_height", "detection_distance",
)  # fmt: skip
WI_CAMERAS = ("project_id", "camera_id", "make", "model", "serial_number", "year_purchased")


def timelapse(folder: Path, read: Sequence[Whole], labels: Mapping[Burst, list[Label]], target: Path) -> Path:
    """``ImageData``-like CSV with paths relative to the pulled folder, so that Timelapse opens that folder with it."""
    rows = (row for one in read for row in _timelapse(folder.resolve(), Source(one, labels, Choice())))
    return durable.write(target, _csv(TIMELAPSE, rows))


def wildlife_insights(read: Sequence[Whole], labels: Mapping[Burst, list[Label]], target: Path, choice: Choice) -> Path:
    """Folder with images.csv, deployments.csv and cameras.csv. Taxon ids stay empty: Wildlife Insights looks names up."""
    sources = [Source(one, labels, choice) for one in read if one.place.latitude is not None and one.effort.spans]
    durable.write(target / "images.csv", _csv(WI_IMAGES, (row for source in sources for row in _wi_images(source))))
    durable.write(target / "deployments.csv", _csv(WI_DEPLOYMENTS, map(_wi_deployment, sources)))
    cameras = {source.one.log.unit: {"project_id": source.one.programme.name, "camera_id": source.one.log.unit,
                                     "make": "Manul", "model": "Manul", "serial_number": source.one.log.unit}
               for source in sources}  # fmt: skip
    durable.write(target / "cameras.csv", _csv(WI_CAMERAS, cameras.values()))
    return target


def _full(source: Source) -> Iterator[tuple[Medium, int]]:
    """Full frames that are there, with their true times."""
    one = source.one
    media = [medium for medium in one.log.present if medium.is_full and (one.holding.root / medium.path).is_file()]
    times = one.clock.correct_us([medium.sequence for medium in media], [to_us(medium.taken_at) for medium in media])
    yield from zip(media, times.tolist(), strict=True)


def _timelapse(folder: Path, source: Source) -> Iterator[Row]:
    for medium, at in _full(source):
        path = Path(source.one.holding.root.resolve() / medium.path).relative_to(folder)
        verdict = source.one.log.verdicts.get(medium.burst or "")
        said = source.said(medium.burst or "")
        yield {
            "File": path.name,
            "RelativePath": str(path.parent).replace("/", "\\"),  # Timelapse is a Windows program
            "DateTime": f"{from_us(at):%Y-%m-%d %H:%M:%S}",
            "DeleteFlag": "false",
            "Unit": source.one.log.unit,
            "Deployment": source.one.log.deployment,
            "Burst": medium.burst,
            "Decision": verdict.decision if verdict else "",
            "MachineType": verdict.observation_type if verdict else "",
            "MachineScore": verdict.score if verdict else "",
            "Audited": "true" if verdict and verdict.audited else "false",
            **(_words(said[0]) if said else {}),
        }


def _words(label: Label) -> Row:
    name = label.scientific_name or label.observation_type
    return {
        "Species": name,
        "Count": label.count,
        "Sex": label.sex,
        "LifeStage": label.life_stage,
        "Observer": label.observer,
    }


def _wi_images(source: Source) -> Iterator[Row]:
    for medium, at in _full(source):
        if shows_people(source, medium.burst) and not source.choice.people:
            continue
        verdict = source.one.log.verdicts.get(medium.burst or "")
        base = {
            "project_id": source.one.programme.name,
            "deployment_id": source.id,
            "image_id": f"{source.id}_{Path(medium.path).stem}",
            "location": f"{source.id}/{Path(medium.path).name}",
            "timestamp": f"{from_us(at):%Y-%m-%d %H:%M:%S}",
            "highlighted": "",
        }
        said = source.said(medium.burst or "")
        if not said:
            blank = bool(verdict and verdict.observation_type == ObservationType.BLANK)
            model = (verdict.model if verdict else "") or ""
            yield {
                **base,
                "is_blank": "Yes" if blank else "No",
                "identified_by": model,
                "number_of_objects": "" if blank else 1,
            }
        for label in said:
            yield {**base, **_wi_words(label)}


def _wi_words(label: Label) -> Row:
    genus, _, species = label.scientific_name.partition(" ")
    blank = label.observation_type == ObservationType.BLANK
    return {"is_blank": "Yes" if blank else "No", "identified_by": label.observer, "genus": genus, "species": species,
            "age": label.life_stage, "sex": label.sex, "number_of_objects": label.count or ("" if blank else 1)}  # fmt: skip


def _wi_deployment(source: Source) -> Row:
    one, place = source.one, source.one.place
    latitude, longitude, _ = rounded(place, source.choice.precision_deg)
    return {
        "project_id": one.programme.name,
        "deployment_id": source.id,
        "placename": place.location_name or place.location or one.log.deployment,
        "longitude": longitude,
        "latitude": latitude,
        "start_date": f"{one.effort.start:%Y-%m-%d %H:%M:%S}",
        "end_date": f"{one.effort.end:%Y-%m-%d %H:%M:%S}",
        "bait_type": "Some" if place.bait else "None",
        "feature_type": place.feature,
        "camera_id": one.log.unit,
        "camera_functioning": "Camera Functioning",
        "sensor_height": place.height_m,
        "detection_distance": place.detection_distance_m,
    }


def _csv(columns: Sequence[str], rows: Iterable[Row]) -> bytes:
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n", restval="", extrasaction="raise")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()
