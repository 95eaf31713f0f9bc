"""What the unit remembers of its place: things that the detector saw again and again where nothing moved.

A rock is seen in every burst at the same spot without change. Such a spot lowers a detection's score, and never below the
blank threshold: memory alone discards nothing, since a cat does sleep on a rock.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray

from trap.ports import Box, Detection
from trap.triage.boxes import corners_of, shares
from trap.triage.change import Region

SAME_PLACE = 0.5  # intersection over union
RECURS_AT = 5  # bursts without change at the spot before it counts
DAMPING = 0.6  # factor on the score of a recurring spot
MOST = 32


@dataclass(frozen=True, slots=True)
class Spot:
    """A place and in how many bursts something was seen there while nothing moved."""

    box: Box
    bursts: int


@dataclass(frozen=True, slots=True)
class Repeats:
    """Spots, the most frequent first. Immutable: ``learned`` gives the next state."""

    spots: tuple[Spot, ...] = ()

    def damped(self, found: Detection, regions: Sequence[Region], blank_at: float) -> Detection:
        """The detection with its score lowered when its spot recurs and nothing moved there now."""
        if moved_there(found.box, regions) or not self._recurs(found.box):
            return found
        return Detection(found.label, max(min(found.score, blank_at), found.score * DAMPING), found.box)

    def learned(self, still: Sequence[Detection]) -> "Repeats":
        """After a burst: every still detection counts one more at its spot; a full memory forgets the rarest."""
        spots = list(self.spots)
        for found in still:
            same = _same_place(found.box, spots)
            if not same.any():
                spots.append(Spot(found.box, 1))
            else:
                at = int(same.argmax())
                spots[at] = Spot(spots[at].box, spots[at].bursts + 1)
        return Repeats(tuple(sorted(spots, key=lambda spot: -spot.bursts)[:MOST]))

    def dump(self) -> bytes:
        """JSON for the card."""
        return json.dumps([asdict(spot) for spot in self.spots]).encode()

    @classmethod
    def load(cls, data: bytes) -> "Repeats":
        """From ``dump``; a file that is none is an empty memory: it only ever helped to discard."""
        try:
            return cls(tuple(Spot(Box(**spot["box"]), int(spot["bursts"])) for spot in json.loads(data)))
        except (ValueError, KeyError, TypeError):
            return cls()

    def _recurs(self, box: Box) -> bool:
        spots = [spot for spot in self.spots if spot.bursts >= RECURS_AT]
        return bool(spots) and bool(_same_place(box, spots).any())


def _same_place(box: Box, spots: Sequence[Spot]) -> NDArray[np.bool_]:
    """Which spots lie where the box is."""
    same: NDArray[np.bool_] = shares(corners_of([box]), corners_of([spot.box for spot in spots]))[0] > SAME_PLACE
    return same


def moved_there(box: Box, regions: Sequence[Region]) -> bool:
    """Whether any changed region touches the box. One by one: a handful costs NumPy ten times as much (docs/benchmarks.md)."""
    return any(_touch(box, region.box) for region in regions)


def _touch(one: Box, other: Box) -> bool:
    across = min(one.x + one.width, other.x + other.width) > max(one.x, other.x)
    return across and min(one.y + one.height, other.y + other.height) > max(one.y, other.y)
