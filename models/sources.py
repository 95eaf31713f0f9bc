"""Loaders of the project's training photographs (``DATA``, one folder a source; see its README). None is in the repository.

A source that is not there is left out, so that a user's own folder of trap photographs can take its place.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from xml.etree import ElementTree

from models.photographs import ANIMAL, HUMAN, VEHICLE, Box, Photo

COCO_ANIMALS, COCO_VEHICLES = range(14, 24), range(1, 9)
BACKBONED = ("mammal", "bird", "reptile_amphibian")  # of nips2017_ccby's groups; insects are no camera-trap animals
JUDGES = ("RanchoJamul", "Lonestar", "RJER", "Helix", "Otay_BrownField_PacificCoast_R13_20200427-0505_N24")


def rows(path: Path) -> list[dict[str, str]]:
    """A CSV file as dictionaries; empty when it is not there."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def images(folder: Path) -> list[Path]:
    """Photographs of a source in a fixed order."""
    return sorted((folder / "images").glob("*.*"))


def coco_class(number: int) -> int | None:
    """Ours for one of COCO's 80 classes, or None."""
    if number in COCO_ANIMALS:
        return ANIMAL
    return HUMAN if number == 0 else VEHICLE if number in COCO_VEHICLES else None


def yolo_boxes(label: Path) -> tuple[Box, ...]:
    """Boxes of a YOLO label file with COCO's class numbers; no file, no boxes."""
    if not label.exists():
        return ()
    found: list[Box] = []
    for line in label.read_text().splitlines():
        number, x, y, width, height = (float(word) for word in line.split())
        ours = coco_class(int(number))
        if ours is not None:
            found.append((x - width / 2, y - height / 2, x + width / 2, y + height / 2, ours))
    return tuple(found)


def voc_boxes(xml: Path) -> tuple[Box, ...]:
    """Boxes of a Pascal VOC file, all of them animals; relative to the size that the file itself states."""
    root = ElementTree.parse(xml).getroot()
    width, height = (float(root.findtext(f"size/{side}") or 0) for side in ("width", "height"))
    found: list[Box] = []
    for thing in root.iter("object"):
        x0, y0, x1, y1 = (float(thing.findtext(f"bndbox/{side}") or 0) for side in ("xmin", "ymin", "xmax", "ymax"))
        found.append((x0 / width, y0 / height, x1 / width, y1 / height, ANIMAL))
    return tuple(found)


def machine_boxes(folder: Path) -> dict[str, tuple[Box, ...]]:
    """``pseudo_boxes.csv``: boxes of a COCO detector on photographs known to hold an animal."""
    found: dict[str, list[Box]] = defaultdict(list)
    for row in rows(folder / "pseudo_boxes.csv"):
        x0, y0, x1, y1 = (float(row[side]) for side in ("x0", "y0", "x1", "y1"))
        found[row["file"]].append((x0, y0, x1, y1, ANIMAL))
    return {name: tuple(boxes) for name, boxes in found.items()}


def coco128(folder: Path) -> Iterable[Photo]:
    """COCO photographs with every animal, person and vehicle boxed."""
    for path in images(folder):
        yield Photo(path, folder.name, path.name, yolo_boxes(folder / "labels" / f"{path.stem}.txt"), complete=True)


def raccoon(folder: Path) -> Iterable[Photo]:
    """Photographs of raccoons."""
    for path in images(folder):
        yield Photo(path, folder.name, path.name, voc_boxes(folder / "annotations" / f"{path.stem}.xml"))


def _boxed_or_weak(path: Path, source: str, boxes: tuple[Box, ...]) -> Photo:
    return Photo(path, source, path.name, boxes, weak=not boxes)


def caltech(folder: Path) -> Iterable[Photo]:
    """Small photographs of one animal each, and Joshua trees without."""
    boxes = machine_boxes(folder)
    for row in rows(folder / "labels.csv"):
        path = folder / "images" / row["file"]
        if row["animal"] == "1":
            yield _boxed_or_weak(path, folder.name, boxes.get(row["file"], ()))
        else:
            yield Photo(path, folder.name, path.name)


def nips(folder: Path) -> Iterable[Photo]:
    """Close-ups of animals, and objects, buildings and landscapes without."""
    boxes = machine_boxes(folder)
    for row in rows(folder / "labels.csv"):
        path = folder / "images" / row["file"]
        if row["group"] in BACKBONED and path.exists():
            yield _boxed_or_weak(path, folder.name, boxes.get(row["file"], ()))
        elif row["group"] == "none" and path.exists():
            yield Photo(path, folder.name, path.name)


def rock(folder: Path) -> Iterable[Photo]:
    """Rock, scree and sky of Mars: no animal can be in them. Tiles of one panorama stay together."""
    for path in images(folder):
        yield Photo(
            path, folder.name, path.name.split("_")[0] if folder.name == "mars_rocks" else path.stem.rsplit("_", 1)[0]
        )


def owls(folder: Path) -> Iterable[Photo]:
    """Burrowing owls at a straw bank (one camera): every frame holds at least one. The rock cameras only judge."""
    for path in images(folder):
        if "PacificCoast_R13" in path.name:
            yield Photo(path, folder.name, "PacificCoast_R13", weak=True)


def owls_at_rocks(folder: Path) -> Iterable[Photo]:
    """Frames of the owl cameras that took no part in training."""
    for path in images(folder):
        if "PacificCoast_R13" not in path.name and path.name.startswith("mnt_"):
            yield Photo(path, folder.name, path.name, weak=True)


def serengeti(folder: Path) -> Iterable[Photo]:
    """Frames of Snapshot Serengeti, day, flash and infra-red: they only judge. Charts and zoo photographs left out."""
    for path in images(folder):
        if "_R" in path.name:
            yield Photo(path, folder.name, path.name, weak=True)


TRAIN = {
    "coco128": coco128, "raccoon": raccoon, "caltech101_animals": caltech, "nips2017_ccby": nips, "burrowing_owl": owls,
    "marsscapes": rock, "mars_rocks": rock,
}  # fmt: skip
JUDGE = {"burrowing_owl": owls_at_rocks, "serengeti_gallery": serengeti}
WHOLE = ("burrowing_owl",)  # one camera: nothing of it is held out by lot


def training(data: Path) -> list[Photo]:
    """Every photograph of the sources that may train, present in ``data``."""
    folders = ((data / name, load) for name, load in TRAIN.items())
    return [photo for folder, load in folders if folder.is_dir() for photo in load(folder)]


def judging(data: Path) -> list[Photo]:
    """Animal frames of trap cameras that never train."""
    folders = ((data / name, load) for name, load in JUDGE.items())
    return [photo for folder, load in folders if folder.is_dir() for photo in load(folder)]


def cutouts(data: Path) -> list[Path]:
    """Animals cut out of training photographs, RGBA."""
    return images(data / "cutouts_pseudo") if (data / "cutouts_pseudo").is_dir() else []
