"""A second opinion on unlabelled things: YOLOX-nano (Megvii, Apache-2.0) as released, through ONNX Runtime.

It sees people and vehicles that the animal sources do not label, the owls that nobody boxed, and places that may hold an
animal. What is done with it is decided in ``photographs.add_opinion``.
"""

from pathlib import Path

import cv2
import numpy as np
import onnxruntime

from models.nanodet import ANIMAL, HUMAN, VEHICLE
from models.photographs import Box, Pixels

SIDE = 416
FLOOR = 0.1
SAME = 0.5


class Yolox:
    """COCO detector at 416 x 416, one thread."""

    def __init__(self, onnx: Path, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self.session = onnxruntime.InferenceSession(str(onnx), options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name
        grids = [
            np.stack([*np.meshgrid(np.arange(SIDE // s), np.arange(SIDE // s))], -1).reshape(-1, 2) for s in (8, 16, 32)
        ]
        self.cells = np.concatenate(grids).astype(np.float32)
        self.strides = np.concatenate(
            [np.full((len(g), 1), s, np.float32) for g, s in zip(grids, (8, 16, 32), strict=True)]
        )

    def raw(self, pixels: Pixels) -> tuple[np.ndarray, np.ndarray]:
        """Corners (n, 4) relative to the picture and class scores (n, 80), every cell."""
        height, width = pixels.shape[:2]
        ratio = min(SIDE / width, SIDE / height)
        small = cv2.resize(pixels, (round(width * ratio), round(height * ratio)))
        canvas = np.full((SIDE, SIDE, 3), 114, np.uint8)
        canvas[: small.shape[0], : small.shape[1]] = small[..., ::-1]  # BGR
        tensor = canvas.astype(np.float32).transpose(2, 0, 1)[None]
        out = self.session.run(None, {self.input: tensor})[0][0]
        middle, half = out[:, :2], out[:, 2:4] / 2
        if out[:, 2:4].max() < 20:  # some exports leave the grid to the caller
            middle, half = (middle + self.cells) * self.strides, np.exp(out[:, 2:4]) * self.strides / 2
        corners = np.concatenate([middle - half, middle + half], 1) / ratio
        return corners / np.array([width, height] * 2), out[:, 4:5] * out[:, 5:]

    def animal_score(self, pixels: Pixels) -> float:
        """Largest score of COCO's ten animals anywhere."""
        return float(self.raw(pixels)[1][:, ANIMAL].max())

    def look(self, pixels: Pixels) -> list[tuple[Box, float]]:
        """(box, score) of animals, people and vehicles, doubles removed."""
        corners, scores = self.raw(pixels)
        found = []
        for number, group in enumerate((ANIMAL, HUMAN, VEHICLE)):
            best = scores[:, group].max(1)
            chosen = np.flatnonzero(best > FLOOR)
            for at in _singles(corners[chosen], best[chosen]):
                x0, y0, x1, y1 = np.clip(corners[chosen][at], 0, 1).tolist()
                found.append(((x0, y0, x1, y1, number), float(best[chosen][at])))
        return found


def _singles(corners: np.ndarray, scores: np.ndarray) -> list[int]:
    """Greedy non-maximum suppression."""
    left, kept = list(np.argsort(-scores)), []
    areas = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    while left:
        first, rest = left[0], np.array(left[1:], int)
        kept.append(int(first))
        low = np.maximum(corners[first, :2], corners[rest, :2])
        high = np.minimum(corners[first, 2:], corners[rest, 2:])
        common = np.clip(high - low, 0, None).prod(1)
        left = list(rest[common / (areas[first] + areas[rest] - common + 1e-9) < SAME])
    return kept
