"""From raw boxes to detections: labels of ours, one box a thing."""

import numpy as np

from trap.ports import Box, Detection
from trap.triage.decode import Floats, Raw
from trap.triage.model_folder import ModelFolder
from trap.triage.picture import Fit
from trap_wire.vocabulary import ObservationType

OVERLAP = 0.5  # intersection over union above which two boxes of one label are the same animal
MOST = 20


def detections(raw: Raw, folder: ModelFolder, where: Fit) -> tuple[Detection, ...]:
    """Best first, at most MOST, without doubles; classes that the card ignores are left out."""
    scores, classes, corners = raw
    labels = [folder.classes[index] if index < len(folder.classes) else None for index in classes.tolist()]
    same = _shares(_cut(corners, where)) > OVERLAP
    kept: list[int] = []
    for at in np.argsort(-scores, kind="stable").tolist():
        if labels[at] is None or any(same[at, other] and labels[at] is labels[other] for other in kept):
            continue
        kept.append(at)
        if len(kept) == MOST:
            break
    return tuple(_detection(labels[at], float(scores[at]), where.box(*corners[at].tolist())) for at in kept)


def _detection(label: ObservationType | None, score: float, box: Box) -> Detection:
    assert label is not None  # noqa: S101  # boxes without a label were left out
    return Detection(label, score, box)


def _cut(corners: Floats, where: Fit) -> Floats:
    """Corners cut at the edges of the picture, as the boxes will be."""
    low = np.array([where.left, where.top] * 2, dtype=np.float32)
    high = low + np.array([where.width, where.height] * 2, dtype=np.float32)
    cut: Floats = np.clip(corners, low, high)
    return cut


def _shares(corners: Floats) -> Floats:
    """Intersection over union of every pair of boxes, (n, n): in one piece a tenth of the time of pair by pair."""
    size = np.maximum(corners[:, 2:] - corners[:, :2], 0)
    area = size[:, 0] * size[:, 1]
    low = np.maximum(corners[:, None, :2], corners[None, :, :2])
    high = np.minimum(corners[:, None, 2:], corners[None, :, 2:])
    inner = np.maximum(high - low, 0).prod(axis=2)
    shares: Floats = inner / np.maximum(area[:, None] + area[None, :] - inner, np.float32(1e-6))
    return shares


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one.width * one.height + other.width * other.height - shared)
