"""``manul model`` on the shipped detector and on photographs that go wrong in every way."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from skimage import data

from trap_models.cli import model
from trap_models.scoring import BROKEN, MOST_PIXELS, labels, photograph
from trap_wire.errors import BadInputError

FOLDER = min(card.parent for card in (Path(__file__).parents[3] / "models").glob("*/model.toml"))


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    cat = Image.fromarray(data.chelsea())
    cat.save(folder / "cat.jpg")
    Image.fromarray(data.gravel()).save(folder / "gravel.png")
    return folder


def evaluate(photos, rows, tmp_path):
    table = tmp_path / "labels.csv"
    table.write_text("file,label,sequence,camera\n" + "\n".join(rows) + "\n")
    arguments = [
        "evaluate",
        str(FOLDER),
        "--photos",
        str(photos),
        "--labels",
        str(table),
        "--to",
        str(tmp_path / "out"),
    ]
    result = CliRunner().invoke(model, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return json.loads((tmp_path / "out" / "figures.json").read_text()), result.output


def test_the_shipped_folder_is_sound():
    result = CliRunner().invoke(model, ["check", str(FOLDER)])
    assert result.exit_code == 0, result.output
    assert "known answer" in result.output


def test_a_changed_network_is_found_and_the_exit_code_says_so(tmp_path):
    folder = Path(shutil.copytree(FOLDER, tmp_path / "detector"))
    network = next(folder.glob("*.tflite"))
    network.write_bytes(network.read_bytes()[:-1] + b"x")
    result = CliRunner().invoke(model, ["check", "--json", str(folder)])
    assert result.exit_code == 6
    assert "sha256" in json.loads(result.output)[0]["words"]


def test_every_file_gets_its_score_and_the_curves_are_drawn(photos, tmp_path):
    figures, _ = evaluate(photos, ["cat.jpg,animal,s1,A", "gravel.png,empty,s2,B"], tmp_path)
    cat, gravel = figures["scores"]
    assert cat["animal"] > gravel["animal"]
    assert {path.name for path in (tmp_path / "out").glob("*.png")} == {
        "discarded.png",
        "precision.png",
        "reliability.png",
    }


def test_cameras_and_infra_red_are_reported_apart(photos, tmp_path):
    figures, _ = evaluate(photos, ["cat.jpg,animal,s1,A", "gravel.png,empty,s2,B"], tmp_path)
    assert {"camera A", "camera B", "infrared", "day"} <= figures["parts"].keys()


def spoil(folder):
    whole = (folder / "cat.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "zero.jpg").write_bytes(b"")
    (folder / "text.jpg").write_text("not a photograph")


def test_files_that_cannot_be_read_are_named_and_count_as_kept(photos, tmp_path):
    spoil(photos)
    rows = ["cat.jpg,animal,,", "truncated.jpg,animal,,", "zero.jpg,empty,,", "text.jpg,empty,,", "absent.jpg,empty,,"]
    figures, said = evaluate(photos, rows, tmp_path)
    assert figures["unreadable"].keys() == {"truncated.jpg", "zero.jpg", "text.jpg", "absent.jpg"}
    assert "kept unseen: zero.jpg" in said
    assert all(row["animal"] == 1.0 for row in figures["scores"] if row["trouble"])


def test_a_photograph_in_cmyk_or_sixteen_bit_is_read(photos):
    Image.fromarray(data.chelsea()).convert("CMYK").save(photos / "cmyk.jpg")
    Image.fromarray(data.gravel().astype(np.uint16) << 8).save(photos / "deep.png")
    assert photograph(photos / "cmyk.jpg").shape == (300, 451, 3)
    assert abs(float(photograph(photos / "deep.png").mean()) - float(data.gravel().mean())) < 2


def test_a_photograph_that_was_turned_is_turned_back(photos):
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(data.chelsea()).save(photos / "turned.jpg", exif=exif)
    assert photograph(photos / "turned.jpg").shape == (451, 300, 3)


def test_one_pixel_is_a_photograph(photos, tmp_path):
    Image.new("RGB", (1, 1)).save(photos / "dot.png")
    figures, _ = evaluate(photos, ["dot.png,empty,,"], tmp_path)
    assert not figures["unreadable"]


def test_two_hundred_megapixels_are_refused_before_they_fill_the_memory(photos, tmp_path):
    side = int((MOST_PIXELS + 80_000_000) ** 0.5)
    Image.new("1", (side, side)).save(photos / "huge.png")
    with pytest.raises(BROKEN):
        photograph(photos / "huge.png")
    figures, said = evaluate(photos, ["huge.png,empty,,"], tmp_path)
    assert "pixels" in figures["unreadable"]["huge.png"]
    assert "kept unseen: huge.png" in said


@pytest.mark.parametrize(
    ("text", "words"),
    [("file,kind\n", "no rows"), ("file,label\na.jpg,kot\n", "line 2: 'kot'"), ("name,label\na,empty\n", "columns")],
)
def test_a_label_file_that_cannot_be_used_says_what_is_wrong(tmp_path, text, words):
    path = tmp_path / "labels.csv"
    path.write_text(text)
    with pytest.raises(BadInputError, match=words):
        labels(path)
