"""A Camtrap DP 1.0.2 package, as a folder or a zip: written beside its name and renamed when it is whole."""

import csv
import io
import json
import os
import shutil
import uuid
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Protocol

from trap_tools import durable
from trap_tools.archive.faults import Fault, What
from trap_tools.archive.places import Programme
from trap_tools.archive.whole import Whole
from trap_tools.camtrap_dp import rows
from trap_tools.camtrap_dp.columns import CUSTOM, DEPLOYMENTS, MEDIA, OBSERVATIONS, PROFILE
from trap_tools.camtrap_dp.rows import Choice, Row, Source
from trap_tools.observers.labels import Burst, Label
from trap_wire import __version__
from trap_wire.errors import BadInputError, RefusedError, StorageError

TABLES: Mapping[str, tuple[str, ...]] = {"deployments": DEPLOYMENTS, "media": MEDIA, "observations": OBSERVATIONS}
DESCRIPTOR = "datapackage.json"


@dataclass(slots=True)
class Outcome:
    """What was written, and what had to be left out."""

    target: Path
    rows: dict[str, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)


class Sink(Protocol):
    """Where a package goes."""

    def text(self, name: str) -> "IO[bytes]":
        """A file to write."""

    def copy(self, source: str, name: str) -> None:
        """A media file, byte for byte, so that its EXIF stays."""


class _Folder:
    def __init__(self, root: Path, *, link: bool) -> None:
        self._root, self._link = root, link
        self._made: set[str] = set()

    def text(self, name: str) -> "IO[bytes]":
        return (self._root / name).open("wb")

    def copy(self, source: str, name: str) -> None:
        parent = name.rpartition("/")[0]
        if parent not in self._made:
            (self._root / parent).mkdir(parents=True, exist_ok=True)
            self._made.add(parent)
        target = f"{self._root}/{name}"
        if self._link:
            os.link(source, target)
        else:
            shutil.copyfile(source, target)


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive

    def text(self, name: str) -> "IO[bytes]":
        return self._archive.open(name, "w", force_zip64=True)

    def copy(self, source: str, name: str) -> None:
        # JPEGs do not shrink; storing them is as fast as the disk.
        self._archive.write(source, name, zipfile.ZIP_STORED)


@dataclass(frozen=True, slots=True)
class Plan:
    """What to export and how. ``now`` is the time that the package says it was made."""

    choice: Choice
    now: datetime
    link: bool = False
    replace: bool = False
    advance: Callable[[], None] = lambda: None


def export(read: Sequence[Whole], labels: Mapping[Burst, list[Label]], target: Path, plan: Plan) -> Outcome:
    """Write a package. Deployments without coordinates or entries are named in the outcome and left out.

    ``BadInputError`` when none is left, ``RefusedError`` when something else is in the way, ``StorageError`` when the
    disk takes no more.
    """
    outcome = Outcome(target, faults=[fault for one in read for fault in one.faults if fault.serious])
    chosen = list(_placed(read, outcome.faults))
    if not chosen:
        raise BadInputError("no deployment has coordinates: write them into places.toml (docs/scientist.md shows how)")
    sources = [Source(one, labels, plan.choice) for one in chosen]
    try:
        with _opened(target, plan) as sink:
            _fill(sink, sources, plan, outcome)
    except OSError as error:
        if isinstance(error, RefusedError | StorageError):
            raise
        raise StorageError(f"{target}: cannot be written ({error.strerror or error})") from error
    return outcome


def _placed(read: Iterable[Whole], faults: list[Fault]) -> Iterator[Whole]:
    for one in read:
        if one.place.latitude is None:
            faults.append(
                Fault(What.IDENTITY, str(one.holding), "no coordinates in places.toml; left out of the package")
            )
        elif not one.effort.spans:
            faults.append(Fault(What.NO_JOURNAL, str(one.holding), "no entries; left out of the package"))
        else:
            yield one


def _fill(sink: Sink, sources: Sequence[Source], plan: Plan, outcome: Outcome) -> None:
    deployments = [rows.deployment(source) for source in sources]
    exported: set[str] = set()

    def media() -> Iterator[Row]:
        for source in sources:
            for item in rows.media(source):
                sink.copy(item.source, item.row["filePath"])
                exported.add(item.row["mediaID"])
                plan.advance()
                yield item.row

    species: dict[str, None] = {}

    def observations() -> Iterator[Row]:
        for source in sources:
            for row in rows.observations(source, exported):
                if name := row.get("scientificName"):
                    species[name] = None
                yield row

    _count(outcome, "deployments", _table(sink, "deployments", DEPLOYMENTS, deployments))
    # The media files are copied while no table is open: a zip takes one file at a time.
    media_rows = list(media())
    _count(outcome, "media", _table(sink, "media", MEDIA, media_rows))
    _count(outcome, "observations", _table(sink, "observations", OBSERVATIONS, observations()))
    for name, (_, columns) in CUSTOM.items():
        made = (row for source in sources for row in rows.custom(source, name))
        _count(outcome, name, _table(sink, name, tuple(columns), made))
    with sink.text(DESCRIPTOR) as file:
        text = json.dumps(descriptor(sources, deployments, list(species), plan), indent=2, ensure_ascii=False)
        file.write(text.encode() + b"\n")


def _count(outcome: Outcome, name: str, count: int) -> None:
    outcome.rows[name] = count


def _table(sink: Sink, name: str, columns: Sequence[str], made: Iterable[Row]) -> int:
    """Write a CSV table; empty cells for None, ``true``/``false`` as the schemas say."""
    count = 0
    with sink.text(f"{name}.csv") as raw, io.TextIOWrapper(raw, encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        for row in made:
            writer.writerow([_cell(row.get(column)) for column in columns])
            count += 1
    return count


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else value


def descriptor(
    sources: Sequence[Source], deployments: Sequence[Row], species: Sequence[str], plan: Plan
) -> dict[str, Any]:
    """``datapackage.json``."""
    programme: Programme = sources[0].one.programme
    starts, ends = ([row[key][:10] for row in deployments] for key in ("deploymentStart", "deploymentEnd"))
    made: dict[str, Any] = {
        "resources": [*(_standard(name) for name in TABLES), *(_own(name) for name in CUSTOM)],
        "profile": f"{PROFILE}/camtrap-dp-profile.json",
        "name": programme.name.lower(),
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, "manul:" + "|".join(sorted(row["deploymentID"] for row in deployments)))),
        "created": f"{plan.now:%Y-%m-%dT%H:%M:%SZ}",
        "title": programme.title or f"Camera traps of {programme.name}",
        "contributors": [{"title": programme.contact or programme.organisation or programme.name, "role": "contact",
                          **({"email": programme.email} if programme.email else {}),
                          **({"organization": programme.organisation} if programme.organisation else {})}],
        "version": "1.0",
        "sources": [{"title": "Manul", "version": __version__}],
        "licenses": [{"name": programme.data_licence, "scope": "data"}, {"name": programme.media_licence, "scope": "media"}],
        "project": {
            "title": programme.title or programme.name,
            "samplingDesign": programme.sampling_design,
            "captureMethod": ["activityDetection", "timeLapse"],
            "individualAnimals": False,
            "observationLevel": ["media", "event"],
        },
        "spatial": spatial(deployments),
        "temporal": {"start": min(starts), "end": max(ends)},
        "taxonomic": [{"scientificName": name} for name in species or programme.species],
    }  # fmt: skip
    if programme.description:
        made["description"] = programme.description
    if plan.choice.precision_deg:
        made["coordinatePrecision"] = plan.choice.precision_deg
    return made


def _standard(name: str) -> dict[str, Any]:
    return {**_resource(name), "schema": f"{PROFILE}/{name}-table-schema.json"}


def _own(name: str) -> dict[str, Any]:
    words, columns = CUSTOM[name]
    formats = {"datetime": {"format": "%Y-%m-%dT%H:%M:%S%z"}}
    fields = [
        {"name": column, "type": kind, "description": meaning, **formats.get(kind, {})}
        for column, (kind, meaning) in columns.items()
    ]
    key = {"fields": "deploymentID", "reference": {"resource": "deployments", "fields": "deploymentID"}}
    return {**_resource(name), "description": words, "schema": {"fields": fields, "foreignKeys": [key]}}


def _resource(name: str) -> dict[str, Any]:
    return {"name": name, "path": f"{name}.csv", "profile": "tabular-data-resource", "format": "csv", "mediatype": "text/csv",
            "encoding": "utf-8"}  # fmt: skip


def spatial(deployments: Sequence[Row]) -> dict[str, Any]:
    """GeoJSON around the rounded places: a point for one, else the box around all."""
    west, east = (end(row["longitude"] for row in deployments) for end in (min, max))
    south, north = (end(row["latitude"] for row in deployments) for end in (min, max))
    if (west, south) == (east, north):
        return {"type": "Point", "coordinates": [west, south]}
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


@contextmanager
def _opened(target: Path, plan: Plan) -> Iterator[Sink]:
    """A sink under a temporary name that becomes the target when all went well."""
    _check_way(target, plan)
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        if target.suffix == ".zip":
            with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
                yield _Zip(archive)
        else:
            temporary.mkdir()
            yield _Folder(temporary, link=plan.link)
        _swap(temporary, target)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True) if temporary.is_dir() else temporary.unlink(missing_ok=True)
        raise


def _check_way(target: Path, plan: Plan) -> None:
    if not target.exists():
        return
    ours = target.suffix == ".zip" or (target / DESCRIPTOR).is_file() or not any(target.iterdir())
    if not ours:
        raise RefusedError(f"{target} holds something that is no package; give another name")
    if not plan.replace:
        raise RefusedError(f"{target} is there already; give another name, or --replace")


def _swap(temporary: Path, target: Path) -> None:
    """Put the new one in the place of the old one; a cut between the two renames leaves the old one under ``.old``."""
    old = target.with_name(f".{target.name}.old")
    if target.exists():
        durable.rename(target, old)
    durable.settle(temporary, target)
    shutil.rmtree(old, ignore_errors=True) if old.is_dir() else old.unlink(missing_ok=True)
