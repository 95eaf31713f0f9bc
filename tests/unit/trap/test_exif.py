import io
import json
from datetime import UTC, datetime

from PIL import Image
from PIL.ExifTags import Base

from tests.unit.trap.parts import jpeg
from trap.store.exif import AMBIENT_TEMPERATURE, Stamp, facts_of, stamped
from trap.store.thumbnail import thumbnail

AT = datetime(2026, 11, 25, 1, 2, 3, 456_000, tzinfo=UTC)
STAMP = Stamp("MN-017", "MN-017-00000042-1", AT, 12_500, 8.0, -21.25, {"verdict": "keep", "battery_mv": 17_100})


def opened(data):
    return Image.open(io.BytesIO(data))


def test_photograph_carries_time_unit_exposure_and_climate():
    facts = facts_of(opened(stamped(jpeg(), STAMP)))
    assert facts[Base.DateTimeOriginal] == "2026:11:25 01:02:03"
    assert (facts[Base.OffsetTimeOriginal], facts[Base.SubsecTimeOriginal]) == ("+00:00", "456")
    assert (facts[Base.BodySerialNumber], facts[Base.ISOSpeedRatings]) == ("MN-017", 800)
    assert float(facts[Base.ExposureTime]) == 0.0125
    assert float(facts[AMBIENT_TEMPERATURE]) == -21.25


def test_rest_is_json_in_the_user_comment():
    comment = facts_of(opened(stamped(jpeg(), STAMP)))[Base.UserComment]
    assert json.loads(comment.removeprefix(b"ASCII\0\0\0")) == STAMP.facts


def test_no_place_is_written():
    assert not opened(stamped(jpeg(), STAMP)).getexif().get_ifd(0x8825)


def test_pixels_are_untouched_and_an_older_exif_is_replaced():
    twice = stamped(stamped(jpeg(), STAMP), STAMP)
    assert twice == stamped(jpeg(), STAMP)
    assert opened(twice).tobytes() == opened(jpeg()).tobytes()


def test_thumbnail_is_small_and_keeps_the_shape():
    assert opened(thumbnail(jpeg(1280, 720), 320)).size == (320, 180)
