"""Which pulses become triggers: hold-off, the PIR's settling, and a token bucket against floods.

Time is UTC seconds of the RTC between two power-ups (the latch cuts the supervisor off) and milliseconds within one.
What is refused as lost effort is counted, as pulses and as seconds in which the unit could not have fired.
"""

from trap_supervisor.memory import Memory
from trap_wire import codes

# A dead RTC says nothing about the time between two power-ups; each is then worth this share of a token, so that a flood
# is thinned to one trigger in eight and a single visitor is never lost for good.
DEAD_CLOCK_SHARE = 8


class Gate:
    """Token bucket and hold-off over a ``Memory`` that outlives the latch."""

    def __init__(self, settings: "dict[str, int]", memory: Memory) -> None:
        self._settings = settings
        self._memory = memory
        self._last_ms: "int | None" = None  # last admitted trigger of this power-up
        self.settled_ms: "int | None" = None  # until then the PIR is not to be believed

    def settle(self, now_ms: int) -> None:
        """Power has just come back: the PIR needs ``settle_ms`` before it means anything."""
        self.settled_ms = now_ms + self._settings["settle_ms"]

    def settling(self, now_ms: int) -> bool:
        """True while the PIR warms up."""
        if self.settled_ms is not None and now_ms >= self.settled_ms:
            self.settled_ms = None
        return self.settled_ms is not None

    def admit(self, now_ms: int, rtc_s: int, rtc_ok: bool = True) -> int:
        """Answer to a pulse: ``codes.ADMITTED`` takes a token, anything else is the reason why not."""
        self._refill(rtc_s, rtc_ok)
        if self.settling(now_ms):
            return codes.QUIET
        if self._held_off(now_ms, rtc_s, rtc_ok):
            return codes.HELD_OFF
        missing_s = self._settings["flood_refill_s"] - self._memory.bucket_s
        if missing_s > 0:
            self.lost(codes.FLOODED, rtc_s + missing_s, rtc_s)
            return codes.FLOODED
        self._take(now_ms, rtc_s)
        return codes.ADMITTED

    def lost(self, cause: int, until_s: int, rtc_s: int) -> None:
        """Count one pulse refused for this cause, and the time up to ``until_s`` that is not counted yet."""
        memory = self._memory
        start = max(rtc_s, memory.lost_until_s)
        memory.lose(cause, 1, max(0, until_s - start))
        if until_s > start:
            memory.lost_until_s = until_s

    def _refill(self, rtc_s: int, rtc_ok: bool) -> None:
        """The bucket is kept in seconds of refilling, so that no part of a token is ever rounded away."""
        memory, price_s = self._memory, self._settings["flood_refill_s"]
        gained_s = max(0, rtc_s - memory.filled_at_s) if rtc_ok else max(1, price_s // DEAD_CLOCK_SHARE)
        memory.bucket_s = min(self._settings["flood_triggers"] * price_s, memory.bucket_s + gained_s)
        if rtc_ok:
            memory.filled_at_s = rtc_s

    def _held_off(self, now_ms: int, rtc_s: int, rtc_ok: bool) -> bool:
        hold_off_ms = self._settings["hold_off_ms"]
        if self._last_ms is not None:
            return now_ms - self._last_ms < hold_off_ms
        since_s = rtc_s - self._memory.last_trigger_s
        return rtc_ok and 0 <= since_s * 1000 < hold_off_ms

    def _take(self, now_ms: int, rtc_s: int) -> None:
        self._memory.bucket_s -= self._settings["flood_refill_s"]
        self._memory.last_trigger_s = rtc_s
        self._last_ms = now_ms
