"""The night on a terminal: a bar for each unit, then the numbers."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from trap_sim.photos import Album
from trap_sim.reckoning import Reckoning
from trap_sim.site import NIGHT_MS, Plan
from trap_sim.sky import HOUR_MS
from trap_sim.story import Night
from trap_sim.year import BEGAN, Year
from trap_tools.field.visit import Progress as Pulled
from trap_tools.report import print_table
from trap_wire.vocabulary import ObservationType

NAMES_SHOWN = 5


class Bars:
    """Shows a night while it lasts; a context manager."""

    def __init__(self, console: Console) -> None:
        columns = (
            TextColumn("{task.fields[unit]}"), BarColumn(), TextColumn("{task.fields[stage]:<9}"),
            TextColumn("{task.fields[story]}"), TimeElapsedColumn(),
        )  # fmt: skip
        self._console = console
        self._bars = Progress(*columns, console=console, refresh_per_second=4)
        self._tasks: dict[str, TaskID] = {}
        self._stories: dict[str, str] = {}

    def __enter__(self) -> "Bars":
        self._bars.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def planned(self, site: list[Plan], pictures: Album | None) -> None:
        """One bar a unit, and what is wrong with the photographs."""
        if pictures is not None:
            say_album(self._console, pictures)
        for plan in site:
            self._tasks[plan.unit] = self._bars.add_task(
                "", total=NIGHT_MS, unit=plan.unit, stage="16:00", story=plan.story
            )

    def lived(self, unit: str, ms: int) -> None:
        """Move a bar; the stage is the hour at the site."""
        minutes = (16 * 60 + ms * 60 // HOUR_MS) % (24 * 60)
        self._bars.update(self._tasks[unit], completed=ms, stage=f"{minutes // 60:02d}:{minutes % 60:02d}")

    def pulled(self, progress: Pulled) -> None:
        """The same bar counts the pull."""
        share = progress.bytes_done / progress.bytes_total if progress.bytes_total else 1.0
        self._bars.update(
            self._tasks[progress.unit], completed=share * NIGHT_MS, stage="pulled" if share == 1 else "pulling"
        )


def say_album(console: Console, pictures: Album) -> None:
    """What was found in the user's folder."""
    labels = f", labels from {pictures.labels_from}" if pictures.labels_from else ", without labels"
    console.print(f"{len(pictures.photos)} photographs{labels}")
    _name(console, "cannot be read and stay where they are", pictures.unreadable)


def say_night(console: Console, night: Night) -> None:
    """Table, reckoning, and where the report is."""
    damaged = {name: wrong for morning in night.mornings for name, wrong in morning.damaged.items()}
    _name(console, "are damaged and were shown as far as they go", damaged)
    print_table(night.summaries, console)
    if night.album is None or night.album.labelled:
        say_reckoning(console, night.reckoning, "labelled" if night.album else "composed")
    unshown = sum(morning.unshown for morning in night.mornings)
    if unshown:
        console.print(f"{unshown} bursts were not shown: the gates refused their pulses (floods, flat battery)")
    console.print(f"Report: {night.report}", soft_wrap=True)


def say_reckoning(console: Console, reckoning: Reckoning, how: str) -> None:
    """How many empties were discarded and how many animals kept, in bursts and frames."""
    for what, counts in (("bursts", reckoning.bursts), ("frames", reckoning.frames)):
        kept_empty, empty = reckoning.kept(ObservationType.BLANK, counts)
        kept, animal = reckoning.kept(ObservationType.ANIMAL, counts)
        console.print(
            f"{what} {how} empty: {empty - kept_empty} of {empty} discarded{_share(empty - kept_empty, empty)}; "
            f"{how} animal: {kept} of {animal} kept{_share(kept, animal)}",
            soft_wrap=True,
        )


def _share(part: int, whole: int) -> str:
    return f" ({part / whole:.0%})" if whole else ""


def _name(console: Console, words: str, files: dict[str, str]) -> None:
    if not files:
        return
    console.print(f"{len(files)} files {words}:")
    for name, wrong in list(files.items())[:NAMES_SHOWN]:
        console.print(f"  {name}: {wrong}", soft_wrap=True, markup=False)
    if len(files) > NAMES_SHOWN:
        console.print(f"  … and {len(files) - NAMES_SHOWN} more")


@contextmanager
def counting(console: Console, days: int) -> Iterator[Callable[[int], None]]:
    """A bar of days; what it gives is told the day's number."""
    with Progress(TextColumn("day"), BarColumn(), TextColumn("{task.completed:.0f}"), console=console) as bars:
        task = bars.add_task("", total=days)
        yield lambda day: bars.update(task, completed=day)


def say_year(console: Console, year: Year) -> None:
    """A row a month."""
    table = Table("month", "pulses", "triggers", "heartbeats", "refused", "lost", "cuts", box=None, header_style="bold")
    for number, tally in enumerate(year.months, 1):
        hours = f"{tally.lost_s / 3_600:.1f} h"
        counts = (tally.pulses, tally.admitted["pir"], tally.admitted["schedule"], tally.refused)
        table.add_row(str(number), *map(str, counts), hours, str(tally.cuts))
    console.print(table)
    error_s = (year.clock.now() - BEGAN).total_seconds() - year.time.ms / 1_000
    console.print(f"battery left at 0 °C: {year.battery.left(0.0):.0%}; the clock is off by {error_s:+.1f} s")
