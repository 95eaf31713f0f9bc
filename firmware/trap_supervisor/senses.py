"""What the supervisor makes of its readings: named fault states, the battery's rung, a PIR that is stuck.

Every change is an entry of the ring; what holds now goes to the Pi as the flags of WAKE.
"""

from collections import namedtuple

from trap_supervisor import energy
from trap_supervisor.memory import Memory
from trap_wire import codes

TYPE_CHECKING = False  # MicroPython has no typing
if TYPE_CHECKING:
    from collections.abc import Callable

    Recorder = Callable[[int, int, int, int], None]  # rtc_s, kind, code, value

# Battery (mV, mA), temperature (hundredths of a degree), light (lux), each None where the part does not answer; rtc_ok is
# False when the RTC's oscillator had stopped or two reads disagreed; ring_lost: records that a full ring gave up.
Sample = namedtuple("Sample", ("battery_mv", "battery_ma", "temperature_cc", "light_lux", "rtc_ok", "ring_lost"))

_FLAGS = (
    (codes.FAULT_RTC, codes.FLAG_RTC_COMPROMISED),
    (codes.FAULT_GAUGE, codes.FLAG_GAUGE_MISSING),
    (codes.FAULT_PIR_STUCK, codes.FLAG_PIR_STUCK),
    (codes.FAULT_RING_FULL, codes.FLAG_RING_OVERFLOW),
    (codes.FAULT_LIGHT, codes.FLAG_LIGHT_MISSING),
)


class Senses:
    """Owner of the newest ``sample`` and of the fault bits in the memory."""

    def __init__(self, settings: "dict[str, int]", memory: Memory, record: "Recorder") -> None:
        self._settings, self._memory, self._record = settings, memory, record
        self.sample = Sample(None, None, None, None, True, 0)
        self._sampled_ms = self._charge_rest = 0

    def take(self, now_ms: int, rtc_s: int, sample: Sample, loaded: bool) -> None:
        """Fresh readings; ``loaded``: the rail is on."""
        memory = self._memory
        elapsed_ms = now_ms - self._sampled_ms
        self._charge_rest = energy.spend(
            memory, rtc_s, elapsed_ms, sample.battery_ma, loaded=loaded, rest=self._charge_rest
        )
        self.sample, self._sampled_ms = sample, now_ms
        self.fault(rtc_s, codes.FAULT_RTC, not sample.rtc_ok)
        self.fault(rtc_s, codes.FAULT_GAUGE, sample.battery_mv is None)
        self.fault(rtc_s, codes.FAULT_LIGHT, sample.light_lux is None)
        self.fault(rtc_s, codes.FAULT_RING_FULL, sample.ring_lost > 0)
        if sample.rtc_ok:
            back_s = memory.clamp(rtc_s)
            if back_s:
                self._record(rtc_s, codes.RECORD_FAULT, codes.FAULT_RTC, back_s)
            memory.seen_s = rtc_s
        self._weigh(rtc_s, loaded)

    def fault(self, rtc_s: int, fault: int, holds: bool) -> None:
        """Enter or leave a named fault state; an entry at each change."""
        bit = 1 << fault
        if holds != bool(self._memory.faults & bit):
            self._memory.faults ^= bit
            self._record(rtc_s, codes.RECORD_FAULT, fault, int(holds))

    def watch_pir(self, rtc_s: int, high: bool) -> None:
        """An animal leaves; a level that stays for minutes, over any number of power-ups, is a fault."""
        memory = self._memory
        if not high:
            memory.pir_high_s = 0
        elif memory.pir_high_s == 0:
            memory.pir_high_s = rtc_s
        stuck = high and memory.pir_high_s > 0 and rtc_s - memory.pir_high_s >= self._settings["stuck_s"]
        self.fault(rtc_s, codes.FAULT_PIR_STUCK, stuck)

    def flags(self) -> int:
        """``codes.FLAG_*`` of a WAKE."""
        memory = self._memory
        flags = codes.FLAG_LAST_WAKE_KILLED if memory.killed else 0
        for fault, flag in _FLAGS:
            if memory.faults & 1 << fault:
                flags |= flag
        return flags

    def _weigh(self, rtc_s: int, loaded: bool) -> None:
        """What the battery still allows; the time in which it allows no trigger is lost effort."""
        memory = self._memory
        rung = energy.ladder(self._settings, memory.ladder, self.sample, loaded)
        if memory.ladder >= codes.LADDER_HEARTBEAT_ONLY and self.sample.rtc_ok and rtc_s > memory.lost_until_s:
            memory.lose(codes.TOO_LOW, 0, rtc_s - memory.lost_until_s)
            memory.lost_until_s = rtc_s
        if rung != memory.ladder:
            if rung >= codes.LADDER_HEARTBEAT_ONLY > memory.ladder:
                memory.lost_until_s = max(memory.lost_until_s, rtc_s)
            memory.ladder = rung
            self._record(rtc_s, codes.RECORD_LADDER, rung, self.sample.battery_mv or 0)
