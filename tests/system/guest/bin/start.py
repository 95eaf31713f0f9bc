"""What ``trapd run`` imports before it is armed, between marks: the unit, the runtime, the camera's library."""

import contextlib
import os
from importlib import import_module


def mark(number):
    """The plugin prints its count here."""
    with contextlib.suppress(OSError):
        os.getpgid(0x5EED0000 | number)


mark(0)
for name in ("trap.cli", "trap.life", "trap.assembly", "ai_edge_litert.interpreter", "picamera2"):
    import_module(name)
mark(1)
