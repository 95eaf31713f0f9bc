"""The second look: where something changed, or the first look half saw something, at native resolution.

A cat at 15 m is a few pixels of a 320-pixel input; the photograph has six to twelve times as many. A place of which the
photograph has no more pixels than the first look had is not looked at again: an enlarged crop holds nothing new, only one more
draw for the network to take texture for an animal (on 256-pixel frames that cost half of the blanks).
"""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from trap.ports import Box, Detection, Detector, Pixels
from trap.triage.boxes import corners_of, singles
from trap.triage.change import Region

MARGIN = 2.0  # the crop is this many times the region: context helps the network, and animals reach out of their change
LEAST_SHARE = 0.2  # of the frame's width: context without which a leg is a branch
SEEN_PX = 640  # across, of the camera's low-resolution stream
MOST_SHARE = 0.8  # above it the crop is nearly the frame


def look_into(detector: Detector, jpeg: bytes, place: Box, seen_px: int = SEEN_PX) -> tuple[Detection, ...]:
    """One more look at a place of one frame, as detections relative to the whole frame.

    The place is widened until it has the ``seen_px`` pixels across that the first look had; none if that is nearly the frame.
    """
    wide = widened(place, seen_px / width_of(jpeg))
    return tuple(_back(found, wide) for found in detector.look(crop(jpeg, wide))) if wide else ()


def width_of(jpeg: bytes) -> int:
    """Pixels across; only the header is read."""
    with Image.open(io.BytesIO(jpeg)) as image:
        return image.width


def widened(place: Box, least: float) -> Box | None:
    """The place, or one around it of ``least`` of the frame's sides; None when it is nearly the frame."""
    return place if place.width >= least else _around(place, least)


def place_to_look(regions: Sequence[Region], first: Sequence[Detection]) -> Box | None:
    """The strongest change, else the best weak detection, with a margin; None when the crop would be nearly the frame."""
    if regions:
        seen = regions[0].box
    elif first:
        seen = first[0].box
    else:
        return None
    return _around(seen, max(LEAST_SHARE, MARGIN * seen.width, MARGIN * seen.height))


def _around(seen: Box, share: float) -> Box | None:
    if share > MOST_SHARE:
        return None
    x = min(max(seen.x + seen.width / 2 - share / 2, 0.0), 1.0 - share)
    y = min(max(seen.y + seen.height / 2 - share / 2, 0.0), 1.0 - share)
    return Box(x, y, share, share)


def crop(jpeg: bytes, place: Box) -> Pixels:
    """RGB pixels of a place in a photograph."""
    with Image.open(io.BytesIO(jpeg)) as image:
        width, height = image.size
        left, top = round(place.x * width), round(place.y * height)
        right, bottom = round((place.x + place.width) * width), round((place.y + place.height) * height)
        return np.asarray(image.convert("RGB").crop((left, top, max(right, left + 1), max(bottom, top + 1))))


def merged(first: Sequence[Detection], second: Sequence[Detection]) -> tuple[Detection, ...]:
    """Both looks as one list, best first; of two boxes around one thing the better one stays."""
    found = [*first, *second]
    scores = np.array([one.score for one in found], dtype=np.float32)
    return tuple(
        found[at] for at in singles(scores, [one.label for one in found], corners_of([one.box for one in found]))
    )


def _back(found: Detection, place: Box) -> Detection:
    box = found.box
    whole = Box(
        place.x + box.x * place.width,
        place.y + box.y * place.height,
        box.width * place.width,
        box.height * place.height,
    )
    return Detection(found.label, found.score, whole)
