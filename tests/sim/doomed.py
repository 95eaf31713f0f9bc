"""The child of the kill -9 test: a pretend unit that takes bursts as fast as it can and says what is committed.

Run as a program it is a nursery: for each line on its input it forks a unit, tells its process id, and, when the unit has
died, how. Everything is loaded once, so that two hundred starts take seconds.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.sim.rig import unit
from trap import duty
from trap.store.journal import Journal
from trap.store.media import MediaStore
from trap_sim.assembly import JOURNAL, RESERVE, simulated_trap
from trap_wire import codes, frames
from trap_wire.entries import Entry, Kind

READY = 0


class TellingJournal(Journal):
    """Writes the newest committed number to a pipe after every commit."""

    def __init__(self, path: Path, pipe: int) -> None:
        super().__init__(path)
        self._pipe = pipe

    def append_all(self, at: datetime, lines: list[tuple[Kind, Mapping[str, Any]]]) -> list[Entry]:
        entries = super().append_all(at, lines)
        os.write(self._pipe, self.head.to_bytes(4, "big"))
        return entries


def live_until_killed(folder: Path, pipe: int) -> None:
    """Boot, recover, take bursts for ever. Heads go to the pipe as four bytes each; zero says that the boot begins."""
    made = unit(folder)
    made.board.pi_running = True
    os.write(pipe, READY.to_bytes(4, "big"))
    trap = simulated_trap(made.rig)
    trap.journal.close()
    journal = TellingJournal(folder / JOURNAL, pipe)
    trap = replace(trap, journal=journal, store=MediaStore(trap.card, journal, RESERVE))
    duty.start(trap)
    for number in range(1, 1_000_000):
        duty.on_wake(trap, wake(number))


def wake(number: int, reason: int = codes.REASON_PIR) -> frames.Wake:
    return frames.Wake(
        reason=reason, flags=0, wake_number=number, battery_mv=6_000, battery_ma=-200, temperature_cc=-500, light_lux=9_000,
        trigger_age_ms=4_200, rtc_s=1_790_000_000, throttled_triggers=0, throttled_s=0, ladder=codes.LADDER_FULL,
        charge_used_mas=900_000, losses=(),
    )  # fmt: skip


def nursery(folder: Path, pipe: int) -> None:
    for _ in sys.stdin:
        child = os.fork()
        if child == 0:
            live_until_killed(folder, pipe)
            os._exit(1)
        print(child, flush=True)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    nursery(Path(sys.argv[1]), int(sys.argv[2]))
