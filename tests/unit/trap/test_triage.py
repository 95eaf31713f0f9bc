import pytest

from tests.unit.trap.parts import ScriptedDetector, SteadyClock, animal, shot
from trap.deployment import Deployment, Protocol, Station
from trap.ports import Thresholds
from trap.triage.audit import drawn
from trap.triage.judge import Triage, biased
from trap_wire.errors import PartError
from trap_wire.vocabulary import Decision

KEY = "5c" * 32


def judged(sees, *, heartbeat=False, time_limit_ms=20_000, **protocol):
    deployment = Deployment(station=Station(audit_key=KEY), protocol=Protocol(**{"audit_every": 1_000, **protocol}))
    triage = Triage(ScriptedDetector(list(sees)), deployment, SteadyClock().monotonic_ms, time_limit_ms=time_limit_ms)
    return triage.judge("MN-017-00000001", [shot()] * len(sees), heartbeat=heartbeat)


@pytest.mark.parametrize(
    ("scores", "decision"),
    [
        ((0.0, 0.41), Decision.KEEP),
        ((0.39, 0.1), Decision.UNKNOWN),
        ((0.1, 0.0), Decision.UNKNOWN),
        ((0.09, 0.0), Decision.BLANK),
    ],
)
def test_best_frame_decides_for_the_burst(scores, decision):
    assert judged([(animal(score),) if score else () for score in scores]).decision is decision


@pytest.mark.parametrize(
    "fault", [PartError("detector", "gone"), MemoryError(), ValueError("shape"), RuntimeError("delegate")]
)
def test_whatever_the_detector_does_the_burst_is_kept_and_the_reason_said(fault):
    verdict = judged([(), fault])
    assert verdict.decision is Decision.KEEP
    assert type(fault).__name__ in verdict.fail_open


def test_slow_detector_fails_open():
    assert "over 2 ms" in judged([()] * 9, time_limit_ms=2).fail_open


def test_protocol_can_switch_the_filter_off():
    verdict = judged([()], filter_blanks=False)
    assert (verdict.decision, verdict.observation_type) == (Decision.KEEP, "blank")


def test_bias_moves_thresholds_toward_keeping_only():
    at = Thresholds(keep_at=0.4, blank_at=0.1)
    assert biased(at, 0.0) == at
    moved = biased(at, 0.5)
    assert moved.keep_at < at.keep_at
    assert moved.blank_at < at.blank_at


def test_biased_threshold_turns_a_blank_into_a_doubt():
    assert judged([(animal(0.08),)]).decision is Decision.BLANK
    assert judged([(animal(0.08),)], keep_bias=0.5).decision is Decision.UNKNOWN


def test_audit_draw_is_steady_keyed_and_about_one_in_n():
    names = [f"MN-017-{n:08d}" for n in range(4_000)]
    sample = [name for name in names if drawn(KEY, name, 20)]
    assert sample == [name for name in names if drawn(KEY, name, 20)]
    assert 150 < len(sample) < 250  # 200 expected, sd 14
    assert sample != [name for name in names if drawn("00" * 32, name, 20)]


def test_only_blanks_are_audited():
    assert not judged([(animal(0.9),)], audit_every=1).audited
    assert judged([()], audit_every=1).audited
