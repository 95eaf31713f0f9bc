"""gpiod 2 with one chip whose lines are driven by the test: names, calls and errors are the library's."""

import enum
import errno
import os
import time
from types import SimpleNamespace


class Line:
    """The state of one line and who has taken it."""

    def __init__(self) -> None:
        self.high = False
        self.taken = False
        self.events = []
        self.settings = None


class EventType(enum.Enum):
    RISING_EDGE = 1
    FALLING_EDGE = 2


class FakeGpiod:
    """Stands for the module. ``pull`` moves a line as the world does; ``gone`` takes the chip away."""

    def __init__(self) -> None:
        self.lines = {}
        self.gone = False
        self.history = []
        self.line = SimpleNamespace(
            Direction=enum.Enum("Direction", "INPUT OUTPUT"), Edge=enum.Enum("Edge", "NONE BOTH"),
            Clock=enum.Enum("Clock", "MONOTONIC REALTIME"), Value=enum.Enum("Value", "INACTIVE ACTIVE"),
        )  # fmt: skip

    def LineSettings(self, **settings):
        return SimpleNamespace(**settings)

    def request_lines(self, path, consumer, config):
        (number,) = config
        line = self.lines.setdefault(number, Line())
        if line.taken:
            raise OSError(errno.EBUSY, os.strerror(errno.EBUSY))
        line.taken, line.settings = True, config[number]
        return Request(self, number)

    def pull(self, number, *, high, at_ns=None):
        line = self.lines.setdefault(number, Line())
        if line.high != high:
            line.high = high
            kind = EventType.RISING_EDGE if high else EventType.FALLING_EDGE
            stamp = time.monotonic_ns() if at_ns is None else at_ns
            line.events.append(SimpleNamespace(event_type=kind, timestamp_ns=stamp, Type=EventType, line_offset=number))


class Request:
    def __init__(self, module, number):
        self._module, self._number = module, number

    def _line(self):
        if self._module.gone:
            raise OSError(errno.ENODEV, os.strerror(errno.ENODEV))
        return self._module.lines[self._number]

    def wait_edge_events(self, timeout):
        if not self._line().events:
            time.sleep(min(timeout, 0.01))
        return bool(self._line().events)

    def read_edge_events(self):
        line = self._line()
        events, line.events = line.events, []
        return events

    def get_value(self, number):
        values = self._module.line.Value
        return values.ACTIVE if self._line().high else values.INACTIVE

    def set_value(self, number, value):
        self._line().high = value is self._module.line.Value.ACTIVE
        self._module.history.append((number, value.name))

    def release(self):
        self._module.lines[self._number].taken = False
