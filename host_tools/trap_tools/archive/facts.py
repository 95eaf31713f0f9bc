"""What the entries of one deployment say, as typed facts. Times are the unit's own clock, UTC, uncorrected."""

from array import array
from dataclasses import dataclass, field
from datetime import datetime

from trap_wire.entries import from_us
from trap_wire.protocol import Protocol
from trap_wire.vocabulary import Decision, Role


@dataclass(frozen=True, slots=True)
class Boot:
    """The application started: who the unit says it is and what it runs; ``rules`` where they are new."""

    at: datetime
    unit: str
    deployment: str
    programme: str
    protocol: str
    protocol_hash: str
    model: str | None
    software: str
    trouble: str
    sequence: int = 0
    rules: Protocol | None = None


@dataclass(frozen=True, slots=True)
class Wake:
    """Why the rail came up; triggers that the gate refused since the last one come with it."""

    at: datetime
    sequence: int
    wake: str
    reason: str
    light_lux: float | None
    trigger_age_ms: int | None
    flags: tuple[str, ...]
    ladder: str
    throttled_triggers: int
    throttled_s: int


@dataclass(frozen=True, slots=True)
class Burst:
    """Frames that the camera gave for one trigger or heartbeat."""

    at: datetime
    sequence: int
    burst: str
    wake: str
    capture_method: str
    frames: int
    first_frame_ms: int | None
    infrared: bool
    lores_px: tuple[int, int] | None = None  # of the picture that the detector saw


@dataclass(frozen=True, slots=True)
class Box:
    """What the detector saw in one frame; position relative to the frame, 0..1."""

    label: str
    score: float
    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What triage did with a burst. ``boxes`` has one tuple a frame; ``fail_open`` is why nothing was filtered."""

    at: datetime
    sequence: int
    burst: str
    decision: str
    observation_type: str
    score: float | None
    audited: bool
    best_frame: int
    model: str | None
    fail_open: str | None
    boxes: tuple[tuple[Box, ...], ...]

    @property
    def kept(self) -> bool:
        """Whether the full frames were kept on their merit (not for the audit)."""
        return self.decision != Decision.BLANK


@dataclass(frozen=True, slots=True)
class Medium:
    """A file that the unit wrote. Burst and frame are None for an orphan that was adopted after a power cut."""

    at: datetime
    sequence: int
    path: str
    role: str
    burst: str | None
    frame: int | None
    taken_at: datetime
    size: int
    sha256: str
    exposure_us: int | None
    gain: float | None
    infrared: bool
    setup: bool = False  # taken by a person while aiming

    @property
    def is_full(self) -> bool:
        """Whether it is a full frame rather than a thumbnail."""
        return self.role != Role.THUMBNAIL


@dataclass(frozen=True, slots=True)
class Sample:
    """Battery and climate at one moment."""

    at: datetime
    sequence: int
    battery_mv: int | None
    battery_ma: int | None
    charge_used_mah: float | None
    temperature_c: float | None
    state: str
    cause: str


@dataclass(frozen=True, slots=True)
class ClockFix:
    """Unit time and host time read together; microseconds since 1970. ``host_us`` is None for a step of unknown size."""

    sequence: int
    unit_us: int
    host_us: int | None
    cause: str


@dataclass(frozen=True, slots=True)
class Lost:
    """Time in which the unit could not have photographed, and the triggers refused in it."""

    at: datetime
    sequence: int
    triggers: int
    seconds: float
    cause: str


@dataclass(frozen=True, slots=True)
class Refused:
    """The card did not take the photographs of a burst; ``full`` is whether that was for want of room."""

    at: datetime
    sequence: int
    burst: str
    full: bool


@dataclass(frozen=True, slots=True)
class Note:
    """Something that went wrong on the unit, in words. ``kind`` is the entry's, ``part`` what it is about."""

    at: datetime
    kind: str
    part: str
    words: str


@dataclass(frozen=True, slots=True)
class Change:
    """The unit went from one state to another."""

    at: datetime
    sequence: int
    before: str
    after: str
    cause: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A person began or ended the deployment; ``action`` is ``start`` or ``end``."""

    at: datetime
    sequence: int
    action: str
    note: str


@dataclass(slots=True)
class Ticks:
    """Sequence number and unit time (µs since 1970) of every entry: signs of life, and where the clock jumped."""

    sequences: "array[int]" = field(default_factory=lambda: array("q"))
    at_us: "array[int]" = field(default_factory=lambda: array("q"))


@dataclass(slots=True)
class Log:
    """Everything that one deployment's journal says; the folding in ``fold`` is its only writer."""

    unit: str
    deployment: str
    ticks: Ticks = field(default_factory=Ticks)
    boots: list[Boot] = field(default_factory=list)
    wakes: list[Wake] = field(default_factory=list)
    bursts: dict[str, Burst] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    media: dict[str, Medium] = field(default_factory=dict)
    evicted: dict[str, str] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    fixes: list[ClockFix] = field(default_factory=list)
    lost: list[Lost] = field(default_factory=list)
    refused: list[Refused] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    walk_tests: list[datetime] = field(default_factory=list)
    visits: list[tuple[datetime, str]] = field(default_factory=list)
    elsewhere: set[str] = field(default_factory=set)  # pictures of the unit's other deployments

    @property
    def entries(self) -> int:
        """How many there are."""
        return len(self.ticks.at_us)

    @property
    def first_at(self) -> datetime | None:
        """Earliest unit time, None for an empty journal."""
        return from_us(min(self.ticks.at_us)) if self.entries else None

    @property
    def last_at(self) -> datetime | None:
        """Latest unit time, None for an empty journal."""
        return from_us(max(self.ticks.at_us)) if self.entries else None

    @property
    def imported(self) -> bool:
        """Whether another camera took these and ``manul import`` wrote the journal: such a camera has no heartbeat."""
        return any(boot.software.startswith("import ") for boot in self.boots)

    @property
    def present(self) -> list[Medium]:
        """Files that the unit still had when its journal was pulled, in the journal's order."""
        return [medium for path, medium in self.media.items() if path not in self.evicted]
