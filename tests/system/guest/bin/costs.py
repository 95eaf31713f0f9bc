"""What a look and a whole trigger cost, between marks: ``costs.py DETECTOR FRAMES``. One thread, no camera, a real journal."""

import contextlib
import os
import pathlib
import sys
import tempfile
from datetime import UTC, datetime

import numpy as np
from PIL import Image

from trap import duty
from trap.assembly import Parts, put_together
from trap.deployment import SAFE
from trap.drivers.card import FolderCard
from trap.drivers.clock import SystemClock
from trap.ports import Shot
from trap_wire import codes, frames

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
detector, pictures = map(pathlib.Path, sys.argv[1:3])


def mark(number):
    """The plugin prints its count here."""
    with contextlib.suppress(OSError):
        os.getpgid(0x5EED0000 | number)


def shot(path):
    with Image.open(path) as picture:
        lores = np.asarray(picture.convert("RGB").resize((640, 360)))
    return Shot(path.read_bytes(), lores, AT, exposure_us=4_000, gain=2.0, infrared=False)


class Pictures:
    """A camera whose frames are there already."""

    def __init__(self):
        self.shots = [shot(pictures / f"{number}.jpg") for number in range(3)]

    def burst(self, plan):
        yield from self.shots[: plan.frames]


class Nobody:
    def receive(self, timeout_s):
        return None

    def send(self, type_, payload=b""):
        pass


data = pathlib.Path(tempfile.mkdtemp())
camera = Pictures()
trap = put_together(Parts(SAFE, camera, Nobody(), FolderCard(data), SystemClock(), data / "journal.sqlite", detector))
picture = camera.shots[0].lores
wake = frames.Wake(
    **{**dict.fromkeys(frames.Wake._fields, 0), "reason": codes.REASON_PIR, "wake_number": 1, "losses": ()}
)
trap.triage.detector.look(picture)  # the first look pays for lazy set-up
mark(0)
trap.triage.detector.look(picture)
mark(1)
duty.on_wake(trap, wake)
mark(2)
duty.on_wake(trap, wake._replace(wake_number=2))
mark(3)
