"""Everything in memory for training: photographs with boxes, corrections applied, cut-outs, empty views."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from models import sources
from models.composites import Studio
from models.corrections import corrections
from models.opinion import Yolox
from models.photographs import Box, Photo, Pixels, Split, add_opinion, read, split
from models.samples import Loaded, Mix

HELD_OUT = 0.15  # share of the groups of every source but the trap cameras
ROCKS = ("marsscapes", "mars_rocks")
FEWEST = 15  # frames of a fixed camera that give a clean background by their median


def corrected(photos: Sequence[Photo]) -> list[Photo]:
    """Photographs after a person looked: dropped ones gone, wrong labels replaced."""
    known, kept = corrections(), []
    for photo in photos:
        correction = known.get((photo.source, photo.path.name))
        if correction is None:
            kept.append(photo)
        elif correction.action == "animal":
            kept.append(replace(photo, weak=True))
        elif correction.action == "empty":
            kept.append(replace(photo, weak=False, boxes=()))
    return kept


def photographs(data: Path) -> Split:
    """The sources in ``data``, corrected and split; trap cameras that only judge are added to the held-out side."""
    found = corrected(sources.training(data))
    whole = [photo for photo in found if photo.source in sources.WHOLE]
    lots = split([photo for photo in found if photo.source not in sources.WHOLE], HELD_OUT)
    return Split((*lots.train, *whole), (*lots.held_out, *corrected(sources.judging(data))))


Opinion = Callable[[Photo, Pixels], Sequence[tuple[Box, float]]]


def remembered(opinion: Yolox, cache: Path) -> Opinion:
    """The second opinion, kept in a JSON file beside the build: it is the slow part of loading."""
    known: dict[str, list[tuple[Box, float]]] = json.loads(cache.read_text()) if cache.exists() else {}

    def look(photo: Photo, pixels: Pixels) -> Sequence[tuple[Box, float]]:
        name = f"{photo.source}/{photo.path.name}"
        if name not in known:
            known[name] = opinion.look(pixels)
            if len(known) % 100 == 0:
                cache.write_text(json.dumps(known))
        return [((box[0], box[1], box[2], box[3], int(box[4])), score) for box, score in known[name]]

    return look


def load(photos: Sequence[Photo], opinion: Opinion | None) -> list[Loaded]:
    """Pixels, and the second opinion where labels may be missing. Rock views need none."""
    loaded = []
    for photo in photos:
        pixels = read(photo.path)
        asked = opinion is not None and photo.source not in ROCKS and not photo.complete
        loaded.append(Loaded(add_opinion(photo, opinion(photo, pixels)) if opinion and asked else photo, pixels))
    return loaded


def median_backgrounds(photos: Sequence[Loaded], parts: int = 3) -> list[Pixels]:
    """A fixed camera's own empty frames: the median of its colour frames, in which no visitor stays put."""
    colour = [p.pixels for p in photos if cv2.cvtColor(p.pixels, cv2.COLOR_RGB2HSV)[..., 1].mean() > 40]
    colour = [pixels for pixels in colour if pixels.shape == colour[0].shape]
    if len(colour) < FEWEST:
        return []
    return [np.median(np.stack(colour[i::parts]), 0).astype(np.uint8) for i in range(parts)]


def cutouts(data: Path, held_out: Sequence[Photo]) -> list[Pixels]:
    """RGBA animals, none from a photograph that judges."""
    forbidden = {photo.path.stem for photo in held_out}
    found = [path for path in sources.cutouts(data) if path.name.split("__")[1] not in forbidden]
    images = [cv2.imread(str(path), cv2.IMREAD_UNCHANGED) for path in found]
    return [np.ascontiguousarray(image[..., [2, 1, 0, 3]]) for image in images if image is not None]


def mix(data: Path, chosen: Split, opinion: Opinion | None, note: Callable[[str], None]) -> Mix:
    """The training mix of a data folder; ValueError when it holds nothing to train on."""
    loaded = load(chosen.train, opinion)
    rocks = [p.pixels for p in loaded if p.photo.source in ROCKS]
    photos = [p for p in loaded if p.photo.source not in ROCKS]
    scenes = [p.pixels for p in photos if p.photo.empty]
    meadows = median_backgrounds([p for p in photos if p.photo.source == "burrowing_owl"])
    cut = cutouts(data, chosen.held_out)
    if not cut or not (rocks or scenes):
        raise ValueError(
            f"{data}: composites need cut-outs and empty views, there are {len(cut)} and {len(rocks + scenes)}"
        )
    made = Mix(photos, Studio(cut, rocks, meadows, scenes))
    note(
        f"{len(made.animals)} animal photographs with boxes, {len(made.weak)} without, {len(made.without)} without animals"
    )
    note(
        f"{len(cut)} cut-outs, {len(rocks)} rock views, {len(meadows)} camera backgrounds, {len(scenes)} other empty scenes"
    )
    return made
