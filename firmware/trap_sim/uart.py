"""The wire between the pretend supervisor and the Pi's real code: bytes both ways, now and then with noise on them."""

import random
from collections.abc import Callable

from trap_sim.vtime import VirtualTime
from trap_wire import codes, frames
from trap_wire.frames import Frame

HELLO = frames.Hello(codes.UART_PROTOCOL, 0, 1, 0)


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


class SimLink:
    """``trap.ports.SupervisorLink`` of a pretend Pi: says HELLO when it opens, then real frames in virtual time.

    ``hear`` is the supervisor's ear: it gets the bytes that the Pi sends.
    """

    def __init__(self, time: VirtualTime, uart: Uart, hear: Callable[[bytes], None]) -> None:
        self._time = time
        self._uart = uart
        self._hear = hear
        self._reader = frames.Reader()
        self._queue: list[Frame] = []
        self._sequence = 0
        self.send(codes.HELLO, frames.pack_hello(HELLO))

    def receive(self, timeout_s: float) -> Frame | None:
        """Next frame that a duty cycle wants, or None after the time-out; time passes while it waits."""
        deadline = self._time.ms + round(timeout_s * 1000)
        while True:
            self._queue += [frame for frame in self._reader.feed(self._uart.take()) if frame.type != codes.HELLO]
            if self._queue:
                return self._queue.pop(0)
            if self._time.ms >= deadline:
                return None
            due = self._time.next_ms()
            self._time.advance_to(deadline if due is None else min(due, deadline))

    def send(self, type_: int, payload: bytes = b"") -> None:
        """Send one frame."""
        self._sequence = (self._sequence + 1) & 0xFF
        self._hear(self._uart.spoilt(frames.encode(type_, self._sequence, payload)))
