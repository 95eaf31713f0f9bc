"""Nobody to wake the unit. It stays up for whoever brings a laptop, which is how this gets mended.

Stands for a PIR that is absent; it cannot be slow, lying or gone in mid-use, and says at start that nothing wakes this unit.
"""

import time

from trap_wire.frames import Frame


class AbsentSupervisor:
    """``trap.ports.SupervisorLink`` that never has anything to say."""

    def receive(self, timeout_s: float) -> Frame | None:
        """Nothing, after the time-out."""
        time.sleep(timeout_s)
        return None

    def send(self, type_: int, payload: bytes = b"") -> None:
        """Nobody hears it."""
