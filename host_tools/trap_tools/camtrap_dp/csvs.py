"""A table for Timelapse, the program in which many labs look at their photographs.

Its rules are those of Timelapse's own reader (github.com/saulgreenberg/Timelapse, Timelapse/Database/CsvReaderWriter.cs at
23c1838): ``File`` and ``RelativePath`` must be there; every other heading must be a data label of the template; flags are true
or false, counters whole numbers or empty, ``DateTime`` is ``yyyy-MM-dd HH:mm:ss``. Not yet loaded into Timelapse itself.
"""

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from trap_tools import durable
from trap_tools.archive.facts import Medium
from trap_tools.archive.whole import Whole
from trap_tools.camtrap_dp.rows import Choice, Row, Source
from trap_tools.observers.labels import Burst, Label
from trap_wire.entries import from_us, to_us

# Rows are matched by RelativePath and File; docs/scientist.md says which kinds of fields the template needs for the others.
TIMELAPSE = ("File", "RelativePath", "DateTime", "DeleteFlag", "Unit", "Deployment", "Burst", "Decision", "MachineType",
             "MachineScore", "Species", "Count", "Sex", "LifeStage", "Observer", "Audited")  # fmt: skip


def timelapse(folder: Path, read: Sequence[Whole], labels: Mapping[Burst, list[Label]], target: Path) -> Path:
    """``ImageData``-like CSV with paths relative to the pulled folder, so that Timelapse opens that folder with it."""
    rows = (row for one in read for row in _timelapse(folder.resolve(), Source(one, labels, Choice())))
    return durable.write(target, as_csv(TIMELAPSE, rows))


def full_frames(source: Source) -> Iterator[tuple[Medium, int]]:
    """Full frames that are there, with their true times."""
    one = source.one
    media = [medium for medium in one.log.present if medium.is_full and (one.holding.root / medium.path).is_file()]
    times = one.clock.correct_us([medium.sequence for medium in media], [to_us(medium.taken_at) for medium in media])
    yield from zip(media, times.tolist(), strict=True)


def _timelapse(folder: Path, source: Source) -> Iterator[Row]:
    for medium, at in full_frames(source):
        path = Path(source.one.holding.root.resolve() / medium.path).relative_to(folder)
        verdict = source.one.log.verdicts.get(medium.burst or "")
        said = source.said(medium.burst or "")
        yield {
            "File": path.name,
            "RelativePath": str(path.parent).replace("/", "\\"),  # Timelapse is a Windows program
            "DateTime": f"{from_us(at):%Y-%m-%d %H:%M:%S}",
            "DeleteFlag": "false",
            "Unit": source.one.log.unit,
            "Deployment": source.one.log.deployment,
            "Burst": medium.burst,
            "Decision": verdict.decision if verdict else "",
            "MachineType": verdict.observation_type if verdict else "",
            "MachineScore": verdict.score if verdict else "",
            "Audited": "true" if verdict and verdict.audited else "false",
            **(_words(said[0]) if said else {}),
        }


def _words(label: Label) -> Row:
    name = label.scientific_name or label.observation_type
    return {
        "Species": name,
        "Count": label.count,
        "Sex": label.sex,
        "LifeStage": label.life_stage,
        "Observer": label.observer,
    }


def as_csv(columns: Sequence[str], rows: Iterable[Row]) -> bytes:
    """A table with a heading; what a row lacks stays empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, columns, lineterminator="\n", restval="", extrasaction="raise")
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue().encode()
