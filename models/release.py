"""A tuned network to a released folder: int8 file, ``model.toml``, known answer, figures, curves.

The words of MODEL_CARD.md are a person's.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from skimage import data as pictures

from models import candidates, evaluate, failures
from models.evaluate import Seen
from models.photographs import Photo
from trap.drivers import detector as driver
from trap_models import curves

PEER = "peers/ssd_mobilenet_v1_coco_300_uint8.tflite"
CARD = """[model]
name = "{name}"
version = "{version}"
file = "detector.tflite"
sha256 = "{sha256}"
licence = "Apache-2.0"
format = "manul"

[input]
width = {width}
height = {height}
resize = "letterbox"
pad = 114
channels = "rgb"

[output]
strides = [8, 16, 32]
boxes = "{boxes}"

[labels]
classes = ["animal", "human", "vehicle"]

[thresholds]
keep_at = {keep_at:.6f}
blank_at = {blank_at:.6f}
"""
ROW = """
[[thresholds.calibration]]
recall = {nominal}
blank_at = {threshold:.6f}
blanks_discarded = {discarded:.4f}
frames_animal = {animals}
frames_empty = {empties}
source = "nacti_ca01 (never trained on), bursts; threshold from every other date, shares from the rest: recall {recall:.3f}"
"""
ANSWER = """
[known_answer]
image = "known_answer.png"
animal = {animal:.6f}
human = {human:.6f}
vehicle = {vehicle:.6f}
tolerance_steps = {tolerance}
"""


@dataclass(frozen=True)
class Recipe:
    """What a release is made of: input size, thresholds by burst recall on the choosing dates."""

    name: str
    version: str
    width: int
    height: int
    boxes: str = "sides"
    tolerance: int = 2  # steps of 1/256 by which runtimes may differ on the known answer
    blank_recall: str = "0.95"
    keep_recall: str = "0.90"


def write(
    folder: Path, recipe: Recipe, network: bytes, *, data: Path, held_out: Sequence[Photo], models: Path
) -> dict[str, Any]:
    """The released folder; its figures. The card is written twice: the unit's code needs one to measure the network."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "detector.tflite").write_bytes(network)
    known_picture(recipe.width, recipe.height).save(folder / "known_answer.png")
    _card(folder, recipe, network, {})
    scorer = candidates.from_folder(folder)
    seen, figures = evaluate.held_out_camera(scorer, data)
    _card(folder, recipe, network, figures["operating"])
    threshold = figures["operating"][recipe.blank_recall]["threshold"]
    figures["other_sources"] = evaluate.others(scorer, held_out, threshold)
    figures["simulated_infrared"] = evaluate.simulated_infrared(scorer, held_out)
    peer = (models / PEER).read_bytes()
    ours, theirs = candidates.milliseconds(network, peer)
    figures["cost"] = {
        "bytes": len(network), "multiplications": candidates.multiplications(network), "milliseconds": round(ours, 3),
        "peer_milliseconds": round(theirs, 3), "ratio": round(ours / theirs, 3),
    }  # fmt: skip
    (folder / "figures.json").write_text(json.dumps(figures, indent=1))
    draw(folder, recipe.name, {recipe.name: seen})
    failures.draw(folder.parent / f"{recipe.name}-failures.png", data, seen, threshold)
    return figures


def known_picture(width: int, height: int) -> Image.Image:
    """scikit-image's cat (CC0), cut to the input's shape so that nothing is resampled when the answer is checked."""
    cat = Image.fromarray(pictures.chelsea())
    scale = max(width / cat.width, height / cat.height)
    cat = cat.resize((round(cat.width * scale), round(cat.height * scale)), Image.Resampling.BILINEAR)
    left, top = (cat.width - width) // 2, (cat.height - height) // 2
    return cat.crop((left, top, left + width, top + height))


def _card(folder: Path, recipe: Recipe, network: bytes, operating: Mapping[str, Mapping[str, Any]]) -> None:
    keep = operating[recipe.keep_recall]["threshold"] if operating else 0.5
    blank = operating[recipe.blank_recall]["threshold"] if operating else 0.0
    words = CARD.format(
        name=recipe.name, version=recipe.version, sha256=hashlib.sha256(network).hexdigest(), width=recipe.width,
        height=recipe.height, boxes=recipe.boxes, keep_at=max(keep, blank), blank_at=blank,
    )  # fmt: skip
    words += "".join(ROW.format(nominal=nominal, **row) for nominal, row in operating.items())
    (folder / "model.toml").write_text(words)
    seen = driver.load(folder).look(np.asarray(Image.open(folder / "known_answer.png").convert("RGB")))
    best = {
        name: max((one.score for one in seen if one.label == name), default=0.0)
        for name in ("animal", "human", "vehicle")
    }
    (folder / "model.toml").write_text(words + ANSWER.format(tolerance=recipe.tolerance, **best))


def draw(folder: Path, title: str, networks: Mapping[str, Seen]) -> None:
    """The curves of one or many networks on the held-out camera: bursts for what is discarded, frames for the rest."""
    kept, precise, reliable = [], [], []
    for name, seen in networks.items():
        kept.append(curves.keep_curve(name, *evaluate.bursts(seen)))
        animal, empty = (seen.animal[seen.labels == kind] for kind in ("animal", "empty"))
        precise.append(curves.precision_curve(name, animal, empty))
        known = np.isin(seen.labels, ("animal", "empty"))
        reliable.append(curves.reliability_curve(name, seen.animal[known], seen.labels[known] == "animal"))
    camera = f"{title}: {{}} of NACTI CA-01"
    curves.draw(folder / "discarded.png", camera.format("bursts"), ("animal recall", "empties discarded"), kept)
    curves.draw(folder / "precision.png", camera.format("frames"), ("animal recall", "precision"), precise)
    axes = ("mean score", "share of animals")
    curves.draw(folder / "reliability.png", camera.format("frames"), axes, reliable, diagonal=True)
