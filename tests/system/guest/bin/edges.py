"""How long from the kernel's time stamp of a PIR edge to the request for the first frame: ``edges.py COUNT``.

The real input driver, the real duty cycle with the journal on the card's own partition, and a host port; the camera is one that
only notes when it was asked. ``committed`` is when the wake was on the card: flushed, which the request does not wait for.
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
    """Notes when the duty cycle asks for the start, and for a frame, and has none to give."""

    def __init__(self):
        self.asked_ns, self.committed_ns = [], []

    def begin(self, plan: BurstPlan):
        self.asked_ns.append(time.monotonic_ns())

    def burst(self, plan: BurstPlan):
        self.committed_ns.append(time.monotonic_ns())
        raise PartError("camera", "only a stopwatch")
        yield


def pulses():
    for _ in range(COUNT + 5):
        time.sleep(0.08)
        PULL.write_text("pull-up")
        time.sleep(0.04)
        PULL.write_text("pull-down")


# The disk's answer takes the host's time: what follows the commit is no figure of the machine's, what comes before it is.
data = pathlib.Path(tempfile.mkdtemp(dir="/var/lib/manul/journal"))
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
while len(watch.committed_ns) < COUNT:
    duty.awake(trap)


def after_the_edge(times_ns):
    delays = sorted((at - edge) / 1e6 for edge, at in zip(stamps, times_ns, strict=False))[:COUNT]
    p50, p99 = delays[len(delays) // 2], delays[int(len(delays) * 0.99) - 1]
    return {"p50_ms": round(p50, 2), "p99_ms": round(p99, 2), "max_ms": round(delays[-1], 2)}


committed = {f"committed_{name}": value for name, value in after_the_edge(watch.committed_ns).items()}
print(json.dumps({"edges": min(len(watch.asked_ns), COUNT), **after_the_edge(watch.asked_ns), **committed}))
