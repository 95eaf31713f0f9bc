"""The held-out camera's frames, on a small table like its own."""

import pytest

from models import judge, sources
from models.photographs import ANIMAL, Photo, add_opinion, overlap, split


@pytest.fixture
def data(tmp_path):
    folder = tmp_path / "nacti_ca01"
    folder.mkdir()
    rows = ["FileName,CommonName,ImageDate"]
    rows += [f"CA-01_{number:07d}.JPG,{'Bobcat' if number < 8 else 'None'},2/1/2016" for number in range(3, 13)]
    rows.append("CA-01_0000020.JPG,Human,11/30/2015")
    (folder / "labels.csv").write_text("\n".join(rows))
    return tmp_path


def test_five_frames_make_a_burst_wherever_the_numbers_start(data):
    frames = [frame for frame in judge.frames(data) if frame.date == "2/1/2016"]
    assert [len({f.row.sequence for f in frames if f.row.label == label}) for label in ("animal", "empty")] == [1, 1]


def test_dates_are_dealt_into_halves_by_the_calendar_not_by_the_alphabet(data):
    halves = {frame.date: frame.half for frame in judge.frames(data)}
    assert halves == {"11/30/2015": judge.CHOOSE, "2/1/2016": judge.REPORT}


def test_people_and_empties_have_our_names(data):
    assert {frame.row.label for frame in judge.frames(data)} == {"animal", "empty", "human"}


def test_a_group_is_never_on_both_sides(tmp_path):
    photos = [Photo(tmp_path / f"{n}.jpg", "x", f"camera {n % 20}") for n in range(200)]
    done = split(photos, 0.3)
    assert done.train
    assert done.held_out
    assert not {p.group for p in done.train} & {p.group for p in done.held_out}


def test_a_boulder_that_another_detector_takes_for_a_bear_teaches_nothing(tmp_path):
    empty = Photo(tmp_path / "x.jpg", "nips2017_ccby", "x")
    judged = add_opinion(empty, [((0.1, 0.1, 0.2, 0.2, ANIMAL), 0.9), ((0.5, 0.5, 0.6, 0.9, 1), 0.8)])
    assert [box[4] for box in judged.boxes] == [1]
    assert [box[4] for box in judged.unsure] == [ANIMAL]


def test_a_box_inside_another_is_the_same_thing():
    assert overlap((0, 0, 1, 1, 0), (0.2, 0.2, 0.4, 0.4, 0)) == 1.0
    assert overlap((0, 0, 0.1, 0.1, 0), (0.5, 0.5, 1, 1, 0)) == 0.0


def test_sources_that_are_not_there_are_left_out(tmp_path):
    assert sources.training(tmp_path) == []
    assert sources.cutouts(tmp_path) == []


def test_yolo_boxes_know_our_three_kinds(tmp_path):
    label = tmp_path / "x.txt"
    label.write_text("15 0.5 0.5 0.2 0.4\n0 0.1 0.1 0.1 0.1\n2 0.9 0.9 0.1 0.1\n60 0.5 0.5 1 1\n")
    assert [box[4] for box in sources.yolo_boxes(label)] == [0, 1, 2]
    assert sources.yolo_boxes(label)[0][:4] == pytest.approx((0.4, 0.3, 0.6, 0.7))
