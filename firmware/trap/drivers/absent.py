"""Nobody to wake the unit. It stays up for whoever brings a laptop, which is how this gets mended."""

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
