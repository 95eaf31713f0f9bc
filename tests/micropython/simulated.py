"""The scenarios once more, through the simulator's unit: ``trap_sim.board`` in virtual time. One JSON line a scenario.

Arguments as ``scenarios.py``. The Pi has the same manners as the one on the pretend mountain, word for word and second for
second; everything else (board, time, RTC, flash) is the simulator's own. Updates stay with the mountain.
"""

import json
import sys
from datetime import UTC, datetime
from types import SimpleNamespace

sys.path.insert(0, sys.argv[2])

from trap_sim.board import LATCH_MS, Board, Pins, Readings
from trap_sim.clock import Rtc, RtcFaults
from trap_sim.uart import Uart
from trap_sim.vtime import PowerCut, VirtualTime
from trap_supervisor import actions
from trap_supervisor.ring import Ring
from trap_wire import codes, frames

from tests.micropython import scenarios  # isort: skip  # last: the mountain puts its own time under the name of time

TOLD = (
    "good_day", "flood_of_wind", "heartbeat_at_six", "mute_pi", "silent_pi", "sleepless_pi", "pi_that_never_halts",
    "pi_whose_request_to_sleep_is_lost",
    "battery_that_collapses", "battery_that_sags_under_the_pi", "battery_that_runs_flat_in_the_cold",
    "battery_that_swings_about_a_step", "same_volts_warm_and_cold", "nickel_cells_by_the_station",
    "reserve_for_the_heartbeat", "day_over_its_budget", "dead_gauge", "dead_rtc", "rtc_that_lost_its_time",
    "rtc_that_runs_back", "memory_and_settings_that_are_torn", "stuck_pir", "walk_test", "settings_from_the_pi",
    "trigger_while_the_pi_is_up_and_while_it_halts", "cable", "full_ring", "bus_that_hangs", "ring_is_handed_over",
    "long_ring_is_handed_over",
)  # fmt: skip


machine = scenarios.machine


class Supply:
    """Says what the scenario says; takes what the mountain's unit takes."""

    def __init__(self, gauge):
        self._gauge, self.pi = gauge, False

    def switch(self, *, supervisor=None, pi=None):
        self.pi = self.pi if pi is None else pi

    def settle(self):
        pass

    def millivolts(self):
        return self._gauge.mv

    def milliamps(self):
        return 180 if self.pi else 25


class TellingBoard(Board):
    """Tells the Pi of its rail."""

    on_rail = None

    def switch(self, do, on):
        super().switch(do, on)
        if do == actions.RAIL_ON:
            self.on_rail(on)


class Pi:
    """``mountain.Pi`` in virtual time."""

    def __init__(self, time, uart):
        self._time, self._uart, self.board = time, uart, None
        self.manners, self.says, self._boots = "good", [], 0

    def rail(self, on):
        self._boots += 1
        boot = self._boots
        if on and self.manners == "hungry":
            self._in(900, self.board.power_lost)
        elif on and self.manners != "mute":
            self._in(4_000, lambda: self._boot(boot))

    def _boot(self, boot):
        if self._alive(boot):
            self._say(codes.HELLO, frames.pack_hello(frames.Hello(codes.UART_PROTOCOL, 0, 1, 0)))
            self._in(100, lambda: self._work(boot, 0))

    def _work(self, boot, step):
        self._uart.take()
        if not self._alive(boot) or self.manners == "silent":
            return
        if self.says:
            self._say(*self.says.pop(0))
            self._in(20, lambda: self._work(boot, step))
        elif step < 5 or self.manners == "sleepless":
            self._say(codes.HEARTBEAT, b"")
            self._in(1_000, lambda: self._work(boot, step + 1))
        else:
            if self.manners != "unheard":
                self._say(codes.SLEEP_REQUEST, b"")
            if self.manners != "never_halts":
                self._in(1_500, lambda: self.board.halt() if self._alive(boot) else None)

    def _alive(self, boot):
        return self._boots == boot and self.board.pi_wanted

    def _say(self, type_, payload):
        self.board.take(frames.encode(type_, 0, payload))

    def _in(self, ms, what):
        self._time.at(self._time.ms + ms, what)


class World:
    """The parts by the mountain's names."""

    def __init__(self, time):
        self._time, self.board = time, None
        self.gauge = SimpleNamespace(mv=5_900, dead=False)
        self.faults = RtcFaults()
        self.rtc = RtcByName(self.faults)

    @property
    def ms(self):
        return self._time.ms

    def at(self, ms, what):
        self._time.at(ms, what)

    def pulse(self, length_ms):
        self.board.pir_level = True
        self._time.at(self.ms + length_ms, lambda: setattr(self.board, "pir_level", False))
        self.board.pulse()

    def drive(self, pin, value):
        assert pin == machine.CABLE
        if value:
            self.board.plug_in()


class RtcByName:
    """What a scenario does to the clock."""

    def __init__(self, faults):
        self._faults, self.cc = faults, 1_500

    dead = property(None, lambda self, value: setattr(self._faults, "dead", value))
    stopped = property(None, lambda self, value: setattr(self._faults, "lost_time", bool(value)))


class SimulatedUnit:
    """What a scenario asks of a unit."""

    def __init__(self):
        self._time, uart = VirtualTime(), Uart()
        self.world = World(self._time)
        rtc = Rtc(self._time, datetime.fromtimestamp(scenarios.NOON, UTC), faults=self.world.faults)
        self.pi = Pi(self._time, uart)
        self._board = self.pi.board = self.world.board = TellingBoard(
            self._time, Pins(rtc, Supply(self.world.gauge), uart, self._readings)
        )
        self._board.on_rail = self.pi.rail

    def power_up(self):
        if not self._board.awake:
            self._board.switch_on()
        self._until_dark()

    def motion(self, after_s=0, times=1, every_s=0):
        self.sleep(after_s)
        for n in range(1, times):  # from when the firmware runs, as on the mountain, where it runs at once
            self._time.at(self._time.ms + LATCH_MS + n * every_s * 1_000, self._pulse_if_awake)
        self._board.pulse()
        self._until_dark()

    def sleep(self, seconds):
        self._time.advance(seconds * 1_000)
        self._until_dark()

    def fill_ring(self, count):
        ring = Ring(self._board.flash)
        for n in range(count):
            ring.add(frames.pack_record(frames.Record(0, scenarios.NOON, codes.RECORD_FAULT, 0, n)))

    def spoil(self, name):
        raw = self._board.flash.read(name)
        self._board.flash.write(name, raw[:-1] + bytes([raw[-1] ^ 1]))

    def rtc_runs_back(self, seconds):
        self.world.faults.lies_by_s -= seconds

    def bus_hangs(self, at_s):
        self._time.at(self._time.ms + at_s * 1_000, self._board.hang)

    def restart(self):
        """The simulator's watchdog has done it already."""

    def ring(self):
        found = [frames.unpack_record(raw) for raw in Ring(self._board.flash).since(0, 10_000)]
        return [(codes.RECORD_NAMES[r.kind], r.code, r.value) for r in found]

    def _pulse_if_awake(self):
        if self._board.awake:
            self._board.pulse()

    def _until_dark(self):
        while self._board.awake:
            try:
                self._time.advance_to(self._time.next_ms())
            except PowerCut:
                pass

    def _readings(self):
        return Readings(self.world.rtc.cc / 100, 400.0, gauge=not self.world.gauge.dead)


for scenario in scenarios.SCENARIOS:
    if scenario.__name__ in TOLD:
        unit = SimulatedUnit()
        scenario(unit)
        print(json.dumps({"scenario": scenario.__name__, "rises": unit._board.wakes, "ring": unit.ring()[-200:]}))
