"""A Pico with the supervisor's whole firmware on a desk: its pins, its I²C parts, its flash, and the Pi's end of its UART.

The chip runs in Node (``bench.mjs``), the Pi's side is a pty that any code of the unit opens by ``Pico.path``. Times are the
emulated chip's.
"""

import json
import os
import subprocess
import threading
import time
import tty
from pathlib import Path

from tests.rp2040 import parts
from trap_wire import pins

NOON = 1_795_608_000  # 2026-11-25 12:00:00 UTC
HERE = Path(__file__).parent


class Pico:
    """A context. ``events``: what its pins and its power did, oldest first; ``now_s`` its own time, which never steps."""

    def __init__(self, *, console=False):
        self._near, far = os.openpty()  # the tests' end stays open, or the far end would read errors between two Pis
        self._keep = far
        tty.setraw(far)
        self.path = os.ttyname(far)
        command = [
            "node",
            str(HERE / "bench.mjs"),
            str(parts.emulator()),
            str(parts.uf2()),
            str(parts.bootrom()),
            str(self._near),
        ]
        self._node = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1,
            pass_fds=(self._near,), start_new_session=True,
        )  # fmt: skip
        self._began, self._life = time.monotonic(), 0  # and where the newest power-up's events begin
        self.events, self._answers, self._orders, self.ms = [], {}, 0, 0
        self._changed = threading.Condition()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.order("clock", epoch=NOON)
        if console:
            self.order("listen")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._node.stdin.close()
        self._node.wait(10)
        os.close(self._near)
        os.close(self._keep)

    # --- orders -----------------------------------------------------------------------------------------------

    def order(self, do, **told):
        """Tell the bench something; what it answers."""
        with self._changed:
            self._orders += 1
            number = self._orders
        self._node.stdin.write(json.dumps({"do": do, "id": number, **told}) + "\n")
        with self._changed:
            assert self._changed.wait_for(lambda: number in self._answers or self._node.poll() is not None, 60), do
            answer = self._answers.pop(number)
        assert "trouble" not in answer, answer
        return answer

    def power_up(self, reason="power"):
        """The latch closes."""
        self._close_latch(reason=reason)

    def motion(self, high_ms=100):
        """An edge of the PIR: closes the latch if it was open."""
        dark = self.state()["dark"]
        self.pin(pins.SUPERVISOR_PIR, 1)
        if dark:
            self._close_latch(window=True)
        self.run_for(high_ms)
        self.pin(pins.SUPERVISOR_PIR, 0)

    def _close_latch(self, **how):
        self._life = len(self.events)
        self.order("power_up", **how)

    def sleep(self, seconds):
        """Dark time; the RTC's alarm closes the latch when it comes. True when it did."""
        state = self.state()
        ahead_s = None if state["alarm"] is None else state["alarm"] - state["seconds"]
        if ahead_s is None or ahead_s > seconds:
            self.order("pass", ms=seconds * 1_000)
            return False
        self.order("pass", ms=(ahead_s + 1) * 1_000)
        self.power_up()
        return True

    def pin(self, number, value):
        """Drive a pin from outside."""
        self.order("pin", pin=number, value=value)

    def state(self):
        """Where the bench stands."""
        return self.order("state")

    # --- waiting ----------------------------------------------------------------------------------------------

    def now_s(self):
        """Seconds of the chip's own time; once it is dark, real ones go on, so that nobody waits for ever on a dead line."""
        state = self.state()
        return state["ms"] / 1_000 + (time.monotonic() - self._began if state["dark"] else 0.0)

    def run_for(self, ms):
        """Let the chip's time pass."""
        end = self.state()["ms"] + ms
        self.until(lambda: self.state()["ms"] >= end or self.state()["dark"])

    def until(self, true, timeout_s=120.0):
        """Wait in real time for something."""
        deadline = time.monotonic() + timeout_s
        while not true():
            assert time.monotonic() < deadline, f"the Pico did not get there; last events {self.events[-6:]}"
            time.sleep(0.01)

    def await_pin(self, number, value, timeout_s=120.0):
        """Wait until a pin has this level."""
        self.until(lambda: self.level(number) == value, timeout_s)

    def await_dark(self, timeout_s=180.0):
        """Wait until the power has gone; how it went."""
        self.until(lambda: any(e["event"] == "dark" for e in self.events[self._life :]), timeout_s)
        return next(e["how"] for e in self.events[self._life :] if e["event"] == "dark")

    def level(self, number):
        """Newest level of a pin that the Pico drives; None while it does not."""
        told = [e["value"] for e in list(self.events) if e["event"] == "pin" and e["pin"] == number]
        return told[-1] if told else None

    def _read(self):
        for line in self._node.stdout:
            told = json.loads(line)
            with self._changed:
                self.ms = told["ms"]
                if told["event"] == "done":
                    self._answers[told["order"]] = told
                else:
                    self.events.append(told)
                self._changed.notify_all()
