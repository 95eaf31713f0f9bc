"""Walk test: the LED follows the PIR while the Pi is dark, and the pulses are counted.

Asked for over the UART, begun when the rail has fallen, over after its time; a power cut ends it for good.
"""

from trap_supervisor.memory import Memory

LONGEST_S = 3_600


class WalkTest:
    """``memory.walk_s`` is the test still to come."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self.until_ms: "int | None" = None
        self.count = 0
        self._shown = False

    @property
    def running(self) -> bool:
        """True from begin to end."""
        return self.until_ms is not None

    def ask(self, seconds: int) -> None:
        """From when the rail next falls."""
        self._memory.walk_s = min(seconds, LONGEST_S)

    def begin(self, now_ms: int) -> bool:
        """True when one was asked for and now runs."""
        if not self._memory.walk_s:
            return False
        self.until_ms, self.count = now_ms + self._memory.walk_s * 1_000, 0
        self._memory.walk_s = 0
        return True

    def shows(self, pir_high: bool) -> bool:
        """True when the LED has to change to this level."""
        changed = self.running and pir_high != self._shown
        self._shown = pir_high if self.running else False
        return changed

    def ends(self, now_ms: int) -> bool:
        """True once, when its time is up."""
        if self.until_ms is None or now_ms < self.until_ms:
            return False
        self.until_ms = None
        return True
