"""The second look: where something changed, or the first look half saw something, at native resolution.

A cat at 15 m is a few pixels of a 320-pixel input; the photograph has six to twelve times as many.
"""

import io
from collections.abc import Sequence

import numpy as np
from PIL import Image

from trap.ports import Box, Detection, Detector, Pixels
from trap.triage.boxes import OVERLAP, overlap
from trap.triage.change import Region

MARGIN = 2.0  # the crop is this many times the region: context helps the network, and animals reach out of their change
LEAST_SHARE = 0.2  # of the frame's width: a crop smaller than that is blur enlarged


def look_into(detector: Detector, jpeg: bytes, place: Box) -> tuple[Detection, ...]:
    """One more look at a place of one frame, as detections relative to the whole frame."""
    return tuple(_back(found, place) for found in detector.look(crop(jpeg, place)))


def place_to_look(regions: Sequence[Region], first: Sequence[Detection]) -> Box | None:
    """The strongest change, else the best weak detection, with a margin; None when the crop would be nearly the frame."""
    if regions:
        seen = regions[0].box
    elif first:
        seen = first[0].box
    else:
        return None
    share = min(1.0, max(LEAST_SHARE, MARGIN * seen.width, MARGIN * seen.height))
    if share > 0.8:
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
    kept: list[Detection] = []
    for found in sorted([*first, *second], key=lambda found: -found.score):
        if not any(found.label is other.label and overlap(found.box, other.box) > OVERLAP for other in kept):
            kept.append(found)
    return tuple(kept)


def _back(found: Detection, place: Box) -> Detection:
    box = found.box
    whole = Box(
        place.x + box.x * place.width,
        place.y + box.y * place.height,
        box.width * place.width,
        box.height * place.height,
    )
    return Detection(found.label, found.score, whole)
