"""What the technician sees: a bar a card while it is written, a table at the end."""

import sys
from collections.abc import Iterable

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn
from rich.table import Table

from trap_tools.flash.disks import Disk, refusal, said_size
from trap_tools.flash.outcome import Outcome, Stage

# Where a stage begins on the bar, and how much of it writing and comparing take.
_START = {Stage.VERIFYING: 0.5, Stage.STATION: 0.98, Stage.CLOSING: 0.99, Stage.DONE: 1.0}
_SHARE = {Stage.WRITING: 0.5, Stage.VERIFYING: 0.48}


class Bars:
    """One bar a card on stderr; writing is the first half, comparing the second."""

    def __init__(self, names: Iterable[str]) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=Console(file=sys.stderr))
        self._tasks = {name: self._progress.add_task(name, total=1.0) for name in names}

    def __enter__(self) -> "Bars":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def report(self, name: str, stage: Stage, share: float) -> None:
        """Called from the cards' threads."""
        done = _START.get(stage, 0.0) + _SHARE.get(stage, 0.0) * share
        self._progress.update(self._tasks[name], completed=done, description=f"{name} {stage}")


def outcomes(pairs: Iterable[tuple[str, Outcome]]) -> Table:
    """A line a card: which unit, good or why not."""
    table = Table("unit", "card", "result", "written", "seconds")
    for unit, outcome in pairs:
        result = "[green]good[/]" if outcome.good else f"[red]{outcome.trouble}[/]"
        if outcome.good and outcome.retried:
            result += f" ({len(outcome.retried)} ranges needed a second write: watch this card)"
        seconds = f"{outcome.write_s:.0f} + {outcome.verify_s:.0f}"
        table.add_row(unit or "-", outcome.card, result, said_size(outcome.written_bytes), seconds)
    return table


def offered(found: Iterable[Disk], max_size: int) -> Table:
    """Every disk, and whether it may be written."""
    table = Table("disk", "model", "serial", "size", "may be written")
    for disk in found:
        if disk.kind == "disk":
            reason = refusal(disk, max_size)
            size = said_size(disk.size)
            table.add_row(
                disk.path, disk.model, disk.serial, size, f"[red]no: {reason}[/]" if reason else "[green]yes[/]"
            )
    return table
