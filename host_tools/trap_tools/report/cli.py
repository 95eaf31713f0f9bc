"""``manul report``: the page of a pulled folder, and the same numbers for a terminal or a program."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console

from trap_tools.analysis.corrected import corrected
from trap_tools.archive.faults import exit_code
from trap_tools.archive.whole import Whole, whole
from trap_tools.observers.intervals import finite
from trap_tools.observers.labels import Labels
from trap_tools.protocol.ran import spoken
from trap_tools.report.page import write
from trap_tools.report.pdf import print_to_pdf
from trap_tools.report.sections import GROUPS
from trap_tools.report.summary import summary_of
from trap_tools.report.table import print_table
from trap_tools.report.wording import LANGUAGES
from trap_wire.errors import BadInputError


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--to", "target", type=click.Path(path_type=Path), help="Where the page goes [FOLDER/report.html].")
@click.option("--json", "as_json", is_flag=True, help="Print the numbers as JSON instead of a table.")
@click.option("--language", type=click.Choice(LANGUAGES), help="Language of the page [the protocol's first].")
@click.option("--places", type=click.Path(path_type=Path), help="Places file [places.toml or .geojson in FOLDER].")
@click.option(
    "--figures", type=click.Path(path_type=Path), help="Folder for the plots as a paper prints them (PDF, PNG)."
)
@click.option("--pdf", is_flag=True, help="Also print the page to PDF with a headless Chromium, where there is one.")
@click.pass_context
def report(
    ctx: click.Context,
    *,
    folder: Path,
    target: Path | None,
    as_json: bool,
    language: str | None,
    places: Path | None,
    pdf: bool,
    figures: Path | None,
) -> None:
    """Make one self-contained HTML page of what `manul pull` brought home to FOLDER.

    Exits with 6 when something is missing or changed; the page names it, and everything else is in it.
    """
    with Console(stderr=True).status("reading"):
        reads = whole(folder, places)
        page = write(reads, folder, target, language=language or spoken(reads, folder))
        printed = [print_to_pdf(page)] if pdf else []
        printed += _draw(folder, reads, figures) if figures else []
    units = [summary_of(read) for read in reads]
    if as_json:
        said = Labels(folder).standing()
        truth = [finite(asdict(row)) for by in GROUPS for row in corrected(reads, said, by)]
        told = {"report": str(page), "units": [unit.to_json() for unit in units], "corrected": truth}
        click.echo(json.dumps(told, indent=2))
    else:
        print_table(units)
        for made in (page, *printed):
            click.echo(f"Report: {made}")
    ctx.exit(exit_code(fault for unit in units for fault in unit.faults))


def _draw(folder: Path, reads: Sequence[Whole], target: Path) -> list[Path]:
    """Import late: a field laptop has no plotting library."""
    try:
        from trap_tools.report.figures import draw
    except ImportError as error:
        raise BadInputError(f"--figures needs {error.name}: pip install 'manul[science]'") from error
    return draw(reads, Labels(folder).standing(), target)
