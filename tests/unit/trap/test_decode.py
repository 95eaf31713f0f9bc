"""Output formats of the networks that people have, from tensors with one thing in them whose place is known."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from trap.ports import ModelIdentity, Thresholds
from trap.triage import boxes, decode, picture
from trap.triage.decode import Tensor
from trap.triage.model_folder import Input, ModelFolder
from trap_wire.errors import BadInputError
from trap_wire.vocabulary import ObservationType

OURS = (ObservationType.ANIMAL, ObservationType.HUMAN, ObservationType.VEHICLE)
FOLDER = ModelFolder(
    path=Path("models/x"), network=Path("x.tflite"), identity=ModelIdentity("x", "1", "00"), licence="Apache-2.0",
    format="manul", input=Input(width=320, height=256), strides=(8, 16, 32), classes=OURS,
    thresholds=Thresholds(0.4, 0.1), known_answer=None, calibration=(),
)  # fmt: skip
CELLS = 40 * 32 + 20 * 16 + 10 * 8
FRAME = picture.Fit(0, 0, 320, 256)
# Second grid (stride 16), row 3, column 5: centre at (88, 56).
CELL, CENTRE = 40 * 32 + 3 * 20 + 5, (88.0, 56.0)


def found(outputs, **changes):
    folder = dataclasses.replace(FOLDER, **changes)
    return boxes.detections(decode.decode(outputs, folder), folder, FRAME)


def corners(detection):
    box = detection.box
    return pytest.approx((box.x * 320, box.y * 256, (box.x + box.width) * 320, (box.y + box.height) * 256), abs=0.01)


def quantised_animal():
    scores = np.full((1, CELLS, 3), -128, dtype=np.int8)
    distances = np.zeros((1, CELLS, 4), dtype=np.int8)
    scores[0, CELL] = (64, -100, -128)
    distances[0, CELL] = (8, 4, 16, 12)
    return [Tensor(scores, 1 / 256, -128), Tensor(distances, 0.25, 0)]


def test_our_format_gives_the_animal_where_it_stands():
    (animal,) = found(quantised_animal())
    assert (animal.label, animal.score) == (ObservationType.ANIMAL, 0.75)
    x, y = CENTRE
    assert (x - 2 * 16, y - 16, x + 4 * 16, y + 3 * 16) == corners(animal)


def test_our_format_with_centres_gives_the_animal_where_it_stands():
    scores, distances = quantised_animal()
    distances.values[0, CELL] = (
        4,
        0,
        2,
        4,
    )  # in quarters: a stride right of the cell's corner, none down; e^0.5 by e^1 strides
    (animal,) = found([scores, distances], centred=True)
    x, y = CENTRE[0] + 8, CENTRE[1] - 8
    across, down = 16 * np.exp(0.5) / 2, 16 * np.exp(1.0) / 2
    assert (x - across, y - down, x + across, y + down) == corners(animal)


def test_outputs_are_told_apart_by_shape_not_by_order():
    assert found(quantised_animal()[::-1]) == found(quantised_animal())


def test_class_that_the_card_ignores_is_left_out():
    assert found(quantised_animal(), classes=(None, *OURS[1:])) == ()


@pytest.mark.parametrize(("fmt", "objectness"), [("yolox", True), ("yolov5", True), ("yolov8", False)])
def test_yolo_layouts_give_the_same_box(fmt, objectness):
    cells = np.zeros((1, CELLS, 8 if objectness else 7), dtype=np.float32)
    inside = (0.5, 0.5, np.log(2.0), np.log(1.0)) if fmt == "yolox" else (88 / 320, 56 / 256, 32 / 320, 16 / 256)
    cells[0, CELL] = (*inside, 0.9, 0.0, 1.0, 0.0) if objectness else (*inside, 0.0, 0.9, 0.0)
    outputs = [Tensor(cells.transpose(0, 2, 1) if fmt == "yolov8" else cells)]
    (human,) = found(outputs, format=fmt)
    assert (human.label, round(human.score, 3)) == (ObservationType.HUMAN, 0.9)
    assert corners(human) == (72, 48, 104, 64)


def test_yolo_in_pixels_is_read_like_yolo_in_shares():
    cells = np.zeros((1, 7, 10), dtype=np.float32)
    cells[0, :, 3] = (88, 56, 32, 16, 0.0, 0.9, 0.0)
    (human,) = found([Tensor(cells)], format="yolov8")
    assert corners(human) == (72, 48, 104, 64)


def test_ssd_post_processing_is_read():
    outputs = [
        Tensor(np.array([[[0.25, 0.1, 0.5, 0.3], [0, 0, 1, 1]]], dtype=np.float32)),
        Tensor(np.array([[0, 1]], dtype=np.float32)),
        Tensor(np.array([[0.8, 0.001]], dtype=np.float32)),
        Tensor(np.array([2], dtype=np.float32)),
    ]
    (animal,) = found(outputs, format="ssd")
    assert corners(animal) == (32, 64, 96, 128)


def test_two_boxes_of_one_animal_are_one_and_two_animals_are_two():
    outputs = quantised_animal()
    scores, distances = (output.values.copy() for output in outputs)
    for cell in (CELL + 1, CELL + 8):
        scores[0, cell], distances[0, cell] = (40, -128, -128), (8, 4, 16, 12)
    assert len(found([Tensor(scores, 1 / 256, -128), Tensor(distances, 0.25, 0)])) == 2


def test_outputs_of_another_network_are_named_with_their_shapes():
    with pytest.raises(BadInputError, match=r"\(1, 10, 3\).*'manul'"):
        found([Tensor(np.zeros((1, 10, 3), dtype=np.int8), 1.0), Tensor(np.zeros((1, 10, 4), dtype=np.int8), 1.0)])


@pytest.mark.parametrize("shape", [(480, 640), (720, 1280), (640, 480), (1, 1), (256, 256)])
def test_letterbox_keeps_the_shape_of_the_animal(shape):
    where = picture.fit(np.zeros((*shape, 3), dtype=np.uint8), FOLDER.input)
    assert where.width / where.height == pytest.approx(shape[1] / shape[0], rel=0.02)
    assert picture.prepare(np.zeros((*shape, 3), dtype=np.uint8), FOLDER.input, where).shape == (256, 320, 3)


def test_box_comes_back_to_the_picture_through_the_letterbox():
    wide = np.zeros((360, 1280, 3), dtype=np.uint8)
    where = picture.fit(wide, FOLDER.input)
    box = where.box(where.left + where.width / 2, where.top, where.left + where.width, where.top + where.height)
    assert (box.x, box.y, box.width, box.height) == pytest.approx((0.5, 0.0, 0.5, 1.0))


def test_grey_of_the_border_is_the_cards():
    pixels = picture.prepare(np.zeros((100, 400, 3), dtype=np.uint8), FOLDER.input, picture.Fit(0, 88, 320, 80))
    assert pixels[0, 0].tolist() == [114, 114, 114]
    assert pixels[128, 160].tolist() == [0, 0, 0]
