import csv
import io
import json
import subprocess
import sys
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner
from PIL import Image

from tests.pulled import START, night
from trap_tools.archive.places import Place
from trap_tools.camtrap_dp.columns import DEPLOYMENTS, MEDIA, OBSERVATIONS
from trap_tools.camtrap_dp.rows import rounded
from trap_tools.cli import main
from trap_tools.observers.labels import Label, Labels
from trap_wire.entries import Kind, to_us

SPEC = Path(__file__).parents[5] / "shared" / "camtrap-dp"
with_spec = pytest.mark.skipif(not SPEC.is_dir(), reason="the Camtrap DP schemas are not in ../shared")


def place(folder, *units, deployment="ridge-2026"):
    tables = [
        f'[[deployment]]\nunit="{unit}"\ndeployment="{deployment}"\nlocation="{unit}-place"\n'
        f"latitude=49.7123{number}\nlongitude=87.6654{number}\nheight_m=0.4\nheading_deg=181.4\n"
        for number, unit in enumerate(units)
    ]
    (folder / "places.toml").write_text('[programme]\nname="altai"\n' + "".join(tables))


def manul(*arguments):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def table(package, name):
    return list(csv.DictReader((package / f"{name}.csv").open(encoding="utf-8")))


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "pulled"
    for name in ("MN-01", "MN-02"):
        unit = night(folder, name)
        unit.later(minutes=3).add(
            Kind.CLOCK, unit_us=to_us(unit.at), host_us=to_us(unit.at - timedelta(seconds=30)), cause="visit"
        )
        unit.add(Kind.WALK_TEST, triggers=4)
        unit.setup_picture()
        unit.visit_of("keep", "human")
        unit.close()
    place(folder, "MN-01", "MN-02")
    return folder


@with_spec
@pytest.mark.parametrize("options", [[], ["--with-people", "--with-thumbnails", "--precision", "0"]])
def test_package_is_valid_camtrap_dp(site, tmp_path, options):
    labels = Labels(site)
    burst = next(name for name in json.loads(manul("archive", site, "--json").stdout)["deployments"] if name)
    labels.add(Label(START.isoformat(), "anna", burst["unit"], burst["deployment"], f"{burst['unit']}-00000011", "animal",
                     scientific_name="Otocolobus manul", count=1, sex="female", life_stage="adult"))  # fmt: skip
    result = manul("export", site, "--to", tmp_path / "package", *options)
    assert result.exit_code == 0, result.output
    checked = subprocess.run(
        [sys.executable, SPEC / "validate.py", tmp_path / "package"], capture_output=True, text=True, check=False
    )
    assert checked.stdout.startswith("valid: 2 deployments"), checked.stdout + checked.stderr


@with_spec
def test_headers_are_the_schemas(site):
    for name, columns in (("deployments", DEPLOYMENTS), ("media", MEDIA), ("observations", OBSERVATIONS)):
        schema = json.loads((SPEC / f"{name}-table-schema.json").read_text())
        assert columns == tuple(field["name"] for field in schema["fields"])


def test_custom_tables_match_their_own_schemas(site, tmp_path):
    from frictionless import Package

    manul("export", site, "--to", tmp_path / "package")
    descriptor = json.loads((tmp_path / "package" / "datapackage.json").read_text())
    ours = [resource for resource in descriptor["resources"] if isinstance(resource["schema"], dict)]
    assert [resource["name"] for resource in ours] == ["triggers", "effort", "battery", "clock"]
    for resource in ours:
        resource["schema"].pop("foreignKeys")
    report = Package({"resources": ours}, basepath=str(tmp_path / "package")).validate()
    assert report.valid, report.flatten()


def test_people_stay_at_home_unless_asked_for_but_are_counted(site, tmp_path):
    manul("export", site, "--to", tmp_path / "without")
    manul("export", site, "--to", tmp_path / "with", "--with-people")
    people = {row["eventID"] for row in table(tmp_path / "without", "observations") if row["observationType"] == "human"
              and row["cameraSetupType"] == ""}  # fmt: skip
    assert len(people) == 2
    shown = lambda package: [row for row in table(package, "media") if any(burst in row["mediaID"] for burst in people)]  # noqa: E731
    assert shown(tmp_path / "without") == []
    assert {row["filePublic"] for row in shown(tmp_path / "with")} == {"false"}


def test_coordinates_are_rounded_and_the_uncertainty_covers_the_rounding(site, tmp_path):
    manul("export", site, "--to", tmp_path / "package")
    (row, _) = table(tmp_path / "package", "deployments")
    assert (row["latitude"], row["longitude"]) == ("49.7", "87.7")
    assert json.loads((tmp_path / "package" / "datapackage.json").read_text())["coordinatePrecision"] == 0.1
    everything = (tmp_path / "package" / "datapackage.json").read_text() + (
        tmp_path / "package" / "deployments.csv"
    ).read_text()
    assert "49.71" not in everything and "87.66" not in everything


@pytest.mark.parametrize("latitude", [0.05, 49.75, -89.95])
def test_true_place_lies_within_the_stated_uncertainty(latitude):
    import math

    here = Place(unit="a", deployment="b", latitude=latitude, longitude=87.65)
    lat, lon, uncertainty = rounded(here, 0.1)
    north = (lat - latitude) * 111_320
    east = (lon - 87.65) * 111_320 * math.cos(math.radians(latitude))
    assert math.hypot(north, east) <= uncertainty


def test_times_are_corrected_and_events_span_their_frames(site, tmp_path):
    manul("export", site, "--to", tmp_path / "package")
    rows = table(tmp_path / "package", "media")
    # The only fix says that the clock was 30 s ahead, so every time moves back by 30 s.
    assert rows[0]["timestamp"] == f"{START + timedelta(hours=1) - timedelta(seconds=30):%Y-%m-%dT%H:%M:%SZ}"
    rows = table(tmp_path / "package", "observations")
    event = next(
        row for row in rows if row["observationTags"] == "decision:keep" and row["observationType"] == "animal"
    )
    assert event["eventStart"] < event["eventEnd"] and event["classifiedBy"].startswith("nanodet-m-collapsed@0.1.0+")


def test_heartbeats_are_time_lapse_and_discarded_bursts_stay_in_the_data(site, tmp_path):
    manul("export", site, "--to", tmp_path / "package")
    assert sum(row["captureMethod"] == "timeLapse" for row in table(tmp_path / "package", "media")) == 2
    blanks = [
        row
        for row in table(tmp_path / "package", "observations")
        if row["observationTags"].startswith("decision:blank")
    ]
    assert len(blanks) == 12 and all(row["mediaID"] == "" for row in blanks)


def test_walk_tests_and_aiming_shots_are_setup(site, tmp_path):
    manul("export", site, "--to", tmp_path / "package")
    setup = [row for row in table(tmp_path / "package", "observations") if row["cameraSetupType"] == "setup"]
    assert sorted(bool(row["mediaID"]) for row in setup) == [False, False, True, True]


def test_zip_holds_the_same_and_exif_is_kept_byte_for_byte(site, tmp_path):
    photograph = min(site.rglob("media/**/*.jpg"))
    manul("export", site, "--to", tmp_path / "package.zip")
    with zipfile.ZipFile(tmp_path / "package.zip") as archive:
        assert archive.testzip() is None
        name = next(name for name in archive.namelist() if name.endswith(photograph.name))
        assert archive.read(name) == photograph.read_bytes()
        assert Image.open(io.BytesIO(archive.read(name))).size == (640, 480)
        media = list(csv.DictReader(io.TextIOWrapper(archive.open("media.csv"), encoding="utf-8")))
        assert {row["filePath"] for row in media} <= set(archive.namelist())


def test_deployment_without_coordinates_is_named_and_the_rest_exported(site, tmp_path):
    place(site, "MN-02")
    result = manul("export", site, "--to", tmp_path / "package", "--json")
    assert result.exit_code == 6
    assert "MN-01/ridge-2026" in [fault["where"] for fault in json.loads(result.stdout)["faults"]]
    assert [row["cameraID"] for row in table(tmp_path / "package", "deployments")] == ["MN-02"]


def test_no_coordinates_at_all_is_one_message(site, tmp_path):
    (site / "places.toml").unlink()
    result = manul("export", site, "--to", tmp_path / "package")
    assert result.exit_code == 3 and "places.toml" in result.output and not (tmp_path / "package").exists()


def test_package_is_not_written_over_without_a_word(site, tmp_path):
    assert manul("export", site, "--to", tmp_path / "p").exit_code == 0
    assert manul("export", site, "--to", tmp_path / "p").exit_code == 9
    assert manul("export", site, "--to", tmp_path / "p", "--replace").exit_code == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p", "pulled"]
    assert manul("export", site, "--to", site, "--replace").exit_code == 9
