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
    tickets, troubles = [], []
    for where, row in _rows(path):
        own = row.pop("protocol", None) or protocol
        try:
            tickets.append(_ticket({"station": row}, own, where))
        except BadInputError as error:
            troubles.append(str(error))
    if troubles := troubles + _twice(tickets):
        raise BadInputError("\n".join(troubles))
    if not tickets:
        raise BadInputError(f"{path}: has no units: the first line names the columns ({', '.join(FIELDS)}, protocol)")
    return tickets


def _rows(path: Path) -> list[tuple[str, dict[str, Any]]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if path.suffix == ".toml":
            return [(f"{path}, unit {n}", dict(row)) for n, row in enumerate(tomllib.loads(text).get("unit", []), 1)]
    except (OSError, ValueError) as error:
        raise BadInputError(f"{path}: cannot be read as a sheet: {error}") from error
    dialect = csv.Sniffer().sniff(text.splitlines()[0], delimiters=",;\t") if text.strip() else csv.excel
    rows = enumerate(csv.DictReader(StringIO(text), dialect=dialect), 2)
    return [(f"{path}, line {n}", _clean(row)) for n, row in rows if any(row.values())]


def _clean(row: Mapping[str | None, Any]) -> dict[str, Any]:
    return {str(key).strip(): value.strip() for key, value in row.items() if key and value and value.strip()}


def _twice(tickets: Iterable[Ticket]) -> list[str]:
    counts = Counter(ticket.facts.station.unit for ticket in tickets)
    return [f"unit {name} stands in the sheet {count} times" for name, count in counts.items() if count > 1]


def _tables(text: str, source: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"{source}: not TOML: {error}") from error


def _ticket(tables: dict[str, Any], protocol: str | None, source: str) -> Ticket:
    own = dict(tables["station"]) if isinstance(tables.get("station"), Mapping) else {}
    own.setdefault("audit_key", secrets.token_hex(32))
    others = {key: value for key, value in tables.items() if key != "station"}
    rules = _rules(protocol)
    if rules and "protocol" in others:
        raise BadInputError(f"{source}: has a [protocol] of its own; drop it, or drop --protocol and the bundle's")
    if not rules and "protocol" not in others:
        raise BadInputError(f"{source}: no protocol: give --protocol pallas-cat, a file, or a bundle that brings one")
    text = _toml({"station": own, **others}) + ("\n" + protocols.to_toml(rules.protocol) if rules else "")
    return Ticket(text, station.parse(text, source))


def _rules(protocol: str | None) -> protocols.Rules | None:
    """A preset, a file, or the text itself, as a bundle brings it."""
    if not protocol:
        return None
    return protocols.parse(protocol, "the bundle's protocol") if "\n" in protocol else protocols.load(protocol)


def _toml(tables: Mapping[str, Any]) -> str:
    parts = []
    for name, table in tables.items():
        if not isinstance(table, Mapping):
            raise BadInputError(f"{name}: must be a table")
        lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}\n" for key, value in table.items()]
        parts.append(f"[{name}]\n" + "".join(lines))
    return "\n".join(parts)
