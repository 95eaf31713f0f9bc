"""The user's own folder, as people's folders are."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from trap_sim import labels, photos
from trap_sim.photos import album, bursts, seen
from trap_wire.errors import BadInputError
from trap_wire.vocabulary import ObservationType

NACTI = Path(__file__).parents[3] / "shared" / "photos" / "nacti_ca01"


def picture(size=(64, 48), colour=(120, 90, 60)) -> Image.Image:
    image = Image.new("RGB", size, colour)
    image.paste((255, 255, 255), (0, 0, size[0] // 4, size[1] // 4))  # the upper left corner is white
    return image


def write(path: Path, image: Image.Image | None = None, **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    (image or picture()).save(path, **options)
    return path


def taken(at: str) -> Image.Exif:
    exif = Image.Exif()
    exif.get_ifd(0x8769)[0x9003] = at
    return exif


def names(found):
    return [[photo.name for photo in burst.photos] for burst in found]


def test_jpeg_and_png_are_found_at_any_depth_and_nothing_else(tmp_path):
    write(tmp_path / "a.JPG", format="JPEG")
    write(tmp_path / "2024/may/b.png")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / ".hidden.jpg").write_bytes(b"x")
    assert [photo.name for photo in album(tmp_path).photos] == ["2024/may/b.png", "a.JPG"]


@pytest.mark.parametrize(
    "made", [lambda p: p.mkdir(), lambda p: None, lambda p: (p.mkdir(), (p / "a.txt").write_text("x"))]
)
def test_folder_without_a_photograph_is_one_clear_message(tmp_path, made):
    folder = tmp_path / "photos"
    made(folder)
    with pytest.raises(BadInputError, match=r"photos: no (such folder|photograph)") as caught:
        album(folder)
    assert caught.value.exit_code == 3


def test_folder_of_damaged_files_only_says_how_many(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    (tmp_path / "b.jpg").write_bytes(b"")
    with pytest.raises(BadInputError, match="2 files look like some but cannot be read"):
        album(tmp_path)


def test_unreadable_files_are_named_and_the_rest_goes_on(tmp_path):
    write(tmp_path / "good.jpg")
    (tmp_path / "empty.jpg").write_bytes(b"")
    (tmp_path / "text.png").write_text("I am no picture")
    found = album(tmp_path)
    assert [photo.name for photo in found.photos] == ["good.jpg"]
    assert found.unreadable == {"empty.jpg": "is empty", "text.png": "is no picture inside"}


def test_photograph_that_breaks_off_is_shown_as_far_as_it_goes_and_named(tmp_path):
    path = write(tmp_path / "cut.jpg", Image.effect_noise((400, 300), 60).convert("RGB"))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert [photo.name for photo in album(tmp_path).photos] == ["cut.jpg"]
    pixels, wrong = seen(path)
    assert pixels.shape == (300, 400, 3)
    assert pixels[:60].std() > 20
    assert "truncated" in wrong


def test_rotated_photograph_stands_upright(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter clockwise to see it upright
    path = write(tmp_path / "turned.jpg", exif=exif)
    pixels, _ = seen(path)
    assert pixels.shape == (64, 48, 3)
    assert pixels[2, -3].min() > 240  # the white corner is on the right now


def test_cmyk_is_shown_in_its_colours(tmp_path):
    path = write(tmp_path / "print.jpg", Image.new("RGB", (32, 32), (200, 40, 40)).convert("CMYK"), format="JPEG")
    pixels, wrong = seen(path)
    assert wrong == ""
    assert np.abs(pixels.mean(axis=(0, 1)) - (200, 40, 40)).max() < 12


def test_sixteen_bits_are_scaled_and_not_clipped(tmp_path):
    levels = np.linspace(0, 65_535, 64 * 48).reshape(48, 64).astype(np.uint16)
    path = tmp_path / "deep.png"
    Image.fromarray(levels).save(path)
    pixels, _ = seen(path)
    assert pixels[0, 0, 0] < 5
    assert pixels[-1, -1, 0] > 250
    assert 110 < pixels.mean() < 145


def test_large_photograph_is_made_smaller(tmp_path):
    pixels, _ = seen(write(tmp_path / "big.jpg", picture((4_000, 3_000))))
    assert max(pixels.shape) == photos.LONGEST_PX


def test_infrared_photograph_is_recognised_by_its_grey(tmp_path):
    grey, _ = seen(write(tmp_path / "ir.jpg", Image.effect_noise((64, 48), 40).convert("RGB")))
    colour, _ = seen(write(tmp_path / "day.jpg"))
    assert (photos.is_grey(grey), photos.is_grey(colour)) == (True, False)


def test_neighbours_by_number_are_a_burst(tmp_path):
    for number in (1, 2, 3, 4, 9):
        write(tmp_path / f"RCNX{number:04d}.jpg")
    assert names(bursts(album(tmp_path).photos, 3, 500)) == [
        ["RCNX0001.jpg", "RCNX0002.jpg", "RCNX0003.jpg"], ["RCNX0004.jpg"], ["RCNX0009.jpg"],
    ]  # fmt: skip


def test_times_in_the_files_count_more_than_their_names(tmp_path):
    for number, at in ((1, "06:00:00"), (2, "06:00:02"), (3, "07:30:00")):
        write(tmp_path / f"IMG_{number}.jpg", exif=taken(f"2024:05:01 {at}"))
    assert names(bursts(album(tmp_path).photos, 3, 500)) == [["IMG_1.jpg", "IMG_2.jpg"], ["IMG_3.jpg"]]


def test_frames_of_different_folders_sizes_or_labels_are_never_one_burst(tmp_path):
    write(tmp_path / "a/1.jpg")
    write(tmp_path / "b/2.jpg")
    write(tmp_path / "c/1.jpg")
    write(tmp_path / "c/2.jpg", picture((32, 32)))
    write(tmp_path / "d/1.jpg")
    write(tmp_path / "d/2.jpg")
    (tmp_path / "labels.csv").write_text("file,label\nd/1.jpg,fox\nd/2.jpg,empty\n")
    assert [len(burst.photos) for burst in bursts(album(tmp_path).photos, 3, 500)] == [1] * 6


def test_burst_shows_its_photographs_one_after_the_other(tmp_path):
    for number, grey in ((1, 10), (2, 200)):
        write(tmp_path / f"{number}.png", Image.new("RGB", (16, 16), (grey, grey, grey)))
    (burst,) = bursts(album(tmp_path).photos, 3, 500)
    assert burst.frames == 2
    assert [int(burst.look(at, infrared=False).pixels.mean()) for at in (0, 500, 9_000)] == [10, 200, 200]


@pytest.mark.parametrize("beside", [True, False])
@pytest.mark.parametrize(
    "table", ["file,label\nA.jpg,Pallas cat\nb.jpg,empty\n", "X,FileName,CommonName\n1,A.jpg,Fox\n2,B.JPG,None\n"]
)
def test_labels_are_found_beside_or_inside_the_folder(tmp_path, beside, table):
    folder = tmp_path / "images"
    write(folder / "a.jpg")
    write(folder / "b.jpg")
    (tmp_path / "labels.csv" if beside else folder / "labels.csv").write_text(table)
    found = album(folder)
    assert [photo.label for photo in found.photos] == [ObservationType.ANIMAL, ObservationType.BLANK]
    assert found.labels_from is not None


def test_labels_csv_without_the_columns_is_one_clear_message(tmp_path):
    write(tmp_path / "a.jpg")
    (tmp_path / "labels.csv").write_text("x,y\n1,2\n")
    with pytest.raises(BadInputError, match=r"labels\.csv: needs a column"):
        album(tmp_path)


def test_other_tables_beside_the_photographs_are_left_alone(tmp_path):
    write(tmp_path / "a.jpg")
    (tmp_path / "temperatures.csv").write_text("time,celsius\n1,2\n")
    assert not album(tmp_path).labelled


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("None", ObservationType.BLANK), ("Empty", ObservationType.BLANK), ("Human", ObservationType.HUMAN),
        ("Vehicle_Truck_ATV", ObservationType.VEHICLE), ("Mountain_Lion", ObservationType.ANIMAL),
        ("Unidentfied Deer", ObservationType.ANIMAL), ("unknown", None), ("", None), (None, None),
    ],
)  # fmt: skip
def test_words_of_people_become_camtrap_dp_types(words, meant):
    assert labels.meaning(words) == meant


@pytest.mark.skipif(not NACTI.is_dir(), reason="../shared/photos is not here")
def test_nacti_folder_is_read_with_its_labels():
    found = album(NACTI / "images")
    assert len(found.photos) == 1_933
    assert sum(photo.label is ObservationType.BLANK for photo in found.photos) == 501
    assert sum(photo.label is ObservationType.ANIMAL for photo in found.photos) > 1_000
    assert max(burst.frames for burst in bursts(found.photos, 3, 500)) == 3


def test_jpeg_bytes_of_a_stranger_never_raise_more_than_what_is_handled(tmp_path):
    good = io.BytesIO()
    picture().save(good, "JPEG")
    path = tmp_path / "a.jpg"
    for at in range(0, len(good.getvalue()), 7):
        damaged = bytearray(good.getvalue())
        damaged[at] ^= 0xFF
        path.write_bytes(damaged)
        assert seen(path)[0].ndim == 3
