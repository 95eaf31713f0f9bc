"""From entries to facts: one small function a kind of entry, none of which stops at a body that it cannot read."""

from collections.abc import Callable, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from trap_tools.archive.facts import (
    Boot,
    Box,
    Burst,
    Change,
    ClockFix,
    Log,
    Lost,
    Mark,
    Medium,
    Note,
    Refused,
    Sample,
    Verdict,
    Wake,
)
from trap_tools.archive.faults import Fault, What
from trap_tools.archive.layout import Holding
from trap_tools.archive.pages import Report, read
from trap_wire.entries import Entry, Kind, from_us, to_us
from trap_wire.facts import from_table
from trap_wire.protocol import Protocol

Body = Mapping[str, Any]


# Of another deployment of the same unit only these matter: the clock is one, and what it evicts may have been ours.
_ALWAYS = frozenset({Kind.CLOCK, Kind.EVICTED})


def log_of(holding: Holding, report: Report) -> Log:
    """What a holding's journal says of its deployment; faults go to ``report``.

    A unit has one journal for all its deployments, and a pull brings all of it. One that never names this deployment (a folder
    that was renamed by hand) is taken whole, and said.
    """
    log = folded(Log(holding.unit, holding.deployment), read(holding, report), report, only_ours=True)
    if not log.boots and log.elsewhere:
        log = folded(Log(holding.unit, holding.deployment), read(holding, lambda _fault: None), report)
    _check_identity(log, report)
    return log


def folded(log: Log, entries: Iterable[Entry], report: Report, *, only_ours: bool = False) -> Log:
    """Add entries to a log. An entry whose body lacks what its kind promises is named and left out.

    With ``only_ours`` what the unit did in other deployments is left out; ``log.elsewhere`` keeps the names of its pictures.
    """
    sequences, at_us, elsewhere = log.ticks.sequences.append, log.ticks.at_us.append, False
    for entry in entries:
        elsewhere = only_ours and _elsewhere(log, entry, before=elsewhere)
        if elsewhere and entry.kind not in _ALWAYS:
            log.elsewhere.add(str(entry.body.get("path", "")))
            continue
        if not elsewhere:
            sequences(entry.sequence)
            at_us(to_us(entry.at))
        if (fold := _FOLDS.get(entry.kind)) is None:
            continue
        try:
            fold(log, entry, entry.body)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            words = f"a {entry.kind} entry whose body cannot be read ({type(error).__name__}: {error})"
            report(Fault(What.BAD_BODY, f"entry {entry.sequence}", words))
    return log


def _elsewhere(log: Log, entry: Entry, *, before: bool) -> bool:
    """Whether the unit is in another deployment from this entry on: it says so at every start, and when one begins."""
    body = entry.body
    begins = entry.kind is Kind.BOOT or (entry.kind is Kind.DEPLOYMENT and body.get("action") == "start")
    if not begins or body.get("unit") != log.unit or not isinstance(body.get("deployment"), str):
        return before
    return bool(body["deployment"] != log.deployment)


def _check_identity(log: Log, report: Report) -> None:
    """A unit that calls itself otherwise than its folder: two units of one name, or a folder renamed by hand."""
    for unit, deployment in dict.fromkeys((boot.unit, boot.deployment) for boot in log.boots):
        if (unit, deployment) != (log.unit, log.deployment):
            words = f"the journal says {unit}/{deployment}; was the folder renamed, or do two units share a name?"
            report(Fault(What.IDENTITY, f"{log.unit}/{log.deployment}", words))


def _boot(log: Log, entry: Entry, body: Body) -> None:
    names = ("unit", "deployment", "programme", "protocol", "protocol_hash", "software", "trouble")
    texts = {name: str(body.get(name) or "") for name in names}
    trouble = texts["trouble"]
    rules = _rules(body.get("rules"), texts["protocol_hash"])
    log.boots.append(Boot(at=entry.at, model=body.get("model") or None, sequence=entry.sequence, rules=rules, **texts))
    if trouble:
        log.notes.append(Note(entry.at, Kind.BOOT, "config", trouble))


def _rules(table: Any, digest: str) -> Protocol | None:
    """The rules as the unit had them; None when it did not say, or speaks of rules that this version does not know."""
    rules = from_table(Protocol, table, "rules", [])
    return rules if rules is not None and rules.digest == digest else None


def _wake(log: Log, entry: Entry, body: Body) -> None:
    throttled, seconds = int(body.get("throttled_triggers") or 0), int(body.get("throttled_s") or 0)
    flags = tuple(str(flag) for flag in body.get("flags") or ())
    light, age = body.get("light_lux"), body.get("trigger_age_ms")
    reason, ladder = str(body["reason"]), str(body.get("ladder") or "")
    log.wakes.append(
        Wake(entry.at, entry.sequence, str(body["wake"]), reason, light, age, flags, ladder, throttled, seconds)
    )
    told = body.get("lost") or [{"cause": "flooded", "triggers": throttled, "seconds": seconds}]
    for lost in told if throttled or seconds else ():
        log.lost.append(Lost(entry.at, entry.sequence, int(lost["triggers"]), int(lost["seconds"]), str(lost["cause"])))
    log.notes.extend(Note(entry.at, Kind.WAKE, flag, flag.replace("_", " ")) for flag in flags)


def _burst(log: Log, entry: Entry, body: Body) -> None:
    burst, first = str(body["burst"]), body.get("first_frame_ms")
    method = str(body["capture_method"])
    wake, infrared = str(body.get("wake") or ""), bool(body.get("infrared"))
    width, height = body.get("lores_px") or (0, 0)
    seen_px = (int(width), int(height)) if width and height else None
    log.bursts[burst] = Burst(
        entry.at, entry.sequence, burst, wake, method, int(body["frames"]), first, infrared, seen_px
    )


def _verdict(log: Log, entry: Entry, body: Body) -> None:
    score, best = body.get("score"), body.get("best_frame")
    verdict = Verdict(
        at=entry.at,
        sequence=entry.sequence,
        burst=str(body["burst"]),
        decision=str(body["decision"]),
        observation_type=str(body["observation_type"]),
        score=None if score is None else float(score),
        audited=bool(body.get("audited")),
        best_frame=int(best or 0),
        model=body.get("model") or None,
        fail_open=body.get("fail_open") or None,
        boxes=tuple(tuple(_box(box) for box in frame) for frame in body.get("boxes") or ()),
    )
    log.verdicts[verdict.burst] = verdict
    if verdict.fail_open:
        log.notes.append(Note(entry.at, Kind.VERDICT, "detector", verdict.fail_open))


def _box(body: Body) -> Box:
    numbers = [float(body[name]) for name in ("score", "x", "y", "width", "height")]
    return Box(str(body["label"]), *numbers)


def _media(log: Log, entry: Entry, body: Body) -> None:
    burst, frame, taken = body.get("burst"), body.get("frame"), body.get("taken_at_us")
    path = _inside(str(body["path"]))
    log.evicted.pop(path, None)
    log.media[path] = Medium(
        at=entry.at,
        sequence=entry.sequence,
        path=path,
        role=str(body["role"]),
        burst=None if burst is None else str(burst),
        frame=None if frame is None else int(frame),
        taken_at=entry.at if taken is None else from_us(int(taken)),
        size=int(body["size"]),
        sha256=str(body["sha256"]),
        exposure_us=body.get("exposure_us"),
        gain=body.get("gain"),
        infrared=bool(body.get("infrared")),
        setup=bool(body.get("setup")),
    )


def _inside(path: str) -> str:
    """A path that stays inside its holding; a journal is a file from a card that anybody may have written."""
    parts = PurePosixPath(path).parts
    if not parts or ".." in parts or parts[0] not in ("media", "thumbnails"):
        raise ValueError(f"path {path!r} leads out of media/ and thumbnails/")
    return path


def _battery(log: Log, entry: Entry, body: Body) -> None:
    log.samples.append(
        Sample(
            at=entry.at,
            sequence=entry.sequence,
            battery_mv=body.get("battery_mv"),
            battery_ma=body.get("battery_ma"),
            charge_used_mah=body.get("charge_used_mah"),
            temperature_c=body.get("temperature_c"),
            state=str(body.get("state") or ""),
            cause=str(body.get("cause") or ""),
        )
    )


def _throttled(log: Log, entry: Entry, body: Body) -> None:
    cause = str(body.get("cause") or "flooded")
    log.lost.append(Lost(entry.at, entry.sequence, int(body["triggers"]), float(body["seconds"]), cause))


def _state(log: Log, entry: Entry, body: Body) -> None:
    """From one state to another; ``state`` alone (the application came up) leaves whatever it was in."""
    after = str(body["to"] if "to" in body else body["state"])
    log.changes.append(
        Change(entry.at, entry.sequence, str(body.get("from") or ""), after, str(body.get("cause") or ""))
    )


def _clock(log: Log, entry: Entry, body: Body) -> None:
    host = body.get("host_us")
    unit = int(body["unit_us"])
    log.fixes.append(ClockFix(entry.sequence, unit, None if host is None else int(host), str(body.get("cause") or "")))


def _error(log: Log, entry: Entry, body: Body) -> None:
    words = str(body["words"])
    log.notes.append(Note(entry.at, Kind.ERROR, str(body.get("part") or ""), words))
    if burst := body.get("lost_burst"):
        log.refused.append(Refused(entry.at, entry.sequence, str(burst), "full" in words))


def _evicted(log: Log, entry: Entry, body: Body) -> None:  # noqa: ARG001 - one signature for all kinds
    log.evicted[str(body["path"])] = str(body.get("cause") or "")


def _recovered(log: Log, entry: Entry, body: Body) -> None:
    if body.get("what") == "sealed":
        return  # what is in the file is as it was
    words = f"{body['path']}: {body.get('words') or body.get('what')}"
    log.notes.append(Note(entry.at, Kind.RECOVERED, str(body.get("what") or ""), words))


def _deployment(log: Log, entry: Entry, body: Body) -> None:
    log.marks.append(Mark(entry.at, entry.sequence, str(body["action"]), str(body.get("note") or "")))


def _walk_test(log: Log, entry: Entry, body: Body) -> None:  # noqa: ARG001 - one signature for all kinds
    log.walk_tests.append(entry.at)


def _visit(log: Log, entry: Entry, body: Body) -> None:
    log.visits.append((entry.at, str(body.get("words") or body.get("what") or body.get("host") or "")))


_FOLDS: Mapping[Kind, Callable[[Log, Entry, Body], None]] = {
    Kind.BOOT: _boot,
    Kind.WAKE: _wake,
    Kind.BURST: _burst,
    Kind.VERDICT: _verdict,
    Kind.MEDIA: _media,
    Kind.BATTERY: _battery,
    Kind.THROTTLED: _throttled,
    Kind.STATE: _state,
    Kind.CLOCK: _clock,
    Kind.ERROR: _error,
    Kind.EVICTED: _evicted,
    Kind.RECOVERED: _recovered,
    Kind.DEPLOYMENT: _deployment,
    Kind.WALK_TEST: _walk_test,
    Kind.VISIT: _visit,
}
