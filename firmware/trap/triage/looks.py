"""Looking at a burst: once at every frame, and once more where something moved or was half seen.

The second look costs at most as much as the first: one crop a frame, and none when the first look has already decided.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from trap.ports import Box, Detection, Detector, Shot, Thresholds
from trap.triage.change import Cells, Region, background, cells_of, changed
from trap.triage.repeats import moved_there
from trap.triage.scene import Hour, Scene
from trap.triage.zoom import look_into, merged, place_to_look

Found = tuple[Detection, ...]


@dataclass(frozen=True, slots=True)
class Steps:
    """Which of the steps after the first look are taken; the bench switches them off one by one to show what each adds."""

    zoom: bool = True
    repeats: bool = True
    enlarge: float = 1.0  # how much wider than its own pixels a crop may come to the detector; the unit's rule is 1


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
    seen = compared(first, [cells_of(shot.lores) for shot in shots], scene.quiet(Hour.of(shots[0])))
    places = places_to_look(seen, detector.thresholds, steps)
    again = [
        look_into(detector, shot.jpeg, place, round(shot.lores.shape[1] / steps.enlarge)) if place else ()
        for shot, place in zip(shots, places, strict=True)
    ]
    check_time(2 * len(shots))
    return weighed_together(seen, again, scene, steps, detector.thresholds)


@dataclass(frozen=True, slots=True, eq=False)
class Compared:
    """A burst after the first look: detections and changed regions of every frame, and the still background."""

    first: tuple[Found, ...]
    regions: tuple[tuple[Region, ...], ...]
    still: Cells


def compared(first: Sequence[Found], cells: Sequence[Cells], quiet: Cells | None) -> Compared:
    """Where the frames of a burst differ from each other and from the last quiet one."""
    still = background(cells, quiet)
    return Compared(tuple(first), tuple(changed(frame, still) for frame in cells), still)


def places_to_look(seen: Compared, at: Thresholds, steps: Steps) -> tuple[Box | None, ...]:
    """For every frame the place that deserves a second look; none when the first look has decided."""
    weakest = at.second_look_at
    if not steps.zoom or weakest is None or _best(seen.first) >= at.keep_at:
        return (None,) * len(seen.first)
    half_seen = ([found for found in frame if found.score >= weakest] for frame in seen.first)
    return tuple(place_to_look(regions, weak) for regions, weak in zip(seen.regions, half_seen, strict=True))


def weighed_together(seen: Compared, again: Sequence[Found], scene: Scene, steps: Steps, at: Thresholds) -> Looked:
    """Both looks and what the scene remembers, as one."""
    boxes = tuple(merged(one, two) if two else one for one, two in zip(seen.first, again, strict=True))
    if steps.repeats:
        damped = zip(boxes, seen.regions, strict=True)
        boxes = tuple(_damped(found, where, scene, at.blank_at) for found, where in damped)
    return Looked(boxes, seen.regions, seen.still)


def _damped(found: Found, regions: Sequence[Region], scene: Scene, blank_at: float) -> Found:
    damped = (scene.repeats.damped(one, regions, blank_at) for one in found)
    return tuple(sorted(damped, key=lambda one: -one.score))


def _best(boxes: Sequence[Found]) -> float:
    return max((found[0].score for found in boxes if found), default=0.0)


def _timed(found: Found, check_time: Callable[[int], None], looks: int) -> Found:
    check_time(looks)
    return found
