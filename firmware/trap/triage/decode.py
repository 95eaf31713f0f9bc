"""What the networks say, as boxes in input pixels: ours, SSD with ``TFLite_Detection_PostProcess``, YOLO exports.

Every decoder returns ``(scores (n,), classes (n,), corners (n, 4) as x0 y0 x1 y1 in input pixels)`` above the floor, at most
``TOP`` of them. Numbers are dequantised as TensorFlow Lite does: ``(q - zero_point) * scale``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from trap.triage.model_folder import ModelFolder
from trap_wire.errors import BadInputError

FLOOR = 0.01
TOP = 50
Floats = NDArray[np.float32]
Raw = tuple[Floats, NDArray[np.intp], Floats]


@dataclass(frozen=True, slots=True, eq=False)
class Tensor:
    """An output as the interpreter gives it; ``scale`` 0 means that it is float already."""

    values: NDArray[np.generic]
    scale: float = 0.0
    zero_point: int = 0

    def floats(self) -> Floats:
        """Dequantised values without the batch dimension."""
        return self.rows(slice(None))

    def rows(self, which: "NDArray[np.intp] | slice") -> Floats:
        """Dequantised values of some rows: the rest of a large output is never touched."""
        values: Floats = self.values[0][which].astype(np.float32)
        if self.scale:
            values -= self.zero_point
            values *= self.scale
        return values


def decode(outputs: Sequence[Tensor], folder: ModelFolder) -> Raw:
    """Boxes of one inference; ``BadInputError`` when the outputs do not have the shapes of the card's format."""
    try:
        return _DECODERS[folder.format](outputs, folder)
    except (ValueError, IndexError, StopIteration) as error:
        shapes = ", ".join(str(output.values.shape) for output in outputs)
        raise BadInputError(f"{folder.path}: outputs {shapes} are not of format {folder.format!r} ({error})") from error


def _strongest(scores: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Rows, classes and scores of the TOP cells above the floor, from scores (n, classes)."""
    classes = scores.argmax(axis=1)
    best = scores[np.arange(len(scores)), classes]
    rows = np.flatnonzero(best >= FLOOR)
    if len(rows) > TOP:
        rows = rows[np.argpartition(best[rows], -TOP)[-TOP:]]
    return rows, classes[rows], best[rows]


def _manul(outputs: Sequence[Tensor], folder: ModelFolder) -> Raw:
    """Scores (1, n, classes) and boxes (1, n, 4) in units of the cell's stride.

    A box is the distances left, top, right, bottom, or, when the card says so, centre offset and log size like ``yolox``.
    """
    wanted = len(folder.classes)
    scores = next(o for o in outputs if o.values.ndim == 3 and o.values.shape[2] == wanted)
    boxes = next(o for o in outputs if o is not scores and o.values.shape[2] == 4)
    rows, classes, best = _strongest(scores.floats())
    centres, strides = _grid(folder.input.width, folder.input.height, tuple(folder.strides))
    if len(centres) != scores.values.shape[1]:
        raise ValueError(f"{scores.values.shape[1]} cells, the strides give {len(centres)}")
    if folder.centred:
        return best, classes, _around(boxes.rows(rows), centres[rows], strides[rows])
    reach = boxes.rows(rows) * strides[rows, None]
    return best, classes, np.hstack([centres[rows] - reach[:, :2], centres[rows] + reach[:, 2:]])


def _yolox(outputs: Sequence[Tensor], folder: ModelFolder) -> Raw:
    """(1, n, 5 + classes): centre offset and log size in strides, objectness, class scores (Megvii YOLOX export)."""
    rows = outputs[0].floats()
    chosen, classes, best = _strongest(rows[:, 4:5] * rows[:, 5:])
    centres, strides = _grid(folder.input.width, folder.input.height, tuple(folder.strides))
    if len(centres) != len(rows):
        raise ValueError(f"{len(rows)} cells, the strides give {len(centres)}")
    return best, classes, _around(rows[chosen, :4], centres[chosen], strides[chosen])


def _around(boxes: Floats, centres: Floats, strides: Floats) -> Floats:
    """Corners from offsets of the centre and logarithms of the size, YOLOX's."""
    reach = strides[:, None]
    return _corners((boxes[:, :2] - 0.5) * reach + centres, np.exp(boxes[:, 2:]) * reach)


def _yolov5(outputs: Sequence[Tensor], folder: ModelFolder) -> Raw:
    """(1, n, 5 + classes): centre x y, width, height relative to the input or in its pixels, objectness, class scores."""
    rows = outputs[0].floats()
    chosen, classes, best = _strongest(rows[:, 4:5] * rows[:, 5:])
    return best, classes, _from_centres(rows[chosen, :4], folder)


def _yolov8(outputs: Sequence[Tensor], folder: ModelFolder) -> Raw:
    """(1, 4 + classes, n): centre x y, width, height relative to the input or in its pixels, class scores."""
    rows = outputs[0].floats().T
    chosen, classes, best = _strongest(rows[:, 4:])
    return best, classes, _from_centres(rows[chosen, :4], folder)


def _ssd(outputs: Sequence[Tensor], folder: ModelFolder) -> Raw:
    """Boxes (1, n, 4) as top, left, bottom, right relative to the input; classes (1, n); scores (1, n); count (1,)."""
    boxes = next(o for o in outputs if o.values.ndim == 3)
    # Classes and scores have one shape; TensorFlow's post-processing always gives boxes, classes, scores, count.
    classes, scores = (o.floats() for o in outputs if o.values.ndim == 2)
    chosen = np.flatnonzero(scores >= FLOOR)
    scaled = boxes.rows(chosen) * np.array([folder.input.height, folder.input.width] * 2, dtype=np.float32)
    return scores[chosen], classes[chosen].astype(np.intp), scaled[:, [1, 0, 3, 2]]


def _from_centres(boxes: Floats, folder: ModelFolder) -> Floats:
    # Ultralytics exports to TensorFlow Lite are relative, to ONNX in pixels; no real box of pixels is all below 2.
    if boxes.size and boxes.max() <= 2.0:
        boxes = boxes * np.array([folder.input.width, folder.input.height] * 2, dtype=np.float32)
    return _corners(boxes[:, :2], boxes[:, 2:])


def _corners(middle: Floats, size: Floats) -> Floats:
    return np.hstack([middle - size / 2, middle + size / 2])


@lru_cache(maxsize=4)  # the same for every look of a network
def _grid(width: int, height: int, each: tuple[int, ...]) -> tuple[Floats, Floats]:
    """Cell centres (n, 2) in input pixels and strides (n,), finest grid first, row by row."""
    centres, strides = [], []
    for stride in each:
        columns, rows = -(-width // stride), -(-height // stride)
        y, x = np.mgrid[:rows, :columns].astype(np.float32)
        centres.append(np.stack([(x + 0.5) * stride, (y + 0.5) * stride], axis=-1).reshape(-1, 2))
        strides.append(np.full(rows * columns, stride, dtype=np.float32))
    return np.concatenate(centres), np.concatenate(strides)


_DECODERS: dict[str, Callable[[Sequence[Tensor], ModelFolder], Raw]] = {
    "manul": _manul,
    "ssd": _ssd,
    "yolox": _yolox,
    "yolov5": _yolov5,
    "yolov8": _yolov8,
}
