"""Calls into libraries that may never come back, held to a deadline.

A camera stack waits in the kernel for an interrupt that a loose ribbon never sends; Python cannot break such a wait. So the
call runs on a thread of its own, and who asked goes on without it. One call at a time: while one hangs, the part is stuck
and says so at once. That is what slow and gone in mid-use come to; absent and lying are the part's own driver's to tell.
"""

import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from trap_wire.errors import PartError

T = TypeVar("T")


class Bounded:
    """Owner of one part's calls. ``stuck`` names the call that never came back; ``patience`` multiplies every time-out."""

    def __init__(self, part: str, patience: float = 1.0) -> None:
        self._part = part
        self._patience = patience
        self._hanging: Call[Any] | None = None

    @property
    def stuck(self) -> str:
        """The call that hangs now; empty again when it came back after all."""
        if self._hanging is None or self._hanging.done.is_set():
            self._hanging = None
            return ""
        return self._hanging.name

    def __call__(self, name: str, timeout_s: float, call: Callable[[], T]) -> T:
        """What ``call`` gives; ``PartError`` after ``timeout_s``, and at once while an older call hangs."""
        return self.end(self.begin(name, call), timeout_s)

    def begin(self, name: str, call: Callable[[], T]) -> "Call[T]":
        """Set a call going and come back; ``end`` has to be asked for what it gives before the next one begins."""
        if self.stuck:
            raise PartError(self._part, f"still stuck in '{self.stuck}'; trapd has to restart")
        running = Call(name, call)
        running.start()
        return running

    def end(self, running: "Call[T]", timeout_s: float) -> T:
        """What a call gives that was set going; ``PartError`` after ``timeout_s`` from now."""
        if not running.done.wait(timeout_s * self._patience):
            self._hanging = running
            raise PartError(self._part, f"'{running.name}' did not come back in {timeout_s:g} s")
        return running.outcome()


class Call(threading.Thread, Generic[T]):
    """One call on its own thread; a daemon, so that it never keeps the process from ending."""

    def __init__(self, name: str, call: Callable[[], T]) -> None:
        super().__init__(name=name, daemon=True)
        self.done = threading.Event()
        self._call = call
        self._value: list[T] = []
        self._error: BaseException | None = None

    def run(self) -> None:
        """The thread's own."""
        try:
            self._value.append(self._call())
        except BaseException as error:  # noqa: BLE001  # handed over to whoever waits
            self._error = error
        finally:
            self.done.set()

    def outcome(self) -> T:
        """What it gave, or its error, once it is ``done``."""
        if self._error is not None:
            raise self._error
        return self._value[0]
