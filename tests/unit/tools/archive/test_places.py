import json
from datetime import UTC, datetime

import pytest

from trap_tools.archive.places import load
from trap_wire.errors import BadInputError

GOOD = """
[programme]
name = "altai"
[[deployment]]
unit = "MN-01"
deployment = "ridge-2026"
location = "ridge-north"
latitude = 49.71
longitude = 87.66
start = 2026-11-01T12:00:00+05:00
lost = [{start = 2026-11-03T00:00:00Z, end = 2026-11-04T00:00:00Z}]
"""


def test_places_beside_the_data_are_found_and_times_become_utc(tmp_path):
    (tmp_path / "places.toml").write_text(GOOD)
    place = load(tmp_path).of("MN-01", "ridge-2026")
    assert (place.location, place.latitude) == ("ridge-north", 49.71)
    assert place.start == datetime(2026, 11, 1, 7, tzinfo=UTC)
    assert place.lost[0].cause == "obstructed"


def test_deployment_that_nobody_wrote_down_has_no_place(tmp_path):
    place = load(tmp_path).of("MN-09", "valley")
    assert (place.unit, place.latitude) == ("MN-09", None)


def test_every_bad_field_is_in_one_message(tmp_path):
    (tmp_path / "places.toml").write_text(
        '[[deployment]]\nunit="MN-01"\nlatitude=95\nlongitude=1\nhight_m=2\n'
        '[[deployment]]\nunit="MN-02"\ndeployment="x"\nstart=2026-11-01T12:00:00\nlatitude=95\nlongitude=1\n'
        '[[deployment]]\nunit="MN-03"\ndeployment="x"\nlatitude=95\nlongitude="east"\n'
    )
    with pytest.raises(BadInputError) as caught:
        load(tmp_path)
    for part in (
        "hight_m: unknown field",
        "deployment 1.deployment: missing",
        "without a time zone",
        "longitude = 'east'",
    ):
        assert part in str(caught.value)


def test_latitude_beyond_the_pole_and_end_before_start_are_refused(tmp_path):
    (tmp_path / "places.toml").write_text(
        '[[deployment]]\nunit="a"\ndeployment="b"\nlatitude=95.0\nlongitude=1\n'
        "start=2026-11-02T00:00:00Z\nend=2026-11-01T00:00:00Z\n"
    )
    with pytest.raises(BadInputError, match=r"must lie in -90..90; .*end: must be later than start"):
        load(tmp_path)


def test_points_of_a_gis_are_places_too(tmp_path):
    feature = {"type": "Feature", "geometry": {"type": "Point", "coordinates": [87.66, 49.71, 2600]},
               "properties": {"unit": "MN-01", "deployment": "ridge", "start": "2026-11-01T12:00:00+05:00"}}  # fmt: skip
    (tmp_path / "places.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    place = load(tmp_path).of("MN-01", "ridge")
    assert (place.longitude, place.latitude) == (87.66, 49.71)


def test_file_that_is_no_toml_is_one_message(tmp_path):
    (tmp_path / "places.toml").write_text("[deployment\n")
    with pytest.raises(BadInputError, match="cannot be read as places"):
        load(tmp_path)
