"""Walk test: the LED follows the PIR and the pulses are counted, with the Pi or without it.

Asked for over the UART, begun at once, over after its time or when the Pi says so; a Pi that goes to sleep meanwhile takes
nothing from it, since the supervisor holds the latch. A power cut ends it for good.
"""

LONGEST_S = 3_600


class WalkTest:
    """``count`` is the running test's, or the last one's."""

    def __init__(self) -> None:
        self.until_ms: "int | None" = None
        self.count = 0
        self._shown = False

    @property
    def running(self) -> bool:
        """True from begin to end."""
        return self.until_ms is not None

    def begin(self, now_ms: int, seconds: int) -> None:
        """From now on; 0 ends the one that runs. One that runs already goes on counting."""
        if seconds and not self.running:
            self.count = 0
        if seconds or self.running:
            self.until_ms = now_ms + min(seconds, LONGEST_S) * 1_000

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
