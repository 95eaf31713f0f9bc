"""The seams: everything that the policy asks of the world, and the facts that cross.

A real part lives in ``trap.drivers``, a pretend one in ``trap_sim``; both are held to the words here, faults included.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from trap_wire.frames import Frame
from trap_wire.vocabulary import ObservationType

Pixels = NDArray[np.uint8]  # (height, width, 3), RGB


class Lighting(StrEnum):
    """When a burst uses the infrared flash. PAIRED: every other frame, from the second on, all on one exposure."""

    BY_LIGHT = "by_light"
    LIT = "lit"
    PAIRED = "paired"


@dataclass(frozen=True, slots=True)
class BurstPlan:
    """What is asked of the camera. ``light_lux`` is None when nobody measured it: the camera then meters by itself."""

    frames: int
    interval_ms: int
    light_lux: float | None = None
    lighting: Lighting = Lighting.BY_LIGHT


@dataclass(frozen=True, slots=True, eq=False)
class Shot:
    """One frame of a burst: the full JPEG and the small RGB picture that the detector sees."""

    jpeg: bytes
    lores: Pixels
    taken_at: datetime
    exposure_us: int
    gain: float
    infrared: bool


@dataclass(frozen=True, slots=True)
class Box:
    """Rectangle relative to the frame, 0..1, as Camtrap DP's ``bboxX``, ``bboxY``, ``bboxWidth``, ``bboxHeight``."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing that the detector saw: animal, human or vehicle, with its score 0..1."""

    label: ObservationType
    score: float
    box: Box


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which detector spoke; travels with every observation. ``sha256`` is the network file's, hex."""

    name: str
    version: str
    sha256: str

    def __str__(self) -> str:
        return f"{self.name}@{self.version}+{self.sha256[:12]}"


@dataclass(frozen=True, slots=True)
class Thresholds:
    """``score >= keep_at`` keeps, ``score < blank_at`` on every frame is blank; between the two the burst is unknown."""

    keep_at: float
    blank_at: float
    second_look_at: float | None = None  # weak detections from here on are looked at again; None: never a second look


class Camera(Protocol):
    """A camera that takes bursts."""

    def burst(self, plan: BurstPlan) -> Iterator[Shot]:
        """Frames in order, each as soon as it is there; ``PartError`` when the camera is absent, hangs or fails.

        Frames yielded before a fault are good and are kept.
        """


@runtime_checkable
class StartsEarly(Protocol):
    """A ``Camera`` whose stream takes a moment to start: that moment need not be waited for before other work is done."""

    def begin(self, plan: BurstPlan) -> None:
        """Ask for the start and come back at once; the ``burst`` of the same plan follows, and raises what went wrong."""


class Detector(Protocol):
    """A network that finds animals, people and vehicles."""

    @property
    def identity(self) -> ModelIdentity:
        """Name, version and hash."""

    @property
    def thresholds(self) -> Thresholds:
        """From the model's card."""

    def look(self, picture: Pixels) -> tuple[Detection, ...]:
        """Everything above a low floor in one picture, best first; ``PartError`` when inference fails."""


class SupervisorLink(Protocol):
    """Frames to and from the RP2040."""

    def receive(self, timeout_s: float) -> Frame | None:
        """Next frame, or None after the time-out; ``PartError`` when the line is gone."""

    def send(self, type_: int, payload: bytes = b"") -> None:
        """Send one frame; ``PartError`` when the line is gone."""


@runtime_checkable
class Supervised(Protocol):
    """A ``SupervisorLink`` with an RP2040 behind it that takes orders; a Pi with its PIR on the header has none."""

    def walk_test(self, seconds: int | None) -> int:
        """The LED follows the PIR for so long, 0 ends it, None only asks; pulses so far. ``PartError`` without an answer."""

    def measure(self) -> tuple[int, int]:
        """Millivolts and milliamperes of the pack as it works now; ``PartError`` without an answer."""

    @property
    def firmware(self) -> str:
        """Its version, ``major.minor.patch``; ``PartError`` before it has answered."""

    @property
    def bad_frames(self) -> int:
        """Frames that came with a wrong CRC since power-up."""

    def fresh_cells(self) -> None:
        """Count the charge from nought; ``PartError`` without an answer."""


class Card(Protocol):
    """The medium below the store, in the operations that decide what survives a power cut. Paths are relative, POSIX.

    Every method raises ``StorageError`` when the card is full, read-only or gone.
    """

    def write(self, path: str, data: bytes) -> None:
        """Create or replace a file, folders included. Nothing is durable yet."""

    def sync(self, path: str) -> None:
        """Make a file's bytes durable (fsync)."""

    def sync_folder(self, path: str) -> None:
        """Make a folder's names durable (fsync of the folder)."""

    def rename(self, source: str, target: str) -> None:
        """Atomic within the card."""

    def remove(self, path: str) -> None:
        """Remove a file; no error when it is not there."""

    def read(self, path: str, offset: int = 0, length: int | None = None) -> bytes:
        """Bytes of a file from ``offset`` on."""

    def size(self, path: str) -> int | None:
        """Size of a file in bytes, None when it is not there."""

    def files(self, folder: str) -> Iterator[str]:
        """Paths of all files below a folder, sorted; nothing when there is no such folder."""

    def free_bytes(self) -> int:
        """Room left for files."""


class Drive(Protocol):
    """The media partition as a read-only USB drive at the laptop. Every method raises ``PartError`` without a USB gadget."""

    @property
    def shown(self) -> bool:
        """Whether the host can see it; False, too, once the host has ejected it."""

    @property
    def plugged(self) -> bool:
        """Whether a host is at the other end of the cable and awake."""

    def show(self) -> None:
        """Let the host see it; what was written before is on the card when this returns."""

    def hide(self) -> None:
        """Take it away, even while the host reads; nothing when it is not shown."""


class Clock(Protocol):
    """Time. UTC only; the policy gets times passed in and never asks by itself."""

    def now(self) -> datetime:
        """Unit time, UTC, as wrong as the RTC is."""

    def monotonic_ms(self) -> int:
        """Milliseconds that never step."""

    def set(self, now: datetime) -> None:
        """Step the clock and the RTC behind it; ``PartError`` when the RTC does not take it."""


class HostPort(Protocol):
    """A byte stream to the laptop."""

    def read(self, timeout_s: float) -> bytes:
        """What came, or nothing after the time-out; ``PartError`` when the cable is gone."""

    def write(self, data: bytes) -> None:
        """Send; gives up silently when nobody listens, so that a dead laptop never blocks a trigger."""


@dataclass(frozen=True, slots=True)
class Vitals:
    """Battery and climate at one moment; None where the part does not answer."""

    battery_mv: int | None = None
    battery_ma: int | None = None
    charge_used_mah: float | None = None
    temperature_c: float | None = None
    light_lux: float | None = None


@dataclass(frozen=True, slots=True)
class Item:
    """A file that a host may take. ``sequence`` is the journal's number for it, the cursor of the index."""

    path: str
    size: int
    sha256: str
    role: str
    sequence: int


# Pages of the journal in one answer of the index: each is read and hashed for it, about 20 ms, and a trigger may be waiting.
PAGES_A_CALL = 8


class Shelf(Protocol):
    """What the host link may read: journal pages, thumbnails, photographs. Nothing else of the card is reachable."""

    def items(self, after: int, limit: int) -> list[Item]:
        """Files whose sequence number is above ``after``, in its order. Journal pages come as ``journal/<first>-<last>.jsonl``.

        Fewer than ``limit`` at the end, and where ``PAGES_A_CALL`` pages are among them.

        Pages of 1,000 entries; the last one is as long as the journal is now and is a prefix of its later self, so an
        interrupted pull of it resumes too.
        """

    def size(self, path: str) -> int | None:
        """Size of a listed file in bytes; None for any other path."""

    def read(self, path: str, offset: int, length: int) -> bytes:
        """Bytes of a listed file; ``StorageError`` when it is not there."""


class HostLink(Protocol):
    """Answers whatever laptop is plugged in. Never blocks longer than it is told to."""

    def serve_for(self, milliseconds: int) -> int:
        """Answer requests until the time is over; how many there were. Faults of the cable are not the unit's: 0."""
