"""Looking at a burst: once at every frame, and once more where something moved or was half seen.

The second look costs at most as much as the first: one crop a frame, and none when the first look has already decided.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trap.ports import Detection, Detector, Shot
from trap.triage.change import Cells, Region, background, cells_of, changed
from trap.triage.repeats import moved_there
from trap.triage.scene import Hour, Scene
from trap.triage.zoom import merged, second_look

Found = tuple[Detection, ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """Which of the steps after the first look are taken; the bench switches them off one by one to show what each adds."""

    zoom: bool = True
    repeats: bool = True


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """Everything seen in a burst: detections and changed regions of every frame, and the burst's still background."""

    boxes: tuple[Found, ...]
    regions: tuple[tuple[Region, ...], ...]
    still: Cells

    @property
    def moved(self) -> tuple[Region, ...]:
        """Changed regions of all frames."""
        return tuple(region for frame in self.regions for region in frame)

    @property
    def standing(self) -> Found:
        """Detections of the first frame where nothing moved in any frame."""
        moved = self.moved
        return tuple(found for found in self.boxes[0] if not moved_there(found.box, moved))


def look_at(
    detector: Detector, shots: Sequence[Shot], scene: Scene, steps: Steps, check_time: Callable[[int], None]
) -> Looked:
    """All looks into a burst. ``check_time`` is called after every look with their number and may raise."""
    first = tuple(_timed(detector.look(shot.lores), check_time, n) for n, shot in enumerate(shots, 1))
    cells = [cells_of(shot.lores) for shot in shots]
    still = background(cells, scene.quiet(Hour.of(shots[0])))
    regions = tuple(changed(frame, still) for frame in cells)
    boxes = first
    at = detector.thresholds
    if steps.zoom and at.second_look_at is not None and _best(first) < at.keep_at:
        again = [
            second_look(detector, shot, where, [found for found in seen if found.score >= at.second_look_at])
            for shot, where, seen in zip(shots, regions, first, strict=True)
        ]
        check_time(2 * len(shots))
        boxes = tuple(merged(one, two) for one, two in zip(first, again, strict=True))
    if steps.repeats:
        boxes = tuple(_damped(found, where, scene, at.blank_at) for found, where in zip(boxes, regions, strict=True))
    return Looked(boxes, regions, still)


def _damped(found: Found, regions: Sequence[Region], scene: Scene, blank_at: float) -> Found:
    damped = (scene.repeats.damped(one, regions, blank_at) for one in found)
    return tuple(sorted(damped, key=lambda one: -one.score))


def _best(boxes: Sequence[Found]) -> float:
    return max((found[0].score for found in boxes if found), default=0.0)


def _timed(found: Found, check_time: Callable[[int], None], looks: int) -> Found:
    check_time(looks)
    return found
