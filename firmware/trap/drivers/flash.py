"""The infrared flash: one output, lit for the length of a frame and no longer.

The supervisor's interlock (an AND in front of the MOSFET) keeps the LEDs dark whatever this pin does while the rail is not
UP.

- absent: the line cannot be taken, ``PartError``; a line without LEDs tells nobody, the frames are dark, and triage's change
  between frames is all that is left at night.
- slow: a line is set in microseconds or not at all.
- lying (LEDs that stay on): ``LONGEST_S`` is the supervisor's interlock's to keep, not this pin's.
- gone in mid-use: ``lit`` gives None: the frame is taken without light and does not claim infrared.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from trap.drivers import gpio
from trap_wire import pins
from trap_wire.errors import PartError

LONGEST_S = 1.0  # six 940 nm LEDs at 1 A: what the driver's heat sink takes, hardware/wiring


class Flash:
    """Owner of the flash's line."""

    def __init__(self, line: int = pins.PI_IR_FLASH, chip: str | None = None, gpiod: Any = None) -> None:
        self._gpiod = gpiod or gpio.library()
        settings = self._gpiod.LineSettings(direction=self._gpiod.line.Direction.OUTPUT)
        where = chip or gpio.header_chip(self._gpiod)
        self._line = line
        self._request = gpio.request(self._gpiod, where, line, "IR flash, header pin 12", settings)

    @contextmanager
    def lit(self) -> Iterator[int | None]:
        """Light on inside, off after it, whatever happens; gives CLOCK_MONOTONIC (ns) when it was on, None when it is dark."""
        try:
            yield self._switched_on()
        finally:
            with suppress(PartError):  # the line is gone: the interlock is what keeps the LEDs dark then
                self._put(on=False)

    def _switched_on(self) -> int | None:
        with suppress(PartError):  # a picture without light is better than none
            self._put(on=True)
            return time.monotonic_ns()
        return None

    def close(self) -> None:
        """Dark, and let go of the line."""
        with suppress(PartError):
            self._put(on=False)
        self._request.release()

    def _put(self, *, on: bool) -> None:
        value = self._gpiod.line.Value.ACTIVE if on else self._gpiod.line.Value.INACTIVE
        gpio.guarded("flash", lambda: self._request.set_value(self._line, value))
