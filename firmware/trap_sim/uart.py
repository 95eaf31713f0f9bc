"""The wire between the pretend supervisor and the Pi's real code: bytes both ways, now and then with noise on them."""

import math
import random
from collections.abc import Callable

from trap_sim.vtime import VirtualTime


class Uart:
    """Owner of the bytes on their way to the Pi. ``noise`` is the share of chunks that arrive with one bit turned."""

    def __init__(self, noise: float = 0.0, seed: int = 0) -> None:
        self._waiting = bytearray()
        self._noise = noise
        self._draw = random.Random(seed)  # noqa: S311  # a simulation, not a secret

    def say(self, data: bytes) -> None:
        """The supervisor sends."""
        self._waiting += self.spoilt(data)

    def take(self) -> bytes:
        """What has come to the Pi since the last call."""
        data, self._waiting = bytes(self._waiting), bytearray()
        return data

    def clear(self) -> None:
        """The Pi has lost its power, and with it what it had not read."""
        self._waiting.clear()

    def spoilt(self, data: bytes) -> bytes:
        """Data as it comes out of the wire."""
        if not data or self._draw.random() >= self._noise:
            return data
        at, bit = self._draw.randrange(len(data)), 1 << self._draw.randrange(8)
        return data[:at] + bytes([data[at] ^ bit]) + data[at + 1 :]


class WirePort:
    """``trap.ports.HostPort`` on the Pi's end of the wire, in virtual time. ``hear`` is the supervisor's ear."""

    def __init__(self, time: VirtualTime, uart: Uart, hear: Callable[[bytes], None]) -> None:
        self._time = time
        self._uart = uart
        self._hear = hear

    def read(self, timeout_s: float) -> bytes:
        """What came, or nothing after the time-out; time passes while it waits."""
        # Rounded up: a wait of a hundredth of a millisecond that took no time would be asked for again for ever.
        deadline = self._time.ms + math.ceil(timeout_s * 1000)
        while not (data := self._uart.take()) and self._time.ms < deadline:
            due = self._time.next_ms()
            self._time.advance_to(deadline if due is None else min(due, deadline))
        return data

    def write(self, data: bytes) -> None:
        """Send."""
        self._hear(self._uart.spoilt(data))
