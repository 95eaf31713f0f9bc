import csv
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from PIL import ExifTags, Image

from tests.pulled import START, night
from tests.unit.tools.camtrap_dp.test_export import SPEC, manul, place, with_spec
from trap_tools.archive.whole import whole
from trap_tools.cli import main
from trap_tools.observers.labels import Label, Labels
from trap_tools.report import summaries


@with_spec
def test_published_example_becomes_deployments_labels_and_places(tmp_path):
    result = manul("import", SPEC / "example", "--to", tmp_path)
    rows = {
        name: list(csv.DictReader((SPEC / "example" / f"{name}.csv").open()))
        for name in ("deployments", "media", "observations")
    }
    absent = [row["filePath"] for row in rows["media"] if "://" not in row["filePath"]
              and not (SPEC / "example" / row["filePath"]).is_file()]  # fmt: skip
    assert result.exit_code == (6 if absent else 0) and all(path in result.output for path in absent)
    read = whole(tmp_path)
    assert len(read) == len(rows["deployments"])
    assert sum(burst.frames for one in read for burst in one.log.bursts.values()) == len(rows["media"])
    assert all(one.place.latitude and not one.effort.proved and not one.faults for one in read)
    first = next(one for one in read if one.log.deployment == "00a2c20d")
    assert first.effort.start == datetime(2020, 5, 30, 2, 57, 37, tzinfo=UTC)
    species = {label.scientific_name for said in Labels(tmp_path).standing().values() for label in said}
    assert "Anas platyrhynchos" in species and "files lie on the web" in result.output


def test_own_package_comes_back_as_it_went(tmp_path):
    folder = tmp_path / "pulled"
    unit = night(folder, bursts=12)
    unit.visit_of("keep", "human")
    unit.close()
    place(folder, "MN-01")
    name = next(iter(whole(folder)[0].log.verdicts))
    Labels(folder).add(
        Label(START.isoformat(), "anna", "MN-01", "ridge-2026", name, "animal", "Otocolobus manul", 2, "female")
    )
    assert manul("export", folder, "--to", tmp_path / "p.zip", "--with-people", "--precision", "0").exit_code == 0
    result = manul("import", tmp_path / "p.zip", "--to", tmp_path / "back")
    assert result.exit_code == 0, result.output
    (before,), (after,) = whole(folder), whole(tmp_path / "back")
    kept = [medium.sha256 for medium in before.log.present if medium.is_full]
    assert sorted(medium.sha256 for medium in after.log.present) == sorted(kept)
    kinds = lambda one: {v.burst: v.observation_type for v in one.log.verdicts.values() if v.kept}  # noqa: E731
    assert {name: kinds(before)[name] for name in kinds(after) if name in kinds(before)} == {
        name: kind for name, kind in kinds(after).items() if name in kinds(before)
    }
    (label,) = Labels(tmp_path / "back").of("anna").values()
    assert (label.scientific_name, label.count, label.sex) == ("Otocolobus manul", 2, "female")
    assert (after.place.latitude, after.place.location) == (before.place.latitude, "MN-01-place")
    assert after.log.fixes == [] and after.log.imported and not after.faults


@with_spec
def test_season_with_mixed_cameras_is_one_valid_data_set(tmp_path):
    folder = tmp_path / "pulled"
    night(folder).close()
    place(folder, "MN-01")
    camera = photographs(tmp_path / "card")
    assert manul("import", camera, "--to", folder, "--unit", "RX-7", "--time-zone", "+05:00").exit_code == 0
    text = (folder / "places.toml").read_text()
    (folder / "places.toml").write_text(
        text + '[[deployment]]\nunit="RX-7"\ndeployment="imported"\nlatitude=49.8\nlongitude=87.7\n'
    )
    assert {unit.unit for unit in summaries(folder)} == {"MN-01", "RX-7"}
    assert manul("archive", folder, "--no-tables").exit_code == 0
    assert manul("export", folder, "--to", tmp_path / "package").exit_code == 0
    checked = subprocess.run(
        [sys.executable, SPEC / "validate.py", tmp_path / "package"], capture_output=True, text=True, check=False
    )
    assert checked.stdout.startswith("valid: 2 deployments"), checked.stdout


def photographs(folder, offset=None, camera="RECONYX HF2"):
    """A commercial camera's card: two events of three frames, an hour apart, local time 18:00."""
    at = datetime(2026, 11, 3, 18, 0, 0)  # noqa: DTZ001 - as cameras write it
    (folder / "100RECNX").mkdir(parents=True)
    for number in range(6):
        taken = at + timedelta(hours=number // 3, seconds=number % 3)
        exif = Image.Exif()
        exif[ExifTags.Base.Make], _, exif[ExifTags.Base.Model] = camera.partition(" ")
        details = exif.get_ifd(ExifTags.IFD.Exif)
        details[ExifTags.Base.DateTimeOriginal] = f"{taken:%Y:%m:%d %H:%M:%S}"
        if offset:
            details[ExifTags.Base.OffsetTimeOriginal] = offset
        Image.new("RGB", (320, 240), (40 * number, 90, 60)).save(
            folder / "100RECNX" / f"IMG_{number:04d}.JPG", exif=exif
        )
    return folder


@pytest.mark.parametrize(
    ("offset", "arguments"), [("+05:00", []), (None, ["--time-zone", "+05:00"]), (None, ["--time-zone", "Asia/Almaty"])]
)
def test_local_time_of_a_commercial_camera_becomes_utc(tmp_path, offset, arguments):
    camera = photographs(tmp_path / "card", offset)
    assert manul("import", camera, "--to", tmp_path / "out", *arguments).exit_code == 0
    (one,) = whole(tmp_path / "out")
    assert (one.log.unit, len(one.log.bursts)) == ("card", 2)
    assert min(medium.taken_at for medium in one.log.present) == datetime(2026, 11, 3, 13, 0, tzinfo=UTC)
    assert one.log.boots[0].software.endswith("of RECONYX HF2")


def test_camera_without_a_time_zone_is_not_guessed_at(tmp_path):
    result = manul("import", photographs(tmp_path / "card"), "--to", tmp_path / "out")
    assert result.exit_code == 3 and "--time-zone" in result.output and not (tmp_path / "out").exists()


@pytest.mark.parametrize("zone", ["Asia/Nowhere", "+5", "later"])
def test_time_zone_that_is_none_is_refused(tmp_path, zone):
    result = manul("import", photographs(tmp_path / "card"), "--to", tmp_path / "out", "--time-zone", zone)
    assert result.exit_code == 3 and "IANA" in result.output


def test_file_without_a_time_is_named_and_the_rest_imported(tmp_path):
    camera = photographs(tmp_path / "card", "+05:00")
    Image.new("RGB", (320, 240)).save(camera / "scan.jpg")
    (camera / "torn.jpg").write_bytes(b"\xff\xd8")
    result = manul("import", camera, "--to", tmp_path / "out")
    assert result.exit_code == 6 and "scan.jpg: left out" in result.output and "torn.jpg: left out" in result.output
    assert len(whole(tmp_path / "out")[0].log.present) == 6


def test_nothing_is_imported_over_what_is_there(tmp_path):
    camera = photographs(tmp_path / "card", "+05:00")
    assert manul("import", camera, "--to", tmp_path / "out").exit_code == 0
    assert manul("import", camera, "--to", tmp_path / "out").exit_code == 9
    assert manul("import", camera, "--to", tmp_path / "out", "--deployment", "again").exit_code == 0


def test_package_with_a_path_out_of_itself_gives_nothing_away(tmp_path):
    folder = tmp_path / "pulled"
    night(folder, bursts=1).close()
    place(folder, "MN-01")
    manul("export", folder, "--to", tmp_path / "p")
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    media = (tmp_path / "p" / "media.csv").read_text().splitlines()
    row = media[1].split(",")
    row[4] = "../secret.jpg"
    (tmp_path / "p" / "media.csv").write_text("\n".join([media[0], ",".join(row), *media[2:]]) + "\n")
    result = manul("import", tmp_path / "p", "--to", tmp_path / "out")
    assert result.exit_code == 6 and "secret.jpg" in result.output
    assert not [path for path in (tmp_path / "out").rglob("*") if path.is_file() and path.read_bytes() == b"secret"]


@pytest.mark.parametrize("what", ["empty.zip", "text"])
def test_source_that_is_no_package_is_one_message(tmp_path, what):
    (tmp_path / "empty.zip").write_bytes(b"PK\x05\x06" + bytes(18))
    (tmp_path / "text").write_text("hello")
    assert manul("import", tmp_path / what, "--to", tmp_path / "out").exit_code == 3


def test_timelapse_finds_every_photograph_by_its_row(tmp_path):
    folder = tmp_path / "pulled"
    night(folder).close()
    manul("export", folder, "--to", tmp_path / "t.csv", "--format", "timelapse")
    rows = list(csv.DictReader((tmp_path / "t.csv").open()))
    assert all((folder / row["RelativePath"].replace("\\", "/") / row["File"]).is_file() for row in rows)
    assert len(rows) == len(list(folder.rglob("media/**/*.jpg")))


def test_wildlife_insights_tables_hang_together_without_people_or_true_places(tmp_path):
    folder = tmp_path / "pulled"
    unit = night(folder)
    people = unit.visit_of("keep", "human")
    unit.close()
    place(folder, "MN-01")
    manul("export", folder, "--to", tmp_path / "wi", "--format", "wildlife-insights")
    images, deployments, cameras = (
        list(csv.DictReader((tmp_path / "wi" / f"{name}.csv").open())) for name in ("images", "deployments", "cameras")
    )
    assert {row["deployment_id"] for row in images} == {row["deployment_id"] for row in deployments}
    assert {row["camera_id"] for row in deployments} == {row["camera_id"] for row in cameras}
    assert not [row for row in images if people in row["image_id"]]
    assert deployments[0]["latitude"] == "49.7"


def test_effort_of_an_imported_camera_is_said_to_come_from_paper(tmp_path):
    camera = photographs(tmp_path / "card", "+05:00")
    manul("import", camera, "--to", tmp_path / "out")
    (tmp_path / "out" / "places.toml").write_text(
        '[[deployment]]\nunit="card"\ndeployment="imported"\nstart=2026-11-01T00:00:00Z\nend=2026-11-11T00:00:00Z\n'
    )
    (row,) = json.loads(CliRunner().invoke(main, ["effort", str(tmp_path / "out"), "--json"]).stdout)
    assert (row["working"], row["proved"]) == (10, False)
    assert "dates on paper" in manul("effort", tmp_path / "out").output
