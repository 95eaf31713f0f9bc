"""Archives of any size for the benchmarks: whole journals of chained entries, media files that are links to one photograph."""

import hashlib
import os
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.pulled import MODEL, PROTOCOL, jpeg
from trap_wire.entries import GENESIS, Kind, canonical, chained, from_us, to_us

START = datetime(2026, 1, 1, tzinfo=UTC)
PAGE = 1_000


class Writer:
    """A journal written page by page without keeping it."""

    def __init__(self, root: Path):
        self.folder, self.lines, self.sequence, self.digest = root / "journal", [], 0, GENESIS
        self.folder.mkdir(parents=True)

    def add(self, at_us: int, kind: Kind, body: dict) -> None:
        self.sequence += 1
        text = canonical(body)
        self.digest = chained(self.digest, self.sequence, at_us, kind, text)
        line = f'{{"at_us":{at_us},"body":{text},"hash":"{self.digest.hex()}","kind":"{kind}","seq":{self.sequence}}}\n'
        self.lines.append(line)
        if len(self.lines) == PAGE:
            self.flush()

    def flush(self) -> None:
        if self.lines:
            name = f"{self.sequence - len(self.lines) + 1:08d}-{self.sequence:08d}.jsonl"
            (self.folder / name).write_text("".join(self.lines), encoding="utf-8")
            self.lines = []


def season(folder: Path, entries: int, units: int = 6, seed: int = 1) -> None:
    """Units with together about this many entries; one in five is a media entry with its file."""
    picture = jpeg("bench", 0, 640, infrared=False)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(units):
        _unit(folder, f"MN-{number + 1:03d}", entries // units, picture, seed + number)


def _unit(folder: Path, unit: str, entries: int, picture: bytes, seed: int) -> None:
    dice, at = random.Random(seed), to_us(START)
    root = folder / unit / "year"
    made = Writer(root)
    boot = {"unit": unit, "deployment": "year", "programme": "altai", "protocol": "manul-altai/1", "protocol_hash": PROTOCOL,
            "model": MODEL, "software": "0.1.0", "trouble": ""}  # fmt: skip
    made.add(at, Kind.BOOT, boot)
    step = int(timedelta(days=360) / timedelta(microseconds=1) / entries)
    sha256, fresh, one = hashlib.sha256(picture).hexdigest(), 0, folder
    while made.sequence < entries:
        at += dice.randrange(step * 20)
        if made.sequence >= fresh:  # a file system allows some 65,000 links to one file, and an export needs some too
            one, fresh = folder / f".photograph-{unit}-{fresh}", made.sequence + 50_000
            one.write_bytes(picture)
        _burst(made, at, unit, dice, root, one, sha256)
    made.flush()


def _burst(  # noqa: PLR0917
    made: Writer, at: int, unit: str, dice: random.Random, root: Path, one: Path, sha256: str
) -> None:
    vitals = {"battery_mv": 18_000 - made.sequence // 100, "battery_ma": 180, "temperature_c": -7.25}
    made.add(at, Kind.WAKE, {"wake": made.sequence, "reason": "pir", "capture_method": "activityDetection", "light_lux": 12,
             **vitals, "trigger_age_ms": 3600, "trigger_at_us": at - 3_600_000, "flags": [], "ladder": "full",
             "throttled_triggers": 0, "throttled_s": 0})  # fmt: skip
    name = f"{unit}-{made.sequence:08d}"
    for _ in range(4):
        made.add(at, Kind.BATTERY, {**vitals, "charge_used_mah": None, "state": "full", "cause": "wake"})
    made.add(at, Kind.BURST, {"burst": name, "wake": made.sequence, "capture_method": "activityDetection", "frames": 3,
             "first_frame_ms": 3900, "infrared": False})  # fmt: skip
    kept = dice.random() < 0.5
    box = {"label": "animal", "score": 0.9, "x": 0.3, "y": 0.4, "width": 0.25, "height": 0.3}
    made.add(at, Kind.VERDICT, {"burst": name, "decision": "keep" if kept else "blank",
             "observation_type": "animal" if kept else "blank", "score": 0.9 if kept else 0.01, "audited": False,
             "best_frame": 1, "model": MODEL, "fail_open": None, "boxes": [[], [box] if kept else [], []]})  # fmt: skip
    roles = ["thumbnail", *(["photograph"] * 3 if kept else [])]
    for frame, role in enumerate(roles):
        path = f"{'thumbnails' if role == 'thumbnail' else 'media'}/{from_us(at):%Y%m%d}/{name}-{frame + 1}.jpg"
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        os.link(one, root / path)
        made.add(at, Kind.MEDIA, {"burst": name, "frame": frame, "taken_at_us": at, "exposure_us": 8000, "gain": 2.0,
                 "infrared": False, "path": path, "role": role, "size": one.stat().st_size, "sha256": sha256})  # fmt: skip
