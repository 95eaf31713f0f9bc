"""From a burst to a verdict. Fails open: whatever goes wrong here, the photographs are kept and the reason is said."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from trap.deployment import Deployment
from trap.ports import Detection, Detector, ModelIdentity, Shot, Thresholds
from trap.triage.audit import drawn
from trap.triage.looks import Found, Looked, Steps, look_at
from trap.triage.scene import Hour, Scene
from trap_wire.errors import TrapError
from trap_wire.vocabulary import Decision, ObservationType

# A burst of ten frames takes 2 s on a Zero 2 W; a detector that needs ten times that is broken, and the battery pays.
TIME_LIMIT_MS = 20_000
FAULTS = (
    TrapError,
    ArithmeticError,
    LookupError,
    MemoryError,
    OSError,
    RuntimeError,
    SyntaxError,
    TypeError,
    ValueError,
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a burst is and what happens to it. ``fail_open`` is why the detector was not believed, else empty.

    ``boxes`` has a tuple of detections for every frame that was looked at; ``best_frame`` counts from 0.
    """

    decision: Decision
    observation_type: ObservationType
    score: float
    best_frame: int
    boxes: tuple[tuple[Detection, ...], ...]
    model: ModelIdentity | None
    audited: bool = False
    fail_open: str = ""


@dataclass(frozen=True, slots=True)
class Triage:
    """The detector and the rules around it. ``trouble`` is why there is none; ``clock_ms`` only guards the time limit."""

    detector: Detector | None
    deployment: Deployment
    clock_ms: Callable[[], int]
    trouble: str = ""
    time_limit_ms: int = TIME_LIMIT_MS
    scene: Scene = field(default_factory=Scene)
    steps: Steps = Steps()  # noqa: RUF009  # frozen

    def judge(self, burst: str, shots: Sequence[Shot], *, heartbeat: bool = False) -> Verdict:
        """Verdict of a burst of at least one frame; never raises for anything that the detector does."""
        if self.detector is None:
            return _unclassified(self.trouble or "no detector", None)
        try:
            looked = look_at(self.detector, shots, self.scene, self.steps, self._check_time(len(shots)))
        # The widest net on purpose: a defect in a runtime or a model must cost storage, never an animal.
        except FAULTS as error:
            return _unclassified(f"{type(error).__name__}: {error}", self.detector.identity)
        return self.decide(burst, looked, Hour.of(shots[0]), heartbeat=heartbeat)

    def decide(self, burst: str, looked: Looked, hour: Hour, *, heartbeat: bool = False) -> Verdict:
        """Verdict of a burst that was looked at, and what the scene learns of it."""
        assert self.detector is not None  # noqa: S101  # somebody looked
        verdict = self._verdict(burst, looked.boxes, self.detector, heartbeat)
        standing = tuple(found for found in looked.standing if found.score >= self.detector.thresholds.blank_at)
        self.scene.learn(hour, looked.still, looked.moved, standing)
        return verdict

    def _check_time(self, frames: int) -> Callable[[int], None]:
        started = self.clock_ms()

        def check(looks: int) -> None:
            if self.clock_ms() - started > self.time_limit_ms:
                raise TimeoutError(f"detector took over {self.time_limit_ms} ms for {looks} looks at {frames} frames")

        return check

    def _verdict(self, burst: str, boxes: tuple[Found, ...], detector: Detector, heartbeat: bool) -> Verdict:
        tops = [max((found.score for found in frame), default=0.0) for frame in boxes]
        best = max(range(len(tops)), key=tops.__getitem__)
        protocol = self.deployment.protocol
        decision, kind = weighed(boxes[best], biased(detector.thresholds, protocol.keep_bias))
        # The protocol may switch the filter off, and a heartbeat is never filtered; the type still says what was seen.
        if heartbeat or not protocol.filter_blanks:
            decision = Decision.KEEP
        blank = decision is Decision.BLANK
        audited = blank and drawn(self.deployment.station.audit_key, burst, protocol.audit_every)
        return Verdict(decision, kind, tops[best], best, boxes, detector.identity, audited)


def weighed(found: Sequence[Detection], at: Thresholds) -> tuple[Decision, ObservationType]:
    """Decision and type from the detections of the best frame: kept, in doubt, or blank."""
    if not found or found[0].score < at.blank_at:
        return Decision.BLANK, ObservationType.BLANK
    if found[0].score < at.keep_at:
        return Decision.UNKNOWN, ObservationType.UNKNOWN
    return Decision.KEEP, found[0].label


def biased(at: Thresholds, keep_bias: float) -> Thresholds:
    """Thresholds moved toward keeping by a share 0..1; never the other way."""
    return replace(at, keep_at=at.keep_at * (1 - keep_bias), blank_at=at.blank_at * (1 - keep_bias))


def _unclassified(why: str, model: ModelIdentity | None) -> Verdict:
    return Verdict(Decision.KEEP, ObservationType.UNCLASSIFIED, 0.0, 0, (), model, fail_open=why)
