"""Bodies of the journal's entries: every field that the duty cycle writes, in one place for whoever reads them."""

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from trap.capture.burst import Burst
from trap.deployment import Deployment
from trap.ports import Detection, Shot
from trap.store.exif import Stamp, stamped
from trap.store.media import Picture
from trap.store.thumbnail import thumbnail
from trap.triage.judge import Triage, Verdict
from trap_wire import __version__, codes, frames
from trap_wire.entries import to_us
from trap_wire.vocabulary import CaptureMethod, Decision, Role

MOST_BOXES = 5  # a herd is a herd
LEAST_SHARE = 0.6  # of the frame's best score

CAPTURE_METHODS = {
    codes.REASON_PIR: CaptureMethod.ACTIVITY_DETECTION,
    codes.REASON_SCHEDULE: CaptureMethod.TIME_LAPSE,
}


@dataclass(frozen=True, slots=True, eq=False)
class Episode:
    """One trigger from wake to verdict. ``name`` is the burst's: the unit and the journal's number of the wake."""

    deployment: Deployment
    name: str
    wake: frames.Wake
    burst: Burst
    verdict: Verdict

    @property
    def heartbeat(self) -> bool:
        """Whether this is the daily frame of the schedule."""
        return bool(self.wake.reason == codes.REASON_SCHEDULE)


def boot_body(deployment: Deployment, triage: Triage, before: Mapping[str, Any]) -> dict[str, Any]:
    """Who this unit is and what it runs. ``trouble`` is why it runs on safe defaults or without a detector, or None.

    ``before`` is the body of the last boot: where the deployment or its protocol is a new one, the rules themselves go into the
    journal, so that whoever reads it in ten years has them, proved by their hash.
    """
    station, protocol = deployment.station, deployment.protocol
    known = (before.get("deployment"), before.get("protocol_hash")) == (station.deployment, protocol.digest)
    trouble = "; ".join(words for words in (deployment.trouble, triage.trouble) if words)
    return {
        "unit": station.unit,
        "deployment": station.deployment,
        "programme": station.programme,
        "protocol": f"{protocol.name}@{protocol.version}",
        "protocol_hash": protocol.digest,
        "model": str(triage.detector.identity) if triage.detector else None,
        "software": __version__,
        "trouble": trouble or None,
        **({} if known else {"rules": dataclasses.asdict(protocol)}),
    }


def wake_body(wake: frames.Wake, at: datetime) -> dict[str, Any]:
    """``trigger_at_us`` is on the Pi's clock: now, less the age that the supervisor counted from the PIR's edge."""
    return {
        "wake": wake.wake_number,
        "reason": codes.REASON_NAMES.get(wake.reason, str(wake.reason)),
        "capture_method": CAPTURE_METHODS.get(wake.reason),
        "light_lux": _light(wake),
        **_vitals(wake),
        "trigger_age_ms": wake.trigger_age_ms,
        "trigger_at_us": to_us(at - timedelta(milliseconds=wake.trigger_age_ms)),
        "flags": [name for bit, name in codes.FLAG_NAMES.items() if wake.flags & bit],
        "ladder": codes.LADDER_NAMES.get(wake.ladder, str(wake.ladder)),
        "throttled_triggers": wake.throttled_triggers,
        "throttled_s": wake.throttled_s,
        **({"lost": [_loss(loss) for loss in wake.losses]} if wake.losses else {}),
    }


def _loss(loss: frames.Loss) -> dict[str, Any]:
    """One cause's share of ``throttled_*``."""
    cause = codes.GATE_NAMES.get(loss.cause, str(loss.cause))
    return {"cause": cause, "triggers": loss.triggers, "seconds": loss.seconds}


def battery_body(wake: frames.Wake) -> dict[str, Any]:
    """One sample; the supervisor takes it before the Pi loads the battery."""
    state = codes.LADDER_NAMES.get(wake.ladder, str(wake.ladder))
    counted = wake.charge_used_mas is not None and not wake.flags & codes.FLAG_GAUGE_MISSING
    charge_mah = round(wake.charge_used_mas / 3_600, 2) if counted else None
    return {**_vitals(wake), "charge_used_mah": charge_mah, "state": state, "cause": "wake"}


def burst_body(name: str, wake_sequence: int, wake: frames.Wake, burst: Burst) -> dict[str, Any]:
    """``first_frame_ms`` counts from the PIR's edge: the supervisor's count up to WAKE and ours from there."""
    first = None if burst.first_frame_ms is None else burst.first_frame_ms + wake.trigger_age_ms
    return {
        "burst": name,
        "wake": wake_sequence,
        "capture_method": CAPTURE_METHODS[wake.reason],
        "frames": len(burst.shots),
        "first_frame_ms": first,
        "infrared": any(shot.infrared for shot in burst.shots),
        "lores_px": _lores_px(burst),
    }


def _lores_px(burst: Burst) -> list[int] | None:
    """Width and height of what the detector saw, so that others can look in the same way again."""
    return [*reversed(burst.shots[0].lores.shape[:2])] if burst.shots else None


def verdict_body(name: str, verdict: Verdict) -> dict[str, Any]:
    """``boxes``: a list for every frame, of label, score and a rectangle relative to the frame; the few that matter."""
    return {
        "burst": name,
        "decision": verdict.decision,
        "observation_type": verdict.observation_type,
        "score": round(verdict.score, 4),
        "audited": verdict.audited,
        "best_frame": verdict.best_frame,
        "model": str(verdict.model) if verdict.model else None,
        "fail_open": verdict.fail_open or None,
        "boxes": [[_box(found) for found in _telling(frame)] for frame in verdict.boxes],
    }


def photographs_of(episode: Episode) -> Iterator[Picture]:
    """Every frame in full, unless the burst is a blank outside the audit sample."""
    verdict = episode.verdict
    if verdict.decision is Decision.BLANK and not verdict.audited:
        return
    role = Role.AUDIT if verdict.audited else Role.PHOTOGRAPH
    for frame, shot in enumerate(episode.burst.shots):
        yield _picture(episode, frame, role, shot.jpeg)


def thumbnail_of(episode: Episode) -> Picture:
    """The best frame made small; ``BadInputError`` when the camera's JPEG cannot be read."""
    best = episode.burst.shots[episode.verdict.best_frame]
    small = thumbnail(best.jpeg, episode.deployment.protocol.thumbnail_px)
    return _picture(episode, episode.verdict.best_frame, Role.THUMBNAIL, small)


def _picture(episode: Episode, frame: int, role: Role, jpeg: bytes) -> Picture:
    shot = episode.burst.shots[frame]
    name = f"{episode.name}-{frame + 1}"
    folder = "thumbnails" if role is Role.THUMBNAIL else "media"
    facts = {
        "burst": episode.name,
        "frame": frame,
        "taken_at_us": to_us(shot.taken_at),
        "exposure_us": shot.exposure_us,
        "gain": round(shot.gain, 3),
        "infrared": shot.infrared,
    }
    data = stamped(jpeg, _stamp(episode, name, shot))
    return Picture(f"{folder}/{shot.taken_at:%Y%m%d}/{name}.jpg", data, role, facts)


def _stamp(episode: Episode, unique_id: str, shot: Shot) -> Stamp:
    vitals, verdict, wake = _vitals(episode.wake), episode.verdict, episode.wake
    facts = {
        "deployment": episode.deployment.station.deployment,
        "protocol": episode.deployment.protocol.digest[:12],
        "model": str(verdict.model) if verdict.model else None,
        "verdict": verdict.decision,
        "observation_type": verdict.observation_type,
        "score": round(verdict.score, 4),
        "battery_mv": vitals["battery_mv"],
        "light_lux": _light(wake),
        "wake": wake.wake_number,
    }
    unit = episode.deployment.station.unit
    return Stamp(unit, unique_id, shot.taken_at, shot.exposure_us, shot.gain, vitals["temperature_c"], facts)


def _light(wake: frames.Wake) -> int | None:
    return None if wake.flags & codes.FLAG_LIGHT_MISSING else int(wake.light_lux)


def _vitals(wake: frames.Wake) -> dict[str, Any]:
    absent = bool(wake.flags & codes.FLAG_GAUGE_MISSING)
    return {
        "battery_mv": None if absent else wake.battery_mv,
        "battery_ma": None if absent else wake.battery_ma,
        "temperature_c": wake.temperature_cc / 100,
    }


def _telling(frame: tuple[Detection, ...]) -> tuple[Detection, ...]:
    """The detections worth a line: a network's tail of weak boxes tells nobody anything and fills the journal."""
    return tuple(found for found in frame[:MOST_BOXES] if found.score >= frame[0].score * LEAST_SHARE)


def _box(found: Detection) -> dict[str, Any]:
    box = {name: round(getattr(found.box, name), 4) for name in ("x", "y", "width", "height")}
    return {"label": found.label, "score": round(found.score, 4), **box}
