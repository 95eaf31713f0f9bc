"""Label files of camera-trap programmes, on small ones made here."""

import json

import pytest

from models.traps import LabelError, coco_camera_traps, label_of, megadetector

SURVEY = {
    "categories": [{"id": 0, "name": "empty"}, {"id": 1, "name": "Panthera uncia"}, {"id": 2, "name": "human"}, {"id": 3, "name": "unknown"}],
    "images": [
        {"id": "a", "file_name": "07/a.jpg", "location": "07", "seq_id": "s1", "frame_num": 1, "datetime": "2021-01-02 03:04:05",
         "width": 2000, "height": 1500},
        {"id": "b", "file_name": "07/b.jpg", "location": "07", "seq_id": "s1", "frame_num": 2, "width": 2000, "height": 1500},
        {"id": "c", "file_name": "09/c.jpg", "location": "09", "width": 100, "height": 100},
        {"id": "d", "file_name": "09/d.jpg", "location": "09"},
    ],
    "annotations": [
        {"image_id": "a", "category_id": 1, "bbox": [200, 150, 400, 300]},
        {"image_id": "b", "category_id": 0},
        {"image_id": "c", "category_id": 2},
        {"image_id": "c", "category_id": 1},
        {"image_id": "d", "category_id": 3},
    ],
}  # fmt: skip


@pytest.fixture
def survey(tmp_path):
    path = tmp_path / "survey.json"
    path.write_text(json.dumps(SURVEY))
    return path


def test_a_survey_keeps_its_places_and_sequences(survey, tmp_path):
    first, second, *_ = coco_camera_traps(survey, tmp_path)
    assert (first.location, first.sequence, first.frame, first.taken_at) == ("07", "s1", 1, "2021-01-02 03:04:05")
    assert (second.label, second.frame) == ("empty", 2)


def test_a_snow_leopard_with_a_box_is_an_animal_at_its_place(survey, tmp_path):
    first = coco_camera_traps(survey, tmp_path)[0]
    assert first.label == "animal"
    assert first.photo.boxes == ((0.1, 0.1, 0.3, 0.3, 0),)
    assert not first.photo.weak


def test_an_animal_without_a_box_is_somewhere_and_wins_over_the_person_beside_it(survey, tmp_path):
    third = coco_camera_traps(survey, tmp_path)[2]
    assert third.label == "animal"
    assert third.photo.weak


def test_a_photograph_that_nobody_could_name_is_left_out(survey, tmp_path):
    assert [one.photo.path.name for one in coco_camera_traps(survey, tmp_path)] == ["a.jpg", "b.jpg", "c.jpg"]


def test_one_camera_is_one_group_so_that_it_is_never_on_both_sides(survey, tmp_path):
    assert {one.photo.group for one in coco_camera_traps(survey, tmp_path)} == {"07", "09"}


@pytest.mark.parametrize(
    ("name", "label"),
    [("Blank", "empty"), ("homo sapiens", "human"), ("Truck", "vehicle"), ("Otocolobus manul", "animal")],
)
def test_names_of_categories_are_understood(name, label):
    assert label_of(name) == label


@pytest.mark.parametrize(
    "text", ["", "[]", '{"images": {}}', "\x00", '{"images": [{"id": 1}], "annotations": [{}], "categories": []}']
)
def test_a_file_that_is_no_survey_is_named(tmp_path, text):
    path = tmp_path / "labels.json"
    path.write_text(text)
    with pytest.raises(LabelError, match=r"labels\.json"):
        coco_camera_traps(path, tmp_path)


def batch(tmp_path, *images):
    path = tmp_path / "batch.json"
    path.write_text(
        json.dumps({"info": {"detector": "md"}, "detection_categories": {"1": "animal"}, "images": list(images)})
    )
    return megadetector(path, tmp_path)


def test_megadetector_is_believed_when_sure_and_not_held_against_us_when_in_doubt(tmp_path):
    detections = [{"category": "1", "conf": conf, "bbox": [0.1, 0.2, 0.3, 0.4]} for conf in (0.9, 0.2, 0.01)]
    (photo,) = batch(tmp_path, {"file": "cam1/x.jpg", "detections": detections})
    assert len(photo.boxes) == len(photo.unsure) == 1
    assert photo.boxes[0] == pytest.approx((0.1, 0.2, 0.4, 0.6, 0))
    assert photo.group == "cam1"


def test_a_file_that_megadetector_could_not_read_is_left_out(tmp_path):
    assert batch(tmp_path, {"file": "x.jpg", "failure": "Failure image access"}) == []


def test_a_detection_without_a_box_is_an_error_with_the_files_name(tmp_path):
    with pytest.raises(LabelError, match=r"batch\.json.*bbox"):
        batch(tmp_path, {"file": "x.jpg", "detections": [{"category": "1", "conf": 0.9}]})
