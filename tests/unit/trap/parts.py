"""Small parts for the unit's own tests: each does one thing as the real one does. The pretend world is ``trap_sim``."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from PIL import Image

from trap.ports import Box, BurstPlan, Detection, ModelIdentity, Pixels, Shot, Thresholds
from trap_wire import codes, frames
from trap_wire.errors import PartError
from trap_wire.vocabulary import ObservationType

NOON = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)


def jpeg(width: int = 640, height: int = 480, grey: int = 90) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", (width, height), (grey, grey, grey)).save(target, "JPEG")
    return target.getvalue()


def shot(at: datetime = NOON, data: bytes | None = None, grey: int = 90) -> Shot:
    lores = np.full((240, 320, 3), grey, dtype=np.uint8)
    return Shot(data or jpeg(grey=grey), lores, at, exposure_us=8_000, gain=2.0, infrared=False)


def animal(score: float) -> Detection:
    return Detection(ObservationType.ANIMAL, score, Box(0.2, 0.3, 0.1, 0.1))


def wake(reason: int = codes.REASON_PIR, **changes: int) -> frames.Wake:
    facts = frames.Wake(
        reason=reason, flags=0, wake_number=1, battery_mv=17_100, battery_ma=-80, temperature_cc=-1_250, light_lux=40,
        trigger_age_ms=3_600, rtc_s=1_795_608_000, throttled_triggers=0, throttled_s=0, ladder=codes.LADDER_FULL,
        charge_used_mas=2_151_000, losses=(),
    )  # fmt: skip
    return facts._replace(**changes)


@dataclass
class SteadyClock:
    """A clock that stands still until it is told; each look at the milliseconds takes one."""

    at: datetime = NOON
    ms: int = 0

    def now(self) -> datetime:
        return self.at

    def monotonic_ms(self) -> int:
        self.ms += 1
        return self.ms

    def set(self, now: datetime) -> None:
        self.at = now


@dataclass
class ScriptedCamera:
    """Gives these shots; ``fails_after`` frames the cable comes off."""

    shots: Sequence[Shot] = field(default_factory=lambda: [shot(NOON + timedelta(seconds=n)) for n in range(3)])
    fails_after: int | None = None
    plans: list[BurstPlan] = field(default_factory=list)

    def burst(self, plan: BurstPlan) -> Iterator[Shot]:
        self.plans.append(plan)
        for at, taken in enumerate(self.shots[: plan.frames]):
            if at == self.fails_after:
                raise PartError("camera", "no frame for 2 s: is the ribbon seated?")
            yield taken


@dataclass
class ScriptedDetector:
    """Sees what it is told to, frame after frame; an exception in the list is raised."""

    sees: list[tuple[Detection, ...] | Exception]
    identity: ModelIdentity = ModelIdentity("scripted", "1.0.0", "ab" * 32)
    thresholds: Thresholds = Thresholds(keep_at=0.4, blank_at=0.1)

    def look(self, picture: Pixels) -> tuple[Detection, ...]:
        seen = self.sees.pop(0)
        if isinstance(seen, Exception):
            raise seen
        return seen


@dataclass
class QueueLink:
    """A supervisor that has these frames to say and remembers what it was told."""

    waiting: list[frames.Frame]
    sent: list[tuple[int, bytes]] = field(default_factory=list)

    def receive(self, timeout_s: float) -> frames.Frame | None:
        return self.waiting.pop(0) if self.waiting else None

    def send(self, type_: int, payload: bytes = b"") -> None:
        self.sent.append((type_, payload))
