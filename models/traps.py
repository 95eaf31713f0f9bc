"""Loaders of the two formats in which camera-trap programmes keep their labels.

COCO Camera Traps JSON (LILA's): ``images`` with ``file_name``, ``location``, ``seq_id``, ``frame_num``, ``datetime``;
``annotations`` with ``image_id``, ``category_id`` and, where somebody drew them, ``bbox`` in pixels.
MegaDetector batch JSON: ``images`` with ``file`` and ``detections`` (category "1" animal, "2" person, "3" vehicle, ``conf``,
``bbox`` relative).
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.photographs import ANIMAL, HUMAN, VEHICLE, Box, Photo

EMPTY_NAMES = {"empty", "blank", "none", "nothing"}
HUMAN_NAMES = {"human", "person", "people", "homo sapiens", "setup", "pickup"}
VEHICLE_NAMES = {"vehicle", "car", "truck", "bicycle", "motorcycle", "atv", "vehicle_truck_atv"}
UNUSABLE_NAMES = {"unknown", "unidentified", "unlabeled", "ambiguous", "problem", "misfire"}
MEGADETECTOR = {"1": ANIMAL, "2": HUMAN, "3": VEHICLE}


class LabelError(ValueError):
    """The label file is not what it says it is; the message names the file and the field."""


@dataclass(frozen=True)
class TrapPhoto:
    """A photograph with its place in the survey. ``sequence`` is empty when the file has none."""

    photo: Photo
    label: str  # animal, human, vehicle or empty
    location: str
    sequence: str
    frame: int
    taken_at: str


def label_of(name: str) -> str | None:
    """Our label for a category's name, None when it says nothing certain. Every other name is an animal's."""
    plain = name.strip().lower()
    if plain in EMPTY_NAMES:
        return "empty"
    if plain in HUMAN_NAMES:
        return "human"
    if plain in VEHICLE_NAMES:
        return "vehicle"
    return None if plain in UNUSABLE_NAMES else "animal"


def _load(path: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(path.read_text())
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise LabelError(f"{path}: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("images"), list):
        raise LabelError(f"{path}: no list called 'images'")
    return document


def coco_camera_traps(labels: Path, photos: Path) -> list[TrapPhoto]:
    """Every photograph with a usable label; several labels on one photograph: the animal wins, then human, then vehicle.

    LabelError when the file is not of this format.
    """
    document = _load(labels)
    try:
        names = {category["id"]: str(category["name"]) for category in document["categories"]}
        marks: dict[Any, list[Mapping[str, Any]]] = defaultdict(list)
        for mark in document["annotations"]:
            marks[mark["image_id"]].append(mark)
        found = (_one(image, marks[image["id"]], names, photos) for image in document["images"])
        return [one for one in found if one is not None]
    except (KeyError, TypeError) as error:
        raise LabelError(f"{labels}: field missing or of the wrong kind: {error}") from error


def _one(
    image: Mapping[str, Any], marks: Iterable[Mapping[str, Any]], names: Mapping[Any, str], photos: Path
) -> TrapPhoto | None:
    labelled = [(label_of(names[mark["category_id"]]), mark) for mark in marks]
    sure = {label for label, _ in labelled if label}
    label = next((one for one in ("animal", "human", "vehicle", "empty") if one in sure), None)
    if label is None:
        return None
    boxes = tuple(box for one, mark in labelled if one and (box := _box(one, mark, image)))
    location = str(image.get("location", ""))
    weak = label == "animal" and not any(box[4] == ANIMAL for box in boxes)
    photo = Photo(
        photos / image["file_name"], "coco_camera_traps", location or str(image["file_name"]), boxes, weak=weak
    )
    sequence, frame = str(image.get("seq_id", "")), int(image.get("frame_num", 0))
    return TrapPhoto(
        photo, label, location, sequence, frame, str(image.get("datetime") or image.get("date_captured") or "")
    )


def _box(label: str, mark: Mapping[str, Any], image: Mapping[str, Any]) -> Box | None:
    if label == "empty" or not mark.get("bbox"):
        return None
    x, y, width, height = (float(number) for number in mark["bbox"])
    across, down = float(image["width"]), float(image["height"])
    number = {"animal": ANIMAL, "human": HUMAN, "vehicle": VEHICLE}[label]
    return (x / across, y / down, (x + width) / across, (y + height) / down, number)


def megadetector(batch: Path, photos: Path, sure: float = 0.5, doubt: float = 0.05) -> list[Photo]:
    """Machine labels: detections above ``sure`` are boxes, those between are unsure, failed files are left out.

    A photograph without any detection is empty as far as MegaDetector knows; look at a contact sheet before training on it.
    The group is the folder, which is how programmes keep their cameras apart. LabelError when the file is not of this format.
    """
    try:
        return [_judged(image, photos, sure, doubt) for image in _load(batch)["images"] if not image.get("failure")]
    except (KeyError, TypeError, ValueError) as error:
        raise LabelError(f"{batch}: field missing or of the wrong kind: {error}") from error


def _judged(image: Mapping[str, Any], photos: Path, sure: float, doubt: float) -> Photo:
    boxes: list[Box] = []
    unsure: list[Box] = []
    for detection in image["detections"]:
        x, y, width, height = (float(number) for number in detection["bbox"])
        number = MEGADETECTOR.get(str(detection["category"]))
        if number is not None and detection["conf"] >= doubt:
            (boxes if detection["conf"] >= sure else unsure).append((x, y, x + width, y + height, number))
    name = Path(image["file"])
    return Photo(photos / name, "megadetector", str(name.parent), tuple(boxes), tuple(unsure))
