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
from trap_supervisor.walk import WalkTest
from trap_wire import codes, frames

TYPE_CHECKING = False  # MicroPython has no typing
if TYPE_CHECKING:
    from typing import Any

# Why the latch closed, each a bool. None of them: the pulse was shorter than the boot, so it counts as a PIR pulse.
Causes = namedtuple("Causes", ("pir", "alarm", "host", "watchdog"))
# An admitted trigger: codes.REASON_*, its wake number, and when it came.
Trigger = namedtuple("Trigger", ("reason", "number", "at_ms"))

FIRMWARE = (0, 1, 0)  # major, minor, patch of the policy, told in HELLO
_QUEUE = 8  # triggers that wait for the Pi; more are still in the ring


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
        self._walk = WalkTest(self._memory)
        self._out: list[Action] = []
        self._queue: list[Trigger] = []  # not yet seen by the Pi, oldest first
        self._risen_for: "Trigger | None" = None  # what this WAKE is about
        self._told = (0, 0)  # triggers and seconds lost before this WAKE
        self._greeted = False
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
        return bool(self._queue)

    def deadline_ms(self) -> "int | None":
        """Latest time of the next ``tick`` if nothing else happens; None once the latch is dropped."""
        times = [self._rail.deadline_ms(), self._gate.settled_ms, self._walk.until_ms]
        if self._queue:
            times.append(self._rail.rested_ms())
        return min([at for at in times if at is not None], default=None)

    # --- what happens -----------------------------------------------------------------------------------------

    def start(self, now_ms: int, rtc_s: int, causes: Causes, sample: Sample) -> "list[Action]":
        """The latch has closed."""
        self._hold()
        self._take(now_ms, rtc_s, sample)
        self._look_back(rtc_s, causes)
        if self._cold:
            self._record(rtc_s, codes.RECORD_BOOT, codes.FAULT_MEMORY if self._torn else 0, self._memory.wake_number)
            self._gate.settle(now_ms)
            self._memory.heartbeat_s = rtc_s  # the frame of the first wake stands for today's
            self._wake(now_ms, rtc_s, codes.REASON_RESET)
        elif causes.host:
            self._wake(now_ms, rtc_s, codes.REASON_HOST)
        elif causes.alarm and not sample.rtc_ok:  # a clock that only counts is still good for one frame a day
            self._wake(now_ms, rtc_s, codes.REASON_SCHEDULE)
        elif causes.pir or not (causes.alarm or causes.watchdog):
            self._pulse(now_ms, rtc_s)
        if self.trial and not self._queue:
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
        handler = self._HANDLERS.get(frame.type)
        if self._rail.state == codes.RAIL_OFF:
            return []
        if handler is not None:
            try:
                handler(self, now_ms, rtc_s, frame.payload)
            except ValueError:
                self._answer(frame.type, codes.RESULT_REFUSED)
        elif frame.type in (codes.UPDATE_BEGIN, codes.UPDATE_DATA, codes.UPDATE_COMMIT):
            self._do(actions.UPDATE, frame.type, frame.payload)
        return self._settle(now_ms, rtc_s)

    def clock_set(self, rtc_s: int, ok: bool, moved_s: int) -> "list[Action]":
        """The board has carried out SET_RTC: everything remembered in RTC seconds moves along."""
        if ok and self._senses.sample.rtc_ok:
            self._memory.shift(moved_s)
        if ok:
            self._memory.clamp(rtc_s)
            self._record(rtc_s, codes.RECORD_CLOCK, 0, moved_s)
        self._answer(codes.SET_CLOCK, codes.RESULT_DONE if ok else codes.RESULT_FAILED)
        return self._flush()

    def tick(self, now_ms: int, rtc_s: int, halted: bool = False, pir_high: bool = False) -> "list[Action]":
        """Time passes. ``halted``: the Pi's halt signal; ``pir_high``: the level of the PIR's pin."""
        self._senses.watch_pir(rtc_s, pir_high)
        if self._walk.running:
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
        elif answer >= codes.FLOODED:
            self._memory.lost_reason = answer

    def _refusal(self, rtc_s: int) -> int:
        """Why no pulse counts now; counts what is lost by it."""
        memory = self._memory
        if memory.ladder >= codes.LADDER_HEARTBEAT_ONLY:
            self._gate.lost(rtc_s, rtc_s)
            return codes.TOO_LOW
        if self._backed_off(rtc_s):
            self._gate.lost(memory.not_before_s, rtc_s)
            return codes.BACKED_OFF
        if energy.overspent(self._settings, memory, rtc_s):
            self._gate.lost(rtc_s - rtc_s % schedule.DAY_S + schedule.DAY_S, rtc_s)
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
        self._queue = (self._queue + [trigger])[-_QUEUE:]
        if self._rail.state != codes.RAIL_OFF or len(self._queue) > 1:
            self._record(rtc_s, codes.RECORD_TRIGGER, reason, trigger.number)
        if self._rail.state in (codes.RAIL_BOOTING, codes.RAIL_UP):
            self._rail.trigger(now_ms)
            self._tell(now_ms, rtc_s, codes.TRIGGER, trigger)

    def _rise(self, now_ms: int, rtc_s: int) -> None:
        """Everything that must be durable is, before the Pi may pull the battery down."""
        trigger = self._risen_for = self._queue[0]
        self._greeted = False
        self._memory.open = 1
        self._record(rtc_s, codes.RECORD_WAKE, trigger.reason, trigger.number)
        self._flush_lost(rtc_s)
        self._remember()
        self._do(actions.RAIL_ON)
        self._rail.rise(now_ms)

    def _cut(self, now_ms: int, rtc_s: int, cause: int) -> None:
        """0: in order, else ``codes.KILL_*``."""
        self._do(actions.INTERLOCK, 0)
        self._do(actions.RAIL_OFF)
        on_ms = self._rail.fall(now_ms)
        memory = self._memory
        memory.open, memory.killed = 0, cause
        if cause:
            if not self.trial:  # code on trial is not the Pi's fault
                self._failed(rtc_s)
            self._record(rtc_s, codes.RECORD_KILLED, cause, on_ms)
            if cause != codes.KILL_BROWN_OUT:
                self._record(rtc_s, codes.RECORD_FAULT, codes.FAULT_HUNG_PI, memory.failures)
            self._queue = []  # they are in the ring; trying again at once would only repeat the failure
        else:
            memory.failures = memory.skip = memory.not_before_s = 0
            self._record(rtc_s, codes.RECORD_SLEEP, 0, on_ms)

    def _failed(self, rtc_s: int) -> None:
        memory = self._memory
        memory.failures = min(memory.failures + 1, 255)
        memory.not_before_s = rtc_s + back_off_s(self._settings, memory.failures)
        memory.skip = min(4 * memory.failures, 64)

    def _look_back(self, rtc_s: int, causes: Causes) -> None:
        """How the last life ended."""
        memory = self._memory
        was_open = memory.open
        if was_open:
            memory.open, memory.killed = 0, codes.KILL_BROWN_OUT
            self._failed(rtc_s)
        if was_open or causes.watchdog:
            fault = codes.FAULT_WATCHDOG if causes.watchdog else codes.FAULT_BROWN_OUT
            self._record(rtc_s, codes.RECORD_FAULT, fault, memory.failures)

    # --- talk with the Pi -------------------------------------------------------------------------------------

    def _on_hello(self, now_ms: int, rtc_s: int, payload: bytes) -> None:
        frames.unpack_hello(payload)
        self._rail.hello(now_ms)
        self._greeted = True
        self._do(actions.SEND, codes.HELLO, frames.pack_hello(frames.Hello(codes.UART_PROTOCOL, *FIRMWARE)))
        if self._risen_for is not None:
            self._tell(now_ms, rtc_s, codes.WAKE, self._risen_for)
        for trigger in self._queue:
            if trigger is not self._risen_for:
                self._tell(now_ms, rtc_s, codes.TRIGGER, trigger)
        self._do(actions.INTERLOCK, 1)
        self._do(actions.CONFIRM)

    def _on_heartbeat(self, now_ms: int, rtc_s: int, payload: bytes) -> None:
        """A heartbeat that names the newest wake number seen has the unseen triggers sent again."""
        beat = _beat(payload)
        self._rail.heartbeat(now_ms, beat.state)
        self._seen(beat.wake_number)
        for trigger in self._queue:
            first = self._risen_for is not None and trigger.number == self._risen_for.number
            self._tell(now_ms, rtc_s, codes.WAKE if first else codes.TRIGGER, trigger)

    def _on_sleep_request(self, now_ms: int, rtc_s: int, payload: bytes) -> None:
        beat = _beat(payload)
        self._seen(beat.wake_number)
        self._rail.sleep_request(now_ms)

    def _on_ring_ack(self, now_ms: int, rtc_s: int, payload: bytes) -> None:
        self._do(actions.RELEASE, frames.unpack_u32(payload))

    def _on_send_ring(self, now_ms: int, rtc_s: int, payload: bytes) -> None:
        self._do(actions.HAND_OVER, frames.unpack_u32(payload))

    def _on_set_clock(self, now_ms: int, rtc_s: int, payload: bytes) -> None:
        self._do(actions.SET_RTC, frames.unpack_u32(payload))

    def _on_settings(self, now_ms: int, rtc_s: int, payload: bytes) -> None:
        self._settings.update(rules.unpack(payload))
        self._do(actions.STORE_SETTINGS, 0, payload)
        self._answer(codes.SETTINGS, codes.RESULT_DONE)

    def _on_walk_test(self, now_ms: int, rtc_s: int, payload: bytes) -> None:
        self._walk.ask(frames.unpack_u32(payload))
        self._answer(codes.WALK_TEST, codes.RESULT_DONE)

    _HANDLERS = {
        codes.HELLO: _on_hello,
        codes.HEARTBEAT: _on_heartbeat,
        codes.SLEEP_REQUEST: _on_sleep_request,
        codes.RING_ACK: _on_ring_ack,
        codes.SEND_RING: _on_send_ring,
        codes.SET_CLOCK: _on_set_clock,
        codes.SETTINGS: _on_settings,
        codes.WALK_TEST: _on_walk_test,
    }

    def _seen(self, number: "int | None") -> None:
        """The Pi has seen everything up to this number; a Pi that names none has seen everything."""
        self._queue = [] if number is None else [t for t in self._queue if t.number > number]

    def _tell(self, now_ms: int, rtc_s: int, type_: int, trigger: "Trigger") -> None:
        if self._greeted:
            self._do(actions.SEND, type_, self._facts(now_ms, rtc_s, trigger))

    def _facts(self, now_ms: int, rtc_s: int, trigger: "Trigger") -> bytes:
        sample, memory = self._senses.sample, self._memory
        return frames.pack_wake(
            frames.Wake(
                trigger.reason, self._senses.flags(), trigger.number, sample.battery_mv or 0, sample.battery_ma or 0,
                sample.temperature_cc or 0, sample.light_lux or 0, now_ms - trigger.at_ms, rtc_s,
                self._told[0], self._told[1], memory.ladder,
            )
        )  # fmt: skip

    def _answer(self, type_: int, result: int) -> None:
        if self._greeted:
            self._do(actions.SEND, codes.RESULT, bytes((type_, result)))

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
        if self._queue and self._rail.may_rise(now_ms):
            self._rise(now_ms, rtc_s)
        self._test_walk(now_ms, rtc_s)
        idle = self._rail.state == codes.RAIL_OFF and not self._queue and not self._walk.running
        if idle and self._latched and not self._gate.settling(now_ms):
            self._rest(rtc_s)
        return self._flush()

    def _heartbeat(self, now_ms: int, rtc_s: int) -> None:
        memory = self._memory
        if not self._senses.sample.rtc_ok or memory.ladder >= codes.LADDER_OFF or self._backed_off(rtc_s):
            return
        if schedule.due(rtc_s, self._settings["heartbeat_hour"], memory.heartbeat_s):
            memory.heartbeat_s = rtc_s
            self._wake(now_ms, rtc_s, codes.REASON_SCHEDULE)

    def _test_walk(self, now_ms: int, rtc_s: int) -> None:
        """Begins when the rail is off, ends with its count."""
        if self._walk.ends(now_ms):
            self._do(actions.LED, 0)
            self._record(rtc_s, codes.RECORD_WALK_TEST, 0, self._walk.count)
        if self._rail.state == codes.RAIL_OFF and not self._queue and self._walk.begin(now_ms):
            self._remember()

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

    def _flush_lost(self, rtc_s: int) -> None:
        """Lost effort goes into the ring and into the next WAKE."""
        memory = self._memory
        self._told = (memory.throttled_triggers, memory.throttled_s)
        if memory.throttled_triggers or memory.throttled_s:
            self._record(rtc_s, codes.RECORD_THROTTLED, memory.lost_reason, memory.throttled_triggers)
            self._record(
                rtc_s, codes.RECORD_THROTTLED, memory.lost_reason | codes.THROTTLED_SECONDS, memory.throttled_s
            )
        memory.throttled_triggers = memory.throttled_s = 0

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


def _beat(payload: bytes) -> frames.Heartbeat:
    """A heartbeat's payload, or the state alone, or nothing; without a wake number it confirms everything."""
    if len(payload) <= 1:
        return frames.Heartbeat(payload[0] if payload else codes.PI_BUSY, None)
    return frames.unpack_heartbeat(payload)
