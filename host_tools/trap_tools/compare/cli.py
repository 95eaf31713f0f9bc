"""``manul compare``."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from math import isinf
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from trap_tools import durable
from trap_tools.analysis.corrected import Corrected, corrected
from trap_tools.analysis.histories import Histories, histories
from trap_tools.analysis.rates import SiteRate, rates
from trap_tools.archive.faults import exit_code
from trap_tools.archive.whole import Whole, whole
from trap_tools.compare.sameness import Sameness, sameness
from trap_tools.observers.intervals import Estimate, finite
from trap_tools.observers.labels import Burst, Label, Labels
from trap_tools.protocol.ran import known
from trap_wire.entries import from_us

GROUPS = ("site", "unit", "light", "model")
COLUMNS = (
    "by", "group", "events", "camera_days", "per_100_days", "low", "high", "audited", "looked_at", "animals_in_blanks",
    "missed", "missed_low", "missed_high", "corrected_per_100_days", "corrected_low", "corrected_high",
)  # fmt: skip


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--to",
    "target",
    type=click.Path(path_type=Path),
    help="Folder for rates.csv, corrected.csv, effort.csv and a history per species.",
)
@click.option("--occasion", default=7, show_default=True, type=click.IntRange(1), help="Days of one occasion.")
@click.option("--independence", default=30.0, show_default=True, help="Minutes between two visits of one species.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
@click.pass_context
def compare(
    ctx: click.Context,
    *,
    folders: tuple[Path, ...],
    target: Path | None,
    occasion: int,
    independence: float,
    as_json: bool,
) -> None:
    """Say which units, seasons and countries in FOLDERS ran the same protocol and detector, and compare what they saw.

    Rates are independent detections per 100 camera-days with exact 95 % intervals, raw and with the animals added that the
    filter missed by the audit's word; histories fit occupancy models.
    """
    read = [one for folder in folders for one in whole(folder)]
    labels: dict[Burst, list[Label]] = {}
    for folder in folders:
        labels |= Labels(folder).standing()
    rules = {digest: one for folder in folders for digest, one in known(read, folder).items()}
    same, found = sameness(read, rules), rates(read, labels, independence)
    made = histories(read, labels, occasion)
    whole_truth = {by: corrected(read, labels, by, independence) for by in GROUPS}
    if target:
        _write(target, found, made, whole_truth)
    if as_json:
        click.echo(
            json.dumps(
                {
                    **asdict(same),
                    "comparable": same.comparable,
                    "rates": [asdict(row) for row in found],
                    "corrected": [finite(asdict(row)) for rows in whole_truth.values() for row in rows],
                },
                indent=2,
            )
        )
    else:
        _say(same, found)
        _say_corrected(whole_truth)
        if target:
            click.echo(f"Tables: {target}")
    ctx.exit(_code(read))


def _code(read: Sequence[Whole]) -> int:
    return exit_code(fault for one in read for fault in one.faults)


def _say(same: Sameness, found: Sequence[SiteRate]) -> None:
    console = Console()
    if same.comparable:
        click.echo(f"All {len(same.ran)} deployments ran one protocol and one detector.")
    for difference in same.differences:
        click.echo(f"! {difference}")
    for rule, values in same.rules.items():
        click.echo(f"    {rule}: " + "; ".join(f"{value} in {name}" for name, value in values.items()))
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("site", "species", "events", "camera-days", "per 100 days (95 %)"):
        table.add_column(name, justify="left" if name in ("site", "species") else "right")
    for row in found:
        table.add_row(row.site, row.species, str(row.events), f"{row.camera_days:.1f}", str(row.per_100_days or "–"))
    console.print(table)


def _say_corrected(truth: Mapping[str, Sequence[Corrected]]) -> None:
    """All animals, with those added that the filter threw away."""
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("all animals by", "looked at", "missed, %", "per 100 days", "corrected"):
        table.add_column(name, justify="left" if name.endswith("by") else "right", no_wrap=True)
    rows = [row for group in truth.values() for row in group]
    for row in rows:
        missed = str(row.missed.scaled(100)) if row.missed else "–"
        name = f"{row.by} {row.group.partition('+')[0]}"
        table.add_row(name, f"{row.looked_at}/{row.audited}", missed, str(row.raw or "–"), str(row.corrected or "–"))
    Console().print(table)
    if silent := [row.group for row in rows if row.by == "unit" and row.audited and not row.looked_at]:
        click.echo(
            f"nobody has looked at the audited blanks of {', '.join(silent)}: manul audit FOLDER --observer NAME"
        )


def _write(
    target: Path, found: Sequence[SiteRate], made: Histories | None, truth: Mapping[str, Sequence[Corrected]]
) -> None:
    header = ["site", "country", "species", "events", "camera_days", "per_100_days", "low", "high"]
    rows = [[row.site, row.country, row.species, row.events, row.camera_days, *_ends(row)] for row in found]
    durable.write(target / "rates.csv", _csv(header, rows))
    durable.write(target / "corrected.csv", _csv(COLUMNS, (_cells(row) for rows in truth.values() for row in rows)))
    if made is None:
        return
    header = [
        "site",
        *(f"{from_us(made.start_us + index * made.occasion_us):%Y-%m-%d}" for index in range(made.occasions)),
    ]
    durable.write(target / "effort.csv", _csv(header, ([site, *made.effort[site]] for site in made.sites)))
    for species, sites in made.seen.items():
        name = f"history-{species.lower().replace(' ', '-')}.csv"
        # unmarked and spOccupancy read NA for a cell in which nobody watched.
        cells = ([site, *("NA" if cell is None else cell for cell in sites[site])] for site in made.sites)
        durable.write(target / name, _csv(header, cells))


def _ends(row: SiteRate) -> list[Any]:
    return _numbers(row.per_100_days)


def _numbers(estimate: Estimate | None) -> list[Any]:
    """Value and ends; ``Inf``, as R reads it, where the audit was too small to bound it."""
    if estimate is None:
        return ["", "", ""]
    return ["Inf" if isinf(end) else round(end, 4) for end in (estimate.value, estimate.low, estimate.high)]


def _cells(row: Corrected) -> list[Any]:
    counts = [row.by, row.group, row.events, row.camera_days]
    looks = [row.audited, row.looked_at, row.animals_found]
    return [*counts, *_numbers(row.raw), *looks, *_numbers(row.missed), *_numbers(row.corrected)]


def _csv(header: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(header)
    writer.writerows(rows)
    return out.getvalue().encode()
