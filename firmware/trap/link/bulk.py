"""Bulk: the media partition shown to the laptop as a drive. While it is shown nothing writes to the card, so capture pauses.

It ends when the laptop says so or ejects it, when the cable is gone, when its time is over, and when the unit stops: a unit
that was left with the drive on would photograph nothing for a year.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any

from trap.ports import Drive
from trap_wire.errors import PartError, RefusedError

SECONDS = 1_800  # 40 GB at the 25 MB/s of USB 2
SECONDS_MOST = 3 * 3_600  # the supervisor cuts a Pi that serves a laptop after four hours
LOOK_EVERY_MS = 1_000
UNPLUGGED_MS = 5_000  # a host that resets the bus is away for a moment
LABEL = "MANUL-MEDIA"


class Cause(StrEnum):
    """Why a drive was taken away again."""

    HOST = "host"
    EJECTED = "ejected"
    UNPLUGGED = "unplugged"
    TIME = "time"
    STOPPED = "stopped"
    FAULT = "fault"


class Bulk:
    """Owner of whether the drive is shown. ``said`` journals a change of state; times are of a clock that never steps."""

    def __init__(self, drive: Drive, now_ms: Callable[[], int]) -> None:
        self._drive = drive
        self._now_ms = now_ms
        self._since_ms = self._until_ms = self._plugged_ms = self._look_ms = 0
        self._said: Callable[[Mapping[str, Any]], object] = lambda _body: None
        self._unless: Callable[[], str] = str
        self._ended = ""
        self.on = False

    def journals(self, said: Callable[[Mapping[str, Any]], object]) -> None:
        """Who keeps the ``state`` entries."""
        self._said = said

    def unless(self, why: Callable[[], str]) -> None:
        """What speaks against showing the drive; empty words for nothing."""
        self._unless = why

    def settle(self) -> None:
        """At start: a drive that the last life left shown is taken away. A unit without a gadget has none."""
        try:
            self._drive.hide()
        except PartError:
            return

    def begin(self, seconds: int = SECONDS) -> None:
        """Show the drive for so long, or for so long from now on; ``RefusedError`` when no USB host is at the cable."""
        now_ms = self._now_ms()
        if not self.on:
            if not self._drive.plugged:
                raise RefusedError("no USB host is at the cable: a drive needs the USB cable, not a serial adapter")
            if why := self._unless():
                raise RefusedError(why)
            self._drive.show()
            self.on, self._since_ms, self._ended = True, now_ms, ""
            self._said({"from": "armed", "to": "bulk", "cause": Cause.HOST})
        self._plugged_ms = self._look_ms = now_ms
        self._until_ms = now_ms + 1_000 * min(seconds, SECONDS_MOST)

    def end(self, cause: Cause) -> None:
        """Take the drive away, whatever the part says; nothing when it is not shown."""
        if not self.on:
            return
        try:
            self._drive.hide()
        except PartError:
            cause = Cause.FAULT
        self.on, self._ended = False, cause
        seconds = (self._now_ms() - self._since_ms + 999) // 1_000
        self._said({"from": "bulk", "to": "armed", "cause": cause, "seconds": seconds})

    def look(self) -> bool:
        """Whether the drive is still shown; ends it when it is over. Costs nothing between two looks."""
        now_ms = self._now_ms()
        if self.on and now_ms - self._look_ms >= LOOK_EVERY_MS:
            self._look_ms = now_ms
            if (cause := self._over(now_ms)) is not None:
                self.end(cause)
        return self.on

    def told(self) -> dict[str, Any]:
        """For the host: ``on``, ``left_s``, the drive's ``label``, and why it ``ended`` when it did."""
        left_s = max(0, self._until_ms - self._now_ms()) // 1_000 if self.on else 0
        return {"on": self.on, "left_s": left_s, "label": LABEL, "ended": self._ended}

    def _over(self, now_ms: int) -> Cause | None:
        try:
            if not self._drive.shown:
                return Cause.EJECTED
            if self._drive.plugged:
                self._plugged_ms = now_ms
        except PartError:
            return Cause.FAULT
        if now_ms - self._plugged_ms >= UNPLUGGED_MS:
            return Cause.UNPLUGGED
        return Cause.TIME if now_ms >= self._until_ms else None
