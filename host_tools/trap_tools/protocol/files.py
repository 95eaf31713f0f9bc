"""Protocols wherever they stand: a preset, a TOML file, a station file, a station slot, a receipt."""

import dataclasses
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from trap_wire import slot
from trap_wire.errors import BadInputError
from trap_wire.facts import from_table
from trap_wire.protocol import Protocol, contradictions

NAMESPACE = "manul-protocol"
_TABLES = ("protocol", "why", "station")  # a station file or slot holds rules, too


@dataclass(frozen=True, slots=True)
class Rules:
    """A protocol, the reason of each rule as far as one is given, and where it was read.

    ``unwritten``: rules that the file leaves to this version's default; a later version's may be another.
    """

    protocol: Protocol
    why: Mapping[str, str]
    source: str
    unwritten: tuple[str, ...] = ()

    @property
    def unexplained(self) -> list[str]:
        """Rules without a reason."""
        return [f.name for f in dataclasses.fields(Protocol) if not self.why.get(f.name, "").strip()]


def presets() -> list[str]:
    """Names of the protocols that ship with Manul."""
    return sorted(entry.name.removesuffix(".toml") for entry in _folder().iterdir() if entry.name.endswith(".toml"))


def preset_text(name: str) -> str:
    """TOML text of a preset; ``BadInputError`` names those there are."""
    if name not in presets():
        raise BadInputError(f"no protocol called {name!r}: give a file, or one of {', '.join(presets())}")
    return str((_folder() / f"{name}.toml").read_text(encoding="utf-8"))


def load(source: str) -> Rules:
    """Rules from a preset's name or a file; ``BadInputError`` lists every bad field."""
    path = Path(source)
    if not path.exists():
        return parse(preset_text(source), source)
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise BadInputError(f"{source}: {error.strerror}") from error
    if raw.lstrip().startswith(b"{"):
        return _from_receipt(raw, source)
    try:
        return parse(slot.read(raw), source)
    except BadInputError as error:
        raise BadInputError(str(error).replace("station.toml", source, 1)) from error


def parse(text: str, source: str) -> Rules:
    """Rules from TOML text with a table ``protocol`` and perhaps ``why``."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"{source}: not TOML: {error}") from error
    if strange := [name for name in tables if name not in _TABLES]:
        raise BadInputError(f"{source}: [{strange[0]}]: unknown table; there are [protocol] with the rules and [why]")
    if "protocol" not in tables:
        raise BadInputError(
            f"{source}: has no table [protocol]; start from 'manul protocol new FILE --from pallas-cat'"
        )
    return _rules(tables["protocol"], tables.get("why", {}), source)


def _from_receipt(raw: bytes, source: str) -> Rules:
    try:
        receipt = json.loads(raw)
        facts = receipt.get("summary", receipt)  # 'manul pull' keeps the unit's summary in its receipt
        if isinstance(facts.get("protocol_hash"), str) and not isinstance(facts.get("protocol"), Mapping):
            return _named(facts["protocol_hash"], str(facts.get("protocol", "")), source)
        table = {key: value for key, value in receipt["protocol"].items() if key != "sha256"}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, BadInputError):
            raise
        raise BadInputError(f"{source}: a JSON file without a protocol: give a receipt or a summary") from error
    return _rules(table, {}, source)


def _named(digest: str, name: str, source: str) -> Rules:
    """A summary names its rules by their hash: the preset that has it."""
    for preset in presets():
        rules = load(preset)
        if rules.protocol.digest == digest:
            return dataclasses.replace(rules, source=source)
    raise BadInputError(
        f"{source}: the unit runs {name} ({digest[:12]}), which no preset is: give its protocol file, the unit's receipt of "
        "'manul flash', or the folder that was pulled from it"
    )


def _rules(table: Any, why: Any, source: str) -> Rules:
    problems: list[str] = []
    protocol = from_table(Protocol, table, "protocol", problems)
    problems += contradictions(protocol) if protocol else []
    problems += _bad_reasons(why)
    if problems or protocol is None:
        raise BadInputError(f"{source}: " + "; ".join(problems) + ". Fix these fields and check again.")
    return Rules(protocol, why, source, tuple(f.name for f in dataclasses.fields(Protocol) if f.name not in table))


def _bad_reasons(why: Any) -> list[str]:
    if not isinstance(why, Mapping):
        return ["why: must be a table"]
    names = {f.name for f in dataclasses.fields(Protocol)}
    found = [f"why.{key}: no such rule" for key in why if key not in names]
    return found + [f"why.{key}: must be text" for key, reason in why.items() if not isinstance(reason, str)]


def to_toml(protocol: Protocol) -> str:
    """The table ``[protocol]`` as TOML text."""
    fields = dataclasses.asdict(protocol)
    return "[protocol]\n" + "".join(f"{key} = {json.dumps(value)}\n" for key, value in fields.items())


def differences(one: Protocol, other: Protocol) -> dict[str, tuple[Any, Any]]:
    """Rules that are not the same, with both values."""
    left, right = dataclasses.asdict(one), dataclasses.asdict(other)
    return {key: (left[key], right[key]) for key in left if left[key] != right[key]}


def _folder() -> Any:
    return resources.files("trap_tools") / "presets"
