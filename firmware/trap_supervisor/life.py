"""The supervisor's whole life from latch to latch, as one object without hardware.

A board (``trap_supervisor.board`` on the RP2040, ``trap_sim.board`` in the simulator) makes a ``Life`` each time the latch
closes, tells it what happens, and carries out the actions that every call returns, in order, before it tells the next
thing (see ``actions``). Every call takes ``now_ms``, milliseconds since this power-up, never stepping, and ``rtc_s``, UTC
seconds of the RTC (0 when it does not answer). It reads no clock and touches no part by itself::

    life = Life(settings, memory_bytes)
    do(life.start(now_ms, rtc_s, Causes(pir=True, alarm=False, host=False, watchdog=False), sample))
    while powered:                       # until DROP_LATCH has really cut the power
        do(life.pulse(now_ms, rtc_s))            # on each rising edge of the PIR
        do(life.frame(now_ms, rtc_s, frame))     # each whole frame from the Pi
        do(life.sample(now_ms, rtc_s, sample))   # a few times a second while the rail is on, else each second
        do(life.alarm(now_ms, rtc_s))            # the RTC alarm fired while powered
        do(life.tick(now_ms, rtc_s, halted, pir_high))   # at life.deadline_ms() at the latest, or every few ms

If the power stays on after DROP_LATCH (bench supply, PIR still high) the same object goes on: a pulse starts over.
"""

from collections import namedtuple

from trap_supervisor import actions, energy, schedule
from trap_supervisor import settings as rules
from trap_supervisor.actions import Action
from trap_supervisor.gate import Gate
from trap_supervisor.memory import Memory, unpack
from trap_supervisor.rail import Rail, back_off_s
from trap_supervisor.senses import Sample as Sample  # noqa: PLC0414  # boards take it from here
from trap_supervisor.senses import Senses
from trap_supervisor.talk import Talk, Trigger
from trap_supervisor.walk import WalkTest
from trap_wire import codes, frames

TYPE_CHECKING = False  # MicroPython has no typing
if TYPE_CHECKING:
    from typing import Any

# Why the latch closed, each a bool. None of them: the pulse was shorter than the boot, so it counts as a PIR pulse.
Causes = namedtuple("Causes", ("pir", "alarm", "host", "watchdog"))


class Life:
    """Composes gate, rail, schedule and memory. ``memory`` is what REMEMBER last carried, empty for a new unit."""

    def __init__(self, settings: "dict[str, Any]", memory: bytes = b"") -> None:
        self._settings = rules.complete(settings)
        found = unpack(memory)
        self._cold = found is None
        self._torn = found is None and len(memory) > 0
        self._memory = found or Memory()
        self._stored = memory
        self._gate = Gate(self._settings, self._memory)
        self._rail = Rail(self._settings)
        self._senses = Senses(self._settings, self._memory, self._record)
        self._walk = WalkTest()
        self._out: list[Action] = []
        self._talk = Talk(self._settings, self._memory, self._rail, senses=self._senses, walk=self._walk, do=self._do)
        self._latched = False
        self.trial = False  # set by the board before start: this code is on trial, the Pi must be asked

    # --- what the board may look at ---------------------------------------------------------------------------

    @property
    def rail(self) -> int:
        """``codes.RAIL_*``."""
        return self._rail.state

    @property
    def ladder(self) -> int:
        """``codes.LADDER_*``."""
        return self._memory.ladder

    @property
    def wake_number(self) -> int:
        """Of the newest admitted trigger or heartbeat."""
        return self._memory.wake_number

    @property
    def waiting(self) -> bool:
        """A trigger waits for the Pi to see it: the level of the wake line."""
        return bool(self._talk.waiting)

    @property
    def walking(self) -> bool:
        """A walk test runs."""
        return self._walk.running

    def deadline_ms(self) -> "int | None":
        """Latest time of the next ``tick`` if nothing else happens; None once the latch is dropped."""
        times = [self._rail.deadline_ms(), self._gate.settled_ms, self._walk.until_ms]
        if self._talk.waiting:
            times.append(self._rail.rested_ms())
        return min([at for at in times if at is not None], default=None)

    # --- what happens -----------------------------------------------------------------------------------------

    def start(self, now_ms: int, rtc_s: int, causes: Causes, sample: Sample) -> "list[Action]":
        """The latch has closed."""
        self._hold()
        seen_s = self._memory.seen_s
        self._take(now_ms, rtc_s, sample)
        self._look_back(rtc_s, causes, seen_s)
        # A clock that lost its time but counts is still good for one frame a day.
        counted = causes.alarm and not sample.rtc_ok and self.ladder < codes.LADDER_OFF
        if self._cold:
            self._record(rtc_s, codes.RECORD_BOOT, codes.FAULT_MEMORY if self._torn else 0, self._memory.wake_number)
            self._gate.settle(now_ms)
            self._memory.heartbeat_s = rtc_s  # the frame of the first wake stands for today's
            self._wake(now_ms, rtc_s, codes.REASON_RESET)
        elif causes.host:
            self._wake(now_ms, rtc_s, codes.REASON_HOST)
        elif counted:
            self._wake(now_ms, rtc_s, codes.REASON_SCHEDULE)
        elif causes.pir or not (causes.alarm or causes.watchdog):
            self._pulse(now_ms, rtc_s)
        if self.trial and not self._talk.waiting:
            self._wake(now_ms, rtc_s, codes.REASON_RESET)
        return self._settle(now_ms, rtc_s)

    def pulse(self, now_ms: int, rtc_s: int) -> "list[Action]":
        """A rising edge of the PIR."""
        self._hold()
        self._pulse(now_ms, rtc_s)
        return self._settle(now_ms, rtc_s)

    def host(self, now_ms: int, rtc_s: int) -> "list[Action]":
        """A laptop's cable was plugged in while the power was on."""
        self._hold()
        if self._rail.state == codes.RAIL_OFF:
            self._wake(now_ms, rtc_s, codes.REASON_HOST)
        return self._settle(now_ms, rtc_s)

    def alarm(self, now_ms: int, rtc_s: int) -> "list[Action]":
        """The RTC alarm fired while the power was on."""
        self._hold()
        return self._settle(now_ms, rtc_s)

    def sample(self, now_ms: int, rtc_s: int, sample: Sample) -> "list[Action]":
        """Fresh readings."""
        self._take(now_ms, rtc_s, sample)
        return self._settle(now_ms, rtc_s)

    def frame(self, now_ms: int, rtc_s: int, frame: frames.Frame) -> "list[Action]":
        """A whole frame from the Pi. Nothing is sent before its HELLO, and nothing while the rail is off."""
        if self._rail.state == codes.RAIL_OFF:
            return []
        self._talk.hear(now_ms, rtc_s, frame)
        self._tell_lost(rtc_s)
        return self._settle(now_ms, rtc_s)

    def clock_set(self, rtc_s: int, ok: bool, moved_s: int) -> "list[Action]":
        """The board has carried out SET_RTC: everything remembered in RTC seconds moves along."""
        if ok and self._senses.sample.rtc_ok:
            self._memory.shift(moved_s)
        if ok:
            self._memory.clamp(rtc_s)
            self._record(rtc_s, codes.RECORD_CLOCK, 0, moved_s)
        self._talk.answer(codes.SET_CLOCK, codes.RESULT_DONE if ok else codes.RESULT_FAILED)
        return self._flush()

    def tick(self, now_ms: int, rtc_s: int, halted: bool = False, pir_high: bool = False) -> "list[Action]":
        """Time passes. ``halted``: the Pi's halt signal; ``pir_high``: the level of the PIR's pin."""
        self._senses.watch_pir(rtc_s, pir_high)
        if self._walk.shows(pir_high):
            self._do(actions.LED, int(pir_high))
        cause = self._rail.tick(now_ms, halted)
        if cause is not None:
            self._cut(now_ms, rtc_s, cause)
        return self._settle(now_ms, rtc_s)

    # --- pulses, heartbeats and the rail ----------------------------------------------------------------------

    def _pulse(self, now_ms: int, rtc_s: int) -> None:
        if self._walk.running:
            self._walk.count += 1
            return
        answer = self._refusal(rtc_s)
        if answer == codes.ADMITTED:
            answer = self._gate.admit(now_ms, rtc_s, self._senses.sample.rtc_ok)
        if answer == codes.ADMITTED:
            self._wake(now_ms, rtc_s, codes.REASON_PIR)

    def _refusal(self, rtc_s: int) -> int:
        """Why no pulse counts now; counts what is lost by it."""
        memory = self._memory
        if memory.ladder >= codes.LADDER_HEARTBEAT_ONLY:
            self._gate.lost(codes.TOO_LOW, rtc_s, rtc_s)
            return codes.TOO_LOW
        if self._backed_off(rtc_s):
            self._gate.lost(codes.BACKED_OFF, memory.not_before_s, rtc_s)
            return codes.BACKED_OFF
        if energy.overspent(self._settings, memory, rtc_s):
            self._gate.lost(codes.OVERSPENT, rtc_s - rtc_s % schedule.DAY_S + schedule.DAY_S, rtc_s)
            return codes.OVERSPENT
        return codes.ADMITTED

    def _backed_off(self, rtc_s: int) -> bool:
        """The rail rests. Without a clock, it rests for a number of power-ups."""
        memory = self._memory
        if self._senses.sample.rtc_ok:
            return rtc_s < memory.not_before_s <= rtc_s + self._settings["back_off_max_s"]
        memory.skip = max(0, memory.skip - 1)
        return memory.skip > 0

    def _wake(self, now_ms: int, rtc_s: int, reason: int) -> None:
        memory = self._memory
        memory.wake_number += 1
        trigger = Trigger(reason, memory.wake_number, now_ms)
        self._talk.add(trigger)
        if self._rail.state != codes.RAIL_OFF or len(self._talk.waiting) > 1:
            self._record(rtc_s, codes.RECORD_TRIGGER, reason, trigger.number)
        if self._rail.state in (codes.RAIL_BOOTING, codes.RAIL_UP):
            self._rail.trigger(now_ms)
            self._talk.tell(now_ms, rtc_s, trigger)

    def _rise(self, now_ms: int, rtc_s: int) -> None:
        """Everything that must be durable is, before the Pi may pull the battery down."""
        memory = self._memory
        trigger = self._talk.rise(memory.losses())
        memory.open = 1
        self._record(rtc_s, codes.RECORD_WAKE, trigger.reason, trigger.number)
        self._remember()
        self._do(actions.RAIL_ON)
        self._rail.rise(now_ms)
        self._light(True)

    def _cut(self, now_ms: int, rtc_s: int, cause: int) -> None:
        """0: in order, else ``codes.KILL_*``."""
        self._do(actions.INTERLOCK, 0)
        self._do(actions.RAIL_OFF)
        on_ms = self._rail.fall(now_ms)
        self._light(False)
        memory = self._memory
        memory.open, memory.killed = 0, cause
        if cause:
            if not self.trial:  # code on trial is not the Pi's fault
                self._failed(rtc_s)
            self._record(rtc_s, codes.RECORD_KILLED, cause, on_ms)
            if cause != codes.KILL_BROWN_OUT:
                self._record(rtc_s, codes.RECORD_FAULT, codes.FAULT_HUNG_PI, memory.failures)
            self._talk.forget()
        else:
            memory.failures = memory.skip = memory.not_before_s = 0
            self._record(rtc_s, codes.RECORD_SLEEP, 0, on_ms)

    def _light(self, on: bool) -> None:
        """Where the protocol allows lights, the LED shows that the Pi has power; a walk test has the LED for itself."""
        if self._settings["leds"] and not self._walk.running:
            self._do(actions.LED, int(on))

    def _failed(self, rtc_s: int) -> None:
        memory = self._memory
        memory.failures = min(memory.failures + 1, 255)
        memory.not_before_s = rtc_s + back_off_s(self._settings, memory.failures)
        memory.skip = min(4 * memory.failures, 64)

    def _look_back(self, rtc_s: int, causes: Causes, seen_s: int) -> None:
        """How the last life ended. ``seen_s`` is its newest time in flash, from when the rail rose.

        The rest begins when the power went, not when it is found out: the first animal after a night without power is not
        refused. Later than the longest wake after the rise it cannot have gone.
        """
        memory = self._memory
        was_open = memory.open
        if was_open:
            memory.open, memory.killed = 0, codes.KILL_BROWN_OUT
            self._failed(min(rtc_s, seen_s + self._settings["max_on_ms"] // 1000))
        if was_open or causes.watchdog:
            fault = codes.FAULT_WATCHDOG if causes.watchdog else codes.FAULT_BROWN_OUT
            self._record(rtc_s, codes.RECORD_FAULT, fault, memory.failures)

    # --- readings ---------------------------------------------------------------------------------------------

    def _take(self, now_ms: int, rtc_s: int, sample: Sample) -> None:
        loaded = self._rail.state != codes.RAIL_OFF
        self._senses.take(now_ms, rtc_s, sample, loaded)
        if loaded and energy.sagging(self._settings, sample):
            self._cut(now_ms, rtc_s, codes.KILL_BROWN_OUT)

    # --- housekeeping -----------------------------------------------------------------------------------------

    def _settle(self, now_ms: int, rtc_s: int) -> "list[Action]":
        """After each event: what follows from the new state."""
        self._heartbeat(now_ms, rtc_s)
        if self._talk.waiting and self._rail.may_rise(now_ms):
            self._rise(now_ms, rtc_s)
        self._test_walk(now_ms, rtc_s)
        idle = self._rail.state == codes.RAIL_OFF and not self._talk.waiting and not self._walk.running
        if idle and self._latched and not self._gate.settling(now_ms):
            self._rest(rtc_s)
        return self._flush()

    def _heartbeat(self, now_ms: int, rtc_s: int) -> None:
        memory = self._memory
        if not self._senses.sample.rtc_ok or memory.ladder >= codes.LADDER_OFF or self._backed_off(rtc_s):
            return
        if schedule.due(rtc_s, self._settings["heartbeat_hour"], memory.heartbeat_s):
            memory.heartbeat_s = rtc_s
            self._record(rtc_s, codes.RECORD_CHARGE, 0, memory.charge_mas)
            self._wake(now_ms, rtc_s, codes.REASON_SCHEDULE)

    def _test_walk(self, now_ms: int, rtc_s: int) -> None:
        """Ends with its count."""
        if self._walk.ends(now_ms):
            self._do(actions.LED, 0)
            self._record(rtc_s, codes.RECORD_WALK_TEST, 0, self._walk.count)

    def _hold(self) -> None:
        if not self._latched:
            self._latched = True
            self._do(actions.HOLD_LATCH)

    def _rest(self, rtc_s: int) -> None:
        """Nothing is left to do: arm the alarm, remember, let go."""
        self._do(actions.ARM, self._next_alarm_s(rtc_s))
        self._remember()
        self._latched = False
        self._do(actions.DROP_LATCH)

    def _next_alarm_s(self, rtc_s: int) -> int:
        """Always in the future. A clock that lost its time still counts: the same moment tomorrow; 0: it does not answer."""
        memory, hour = self._memory, self._settings["heartbeat_hour"]
        if not self._senses.sample.rtc_ok:
            return rtc_s and rtc_s + schedule.DAY_S
        if memory.not_before_s > rtc_s and schedule.due(rtc_s, hour, memory.heartbeat_s):
            return memory.not_before_s
        return schedule.upcoming(rtc_s, hour)

    def _tell_lost(self, rtc_s: int) -> None:
        """Lost effort that the Pi has just heard of goes into the ring and out of the memory: told once, and surely once."""
        losses = self._talk.losses_heard()
        for cause, triggers, seconds in losses:
            self._record(rtc_s, codes.RECORD_THROTTLED, cause, triggers)
            self._record(rtc_s, codes.RECORD_THROTTLED, cause | codes.THROTTLED_SECONDS, seconds)
        if losses:
            self._memory.told(losses)
            self._remember()

    def _remember(self) -> None:
        packed = self._memory.pack()
        if packed != self._stored:  # the flash wears by writes
            self._stored = packed
            self._do(actions.REMEMBER, 0, packed)

    def _record(self, rtc_s: int, kind: int, code: int, value: int) -> None:
        self._do(actions.RECORD, 0, frames.pack_record(frames.Record(0, rtc_s, kind, code, value)))

    def _do(self, do: int, value: int = 0, payload: bytes = b"") -> None:
        self._out.append(Action(do, value, payload))

    def _flush(self) -> "list[Action]":
        out, self._out = self._out, []
        return out
