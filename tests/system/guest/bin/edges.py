"""How long from the kernel's time stamp of a PIR edge to the request for the first frame: ``edges.py COUNT``.

The real input driver, the real duty cycle with journal and host port; the camera is one that only notes when it was asked.
"""

import json
import pathlib
import sys
import tempfile
import threading
import time
from dataclasses import replace

from trap import duty
from trap.assembly import UnitConfig, real_trap
from trap.ports import BurstPlan
from trap_wire.errors import PartError

PULL = pathlib.Path("/run/header/sim_gpio17/pull")
COUNT = int(sys.argv[1])


class Stopwatch:
    """Notes when the duty cycle asks for a frame, and has none to give."""

    def __init__(self):
        self.asked_ns = []

    def burst(self, plan: BurstPlan):
        self.asked_ns.append(time.monotonic_ns())
        raise PartError("camera", "only a stopwatch")
        yield


def pulses():
    for _ in range(COUNT + 5):
        time.sleep(0.08)
        PULL.write_text("pull-up")
        time.sleep(0.04)
        PULL.write_text("pull-down")


# In memory: a disk's answer takes the host's time, which the machine's own clock jumps over.
data = pathlib.Path(tempfile.mkdtemp(dir="/dev/shm"))
for name in ("journal", "card"):
    (data / name).mkdir()
trap = real_trap(UnitConfig(journal=data / "journal/j.sqlite", card=data / "card", detectors=()))
lone = trap.supervisor
lone._hold_off_ns = 0
stamps: list[int] = []
real_wake = lone._wake


def noting(reason, at_ns):
    frame = real_wake(reason, at_ns)
    if frame is not None:
        stamps.append(at_ns)
    return frame


lone._wake = noting
watch = Stopwatch()
trap = replace(trap, camera=watch)
threading.Thread(target=pulses, daemon=True).start()
while len(watch.asked_ns) < COUNT:
    duty.awake(trap)
delays = sorted((asked - edge) / 1e6 for edge, asked in zip(stamps, watch.asked_ns, strict=False))[:COUNT]
figures = {
    "edges": len(delays),
    "p50_ms": round(delays[len(delays) // 2], 2),
    "p99_ms": round(delays[int(len(delays) * 0.99) - 1], 2),
}
print(json.dumps({**figures, "max_ms": round(delays[-1], 2)}))
