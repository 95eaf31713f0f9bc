"""Plots as PNG with Pillow alone: a laptop in a field office has no plotting library, and needs none for two curves."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from trap_models.measure import Floats, reliability

SIDE, MARGIN = 480, 64
INK, GRID, PAPER = (40, 40, 40), (220, 220, 220), (255, 255, 255)
# Okabe and Ito's colours, told apart by colour-blind readers too.
COLOURS = ((0, 114, 178), (213, 94, 0), (0, 158, 115), (204, 121, 167), (230, 159, 0), (86, 180, 233), (90, 90, 90))
Point = tuple[float, float]


@dataclass(frozen=True)
class Curve:
    """A named line through points 0..1."""

    name: str
    points: Sequence[Point]


def keep_curve(name: str, animal: Floats, empty: Floats) -> Curve:
    """Share of empties discarded against animal recall, over all thresholds."""
    thresholds = np.unique(np.concatenate([animal, empty, [2.0]]))
    recall = (animal[None] >= thresholds[:, None]).mean(1)
    gone = (empty[None] < thresholds[:, None]).mean(1)
    return Curve(name, [(float(r), float(g)) for r, g in zip(recall, gone, strict=True)])


def precision_curve(name: str, animal: Floats, empty: Floats) -> Curve:
    """Precision against recall, over all thresholds that keep anything."""
    points = []
    for threshold in np.unique(animal)[::-1]:
        kept = int((animal >= threshold).sum())
        points.append((kept / len(animal), kept / (kept + int((empty >= threshold).sum()))))
    return Curve(name, points)


def reliability_curve(name: str, scores: Floats, animal: np.ndarray) -> Curve:
    """Share of animals against mean score, a tenth of the frames a point."""
    return Curve(name, [(score, share) for score, share, _ in reliability(scores, animal)])


def draw(path: Path, title: str, axes: tuple[str, str], curves: Sequence[Curve], *, diagonal: bool = False) -> None:
    """A square chart with both axes 0..1; ``axes`` names the one across and the one up."""
    image = Image.new("RGB", (SIDE + 2 * MARGIN, SIDE + 2 * MARGIN), PAPER)
    pen = ImageDraw.Draw(image)
    for step in range(11):
        for line in (((0, step / 10), (1, step / 10)), ((step / 10, 0), (step / 10, 1))):
            pen.line([_at(point) for point in line], fill=GRID)
        x, y = _at((step / 10, step / 10))
        pen.text((x - 8, SIDE + MARGIN + 6), f"{step / 10:.1f}", fill=INK)
        pen.text((MARGIN - 26, y - 6), f"{step / 10:.1f}", fill=INK)
    if diagonal:
        pen.line([_at((0, 0)), _at((1, 1))], fill=INK)
    for number, curve in enumerate(curves):
        colour = COLOURS[number % len(COLOURS)]
        pen.line([_at(point) for point in curve.points], fill=colour, width=2)
        pen.text((MARGIN + 10, SIDE + MARGIN - 16 * (len(curves) - number) - 4), curve.name, fill=colour)
    pen.text((MARGIN, MARGIN // 3), title, fill=INK, font_size=15)
    pen.text((SIDE // 2 + MARGIN // 2, SIDE + MARGIN + 30), axes[0], fill=INK)
    pen.text((4, MARGIN - 20), axes[1], fill=INK)
    image.save(path, optimize=True)


def _at(point: Point) -> Point:
    return MARGIN + point[0] * SIDE, MARGIN + (1 - point[1]) * SIDE
