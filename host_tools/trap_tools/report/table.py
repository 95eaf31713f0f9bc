"""The same numbers as a table on the terminal."""

from collections.abc import Iterable

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from trap_tools.report.summary import UnitSummary

COLUMNS = ("unit", "triggers", "bursts", "kept", "unknown", "discarded", "audited", "battery", "stored", "trouble")


def print_table(units: Iterable[UnitSummary], console: Console | None = None) -> None:
    """Print one row a unit and, below, what needs a person: faults of the data first, then what the units said."""
    console, shown = console or Console(), list(units)
    table = Table(header_style="bold", box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for name in COLUMNS:
        table.add_column(name, justify="left" if name == "unit" else "right", no_wrap=True)
    for unit in shown:
        table.add_row(*_cells(unit))
    console.print(table)
    for unit in shown:
        for words in trouble_words(unit):
            console.print(f"[yellow]![/yellow] [bold]{escape(unit.unit)}[/bold] {escape(words)}", soft_wrap=True)


def _cells(unit: UnitSummary) -> list[str]:
    counts = [str(n) for n in (unit.triggers, unit.bursts, unit.kept, unit.unknown, unit.discarded, unit.audited)]
    troubles = len(unit.faults) + len(unit.troubles)
    trouble = f"[yellow]{troubles}[/yellow]" if troubles else "none"
    return [escape(unit.unit), *counts, volts(unit.battery_mv), size_words(unit.stored_bytes), trouble]


def volts(battery_mv: int | None) -> str:
    """Volts with two decimals; a dash where no gauge answered."""
    return f"{battery_mv / 1000:.2f} V" if battery_mv else "–"


def size_words(size_bytes: int) -> str:
    """Bytes in the decimal unit that reads best."""
    for unit, factor in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes} B"


def trouble_words(unit: UnitSummary, shown: int = 6) -> list[str]:
    """The first few faults and troubles in full, and how many more there are."""
    words = [*map(str, unit.faults), *unit.troubles]
    more = [f"… and {len(words) - shown} more; the report names them all"] if len(words) > shown else []
    return [*words[:shown], *more]
