"""What goes on around one pretend unit: which scene is before the lens, and the truth about it for the reckoning after."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Protocol

from trap_sim.photos import PhotoBurst
from trap_sim.pir import Pulse
from trap_sim.place import Place
from trap_sim.scene import Scene, Subject, compose
from trap_sim.sky import Sky
from trap_sim.vtime import VirtualTime
from trap_wire.vocabulary import ObservationType

LINGERS_MS = 180_000  # a visitor that the gate did not admit is gone after this


@dataclass(frozen=True, slots=True)
class Shown:
    """A scene that the camera has looked at: when (virtual ms), what it truly holds (None: nobody knows)."""

    at_ms: int
    truth: ObservationType | None
    what: str


class Show(Protocol):
    """Where scenes come from."""

    def next(self, pulse: Pulse) -> tuple[Scene, ObservationType | None, str]:
        """Scene for a pulse, its truth, and what it is."""

    def quiet(self) -> Scene:
        """The place with nobody there."""

    @property
    def over(self) -> bool:
        """True when there is nothing left to show, so that no pulse need come any more."""


class Surroundings:
    """Owner of what the lens sees. A scene is bound to a pulse when the camera looks, not before."""

    def __init__(self, time: VirtualTime, show: Show) -> None:
        self._time = time
        self._show = show
        self._pulse: Pulse | None = None
        self.shown: list[Shown] = []
        self._looked_at: list[PhotoBurst] = []

    @property
    def over(self) -> bool:
        """Nothing left to show."""
        return self._show.over

    def pulse(self, pulse: Pulse) -> None:
        """Something has made the PIR fire."""
        self._pulse = pulse

    def scene(self) -> Scene:
        """What the camera sees now."""
        pulse, self._pulse = self._pulse, None
        if pulse is None or self._time.ms - pulse.at_ms > LINGERS_MS or self._show.over:
            return self._show.quiet()
        scene, truth, what = self._show.next(pulse)
        if isinstance(scene, PhotoBurst):
            self._looked_at.append(scene)
        self.shown.append(Shown(self._time.ms, truth, what))
        return scene

    def damaged(self) -> dict[str, str]:
        """Photographs that were looked at and are damaged: name -> what is wrong."""
        return {name: wrong for burst in self._looked_at for name, wrong in burst.damaged.items()}


class CompositeShow:
    """Scenes put together at one place."""

    over = False

    def __init__(self, place: Callable[[], Place], sky: Sky, time: VirtualTime) -> None:
        self._place = cache(place)  # drawn when first seen: a unit that is only visited never needs it
        self._sky = sky
        self._time = time

    def next(self, pulse: Pulse) -> tuple[Scene, ObservationType | None, str]:
        """The scene of a pulse; the same visit shows the same animal again, further on."""
        light = self._sky.light(self._time.ms)
        truth = ObservationType.ANIMAL if pulse.cause.animal else ObservationType.BLANK
        return compose(self._place(), pulse.cause, light, pulse.seed), truth, str(pulse.cause)

    def quiet(self) -> Scene:
        """The empty place in a light wind."""
        return compose(self._place(), Subject.NOTHING, self._sky.light(self._time.ms), seed=0)


class PhotoShow:
    """The user's photographs, one burst after the other, each shown once."""

    def __init__(self, bursts: list[PhotoBurst]) -> None:
        self._waiting = deque(bursts)
        self._last = next((b for b in bursts if b.label is ObservationType.BLANK), bursts[0]) if bursts else None

    @property
    def over(self) -> bool:
        """True when every burst has been shown."""
        return not self._waiting

    def next(self, pulse: Pulse) -> tuple[Scene, ObservationType | None, str]:  # noqa: ARG002  # photographs keep their order
        """The next burst."""
        burst = self._waiting.popleft()
        return burst, burst.label, burst.photos[0].name

    def quiet(self) -> Scene:
        """A photograph labelled empty if there is one: heartbeat frames do not use up the show."""
        if self._last is None:
            raise LookupError("a show without photographs")
        return self._last
