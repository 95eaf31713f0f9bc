"""From raw boxes to detections: labels of ours, one box a thing."""

from collections.abc import Sequence

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
    kept = singles(scores, labels, _cut(corners, where))[:MOST]
    return tuple(_detection(labels[at], float(scores[at]), where.box(*corners[at].tolist())) for at in kept)


def singles(scores: Floats, labels: Sequence[ObservationType | None], corners: Floats) -> list[int]:
    """Rows that stay, best first: of boxes of one label around one thing only the best; none without a label."""
    same = shares(corners, corners) > OVERLAP  # all pairs in one piece: a tenth of the time of pair by pair
    kept: list[int] = []
    for at in np.argsort(-scores, kind="stable").tolist():
        if labels[at] is not None and not any(same[at, other] and labels[at] is labels[other] for other in kept):
            kept.append(at)
    return kept


def shares(some: Floats, others: Floats) -> Floats:
    """Intersection over union of every box of ``some`` with every one of ``others``, 0..1, (n, m), from corners (n, 4)."""
    low = np.maximum(some[:, None, :2], others[None, :, :2])
    high = np.minimum(some[:, None, 2:], others[None, :, 2:])
    inner = np.maximum(high - low, 0).prod(axis=2)
    found: Floats = inner / np.maximum(_areas(some)[:, None] + _areas(others)[None, :] - inner, np.float32(1e-9))
    return found


def corners_of(boxes: Sequence[Box]) -> Floats:
    """Corners (n, 4) as x0 y0 x1 y1 of boxes."""
    sides = np.array([(box.x, box.y, box.width, box.height) for box in boxes], dtype=np.float32).reshape(-1, 4)
    sides[:, 2:] += sides[:, :2]
    return sides


def _areas(corners: Floats) -> Floats:
    areas: Floats = np.maximum(corners[:, 2:] - corners[:, :2], 0).prod(axis=1)
    return areas


def _detection(label: ObservationType | None, score: float, box: Box) -> Detection:
    assert label is not None  # noqa: S101  # boxes without a label were left out
    return Detection(label, score, box)


def _cut(corners: Floats, where: Fit) -> Floats:
    """Corners cut at the edges of the picture, as the boxes will be."""
    low = np.array([where.left, where.top] * 2, dtype=np.float32)
    high = low + np.array([where.width, where.height] * 2, dtype=np.float32)
    cut: Floats = np.clip(corners, low, high)
    return cut
