"""Tables for Timelapse and Wildlife Insights against what those programs publish. Neither program was at hand to load them."""

import csv
import re

import pytest

from tests.pulled import START, night
from tests.unit.tools.camtrap_dp.test_export import manul
from trap_tools.archive.whole import whole
from trap_tools.observers.labels import Label, Labels

# What docs/scientist.md tells people to put into their template, as data label -> type of field.
TEMPLATE = {
    "File": "file", "RelativePath": "path", "DateTime": "time", "DeleteFlag": "flag", "Unit": "note", "Deployment": "note",
    "Burst": "note", "Decision": "note", "MachineType": "note", "MachineScore": "note", "Species": "note", "Count": "counter",
    "Sex": "note", "LifeStage": "note", "Observer": "note", "Audited": "flag",
}  # fmt: skip


def timelapse_takes(rows, template):
    """VerifyCSVHeaders and VerifyDataInColumns of Timelapse/Database/CsvReaderWriter.cs, saulgreenberg/Timelapse 23c1838."""
    headings = list(rows[0])
    assert {"File", "RelativePath"} <= set(headings)
    assert set(headings) <= set(template), "a heading that is no data label of the template stops the import"
    for row in rows:
        for name, value in row.items():
            if template[name] == "flag":
                assert value.lower() in ("true", "false")
            if template[name] == "counter":
                assert value == "" or re.fullmatch(r"[+-]?\d+", value)
            if template[name] == "time":
                assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", value)
    paths = [(row["RelativePath"], row["File"]) for row in rows]
    assert len(set(paths)) == len(paths), "a file that stands twice is taken for a duplicate"


@pytest.fixture
def folder(tmp_path):
    unit = night(tmp_path / "pulled", bursts=12)
    unit.visit_of("keep", "human")
    unit.close()
    (tmp_path / "pulled" / "places.toml").write_text(
        '[programme]\nname = "altai"\ntitle = "Cats of the Altai"\ncontact = "A. Person"\nemail = "a@example.org"\n'
        '[[deployment]]\nunit = "MN-01"\ndeployment = "ridge-2026"\nlatitude = 49.7123\nlongitude = 87.6645\n'
        'country = "Mongolia"\nheight_m = 0.4\ntilt_deg = -25\nbait = true\nfeature = "burrow"\nset_up_by = "Bolat"\n'
    )
    labels = Labels(tmp_path / "pulled")
    kept = [name for name, verdict in whole(tmp_path / "pulled")[0].log.verdicts.items() if verdict.decision == "keep"]
    labels.add(Label(START.isoformat(), "anna", "MN-01", "ridge-2026", kept[1], "animal", "Otocolobus manul", 2, "female",
                     "adult", "at the burrow"))  # fmt: skip
    return tmp_path / "pulled"


def test_timelapse_would_take_every_row_by_its_own_rules(folder, tmp_path):
    manul("export", folder, "--to", tmp_path / "t.csv", "--format", "timelapse")
    rows = list(csv.DictReader((tmp_path / "t.csv").open()))
    timelapse_takes(rows, TEMPLATE)
    assert list(rows[0]) == list(TEMPLATE)
    assert {row["Count"] for row in rows} == {"", "2"}


def test_check_of_timelapses_rules_can_fail(folder, tmp_path):
    manul("export", folder, "--to", tmp_path / "t.csv", "--format", "timelapse")
    rows = list(csv.DictReader((tmp_path / "t.csv").open()))
    with pytest.raises(AssertionError):
        timelapse_takes([{**rows[0], "DeleteFlag": "no"}], TEMPLATE)
    with pytest.raises(AssertionError):
        timelapse_takes(rows, {name: kind for name, kind in TEMPLATE.items() if name != "Audited"})


# Headings of the example upload that Conservation International publishes (Wildlife-Insights----Data-Migration,
# Datasets/Example_Dataset/CafeFauna/Cafe_Fauna_wi_batch_upload), word for word.
PUBLISHED = {
    "projects": "project_name project_id project_short_name project_objectives project_species project_species_individual "
    "project_sensor_layout project_sensor_layout_targeted_type project_bait_use project_bait_type project_stratification "
    "project_stratification_type project_sensor_method project_individual_animals project_blank_images "
    "project_sensor_cluster project_admin project_admin_email country_code embargo initiative_id metadata_license image_license",
    "cameras": "project_id camera_id make model serial_number year_purchased",
    "deployments": "project_id deployment_id subproject_name subproject_design placename longitude latitude start_date end_date "
    "event_name event_description event_type bait_type bait_description feature_type feature_type_methodology camera_id "
    "quiet_period camera_functioning sensor_height height_other sensor_orientation orientation_other recorded_by",
}
# What its scripts (Wild_ID, Humboldt) say a field takes.
VALUES = {
    "projects": {
        "project_sensor_layout": {"Systematic", "Randomized", "Convenience", "Targeted"},
        "project_bait_use": {"Yes", "Some", "No"},
        "project_stratification": {"Yes", "No"},
        "project_individual_animals": {"Yes", "No"},
        "project_blank_images": {"Yes", "No"},
        "metadata_license": {"CC0", "CC-BY", ""},
        "image_license": {"CC0", "CC-BY", "CC-BY-NC", ""},
    },
    "deployments": {
        "feature_type": {"None", "Road paved", "Road dirt", "Trail hiking", "Trail game", "Road underpass", "Road overpass",
                         "Road bridge", "Culvert", "Burrow", "Nest site", "Carcass", "Water source", "Fruiting tree", "Other"},
        "camera_functioning": {"Camera Functioning", "Unknown Failure", "Vandalism", "Theft", "Memory Card", "Film Failure",
                               "Camera Hardware Failure", "Wildlife Damage"},
        "sensor_height": {"Knee height", "Other"},
        "sensor_orientation": {"Parallel", "Other"},
    },
    "images": {"is_blank": {"Yes", "No"}, "sex": {"", "Male", "Female"}, "age": {"", "Adult", "Subadult", "Juvenile"}},
}  # fmt: skip
# Fields that its image scripts fill. They say ``number_of_animals`` (2019); Wildlife Insights' own downloads ``number_of_objects``.
IMAGE_FIELDS = (
    "project_id deployment_id image_id location is_blank wi_taxon_id class order family genus species common_name uncertainty "
    "timestamp age sex animal_recognizable individual_id number_of_objects individual_animal_notes highlighted identified_by"
)
REQUIRED = {
    "projects": ("project_id", "project_name", "project_admin", "project_admin_email", "country_code", "metadata_license"),
    "cameras": ("project_id", "camera_id"),
    "deployments": ("project_id", "deployment_id", "placename", "longitude", "latitude", "start_date", "end_date",
                    "camera_id", "camera_functioning", "sensor_height", "sensor_orientation", "feature_type", "bait_type"),
    "images": ("project_id", "deployment_id", "image_id", "location", "is_blank", "timestamp"),
}  # fmt: skip


@pytest.fixture
def upload(folder, tmp_path):
    manul("export", folder, "--to", tmp_path / "wi", "--format", "wildlife-insights")
    return {name: list(csv.DictReader((tmp_path / "wi" / f"{name}.csv").open())) for name in REQUIRED}


def test_headings_are_the_published_ones_in_their_order(upload):
    for name, headings in PUBLISHED.items():
        assert list(upload[name][0]) == headings.split()
    assert set(upload["images"][0]) >= set(IMAGE_FIELDS.split())


def test_every_value_is_one_that_the_field_takes_and_nothing_required_is_empty(upload):
    for name, rows in upload.items():
        for row in rows:
            assert not [field for field in REQUIRED[name] if not row[field]]
            for field, values in VALUES.get(name, {}).items():
                assert row[field] in values, (name, field, row[field])
    (deployment,) = upload["deployments"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", deployment["start_date"])
    assert (deployment["sensor_height"], deployment["sensor_orientation"]) == ("Knee height", "Other")
    assert (deployment["orientation_other"], deployment["feature_type"]) == ("-25 degrees", "Burrow")
    (project,) = upload["projects"]
    assert (project["country_code"], project["project_bait_use"]) == ("MNG", "Yes")


def test_what_a_person_said_is_told_in_the_words_of_wildlife_insights(upload):
    said = [row for row in upload["images"] if row["identified_by"] == "anna"]
    assert len(said) == 3
    assert {(row["genus"], row["species"], row["sex"], row["age"], row["number_of_objects"]) for row in said} == {
        ("Otocolobus", "manul", "Female", "Adult", "2")
    }
