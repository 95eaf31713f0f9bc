"""The page: facts gathered into a context, rendered by Jinja, written so that a power cut leaves no half of it."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from trap_tools import durable
from trap_tools.archive.whole import Whole, whole
from trap_tools.observers.labels import Labels
from trap_tools.protocol.ran import differing, known
from trap_tools.report import plots
from trap_tools.report.pictures import DISCARDED, KEPT, Picture, pictures
from trap_tools.report.sections import sections
from trap_tools.report.summary import UnitSummary, grouped, summary_of
from trap_tools.report.table import size_words, volts
from trap_tools.report.wording import words
from trap_wire.vocabulary import Decision

NAME = "report.html"
KEPT_PER_UNIT = 48
BEST_PER_UNIT = 4
DISCARDED_PER_UNIT = 24


@dataclass(frozen=True, slots=True)
class Row:
    """A unit's numbers and its battery in one word-sized line."""

    unit: UnitSummary
    spark: Markup
    country: str


@dataclass(frozen=True, slots=True)
class Curve:
    """Battery and temperature of one unit, drawn."""

    unit: str
    volts: Markup
    celsius: Markup


def build(folder: Path, target: Path | None = None, *, language: str = "en", now: datetime | None = None) -> Path:
    """Write the report of a pulled folder; default ``FOLDER/report.html``. Gives the file's path back.

    ``BadInputError`` when the folder holds nothing, ``StorageError`` when the file cannot be written.
    """
    return write(whole(folder), folder, target, language=language, now=now)


def write(
    reads: Sequence[Whole],
    folder: Path,
    target: Path | None = None,
    *,
    language: str = "en",
    now: datetime | None = None,
) -> Path:
    """The same for what was read already."""
    target = target or folder / NAME
    links = target.resolve().parent if target.resolve().is_relative_to(folder.resolve()) else None
    page = render(context(reads, folder.resolve().name, language, now or datetime.now(UTC), links))
    return durable.write(target, page.encode())


def context(reads: Sequence[Whole], name: str, language: str, now: datetime, links: Path | None) -> dict[str, Any]:
    """Everything that the template shows. ``links`` is the folder that links to whole photographs start from, if any."""
    units = [summary_of(read) for read in reads]
    w = words(language)
    return {
        "w": w,
        "language": language,
        "name": name,
        "made_at": now,
        "style": (files("trap_tools.report") / "templates" / "style.css").read_text(encoding="utf-8"),
        "first_at": min((unit.first_at for unit in units if unit.first_at), default=None),
        "last_at": max((unit.last_at for unit in units if unit.last_at), default=None),
        "figures": _figures(units, w),
        "faults": [(unit.unit, fault) for unit in units for fault in unit.faults],
        "troubles": [(read.log.unit, said, times) for read in reads for said, times in grouped(read.log.notes)],
        "rows": [Row(unit, _spark(read, reads), read.place.country) for unit, read in zip(units, reads, strict=True)],
        **_kept(reads, links),
        "kept_all": sum(unit.kept + unit.unknown for unit in units),
        "discarded": _gallery(reads, DISCARDED, DISCARDED_PER_UNIT, links),
        "discarded_all": sum(unit.discarded for unit in units),
        **sections(reads, _labels(reads), w),
        "curves": _curves(reads, w),
        **_protocols(reads, units),
    }


def _protocols(reads: Sequence[Whole], units: Sequence[UnitSummary]) -> dict[str, Any]:
    """Whether all ran the same rules, which protocol most of them ran, and every rule that differs."""
    hashes = Counter(unit.protocol_hash for unit in units if unit.protocol_hash)
    roots = {read.holding.root.parent.parent for read in reads}
    rules = {digest: one for root in roots for digest, one in known(reads, root).items()}
    return {
        "one_protocol": len(hashes) <= 1,
        "usual_protocol": next((digest for digest, _ in hashes.most_common(1)), ""),
        "rules_differ": differing(reads, rules),
    }


def _labels(reads: Sequence[Whole]) -> Labels | None:
    """What people said, from the folder that holds the units."""
    roots = {read.holding.root.parent.parent for read in reads}
    return Labels(roots.pop()) if len(roots) == 1 else None


def render(values: dict[str, Any]) -> str:
    """HTML of a context."""
    return _environment().get_template("report.html.j2").render(values)


@lru_cache
def _environment() -> Environment:
    loader = PackageLoader("trap_tools.report")
    environment = Environment(
        loader=loader, autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {"minute": minute, "number": number, "volts": volts, "size": size_words}
    return environment


def minute(at: datetime) -> str:
    """Date and minute, as ISO 8601 orders them."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M}"


def number(value: float) -> str:
    """A number with thin spaces between thousands."""
    return f"{value:,.0f}".replace(",", "\u2009")


def _figures(units: Sequence[UnitSummary], w: dict[str, str]) -> list[tuple[str, str]]:
    days = sum(unit.camera_days for unit in units)
    sums = [
        (name, sum(getattr(unit, name) for unit in units))
        for name in ("triggers", "kept", "unknown", "discarded", "audited")
    ]
    troubles = sum(len(unit.faults) + len(unit.troubles) for unit in units)
    first = [(number(len({unit.unit for unit in units})), w["units"]), (f"{days:.1f}", w["trap_days"])]
    return [*first, *((number(n), w[name].lower()) for name, n in sums), (number(troubles), w["to_look_at"])]


def _kept(reads: Sequence[Whole], links: Path | None) -> dict[str, list[Picture]]:
    """The best few of every unit in sight, the rest behind a click: on a telephone, two hundred pictures hide the numbers."""
    every = _gallery(reads, KEPT, KEPT_PER_UNIT, links)
    best: set[tuple[str, str]] = set()
    for unit in {picture.unit for picture in every}:
        mine = sorted(
            (p for p in every if p.unit == unit), key=lambda p: (p.decision != Decision.KEEP, -(p.score or 0.0))
        )
        best |= {(picture.unit, picture.burst) for picture in mine[:BEST_PER_UNIT]}
    shown = [picture for picture in every if (picture.unit, picture.burst) in best]
    return {"kept": shown, "kept_more": [picture for picture in every if picture not in shown]}


def _gallery(reads: Sequence[Whole], decisions: Iterable[str], limit: int, links: Path | None) -> list[Picture]:
    shown = [(read, picture) for read in reads for picture in pictures(read.holding, read.log, decisions, limit)]
    linked = [replace(p, link=_link(read.holding.root / p.path, links)) if p.path else p for read, p in shown]
    return sorted(linked, key=lambda picture: (picture.taken_at, picture.unit))


def _link(file: Path, links: Path | None) -> str:
    """A relative address that works while the report stays in its folder; none for a report that was put elsewhere."""
    return quote(os.path.relpath(file, links)) if links else ""


def _battery(read: Whole) -> list[tuple[datetime, float]]:
    return [(sample.at, sample.battery_mv / 1000) for sample in read.log.samples if sample.battery_mv]


def _celsius(read: Whole) -> list[tuple[datetime, float]]:
    return [(sample.at, sample.temperature_c) for sample in read.log.samples if sample.temperature_c is not None]


def _bounds(series: Iterable[list[tuple[datetime, float]]], pad: float) -> tuple[float, float]:
    values = [value for points in series for _, value in points] or [0.0]
    return min(values) - pad, max(values) + pad


def _spark(read: Whole, reads: Sequence[Whole]) -> Markup:
    return plots.spark(_battery(read), _bounds(map(_battery, reads), 0.05), read.log.unit)


def _curves(reads: Sequence[Whole], w: dict[str, str]) -> list[Curve]:
    drawn = [read for read in reads if len(_battery(read)) > 1]
    if not drawn:
        return []
    span = min(_battery(read)[0][0] for read in drawn), max(_battery(read)[-1][0] for read in drawn)
    volts_range, celsius_range = _bounds(map(_battery, drawn), 0.1), _bounds(map(_celsius, drawn), 1.0)
    return [
        Curve(
            read.log.unit,
            plots.time_line(
                [plots.Series("volts", _battery(read))],
                span,
                volts_range,
                f"{w['battery']} {read.log.unit}",
                w["volts"],
            ),
            plots.time_line(
                [plots.Series("celsius", _celsius(read))],
                span,
                celsius_range,
                f"{w['celsius']} {read.log.unit}",
                w["celsius"],
            ),
        )
        for read in drawn
    ]
