"""Thumbnails for the page, as data URIs, with the detector's boxes beside them. Broken files become a word, not a crash."""

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from PIL import Image, UnidentifiedImageError

from trap_tools.archive.facts import Box, Burst, Log, Medium, Verdict
from trap_tools.archive.layout import Holding
from trap_wire.vocabulary import CaptureMethod, Decision, Role

WIDTH_PX = 480
JPEG_QUALITY = 70
MOST_BOXES = 4
SHARE_OF_BEST = 0.6


@dataclass(frozen=True, slots=True)
class Picture:
    """One burst on the page: its best frame, small, and what triage said. ``uri`` is empty when no file could be read."""

    unit: str
    burst: str
    taken_at: datetime
    uri: str
    width: int
    height: int
    boxes: tuple[Box, ...]
    decision: str
    observation_type: str
    score: float | None
    audited: bool
    infrared: bool
    frames: int
    fail_open: str
    path: str  # of the whole photograph, else of the thumbnail; empty when there is neither
    link: str = ""


def pictures(holding: Holding, log: Log, decisions: Iterable[str], limit: int) -> list[Picture]:
    """Bursts with one of these decisions, the best scores first picked up to ``limit``, then in order of time."""
    wanted = set(decisions)
    triggered = [v for v in log.verdicts.values() if v.decision in wanted and _is_triggered(log, v.burst)]
    picked = sorted(triggered, key=lambda verdict: -(verdict.score or 0.0))[:limit]
    files = by_burst(log, {verdict.burst for verdict in picked})
    shown = (_picture(holding, log, verdict, files.get(verdict.burst, [])) for verdict in picked)
    return sorted(shown, key=lambda picture: picture.taken_at)


def by_burst(log: Log, bursts: set[str]) -> dict[str, list[Medium]]:
    """Files that are still there, per burst."""
    files: dict[str, list[Medium]] = {}
    for medium in log.present:
        if medium.burst in bursts and medium.burst is not None:
            files.setdefault(medium.burst, []).append(medium)
    return files


def best_file(holding: Holding, files: list[Medium], best_frame: int) -> Medium | None:
    """The file to show: a thumbnail of the best frame, else that frame itself, else anything of the burst that is there."""
    ranked = sorted(files, key=lambda medium: (medium.frame != best_frame, medium.role != Role.THUMBNAIL))
    return next((medium for medium in ranked if (holding.root / medium.path).is_file()), None)


def _is_triggered(log: Log, burst: str) -> bool:
    return burst not in log.bursts or log.bursts[burst].capture_method == CaptureMethod.ACTIVITY_DETECTION


def _picture(holding: Holding, log: Log, verdict: Verdict, files: list[Medium]) -> Picture:
    medium = best_file(holding, files, verdict.best_frame)
    burst: Burst | None = log.bursts.get(verdict.burst)
    uri, width, height = data_uri(holding.root / medium.path) if medium else ("", 4, 3)
    frame = medium.frame if medium and medium.frame is not None else verdict.best_frame
    return Picture(
        unit=log.unit,
        burst=verdict.burst,
        taken_at=medium.taken_at if medium else verdict.at,
        uri=uri,
        width=width,
        height=height,
        boxes=worth_showing(verdict.boxes[frame]) if 0 <= frame < len(verdict.boxes) else (),
        decision=verdict.decision,
        observation_type=verdict.observation_type,
        score=verdict.score,
        audited=verdict.audited,
        infrared=bool((medium and medium.infrared) or (burst and burst.infrared)),
        frames=burst.frames if burst else len(files),
        fail_open=verdict.fail_open or "",
        path=_whole(holding, files, medium),
    )


def worth_showing(boxes: Iterable[Box]) -> tuple[Box, ...]:
    """The few boxes that the verdict hangs on: a detector that doubts sees a dozen, and they hide the animal."""
    ranked = sorted(boxes, key=lambda box: -box.score)
    return tuple(box for box in ranked[:MOST_BOXES] if box.score >= ranked[0].score * SHARE_OF_BEST)


def _whole(holding: Holding, files: list[Medium], shown: Medium | None) -> str:
    """The full frame behind what is shown, if it is in the folder."""
    if shown is None:
        return ""
    full = [medium.path for medium in files if medium.is_full and medium.frame == shown.frame]
    return next((path for path in (*full, shown.path) if (holding.root / path).is_file()), "")


def data_uri(path: Path, width_px: int = WIDTH_PX) -> tuple[str, int, int]:
    """A small JPEG as a data URI, with its width and height; an empty one when the file is not there or is no picture."""
    try:
        with Image.open(path) as image:
            image.draft("RGB", (width_px, width_px))
            small = image.convert("RGB")
        small.thumbnail((width_px, width_px))
        out = io.BytesIO()
        small.save(out, "JPEG", quality=JPEG_QUALITY)
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
        return "", 4, 3
    return f"data:image/jpeg;base64,{base64.b64encode(out.getvalue()).decode()}", small.width, small.height


KEPT = (Decision.KEEP, Decision.UNKNOWN)
DISCARDED = (Decision.BLANK,)
