"""The real supervisor (``Body``) on a desk: pins that a test sets, and a pty where the UART would be. Runs in a thread."""

import os
import random
import select
import threading
import time
import tty

from trap_supervisor import actions
from trap_supervisor.body import Board, Body
from trap_supervisor.files import FolderFiles
from trap_supervisor.slots import Slots


class DeskBoard(Board):
    """Pins and readings as attributes; the UART is the master of a pty."""

    def __init__(self, utc_s=1_795_608_000):
        self.fd, self._keep = os.openpty()
        tty.setraw(self._keep)
        self.path = os.ttyname(self._keep)
        self.pins = {}
        self.pir_level = False
        self.pending_edges, self.is_halted, self.is_cable = 1, False, False
        self.rtc_s, self.rtc_ok, self.rtc_takes = utc_s, True, True
        self._since = time.monotonic()

    def ms(self):
        return int((time.monotonic() - self._since) * 1_000)

    def edges(self):
        count, self.pending_edges = self.pending_edges, 0
        return count

    def pir_high(self):
        return self.pir_level

    def halted(self):
        return self.is_halted

    def cable(self):
        return self.is_cable

    def bitten(self):
        return False

    def hear(self):
        ready, _, _ = select.select([self.fd], [], [], 0)
        return os.read(self.fd, 4_096) if ready else b""

    def say(self, data):
        os.write(self.fd, data)

    def switch(self, do, on):
        self.pins[do] = on

    def battery(self):
        return 5_870, -140

    def temperature_cc(self):
        return -1_275

    def light_lux(self):
        return 42

    def now(self):
        return self.rtc_s, self.rtc_ok

    def set_clock(self, utc_s):
        if self.rtc_takes:
            self.rtc_s, self.rtc_ok = utc_s, True
        return self.rtc_takes

    def arm(self, utc_s):
        self.armed_s = utc_s

    def alarm(self):
        return False

    def feed(self):
        pass

    def close(self):
        os.close(self.fd)
        os.close(self._keep)


class Desk:
    """A context: the supervisor lives while it is open. ``folder`` is its flash, or ``files`` are what lies on it."""

    def __init__(self, folder, files=None):
        self.board = DeskBoard()
        self.files = files or FolderFiles(str(folder))
        self.body = Body(self.board, self.files, Slots(self.files))
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._live, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(5)
        self.board.close()

    def rail(self):
        return self.board.pins.get(actions.RAIL_ON, False)

    def pass_by(self):
        """Somebody walks before the PIR, and sees the LED go on and off."""
        for level in (True, False):
            self.board.pir_level = level
            self.board.pending_edges += level
            self.until(lambda level=level: self.board.pins.get(actions.LED, False) is level)

    def until(self, true, timeout_s=5.0):
        """Wait for something that the supervisor's thread does."""
        deadline = time.monotonic() + timeout_s
        while not true():
            assert time.monotonic() < deadline, "the supervisor did not get there"
            time.sleep(0.005)

    def _live(self):
        self.body.start()
        while not self._stop.is_set():
            self.body.round()
            time.sleep(0.001)


class NoisyPort:
    """A port between the line and the UART that turns a bit in a share of the chunks, both ways."""

    def __init__(self, port, share, seed):
        self._port, self._share, self._draw = port, share, random.Random(seed)

    def read(self, timeout_s):
        return self._spoilt(self._port.read(timeout_s))

    def write(self, data):
        self._port.write(self._spoilt(data))

    def _spoilt(self, data):
        if not data or self._draw.random() >= self._share:
            return data
        at = self._draw.randrange(len(data))
        return data[:at] + bytes((data[at] ^ 1 << self._draw.randrange(8),)) + data[at + 1 :]
