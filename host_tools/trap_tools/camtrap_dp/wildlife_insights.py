"""The four CSV files of a Wildlife Insights batch upload: projects, cameras, deployments, images.

Columns and values are those that Conservation International's own migration scripts and example upload use (repository
Wildlife-Insights----Data-Migration: Example_Dataset/CafeFauna and the comments of its scripts) and the fields of
wildlifeinsights.org/get-started/manage-metadata/deployments. Not yet loaded into Wildlife Insights itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from trap_tools import durable
from trap_tools.archive.effort import State
from trap_tools.archive.whole import Whole
from trap_tools.camtrap_dp.csvs import as_csv, full_frames
from trap_tools.camtrap_dp.rows import Choice, Row, Source, rounded, shows_people
from trap_tools.observers.labels import Burst, Label
from trap_wire.entries import from_us
from trap_wire.vocabulary import ObservationType

PROJECTS = (
    "project_name", "project_id", "project_short_name", "project_objectives", "project_species",
    "project_species_individual", "project_sensor_layout", "project_sensor_layout_targeted_type", "project_bait_use",
    "project_bait_type", "project_stratification", "project_stratification_type", "project_sensor_method",
    "project_individual_animals", "project_blank_images", "project_sensor_cluster", "project_admin",
    "project_admin_email", "country_code", "embargo", "initiative_id", "metadata_license", "image_license",
)  # fmt: skip
CAMERAS = ("project_id", "camera_id", "make", "model", "serial_number", "year_purchased")
DEPLOYMENTS = (
    "project_id", "deployment_id", "subproject_name", "subproject_design", "placename", "longitude", "latitude",
    "start_date", "end_date", "event_name", "event_description", "event_type", "bait_type", "bait_description",
    "feature_type", "feature_type_methodology", "camera_id", "quiet_period", "camera_functioning", "sensor_height",
    "height_other", "sensor_orientation", "orientation_other", "recorded_by",
)  # fmt: skip
IMAGES = (
    "project_id", "deployment_id", "image_id", "location", "is_blank", "identified_by", "wi_taxon_id", "class", "order",
    "family", "genus", "species", "common_name", "uncertainty", "timestamp", "age", "sex", "animal_recognizable",
    "individual_id", "number_of_objects", "individual_animal_notes", "highlighted", "markings",
)  # fmt: skip
LAYOUTS = {"targeted": "Targeted", "opportunistic": "Convenience", "systematicRandom": "Systematic"}
FEATURES = {
    "roadPaved": "Road paved", "roadDirt": "Road dirt", "trailHiking": "Trail hiking", "trailGame": "Trail game",
    "roadUnderpass": "Road underpass", "roadOverpass": "Road overpass", "roadBridge": "Road bridge", "culvert": "Culvert",
    "burrow": "Burrow", "nestSite": "Nest site", "carcass": "Carcass", "waterSource": "Water source",
    "fruitingTree": "Fruiting tree", "": "None",
}  # fmt: skip
# How a deployment ended that did not end well.
FUNCTIONING = {State.FULL: "Memory Card", State.DEAD: "Unknown Failure"}
LICENCES = {"CC0-1.0": "CC0", "CC-BY-4.0": "CC-BY", "CC-BY-NC-4.0": "CC-BY-NC"}
# The range countries of the two cats, ISO 3166-1 alpha-3; any other is left to whoever uploads.
COUNTRIES = {
    "Afghanistan": "AFG", "Bhutan": "BTN", "China": "CHN", "India": "IND", "Iran": "IRN", "Kazakhstan": "KAZ",
    "Kyrgyzstan": "KGZ", "Mongolia": "MNG", "Nepal": "NPL", "Pakistan": "PAK", "Russia": "RUS", "Tajikistan": "TJK",
    "Turkmenistan": "TKM", "Uzbekistan": "UZB",
}  # fmt: skip
KNEE_M = (0.3, 0.7)
LEVEL_DEG = 10


def wildlife_insights(read: Sequence[Whole], labels: Mapping[Burst, list[Label]], target: Path, choice: Choice) -> Path:
    """Folder with the four files. Taxon ids stay empty: Wildlife Insights looks names up in its own taxonomy."""
    sources = [Source(one, labels, choice) for one in read if one.place.latitude is not None and one.effort.spans]
    projects = {source.one.programme.name: _project(source, sources) for source in sources}
    cameras = {source.one.log.unit: _camera(source) for source in sources}
    durable.write(target / "projects.csv", as_csv(PROJECTS, projects.values()))
    durable.write(target / "cameras.csv", as_csv(CAMERAS, cameras.values()))
    durable.write(target / "deployments.csv", as_csv(DEPLOYMENTS, map(_deployment, sources)))
    durable.write(target / "images.csv", as_csv(IMAGES, (row for source in sources for row in _images(source))))
    return target


def _project(source: Source, sources: Sequence[Source]) -> Row:
    programme, baited = source.one.programme, {bool(each.one.place.bait) for each in sources}
    countries = {each.one.place.country for each in sources}
    return {
        "project_id": programme.name,
        "project_name": programme.title or programme.name,
        "project_short_name": programme.name,
        "project_objectives": programme.description,
        "project_species": "Multiple",
        "project_sensor_layout": LAYOUTS.get(programme.sampling_design, "Randomized"),
        "project_sensor_layout_targeted_type": ", ".join(programme.species),
        "project_bait_use": "Some" if len(baited) > 1 else "Yes" if True in baited else "No",
        "project_stratification": "No",
        "project_sensor_method": "Sensor detection",
        "project_individual_animals": "No",
        # Whether blanks were taken out before: that is what the unit's filter does.
        "project_blank_images": "Yes",
        "project_sensor_cluster": "No",
        "project_admin": programme.contact,
        "project_admin_email": programme.email,
        "country_code": COUNTRIES.get(next(iter(countries)), "") if len(countries) == 1 else "",
        "embargo": 0,
        "metadata_license": LICENCES.get(programme.data_licence, ""),
        "image_license": LICENCES.get(programme.media_licence, ""),
    }


def _camera(source: Source) -> Row:
    unit = source.one.log.unit
    return {"project_id": source.one.programme.name, "camera_id": unit, "make": "Manul", "model": "Manul",
            "serial_number": unit}  # fmt: skip


def _deployment(source: Source) -> Row:
    one, place = source.one, source.one.place
    latitude, longitude, _ = rounded(place, source.choice.precision_deg)
    return {
        "project_id": one.programme.name,
        "deployment_id": source.id,
        "placename": place.location_name or place.location or one.log.deployment,
        "longitude": longitude,
        "latitude": latitude,
        "start_date": f"{one.effort.start:%Y-%m-%d}",
        "end_date": f"{one.effort.end:%Y-%m-%d}",
        "event_type": "None",
        "bait_type": "Other" if place.bait else "None",
        "bait_description": "bait was used, its kind is not on record" if place.bait else "",
        "feature_type": FEATURES.get(place.feature, "Other"),
        "feature_type_methodology": "" if place.feature in FEATURES else place.feature,
        "camera_id": one.log.unit,
        "camera_functioning": FUNCTIONING.get(one.effort.spans[-1].state, "Camera Functioning"),
        **_pose(source),
        "recorded_by": place.set_up_by,
    }


def _pose(source: Source) -> Row:
    """Height and angle in words, and in numbers where the words do not fit."""
    height, tilt = source.one.place.height_m, source.one.place.tilt_deg
    knee = height is not None and KNEE_M[0] <= height <= KNEE_M[1]
    level = tilt is None or abs(tilt) <= LEVEL_DEG
    return {
        "sensor_height": "Knee height" if knee else "Other",
        "height_other": "" if knee else "not on record" if height is None else f"{height:g} m",
        "sensor_orientation": "Parallel" if level else "Other",
        "orientation_other": "" if level else f"{tilt:g} degrees",
    }


def _images(source: Source) -> Iterator[Row]:
    for medium, at in full_frames(source):
        if shows_people(source, medium.burst) and not source.choice.people:
            continue
        base = {
            "project_id": source.one.programme.name,
            "deployment_id": source.id,
            "image_id": f"{source.id}_{Path(medium.path).stem}",
            "location": f"{source.id}/{Path(medium.path).name}",
            "timestamp": f"{from_us(at):%Y-%m-%d %H:%M:%S}",
        }
        said = source.said(medium.burst or "")
        for words in [_by_person(label) for label in said] or [_by_machine(source, medium.burst or "")]:
            yield {**base, **words}


def _by_machine(source: Source, burst: str) -> Row:
    verdict = source.one.log.verdicts.get(burst)
    blank = verdict is not None and verdict.observation_type == ObservationType.BLANK
    who = (verdict.model if verdict else "") or ""
    return {"is_blank": "Yes" if blank else "No", "identified_by": who, "number_of_objects": "" if blank else 1}


def _by_person(label: Label) -> Row:
    genus, _, species = label.scientific_name.partition(" ")
    blank = label.observation_type == ObservationType.BLANK
    return {
        "is_blank": "Yes" if blank else "No",
        "identified_by": label.observer,
        "genus": genus,
        "species": species,
        "age": label.life_stage.capitalize(),
        "sex": label.sex.capitalize(),
        "number_of_objects": label.count or ("" if blank else 1),
        "individual_animal_notes": label.comments,
    }
