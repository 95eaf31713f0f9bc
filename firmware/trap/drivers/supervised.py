"""The parts of a unit that stand behind its supervisor: the link on the UART, and the RTC that only it can reach.

- absent or mute: nobody answers HELLO within a second, the unit is then one without a supervisor.
- slow: every question has a time-out and three tries.
- lying (an RTC that stood still): WAKE says so, the time is not taken.
- gone in mid-use: words in the journal at the hand-over, else ``PartError``: ``trapd`` ends and looks anew.
"""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from trap.deployment import Deployment
from trap.drivers.rtc import RtcTime
from trap.drivers.uart import Uart
from trap.link import ring
from trap.link.supervisor import PART, SupervisorLine
from trap_wire.entries import Entry
from trap_wire.errors import PartError

# It answers within 10 ms; a unit without one waits this long at each start.
HELLO_S = 1.0


def supervisor_on(path: Path, hello_s: float = HELLO_S) -> SupervisorLine | None:
    """The supervisor on this port; None when there is no such port or nobody answers: then it is a unit without one."""
    try:
        line = SupervisorLine(Uart(str(path)), time.monotonic)
        return line if line.hello(hello_s) else None
    except PartError:
        return None


def acquaint(line: SupervisorLine, deployment: Deployment, newest: Iterable[Entry]) -> str:
    """Tell the supervisor the protocol's numbers and have its ring handed over; words when it does not take them.

    ``newest`` are the journal's newest ``supervisor`` entries, so that nothing is merged twice.
    """
    try:
        line.settle(deployment)
        line.collect(ring.merged(newest))
    except PartError as error:
        return str(error)
    return ""


class SupervisedRtc:
    """``rtc.Timekeeper`` through the supervisor: read from its WAKE, set by SET_CLOCK."""

    def __init__(self, line: SupervisorLine) -> None:
        self._line = line

    def read(self) -> RtcTime:
        """Time and trust as WAKE told them; ``PartError`` when no WAKE came."""
        told = self._line.rtc()
        if told is None:
            raise PartError(PART, "told no time: no WAKE came")
        utc_s, trusted = told
        return RtcTime(datetime.fromtimestamp(utc_s, UTC), trusted=trusted and utc_s > 0, temperature_c=0.0)

    def set(self, now: datetime) -> None:
        """Set the RTC; ``PartError`` when the supervisor or its chip does not take it."""
        self._line.set_clock(round(now.timestamp()))
