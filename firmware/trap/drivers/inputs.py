"""Inputs with the kernel's own time stamps: the PIR on units without a supervisor, and the supervisor's wake line.

- absent: the line cannot be taken, ``PartError`` names the header pin.
- slow (we, not the line): edges wait in the kernel with their time stamps, none is lost while a burst is taken.
- lying (a PIR that chatters): debounced by the kernel where the chip can, by time stamp where it cannot.
- lying (stuck high): no edges come; ``level`` shows it to ``trapd doctor``.
- gone in mid-use: ``PartError`` at the next wait.
"""

import time
from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from trap.drivers import gpio

# EKMB pulses last 0.1 s at the least; contact bounce and ESD are far shorter.
DEBOUNCE_MS = 5


@dataclass(frozen=True, slots=True)
class Edge:
    """One edge. ``at_ns`` is CLOCK_MONOTONIC when the kernel's interrupt saw it."""

    rising: bool
    at_ns: int


class Input:
    """Owner of one input line with edge detection."""

    def __init__(self, line: int, pin: str, chip: str | None = None, debounce_ms: int = DEBOUNCE_MS, gpiod: Any = None):
        self._gpiod = gpiod or gpio.library()
        self._line, self._debounce_ns = line, debounce_ms * 1_000_000
        self._waiting: deque[Edge] = deque()
        self._last_ns: int | None = None
        where = chip or gpio.header_chip(self._gpiod)
        self._request = gpio.request(self._gpiod, where, line, pin, self._settings(debounce_ms))

    def wait(self, timeout_s: float) -> Edge | None:
        """The oldest edge that nobody took yet, or None after the time-out."""
        deadline = time.monotonic() + timeout_s
        while not self._waiting:
            if not self._pending(max(0.0, deadline - time.monotonic())):
                return None
            self._take()
        return self._waiting.popleft()

    def _pending(self, timeout_s: float) -> bool:
        return bool(gpio.guarded("inputs", lambda: self._request.wait_edge_events(timeout_s)))

    def level(self) -> bool:
        """Whether the line is high now."""
        value = gpio.guarded("inputs", lambda: self._request.get_value(self._line))
        return bool(value == self._gpiod.line.Value.ACTIVE)

    def close(self) -> None:
        """Let go of the line."""
        self._request.release()

    def _settings(self, debounce_ms: int) -> Any:
        line = self._gpiod.line
        return self._gpiod.LineSettings(
            direction=line.Direction.INPUT,
            edge_detection=line.Edge.BOTH,
            event_clock=line.Clock.MONOTONIC,
            debounce_period=timedelta(milliseconds=debounce_ms),
        )

    def _take(self) -> None:
        for event in gpio.guarded("inputs", self._request.read_edge_events):
            edge = Edge(event.event_type == event.Type.RISING_EDGE, int(event.timestamp_ns))
            # The kernel debounces in software where the chip cannot; a second sieve costs nothing and holds for both.
            if self._last_ns is None or edge.at_ns - self._last_ns >= self._debounce_ns:
                self._waiting.append(edge)
            self._last_ns = edge.at_ns
