"""Feeds the hardware watchdog only while every part of the main loop shows progress.

RP2040's watchdog takes 8,388 ms at most, and running it during ``lightsleep`` locks the chip (micropython#17228), so the
supervisor never sleeps lightly with it on: it drops its own latch instead.
"""

LIMIT_MS = 8_000


class Watchdog:
    """Each part calls ``alive``; ``may_feed`` is False as soon as one has been silent for longer than its limit."""

    def __init__(self, limits_ms: "dict[str, int]") -> None:
        self._limits_ms = dict(limits_ms)
        self._seen_ms: "dict[str, int]" = {}

    def alive(self, part: str, now_ms: int) -> None:
        """This part has just done a round."""
        self._seen_ms[part] = now_ms

    def may_feed(self, now_ms: int) -> bool:
        """True when no part is overdue. A part that never spoke counts from the first question."""
        for part, limit_ms in self._limits_ms.items():
            if now_ms - self._seen_ms.setdefault(part, now_ms) > limit_ms:
                return False
        return True
