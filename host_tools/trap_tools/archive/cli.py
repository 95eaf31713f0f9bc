"""``manul archive``, ``manul clock``, ``manul effort``: is it whole, when was it, and how long did it watch."""

import json
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress
from rich.table import Table

from trap_tools.archive import files
from trap_tools.archive.effort import State
from trap_tools.archive.faults import Fault, exit_code
from trap_tools.archive.whole import Whole, whole
from trap_wire.entries import from_us
from trap_wire.errors import BadInputError

FOLDER = click.argument("folder", type=click.Path(path_type=Path))
PLACES = click.option(
    "--places", type=click.Path(path_type=Path), help="Places file [places.toml or .geojson in FOLDER]."
)
JSON = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")


@click.command()
@FOLDER
@PLACES
@JSON
@click.option("--quick", is_flag=True, help="Trust file sizes; do not read every photograph again.")
@click.option("--no-tables", is_flag=True, help="Only check; write no Parquet tables.")
@click.option(
    "--sql",
    help="Afterwards, ask DuckDB over the tables: entries, media, observations, battery, effort, clock, faults.",
)
@click.pass_context
def archive(
    ctx: click.Context,
    *,
    folder: Path,
    places: Path | None,
    as_json: bool,
    quick: bool,
    no_tables: bool,
    sql: str | None,
) -> None:
    """Check everything in FOLDER and keep Parquet tables of it in FOLDER/tables.

    Hash chains, SHA-256 of every file, gaps, contradictions. Nothing is mended; what is wrong is named, and the exit code is 6.
    """
    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("journals", total=None)
        read = whole(folder, places)
        if not quick:
            total = sum(len(one.log.present) for one in read)
            bars.update(task, description="photographs", total=total)
            read = [_with_hashes(one, lambda: bars.advance(task)) for one in read]
        if not no_tables:
            _tables(folder, read)
    faults = [(one, fault) for one in read for fault in one.faults]
    _say(read, faults, as_json=as_json)
    if sql:
        _ask(folder, sql)
    ctx.exit(exit_code(fault for _, fault in faults))


def _with_hashes(one: Whole, advance: Any) -> Whole:
    """Add what only reading every byte tells."""
    found: list[Fault] = []
    for medium in one.log.present:
        if fault := files.changed(one.holding, medium):
            found.append(fault)
        advance()
    known = {fault.where for fault in one.faults}
    fresh = [fault for fault in found if fault.where not in known]
    return replace(one, faults=(*one.faults, *fresh, *files.unnamed(one.holding, one.log)))


def _tables(folder: Path, read: Sequence[Whole]) -> None:
    """Import late: a field laptop without the science extra can still check."""
    try:
        from trap_tools.archive import tables
    except ImportError as error:
        raise BadInputError(f"tables need {error.name}: pip install 'manul[science]', or --no-tables") from error
    tables.write(folder, read)


def _say(read: Sequence[Whole], faults: Sequence[tuple[Whole, Fault]], *, as_json: bool) -> None:
    counts = [
        {
            "unit": one.log.unit,
            "deployment": one.log.deployment,
            "entries": one.log.entries,
            "files": len(one.log.present),
        }
        for one in read
    ]
    if as_json:
        told = [{"unit": one.log.unit, "deployment": one.log.deployment, **asdict(fault)} for one, fault in faults]
        click.echo(json.dumps({"deployments": counts, "faults": told}, indent=2))
        return
    for one, fault in faults:
        click.echo(f"{one.log.unit}/{one.log.deployment}: {fault}")
    entries, media = (sum(int(str(row[name])) for row in counts) for name in ("entries", "files"))
    serious = sum(fault.serious for _, fault in faults)
    remarks = f", {len(faults) - serious} remarks" if len(faults) > serious else ""
    counted = f"{serious or 'no'} fault{'' if serious == 1 else 's'}{remarks}"
    click.echo(f"{len(read)} deployments, {entries} entries, {media} files: {counted}")


def _ask(folder: Path, sql: str) -> None:
    import duckdb

    from trap_tools.archive.tables import FOLDER as TABLES

    database = duckdb.connect()
    try:
        for path in sorted((folder / TABLES).glob("*.parquet")):
            database.read_parquet(str(path)).create_view(path.stem)
        click.echo(str(database.sql(sql)))
    except duckdb.Error as error:
        raise BadInputError(f"--sql: {error}") from error


@click.command()
@FOLDER
@PLACES
@JSON
@click.option(
    "--plot", type=click.Path(path_type=Path), help="Draw offset and uncertainty over time (.png, .pdf, .svg)."
)
@click.pass_context
def clock(ctx: click.Context, *, folder: Path, places: Path | None, as_json: bool, plot: Path | None) -> None:
    """Explain how the clocks of the units in FOLDER are corrected, and how sure that is."""
    read = whole(folder, places)
    rows = [row for one in read for row in _segments(one)]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        for row in rows:
            click.echo(_segment_words(row))
    if plot:
        from trap_tools.archive.clock_plot import draw

        click.echo(f"Plot: {draw(read, plot)}")
    ctx.exit(exit_code(fault for one in read for fault in one.faults if fault.what == "chain"))


def _segments(one: Whole) -> list[dict[str, Any]]:
    ends = [*(segment.first for segment in one.clock.segments[1:]), None]
    return [
        {
            "unit": one.log.unit,
            "deployment": one.log.deployment,
            "first_entry": max(segment.first, 1),
            "last_entry": end - 1 if end else None,
            "began_by": segment.cause,
            "drift_ppm": None if segment.drift_ppm is None else round(segment.drift_ppm, 3),
            "anchors": [
                {"unit_time": from_us(anchor.unit_us).isoformat(), "offset_s": anchor.offset_us / 1e6}
                for anchor in segment.anchors
            ],
        }
        for segment, end in zip(one.clock.segments, ends, strict=True)
    ]


def _segment_words(row: dict[str, Any]) -> str:
    anchors = row["anchors"]
    last = row["last_entry"] or "the end"
    head = f"{row['unit']}/{row['deployment']} entries {row['first_entry']} to {last} (began by {row['began_by']}): "
    if not anchors:
        return head + "never compared with a host; left as it is, error unknown"
    offsets = ", ".join(f"{anchor['offset_s']:+.1f} s at {anchor['unit_time'][:16]}" for anchor in anchors)
    if len(anchors) == 1:
        return head + f"offset {offsets}, held constant; the error grows by 0.3 s a day from there"
    return head + f"offset {offsets}; linear between, the unit's clock runs {row['drift_ppm']:+.2f} ppm"


@click.command()
@FOLDER
@PLACES
@JSON
def effort(*, folder: Path, places: Path | None, as_json: bool) -> None:
    """Camera-days that the journals in FOLDER prove, and what was lost to what."""
    rows = [
        {
            "unit": one.log.unit,
            "deployment": one.log.deployment,
            "proved": one.effort.proved,
            **{str(state): round(one.effort.days(state), 3) for state in State},
        }
        for one in whole(folder, places)
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
        return
    table = Table(box=None, pad_edge=False, padding=(0, 1, 0, 0))
    table.add_column("days of")
    for state in State:
        table.add_column(str(state).replace("_", " "), justify="right")
    for row in rows:
        paper = "" if row["proved"] else "*"
        table.add_row(
            escape(f"{row['unit']}/{row['deployment']}{paper}"), *(f"{row[str(state)]:.2f}" for state in State)
        )
    Console().print(table)
    if not all(row["proved"] for row in rows):
        click.echo("* another camera without heartbeats: from dates on paper, not proved")
