"""From raw boxes to detections: labels of ours, one box a thing."""

import numpy as np

from trap.ports import Box, Detection
from trap.triage.decode import Raw
from trap.triage.model_folder import ModelFolder
from trap.triage.picture import Fit

OVERLAP = 0.5  # intersection over union above which two boxes of one label are the same animal
MOST = 20


def detections(raw: Raw, folder: ModelFolder, where: Fit) -> tuple[Detection, ...]:
    """Best first, at most MOST, without doubles; classes that the card ignores are left out."""
    scores, classes, corners = raw
    kept: list[Detection] = []
    for at in np.argsort(-scores, kind="stable"):
        label = folder.classes[classes[at]] if classes[at] < len(folder.classes) else None
        if label is None:
            continue
        found = Detection(label, float(scores[at]), where.box(*map(float, corners[at])))
        if not any(found.label is other.label and overlap(found.box, other.box) > OVERLAP for other in kept):
            kept.append(found)
        if len(kept) == MOST:
            break
    return tuple(kept)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes, 0..1."""
    width = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    height = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / (one.width * one.height + other.width * other.height - shared)
