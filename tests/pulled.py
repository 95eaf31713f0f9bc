"""Pulled folders for tests: entries with the bodies that ``trap.records`` writes, chained as a unit does, and real JPEGs."""

import hashlib
import io
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

from PIL import Image, ImageDraw

from trap_wire.entries import GENESIS, Entry, Kind, canonical, chained, to_us

START = datetime(2026, 11, 1, 12, 0, tzinfo=UTC)
MODEL = "nanodet-m-collapsed@0.1.0+0123456789ab"
PROTOCOL = "ab" * 32


class Unit:
    """Writes one unit's folder entry by entry; ``close`` cuts the journal into pages as the unit does."""

    def __init__(self, folder: Path, unit: str = "MN-01", deployment: str = "ridge-2026"):
        self.name, self.deployment = unit, deployment
        self.root = folder / unit / deployment
        self.entries: list[Entry] = []
        self.at = START

    def add(self, kind: Kind, **body) -> Entry:
        previous = self.entries[-1].digest if self.entries else GENESIS
        sequence = len(self.entries) + 1
        digest = chained(previous, sequence, to_us(self.at), kind, canonical(body))
        self.entries.append(Entry(sequence, self.at, kind, body, digest))
        return self.entries[-1]

    def later(self, **gap) -> "Unit":
        self.at += timedelta(**gap)
        return self

    def boot(self, **changes) -> Entry:
        body = {
            "unit": self.name,
            "deployment": self.deployment,
            "programme": "altai",
            "protocol": "manul-altai/1",
            "protocol_hash": PROTOCOL,
            "model": MODEL,
            "software": "0.1.0",
            "trouble": "",
        }
        return self.add(Kind.BOOT, **{**body, **changes})

    def wake(self, reason: str = "pir", **changes) -> Entry:
        methods = {"pir": "activityDetection", "schedule": "timeLapse"}
        vitals = {"battery_mv": 17_600 - len(self.entries), "battery_ma": 180, "temperature_c": -7.25}
        vitals |= {key: changes.pop(key) for key in list(changes) if key in vitals}
        body = {
            "wake": len(self.entries),
            "reason": reason,
            "capture_method": methods.get(reason),
            "light_lux": 12,
            **vitals,
            "trigger_age_ms": 3_600,
            "trigger_at_us": to_us(self.at - timedelta(milliseconds=3_600)),
            "flags": [],
            "ladder": "full",
            "throttled_triggers": 0,
            "throttled_s": 0,
        }
        entry = self.add(Kind.WAKE, **{**body, **changes})
        self.add(Kind.BATTERY, **vitals, charge_used_mah=None, state="full", cause="wake")
        return entry

    def visit_of(self, decision: str, kind: str = "", **changes) -> str:
        """A trigger and all that follows: wake, burst, verdict, thumbnail and what is kept of the frames."""
        wake = self.wake(changes.pop("reason", "pir"))
        name, frames = f"{self.name}-{wake.sequence:08d}", changes.pop("frames", 3)
        method = wake.body["capture_method"]
        infrared = changes.pop("infrared", False)
        self.add(Kind.BURST, burst=name, wake=wake.sequence, capture_method=method, frames=frames, first_frame_ms=3_900,
                 infrared=infrared)  # fmt: skip
        score = changes.pop("score", {"keep": 0.91, "unknown": 0.2, "blank": 0.01}[decision])
        kind = kind or {"keep": "animal", "unknown": "unknown", "blank": "blank"}[decision]
        box = {"label": "animal", "score": score, "x": 0.3, "y": 0.4, "width": 0.25, "height": 0.3}
        if kind in ("human", "vehicle"):
            box["label"] = kind
        audited = changes.pop("audited", False)
        verdict = {
            "burst": name,
            "decision": decision,
            "observation_type": kind,
            "score": score,
            "audited": audited,
            "best_frame": 1,
            "model": MODEL,
            "fail_open": None,
            "boxes": [[], [box], []] if decision != "blank" else [[], [], []],
        }
        self.add(Kind.VERDICT, **{**verdict, **changes})
        self.picture(name, 1, "thumbnail", infrared)
        if decision != "blank" or audited:
            for frame in range(frames):
                self.picture(name, frame, "audit" if audited else "photograph", infrared)
        return name

    def picture(self, burst: str, frame: int, role: str, infrared: bool = False, data: bytes | None = None) -> str:
        folder = "thumbnails" if role == "thumbnail" else "media"
        path = f"{folder}/{self.at:%Y%m%d}/{burst}-{frame + 1}.jpg"
        data = data if data is not None else jpeg(burst, frame, 320 if role == "thumbnail" else 640, infrared)
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
        facts = {"burst": burst, "frame": frame, "taken_at_us": to_us(self.at) + 500_000 * frame, "exposure_us": 8_000,
                 "gain": 2.0, "infrared": infrared}  # fmt: skip
        digest = hashlib.sha256(data).hexdigest()
        self.add(Kind.MEDIA, path=path, role=role, size=len(data), sha256=digest, **facts)
        return path

    def setup_picture(self) -> str:
        """A test shot, as ``manul aim`` asks for it: no burst, no frame."""
        path = f"media/setup-{len(self.entries) + 1:08d}.jpg"
        data = jpeg(path, 0, 640, infrared=False)
        (self.root / "media").mkdir(parents=True, exist_ok=True)
        (self.root / path).write_bytes(data)
        self.add(
            Kind.MEDIA,
            path=path,
            role="photograph",
            size=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
            setup=True,
        )
        return path

    def close(self, page: int = 1_000) -> Path:
        folder = self.root / "journal"
        folder.mkdir(parents=True, exist_ok=True)
        for at in range(0, len(self.entries), page):
            lines = self.entries[at : at + page]
            name = f"{lines[0].sequence:08d}-{lines[-1].sequence:08d}.jsonl"
            (folder / name).write_text("".join(entry.to_line() + "\n" for entry in lines), encoding="utf-8")
        return self.root


def jpeg(burst: str, frame: int, width: int, infrared: bool) -> bytes:
    """A small scene: sky, a ridge, and something with ears that moves from frame to frame."""
    dice = random.Random(burst)
    sky, ground = ((60, 60, 60), (110, 110, 110)) if infrared else ((168, 190, 205), (150, 132, 100))
    image = Image.new("RGB", (width, width * 3 // 4), sky)
    draw, height = ImageDraw.Draw(image), width * 3 // 4
    ridge = [(x * width // 8, height // 3 + dice.randrange(height // 6)) for x in range(9)]
    draw.polygon([(0, height), *ridge, (width, height)], fill=ground)
    x, y, size = width * (30 + 4 * (frame - 1)) // 100, height * 45 // 100, width // 4
    fur = (205, 205, 205) if infrared else (122, 112, 92)
    draw.ellipse((x, y, x + size, y + size // 1.4), fill=fur)
    for ear in (x + size // 6, x + size * 4 // 6):
        draw.polygon(
            [(ear, y + size // 8), (ear + size // 12, y - size // 10), (ear + size // 6, y + size // 8)], fill=fur
        )
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


def night(folder: Path, unit: str = "MN-01", bursts: int = 12, seed: int = 1, deployment: str = "ridge-2026") -> Unit:
    """A plain night: a boot, a heartbeat, and bursts of every decision."""
    dice, made = random.Random(seed), Unit(folder, unit, deployment)
    made.boot()
    made.later(hours=1).visit_of("keep", reason="schedule", kind="blank", frames=1, score=0.02)
    for number in range(bursts):
        made.later(minutes=dice.randrange(20, 120))
        decision = ("keep", "blank", "blank", "unknown")[number % 4]
        made.visit_of(decision, audited=decision == "blank" and number % 8 == 1, infrared=not 4 < made.at.hour < 13)
    return made
