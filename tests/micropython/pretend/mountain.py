"""A unit on a pretend mountain: the real ``main``, ``board`` and ``body`` on the pretend ``machine``, and a pretend Pi.

Runs on CPython and MicroPython. ``Unit.day`` returns when nothing more happens; ``Unit.ring`` is what a Pi would be handed.
"""

import sys

import machine
from machine import HALTED, HOLD, RAIL, PowerGone, Reset, World


class Time:
    """MicroPython's ``time``, on the world's clock."""

    def ticks_ms(self):
        return machine.world.ms & 0x3FFFFFFF

    def ticks_diff(self, later, earlier):
        return ((later - earlier + 0x20000000) & 0x3FFFFFFF) - 0x20000000

    def sleep_ms(self, ms):
        machine.world.pass_ms(ms)


sys.modules["time"] = Time()
if not hasattr(sys, "print_exception"):
    sys.print_exception = lambda error: print(repr(error))

from trap_supervisor import main  # noqa: E402
from trap_wire import codes, frames  # noqa: E402

HOME = list(sys.path)
NOON = 1_795_608_000


class Pi:
    """A Pi as the supervisor sees it: boots when the rail rises, says HELLO, works, asks for sleep, halts.

    ``manners``: "good", "mute" (never boots), "silent" (stops after HELLO), "sleepless", "never_halts", "hungry" (its boot
    pulls the battery down), "unheard" (its request to sleep is lost on the line). ``says`` are frames that it sends after HELLO.
    """

    def __init__(self, world, manners="good"):
        self._world, self.manners = world, manners
        self.says = []
        self.heard = []
        self.hellos = []
        self._reader = frames.Reader()
        self._boots = 0
        world.on_pin = self._pin

    def _pin(self, pin, value):
        if pin != RAIL:
            return
        self._boots += 1
        boot = self._boots
        self._world.drive(HALTED, 0)
        self._world.gauge.ma = -180 if value else -25
        if value and self.manners == "hungry":
            self._world.at(self._world.ms + 900, self._world_dies)
        elif value and self.manners != "mute":
            self._world.at(self._world.ms + 4_000, lambda: self._boot(boot))

    def _world_dies(self):
        raise PowerGone

    def _boot(self, boot):
        self._reader = frames.Reader()
        if self._alive(boot):
            self._say(codes.HELLO, frames.pack_hello(frames.Hello(codes.UART_PROTOCOL, 0, 1, 0)))
            self._world.at(self._world.ms + 100, lambda: self._work(boot, 0))

    def _work(self, boot, step):
        if not self._alive(boot):
            return
        self._listen()
        if self.manners == "silent":
            return
        if self.says:
            self._say(*self.says.pop(0))
            self._world.at(self._world.ms + 20, lambda: self._work(boot, step))
        elif step < 5 or self.manners == "sleepless":
            self._say(codes.HEARTBEAT, b"")
            self._world.at(self._world.ms + 1_000, lambda: self._work(boot, step + 1))
        else:
            if self.manners != "unheard":
                self._say(codes.SLEEP_REQUEST, b"")
            if self.manners != "never_halts":
                self._world.at(self._world.ms + 1_500, lambda: self._halt(boot))

    def _halt(self, boot):
        if self._alive(boot):
            self._listen()
            self._world.drive(HALTED, 1)

    def _alive(self, boot):
        return self._boots == boot and self._world.pins.get(RAIL)

    def _listen(self):
        found = self._reader.feed(self._world.to_pi)
        self._world.to_pi = b""
        for frame in found:
            self.heard.append((frame.type, bytes(frame.payload)))
            if frame.type == codes.HELLO:
                self.hellos.append(tuple(frames.unpack_hello(frame.payload))[1:])

    def _say(self, type_, payload):
        self._world.from_pi += frames.encode(type_, 0, payload)


class Unit:
    """Batteries in, and from latch to latch. ``ups``: the virtual second of every power-up and how it ended."""

    def __init__(self, folder, manners="good", utc_s=NOON):
        main.FLASH, main.ROUND_MS = folder, 40  # coarser than the real 5 ms, for the tests' sake
        machine.world = self.world = World(utc_s)
        self.pi = Pi(self.world, manners)
        self.ups = []

    def power_up(self, cause=machine.PWRON_RESET):
        """The latch is closed until the power goes or the watchdog bites (and then the latch opens, too)."""
        started_s = self.world.ms // 1_000
        self._forget()
        self.world.power_up(cause)
        try:
            sys.modules["trap_supervisor.main"].start()
            ended = "returned"
        except PowerGone:
            ended = "dark"
        except Reset:
            ended = "reset"
        self.ups.append((started_s, ended))
        for pin in (HOLD, RAIL):
            self.world.driven(pin, 0)
        self.world._bite_ms = self.world._drop_ms = None

    def motion(self, after_s=0, times=1, every_s=0):
        """Wait in the dark, then something moves; while the power lasts it moves ``times``."""
        self.sleep(after_s)
        for n in range(1, times):
            self.world.at(self.world.ms + n * every_s * 1_000, self.world.pulse)
        self.world.pulse()
        self.power_up()

    def sleep(self, seconds):
        """Dark; the RTC's alarm closes the latch when it comes."""
        end_ms = self.world.ms + seconds * 1_000
        while True:
            alarm_s = None if self.world.rtc.dead else self.world.rtc.armed_s()
            ahead_ms = None if alarm_s is None else (alarm_s - self.world.rtc.seconds()) * 1_000
            if ahead_ms is None or self.world.ms + ahead_ms >= end_ms:
                break
            self.world.pass_ms(ahead_ms)
            self.world.rtc.fired = 1
            self.power_up()
        self.world.pass_ms(max(0, end_ms - self.world.ms))

    def flash(self):
        """The files of its flash."""
        from trap_supervisor.files import FolderFiles

        return FolderFiles(main.FLASH)

    def fill_ring(self, count):
        """So many records lie in its ring before anything happens."""
        from trap_supervisor.ring import Ring

        ring = Ring(self.flash())
        for n in range(count):
            ring.add(frames.pack_record(frames.Record(0, NOON, codes.RECORD_FAULT, 0, n)))

    def spoil(self, name):
        """A bit of a file turns."""
        raw = self.flash().read(name)
        self.flash().write(name, raw[:-1] + bytes([raw[-1] ^ 1]))

    def rtc_runs_back(self, seconds):
        """Without a word of its own."""
        self.world.rtc._base_s -= seconds

    def bus_hangs(self, at_s):
        """From then on, until the next power-up."""
        self.world.at(self.world.ms + at_s * 1_000, lambda: setattr(self.world.gauge, "dead", None))

    def restart(self):
        """What the watchdog does after it has bitten."""
        self.world.gauge.dead = False
        self.power_up(machine.WDT_RESET)

    def ring(self):
        """Records as a Pi would read them: (kind, code, value)."""
        from trap_supervisor.ring import Ring

        found = [frames.unpack_record(raw) for raw in Ring(self.flash()).since(0, 10_000)]
        return [(codes.RECORD_NAMES[r.kind], r.code, r.value) for r in found]

    def rises(self):
        """How often the rail went up."""
        return len([1 for _, pin, value in self.world.log if pin == RAIL and value])

    def _forget(self):
        """As a new power-up: no module of an update is left."""
        sys.path[:] = HOME
        for name in list(sys.modules):
            if name.split(".")[0] in ("trap_supervisor", "trap_wire") and name != "trap_supervisor.main":
                del sys.modules[name]
