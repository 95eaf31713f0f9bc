"""Other people's data as deployments of ours: a journal that the import writes and chains, and the files beside it.

The chain proves nothing about the camera, only that nothing changed since the import; the boot entry says so.
"""

import hashlib
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from trap_tools import durable
from trap_tools.archive.layout import JOURNAL
from trap_wire import __version__
from trap_wire.entries import GENESIS, Entry, Kind, canonical, chained, to_us
from trap_wire.errors import RefusedError, StorageError
from trap_wire.vocabulary import CaptureMethod, Decision, ObservationType, Role

PAGE = 1_000
PREFIX = "import "  # how the software of an imported deployment begins


@dataclass(frozen=True, slots=True)
class Photograph:
    """A file to import. ``source`` is None for one that lies on the web only."""

    source: Path | None
    taken_at: datetime
    boxes: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Photographs of one sequence, and what a machine said of it, if one did."""

    name: str
    photographs: tuple[Photograph, ...]
    capture_method: str = CaptureMethod.ACTIVITY_DETECTION
    observation_type: str = ObservationType.UNCLASSIFIED
    score: float | None = None
    model: str | None = None


@dataclass(frozen=True, slots=True)
class Foreign:
    """A deployment of another camera, its events in the order of time."""

    unit: str
    deployment: str
    programme: str
    camera: str
    events: tuple[Event, ...]


def safe_name(text: str, fallback: str = "camera") -> str:
    """A name that a unit could have (40 characters; letters, digits, ``.``, ``_``, ``-``)."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip("-._")[:40] or fallback


@dataclass(slots=True)
class _Journal:
    """The chain being written."""

    lines: list[Entry] = field(default_factory=list)

    def add(self, at: datetime, kind: Kind, body: Mapping[str, Any]) -> Entry:
        previous = self.lines[-1].digest if self.lines else GENESIS
        sequence = len(self.lines) + 1
        digest = chained(previous, sequence, to_us(at), kind, canonical(body))
        self.lines.append(Entry(sequence, at, kind, body, digest))
        return self.lines[-1]


def write(folder: Path, foreign: Foreign, *, link: bool = False) -> Path:
    """Write a deployment below a pulled folder. ``RefusedError`` when one of that name is there already."""
    root = folder / foreign.unit / foreign.deployment
    if root.exists():
        raise RefusedError(
            f"{root} is there already; nothing was imported over it. Give --unit or --deployment another name."
        )
    journal = _Journal()
    try:
        _fill(journal, root, foreign, link=link)
        _pages(root / JOURNAL, journal.lines)
    except OSError as error:
        raise StorageError(f"{root}: cannot be written ({error.strerror or error})") from error
    return root


def _fill(journal: _Journal, root: Path, foreign: Foreign, *, link: bool) -> None:
    start = foreign.events[0].photographs[0].taken_at
    software = f"{PREFIX}{__version__} of {foreign.camera}"
    boot = {"unit": foreign.unit, "deployment": foreign.deployment, "programme": foreign.programme, "protocol": "",
            "protocol_hash": "", "model": None, "software": software, "trouble": ""}  # fmt: skip
    journal.add(start, Kind.BOOT, boot)
    for event in foreign.events:
        _event(journal, root, event, link=link)


def _event(journal: _Journal, root: Path, event: Event, *, link: bool) -> None:
    at = event.photographs[0].taken_at
    reason = "schedule" if event.capture_method == CaptureMethod.TIME_LAPSE else "pir"
    wake = journal.add(
        at, Kind.WAKE, {"wake": len(journal.lines), "reason": reason, "capture_method": event.capture_method}
    )
    frames = len(event.photographs)
    journal.add(at, Kind.BURST, {"burst": event.name, "wake": wake.sequence, "capture_method": event.capture_method,
                                 "frames": frames, "first_frame_ms": None, "infrared": False})  # fmt: skip
    tops = [max((float(box["score"]) for box in photograph.boxes), default=0.0) for photograph in event.photographs]
    best = max(range(frames), key=tops.__getitem__)
    # Other cameras keep everything, so nothing is a discarded blank, whatever was seen on it.
    journal.add(at, Kind.VERDICT, {
        "burst": event.name, "decision": Decision.KEEP, "observation_type": event.observation_type, "score": event.score,
        "audited": False, "best_frame": best, "model": event.model, "fail_open": None,
        "boxes": [[dict(box) for box in photograph.boxes] for photograph in event.photographs],
    })  # fmt: skip
    for frame, photograph in enumerate(event.photographs):
        if photograph.source is not None:
            journal.add(at, Kind.MEDIA, _media(root, event, frame, photograph, link=link))


def _media(root: Path, event: Event, frame: int, photograph: Photograph, *, link: bool) -> dict[str, Any]:
    source = photograph.source
    assert source is not None  # noqa: S101 - the caller looked
    name = safe_name(f"{event.name}-{frame + 1}-{source.stem}"[-80:], "photograph")
    path = f"media/{photograph.taken_at:%Y%m%d}/{name}{source.suffix.lower()}"
    target = root / path
    target.parent.mkdir(parents=True, exist_ok=True)
    os.link(source, target) if link else shutil.copyfile(source, target)
    with target.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        os.fsync(file.fileno())
    return {"path": path, "role": Role.PHOTOGRAPH, "burst": event.name, "frame": frame, "size": target.stat().st_size,
            "sha256": digest, "taken_at_us": to_us(photograph.taken_at), "exposure_us": None, "gain": None,
            "infrared": False}  # fmt: skip


def _pages(folder: Path, lines: Sequence[Entry]) -> None:
    for at in range(0, len(lines), PAGE):
        page = lines[at : at + PAGE]
        name = f"{page[0].sequence:08d}-{page[-1].sequence:08d}.jsonl"
        durable.write(folder / name, "".join(entry.to_line() + "\n" for entry in page).encode())
