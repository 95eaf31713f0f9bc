"""Taking a burst: what came is kept, whatever stopped the camera afterwards."""

from collections.abc import Callable
from dataclasses import dataclass

from trap.ports import BurstPlan, Camera, Shot
from trap_wire.errors import PartError


@dataclass(frozen=True, slots=True, eq=False)
class Burst:
    """The frames that came, how long after the wake the first one did, and the fault that ended the burst early, if any."""

    shots: tuple[Shot, ...]
    first_frame_ms: int | None
    fault: PartError | None = None


def take(
    camera: Camera,
    plan: BurstPlan,
    clock_ms: Callable[[], int],
    beat: Callable[[], None] = lambda: None,
    started: int | None = None,
) -> Burst:
    """Take a burst; a camera fault ends it and is handed back beside the frames that came before it.

    ``beat`` is called after each frame: a burst of ten at ten seconds would otherwise look like a hang. ``started``: when the
    wake was taken up, by ``clock_ms``; now, when nothing lay between.
    """
    started, shots, first_frame_ms = clock_ms() if started is None else started, [], None
    try:
        for shot in camera.burst(plan):
            if first_frame_ms is None:
                first_frame_ms = clock_ms() - started
            shots.append(shot)
            beat()
    except PartError as fault:
        return Burst(tuple(shots), first_frame_ms, fault)
    return Burst(tuple(shots), first_frame_ms)
