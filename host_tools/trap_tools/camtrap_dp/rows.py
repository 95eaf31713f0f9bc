"""Rows of a package from one deployment. The only place, with ``columns``, in which the names of Camtrap DP are written."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from trap_tools.archive.clock import Numbers
from trap_tools.archive.facts import Box, Medium, Verdict
from trap_tools.archive.places import Place
from trap_tools.archive.whole import Whole
from trap_tools.camtrap_dp.columns import FEATURES
from trap_tools.observers.labels import Burst, Label
from trap_wire.entries import from_us, to_us
from trap_wire.vocabulary import HUMAN_CLASSIFICATION, MACHINE, CaptureMethod, Decision, ObservationType

Row = dict[str, Any]
# Boxes below this are the detector thinking aloud; the best one of a burst is always given.
LEAST_SCORE = 0.2
METRES_A_DEGREE = 111_320


@dataclass(frozen=True, slots=True)
class Choice:
    """What goes into a package. ``precision_deg`` rounds coordinates; 0 leaves them as they are."""

    precision_deg: float = 0.1
    people: bool = False
    thumbnails: bool = False


@dataclass(frozen=True, slots=True)
class Exported:
    """A media file on its way: from where, and its row."""

    source: str
    row: Row


@dataclass(frozen=True, slots=True)
class Source:
    """One deployment, what people said of it, and what is chosen."""

    one: Whole
    labels: Mapping[Burst, list[Label]]
    choice: Choice

    @property
    def id(self) -> str:
        """``deploymentID``."""
        return f"{self.one.log.unit}_{self.one.log.deployment}"

    def said(self, burst: str) -> list[Label]:
        """People's labels of a burst."""
        return self.labels.get((self.one.log.unit, self.one.log.deployment, burst), [])


def stamp(at_us: int) -> str:
    """Time in the format of Camtrap DP, whole seconds, UTC."""
    return f"{from_us(int(at_us)):%Y-%m-%dT%H:%M:%SZ}"


def deployment(source: Source) -> Row:
    """The row of the deployment; its place must be known."""
    one, place = source.one, source.one.place
    latitude, longitude, uncertainty = rounded(place, source.choice.precision_deg)
    boot = one.log.boots[-1] if one.log.boots else None
    issues = any(
        not segment.anchors or segment.cause in ("backwards", "rtc_compromised") for segment in one.clock.segments[1:]
    )
    tags = [f"protocol:{boot.protocol}", f"protocolHash:{boot.protocol_hash[:12]}"] if boot else []
    return {
        "deploymentID": source.id,
        "locationID": place.location,
        "locationName": place.location_name,
        "latitude": latitude,
        "longitude": longitude,
        "coordinateUncertainty": uncertainty,
        "deploymentStart": stamp(one.effort.spans[0].start_us),
        "deploymentEnd": stamp(one.effort.spans[-1].end_us),
        "setupBy": place.set_up_by,
        "cameraID": one.log.unit,
        "cameraModel": f"Manul {boot.software}" if boot else "",
        "cameraHeight": place.height_m,
        "cameraTilt": _whole(place.tilt_deg),
        "cameraHeading": _whole(place.heading_deg),
        "detectionDistance": place.detection_distance_m,
        "timestampIssues": issues or (one.clock.segments[0].drift_ppm is None and len(one.clock.segments) == 1),
        "baitUse": place.bait,
        "featureType": place.feature if place.feature in FEATURES else "",
        "habitat": place.habitat,
        "deploymentGroups": " | ".join([*place.groups, *([f"country:{place.country}"] if place.country else [])]),
        "deploymentTags": " | ".join([*tags, *place.tags]),
        "deploymentComments": place.comments,
    }


def rounded(place: Place, precision_deg: float) -> tuple[float, float, int]:
    """Coordinates on a grid, and an uncertainty (m) that covers the rounding."""
    latitude, longitude = place.latitude or 0.0, place.longitude or 0.0
    own = place.uncertainty_m or 30.0
    if not precision_deg:
        return latitude, longitude, max(1, round(own))
    half_m = precision_deg / 2 * METRES_A_DEGREE
    covered = float(np.hypot(half_m, half_m * np.cos(np.radians(latitude))))
    snapped = (round(round(value / precision_deg) * precision_deg, 6) for value in (latitude, longitude))
    return *snapped, round(own + covered)  # type: ignore[return-value]  # two numbers from the generator


def media(source: Source) -> Iterator[Exported]:
    """Media rows with their files, in the journal's order. Files that are not there are left out; the check names them."""
    one = source.one
    chosen = [medium for medium in one.log.present if _is_chosen(source, medium)]
    # Plain strings: a season has hundreds of thousands of these, and a Path costs ten times the look-up.
    root = f"{one.holding.root}/"
    there = [medium for medium in chosen if os.path.isfile(root + medium.path)]  # noqa: PTH113
    times = _times(one, [medium.sequence for medium in there], [to_us(medium.taken_at) for medium in there])
    for medium, at_us in zip(there, times, strict=True):
        burst = one.log.bursts.get(medium.burst or "")
        row = {
            "mediaID": media_id(source, medium),
            "deploymentID": source.id,
            "captureMethod": burst.capture_method if burst else CaptureMethod.ACTIVITY_DETECTION,
            "timestamp": stamp(at_us),
            "filePath": f"media/{source.id}/{medium.path.split('/')[-2]}/{_file_name(medium)}",
            "filePublic": not shows_people(source, medium.burst),
            "fileName": medium.path.rpartition("/")[2],
            "fileMediatype": "image/jpeg",
            "mediaComments": f"sha256:{medium.sha256}",
        }
        yield Exported(root + medium.path, row)


def media_id(source: Source, medium: Medium) -> str:
    """``mediaID``: the deployment and the file's name, which holds the burst and the frame."""
    return f"{source.id}_{_file_name(medium).rpartition('.')[0]}"


def _file_name(medium: Medium) -> str:
    name = medium.path.rpartition("/")[2]
    return name if medium.is_full else "-small.".join(name.rsplit(".", 1))


def _is_chosen(source: Source, medium: Medium) -> bool:
    if not source.choice.people and shows_people(source, medium.burst):
        return False
    if medium.is_full:
        return True
    verdict = source.one.log.verdicts.get(medium.burst or "")
    return source.choice.thumbnails and verdict is not None and verdict.decision == Decision.BLANK


def shows_people(source: Source, burst: str | None) -> bool:
    """Whether the detector or a person saw people in a burst."""
    verdict = source.one.log.verdicts.get(burst or "")
    said = any(label.observation_type == ObservationType.HUMAN for label in source.said(burst or ""))
    if verdict is None:
        return said
    boxed = any(
        box.label == ObservationType.HUMAN and box.score >= LEAST_SCORE for frame in verdict.boxes for box in frame
    )
    return said or boxed or verdict.observation_type == ObservationType.HUMAN


def observations(source: Source, exported: set[str]) -> Iterator[Row]:
    """Observation rows: the machine's for every burst, its boxes on exported media, and people's words."""
    one = source.one
    verdicts = list(one.log.verdicts.values())
    times = _times(one, [verdict.sequence for verdict in verdicts], [to_us(verdict.at) for verdict in verdicts])
    frames = _frames(source, exported)
    spans = _spans(one)
    for verdict, said_us in zip(verdicts, times, strict=True):
        span = spans.get(verdict.burst, (int(said_us), int(said_us)))
        base = {
            "deploymentID": source.id,
            "eventID": verdict.burst,
            "eventStart": stamp(span[0]),
            "eventEnd": stamp(span[1]),
        }
        yield _by_machine(source, verdict, base, int(said_us))
        for number, (medium, box) in enumerate(_boxes(verdict, frames.get(verdict.burst, {})), 1):
            yield _boxed(verdict, base, medium, box, number)
        for number, label in enumerate(source.said(verdict.burst), 1):
            yield _by_person(source, label, base, number)
    yield from _setup_pictures(source, exported)
    yield from _walk_tests(source)


def _by_machine(source: Source, verdict: Verdict, base: Row, said_us: int) -> Row:
    tags = [f"decision:{verdict.decision}", *(["audited"] if verdict.audited else [])]
    return {
        **base,
        "observationID": f"{source.id}_{verdict.burst}_m",
        "observationLevel": "event",
        "observationType": verdict.observation_type,
        "classificationMethod": MACHINE,
        "classifiedBy": verdict.model or "",
        "classificationTimestamp": stamp(said_us),
        "classificationProbability": verdict.score if verdict.model and not verdict.fail_open else None,
        "observationTags": " | ".join(tags),
        "observationComments": f"not filtered: {verdict.fail_open}" if verdict.fail_open else "",
    }


def _boxed(verdict: Verdict, base: Row, medium: str, box: Box, number: int) -> Row:
    return {
        **base,
        "observationID": f"{medium}_b{number}",
        "mediaID": medium,
        "observationLevel": "media",
        "observationType": box.label,
        **bbox(box),
        "classificationMethod": MACHINE,
        "classifiedBy": verdict.model or "",
        "classificationProbability": box.score,
    }


def bbox(box: Box) -> Row:
    """The box inside the frame, as Camtrap DP wants it: a detector may say a little outside."""
    x, y = min(max(box.x, 0.0), 1.0), min(max(box.y, 0.0), 1.0)
    right, bottom = min(max(box.x + box.width, x + 1e-4), 1.0), min(max(box.y + box.height, y + 1e-4), 1.0)
    values = {"bboxX": x, "bboxY": y, "bboxWidth": right - x, "bboxHeight": bottom - y}
    return {name: round(value, 5) for name, value in values.items()}


def _by_person(source: Source, label: Label, base: Row, number: int) -> Row:
    return {
        **base,
        "observationID": f"{source.id}_{label.burst}_h{number}",
        "observationLevel": "event",
        "observationType": label.observation_type,
        "scientificName": label.scientific_name,
        "count": label.count,
        "lifeStage": label.life_stage,
        "sex": label.sex,
        "classificationMethod": HUMAN_CLASSIFICATION,
        "classifiedBy": label.observer,
        "classificationTimestamp": f"{label.at[:19]}Z",
        "observationComments": label.comments,
    }


def _setup_pictures(source: Source, exported: set[str]) -> Iterator[Row]:
    """Pictures that people took while aiming: set-up, and no data."""
    pictures = [medium for medium in source.one.log.present if medium.setup]
    times = _times(source.one, [p.sequence for p in pictures], [to_us(p.taken_at) for p in pictures])
    for picture, at in zip(pictures, times, strict=True):
        if (name := media_id(source, picture)) in exported:
            yield {
                "observationID": f"{name}_setup",
                "deploymentID": source.id,
                "mediaID": name,
                "eventID": name,
                "eventStart": stamp(at),
                "eventEnd": stamp(at),
                "observationLevel": "media",
                "observationType": ObservationType.UNCLASSIFIED,
                "cameraSetupType": "setup",
            }


def _walk_tests(source: Source) -> Iterator[Row]:
    for number, at in enumerate(source.one.log.walk_tests, 1):
        moment = stamp(to_us(at))
        yield {
            "observationID": f"{source.id}_walk{number}",
            "deploymentID": source.id,
            "eventID": f"{source.id}_walk{number}",
            "eventStart": moment,
            "eventEnd": moment,
            "observationLevel": "event",
            "observationType": ObservationType.HUMAN,
            "cameraSetupType": "setup",
            "observationComments": "walk test",
        }


def _boxes(verdict: Verdict, frames: Mapping[int, str]) -> Iterator[tuple[str, Box]]:
    best = max((box.score for boxes in verdict.boxes for box in boxes), default=0.0)
    for frame, boxes in enumerate(verdict.boxes):
        if medium := frames.get(frame):
            yield from ((medium, box) for box in boxes if box.score >= min(LEAST_SCORE, best))


def _frames(source: Source, exported: set[str]) -> dict[str, dict[int, str]]:
    """Burst -> frame -> mediaID of the exported files."""
    found: dict[str, dict[int, str]] = {}
    for medium in source.one.log.present:
        name = media_id(source, medium)
        if medium.burst is not None and medium.frame is not None and name in exported:
            found.setdefault(medium.burst, {})[medium.frame] = name
    return found


def _spans(one: Whole) -> dict[str, tuple[int, int]]:
    """First and last frame of each burst, corrected."""
    media_of = list(one.log.media.values())
    times = _times(one, [medium.sequence for medium in media_of], [to_us(medium.taken_at) for medium in media_of])
    found: dict[str, tuple[int, int]] = {}
    for medium, at in zip(media_of, times.tolist(), strict=True):
        if medium.burst is not None:
            first, last = found.get(medium.burst, (at, at))
            found[medium.burst] = (min(first, at), max(last, at))
    return found


def _times(one: Whole, sequences: list[int], at_us: list[int]) -> Numbers:
    return one.clock.correct_us(sequences, at_us)


def _whole(value: float | None) -> int | None:
    return None if value is None else round(value)


def custom(source: Source, name: str) -> Iterator[Row]:
    """Rows of one of our own tables."""
    for row in _CUSTOM[name](source.one):
        yield {"deploymentID": source.id, **row}


def _triggers(one: Whole) -> Iterator[Row]:
    times = _times(one, [wake.sequence for wake in one.log.wakes], [to_us(wake.at) for wake in one.log.wakes])
    for wake, at in zip(one.log.wakes, times, strict=True):
        yield {
            "timestamp": stamp(at),
            "reason": wake.reason,
            "triggerAge": wake.trigger_age_ms,
            "light": wake.light_lux,
            "refused": wake.throttled_triggers,
            "refusedSeconds": wake.throttled_s,
            "flags": "|".join(wake.flags),
        }


def _effort(one: Whole) -> Iterator[Row]:
    for span in one.effort.spans:
        yield {
            "start": stamp(span.start_us),
            "end": stamp(span.end_us),
            "state": span.state,
            "days": round(span.days, 5),
        }


def _battery(one: Whole) -> Iterator[Row]:
    samples = one.log.samples
    times = _times(one, [sample.sequence for sample in samples], [to_us(sample.at) for sample in samples])
    for sample, at in zip(samples, times, strict=True):
        yield {"timestamp": stamp(at), "voltage": sample.battery_mv, "current": sample.battery_ma,
               "temperature": sample.temperature_c, "state": sample.state}  # fmt: skip


def _clock(one: Whole) -> Iterator[Row]:
    for segment in one.clock.segments:
        drift = None if segment.drift_ppm is None else round(segment.drift_ppm, 3)
        for anchor in segment.anchors:
            yield {"unitTime": stamp(anchor.unit_us), "offset": anchor.offset_us / 1e6, "drift": drift,
                   "segment": segment.first, "cause": segment.cause}  # fmt: skip


_CUSTOM = {"triggers": _triggers, "effort": _effort, "battery": _battery, "clock": _clock}
