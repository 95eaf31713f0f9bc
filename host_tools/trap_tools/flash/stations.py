"""What each card is told: one station file, or a sheet with a line for every unit in the box."""

import csv
import json
import secrets
import tomllib
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from trap_tools.protocol import files as protocols
from trap_wire import slot, station
from trap_wire.errors import BadInputError
from trap_wire.station import Deployment

FIELDS = ("unit", "deployment", "programme", "chemistry", "audit_key")


@dataclass(frozen=True, slots=True)
class Ticket:
    """One unit to make: what its slot says, as text and as parsed by the unit's own code."""

    text: str
    facts: Deployment

    @property
    def slot(self) -> bytes:
        """The 64 KiB that go on the card."""
        return slot.fill(self.text)


def from_station(path: Path, protocol: str | None) -> Ticket:
    """A ticket from a station file; ``protocol`` names the rules where the file has none."""
    try:
        text = slot.read(path.read_bytes())
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}") from error
    return _ticket(_tables(text, str(path)), protocol, str(path))


def from_sheet(path: Path, protocol: str | None) -> list[Ticket]:
    """Tickets from a CSV (a line a unit) or TOML (``[[unit]]``) sheet; every bad line is named, and so is a unit twice."""
    tickets, troubles, rows = [], [], _rows(path)
    for where, row in rows:
        own = row.get("protocol") or protocol
        try:
            tickets.append(_ticket({"station": {k: v for k, v in row.items() if k != "protocol"}}, own, where))
        except BadInputError as error:
            troubles.append(str(error))
    if troubles := troubles + _twice(path, [row for _, row in rows]):
        raise BadInputError("\n".join(troubles))
    if not tickets:
        raise BadInputError(f"{path}: has no units: the first line names the columns ({', '.join(FIELDS)}, protocol)")
    return tickets


def _rows(path: Path) -> list[tuple[str, dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".toml":
            return _units(path, tomllib.loads(text).get("unit", []))
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path}: is not UTF-8 text ({error.reason}): save it as 'CSV UTF-8'") from error
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}: give a sheet with a line for every unit") from error
    except ValueError as error:
        raise BadInputError(f"{path}: cannot be read as a sheet: {error}") from error
    lines = csv.reader(StringIO(text), delimiter=_between(text))
    names = [name.strip().lower() for name in next(lines, [])]
    return [
        (f"{path}, line {n}", _named(path, n, names, row)) for n, row in enumerate(lines, 2) if any(map(str.strip, row))
    ]


def _units(path: Path, found: Any) -> list[tuple[str, dict[str, Any]]]:
    if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
        raise BadInputError(f"{path}: unit = {found!r}: write a table [[unit]] for every unit")
    return [(f"{path}, unit {n}", dict(row)) for n, row in enumerate(found, 1)]


def _between(text: str) -> str:
    """What stands between the columns: comma, semicolon (Excel of many countries) or tab, whichever the first line has most."""
    first = text.partition("\n")[0]
    return max(",;\t", key=first.count)


def _named(path: Path, number: int, names: list[str], row: list[str]) -> dict[str, Any]:
    if len(row) > len(names) and any(map(str.strip, row[len(names) :])):
        raise BadInputError(
            f"{path}, line {number}: has {len(row)} values for {len(names)} columns ({', '.join(names)}): a comma too many, "
            "or a column without a name"
        )
    return {name: value.strip() for name, value in zip(names, row, strict=False) if value.strip()}


def _twice(path: Path, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    counts = Counter(str(row["unit"]) for row in rows if "unit" in row)
    return [
        f"{path}: unit {name} stands in it {count} times: give each card a name of its own"
        for name, count in counts.items()
        if count > 1
    ]


def _tables(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"{source}: not TOML: {error}") from error


def _ticket(tables: dict[str, Any], protocol: str | None, source: str) -> Ticket:
    own = dict(tables["station"]) if isinstance(tables.get("station"), Mapping) else {}
    own.setdefault("audit_key", secrets.token_hex(32))
    others = {key: value for key, value in tables.items() if key != "station"}
    rules = _rules(protocol, source)
    if rules and "protocol" in others:
        raise BadInputError(f"{source}: has a [protocol] of its own; drop it, or drop --protocol and the bundle's")
    if not rules and "protocol" not in others:
        raise BadInputError(f"{source}: no protocol: give --protocol pallas-cat, a file, or a bundle that brings one")
    text = _toml({"station": own, **others}, source) + ("\n" + protocols.to_toml(rules.protocol) if rules else "")
    return Ticket(text, station.parse(text, source))


def _rules(protocol: str | None, source: str) -> protocols.Rules | None:
    """A preset, a file, or the text itself, as a bundle brings it."""
    if not protocol:
        return None
    if "\n" in protocol:
        return protocols.parse(protocol, "the bundle's protocol")
    try:
        return protocols.load(protocol)
    except BadInputError as error:
        raise BadInputError(f"{source}: protocol = {protocol!r}: {error}") from error


def _toml(tables: Mapping[str, Any], source: str) -> str:
    parts = []
    for name, table in tables.items():
        if not isinstance(table, Mapping):
            raise BadInputError(f"{source}: {name} = {table!r}: stands in no table: write it below [station]")
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in table.items()]
        parts.append(f"[{name}]\n" + "".join(lines))
    return "\n".join(parts)
