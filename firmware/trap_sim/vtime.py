"""Virtual time of one pretend unit: milliseconds that only move when somebody lets them, and what is due on the way."""

import heapq
from collections.abc import Callable
from itertools import count


class PowerCut(BaseException):  # it is no error of the program: nothing may catch and survive it
    """The power is gone, here and now. Inherits ``BaseException`` so that no ``except Exception`` lives on without power."""


class VirtualTime:
    """Owner of the time. ``at`` plans a call; ``advance`` lets time pass and makes every call that falls due, in order.

    A call may let time pass no further itself; it may raise ``PowerCut``, which then leaves ``advance`` in whatever code
    was letting the time pass, just as a cut ends a program wherever it is.
    """

    def __init__(self) -> None:
        self.ms = 0
        self._due: list[tuple[int, int, Callable[[], None]]] = []
        self._order = count()

    def at(self, ms: int, call: Callable[[], None]) -> None:
        """Plan a call; one in the past is made at the next chance."""
        heapq.heappush(self._due, (ms, next(self._order), call))

    def next_ms(self) -> int | None:
        """When the next planned call is due; None when nothing is planned."""
        return self._due[0][0] if self._due else None

    def advance(self, ms: float) -> None:
        """Let milliseconds pass."""
        self.advance_to(self.ms + round(ms))

    def advance_to(self, ms: int) -> None:
        """Let time pass up to a moment; nothing happens when it is over already."""
        while self._due and self._due[0][0] <= ms:
            due, _, call = heapq.heappop(self._due)
            self.ms = max(self.ms, due)
            call()
        self.ms = max(self.ms, ms)
