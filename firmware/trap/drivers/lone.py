"""A unit without a supervisor: the PIR on the Pi's own header, the gauge on its own bus, and no rail to cut.

Stands in for ``trap.ports.SupervisorLink``, so that the duty cycle is the same one. It wakes on a rising edge outside the
hold-off, and at start with REASON_RESET. What only a supervisor can do (rail, RTC alarms, light level) is flagged missing.

- absent (no gauge, no thermometer): flagged missing, the trigger counts; no PIR: ``trap.drivers.absent``.
- slow (a bus that repeats): the wake comes that much later, its age counts from the kernel's time stamp all the same.
- lying (a gauge's impossible volts): no reading, so the ladder refuses no trigger for it.
- gone in mid-use: the gauge as absent; the PIR's line is a ``PartError``, ``trapd`` ends with 8 and is started anew.
"""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import datetime

from trap.drivers.gauge import Gauge
from trap.drivers.inputs import Input
from trap.drivers.rtc import Rtc
from trap.ports import Vitals
from trap_wire import codes, frames
from trap_wire.energy.ladder import Ladder
from trap_wire.errors import PartError


class LoneSupervisor:
    """Frames made of edges. ``vitals`` may raise ``PartError``: the gauge is then flagged missing, the trigger counts."""

    def __init__(
        self,
        pir: Input,
        hold_off_ms: int,
        now: Callable[[], datetime],
        vitals: Callable[[], Vitals] = Vitals,
        ladder: Ladder | None = None,
    ) -> None:
        """``ladder`` refuses triggers of a pack that is too low for them; None: never."""
        self._pir = pir
        self._hold_off_ns = hold_off_ms * 1_000_000
        self._now = now
        self._vitals, self._ladder = vitals, ladder
        self._wakes = 0
        self._held = 0
        self._last_ns: int | None = None
        self.last_edge_ns: int | None = None

    def receive(self, timeout_s: float) -> frames.Frame | None:
        """A WAKE for the next admitted edge, None after the time-out."""
        deadline = time.monotonic() + timeout_s
        while (edge := self._pir.wait(max(0.0, deadline - time.monotonic()))) is not None:
            if edge.rising and self._admits(edge.at_ns):
                frame = self._wake(codes.REASON_PIR, edge.at_ns)
                if frame is not None:
                    return frame
        return None

    def send(self, type_: int, payload: bytes = b"") -> None:
        """Nobody is there to hear it."""

    def _admits(self, at_ns: int) -> bool:
        admitted = self._last_ns is None or at_ns - self._last_ns >= self._hold_off_ns
        self._held += not admitted
        return admitted

    def _wake(self, reason: int, at_ns: int) -> frames.Frame | None:
        """None when the pack is too low for triggers; they are counted and told with the next that is taken."""
        vitals, flags = self._measured()
        age_ms = (time.monotonic_ns() - at_ns) // 1_000_000  # with the time that a slow bus took
        rung = self._rung(vitals)
        if rung >= codes.LADDER_HEARTBEAT_ONLY:
            self._held += 1
            return None
        self._last_ns = self.last_edge_ns = at_ns
        self._wakes += 1
        wake = frames.Wake(
            reason=reason, flags=flags | codes.FLAG_LIGHT_MISSING, wake_number=self._wakes,
            battery_mv=vitals.battery_mv or 0, battery_ma=vitals.battery_ma or 0,
            temperature_cc=round((vitals.temperature_c or 0.0) * 100), light_lux=0, trigger_age_ms=age_ms,
            rtc_s=int(self._now().timestamp()), throttled_triggers=self._held, throttled_s=0, ladder=rung,
            charge_used_mas=None, losses=(),
        )  # fmt: skip
        self._held = 0
        return frames.Frame(codes.WAKE, self._wakes & 0xFF, frames.pack_wake(wake, protocol=1))

    def _rung(self, vitals: Vitals) -> int:
        if self._ladder is None:
            return codes.LADDER_FULL
        return self._ladder.judged(vitals.battery_mv, vitals.battery_ma, vitals.temperature_c)

    def _measured(self) -> tuple[Vitals, int]:
        try:
            vitals = self._vitals()
        except PartError:
            return Vitals(), codes.FLAG_GAUGE_MISSING
        return vitals, 0 if vitals.battery_mv is not None else codes.FLAG_GAUGE_MISSING


def battery_and_climate(gauge: Gauge, rtc: Rtc) -> Callable[[], Vitals]:
    """Both chips as one reading; a thermometer that is gone takes nothing from the battery's figures."""

    def read() -> Vitals:
        measured = gauge.read()
        with suppress(PartError):
            return replace(measured, temperature_c=rtc.read().temperature_c)
        return measured

    return read
