"""What a unit is told about itself: ``station.toml`` parsed once into frozen facts, or one message with every bad field.

The unit never knows its coordinates: a stolen card must not lead to a den. Places live on the host. The host reads the
same file with the same code before it writes a card, so a bad field is found on the bench and not on the mountain.
"""

import dataclasses
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from trap_wire import slot
from trap_wire.errors import BadInputError
from trap_wire.facts import NAME, from_table, text
from trap_wire.protocol import Protocol, contradictions

# A key that pictures are sealed to: age's own, or the programme's OpenSSH key.
RECIPIENT = r"(age1[0-9a-z]{58}|ssh-ed25519 [A-Za-z0-9+/]{68})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """Which unit this is and what it is doing. ``audit_key`` seeds the draw that nobody can predict (32 bytes, hex).

    ``sealed_to``: keys, comma between, that everything is encrypted to before it is written; empty writes it in the clear.
    """

    unit: str = text("unset", NAME, "MN-017")
    deployment: str = text("bench", NAME, "tost-2026-a")
    programme: str = text("none", NAME, "tost")
    audit_key: str = text(
        "00" * 32, r"[0-9a-f]{64}", "what 'openssl rand -hex 32' prints (leave it out: manul flash draws one)"
    )
    sealed_to: str = text(
        "", rf"({RECIPIENT}(,{RECIPIENT}){{0,7}})?", "a key of age (age1…) or the first two words of programme.pub"
    )
    chemistry: str = text("lithium-aa-12", r"lithium-aa-12|alkaline-aa-12|nimh-aa-12|liion-2s|lifepo4-2s|mains")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Station and protocol. ``trouble`` is why the safe default stands in, empty when the file was good."""

    station: Station
    protocol: Protocol
    trouble: str = ""


SAFE = Deployment(station=Station(), protocol=Protocol(name="safe-default", filter_blanks=False))


def parse(toml: str, source: str = "station.toml") -> Deployment:
    """Facts from TOML text with the tables ``station`` and ``protocol``; ``BadInputError`` lists every bad field."""
    try:
        tables = tomllib.loads(toml)
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"{source}: not TOML: {error}") from error
    problems: list[str] = [f"[{name}]: unknown table" for name in tables if name not in ("station", "protocol")]
    station_table = tables.get("station", {})
    if isinstance(station_table, Mapping):
        problems += [f"station.{key}: missing" for key in ("unit", "deployment") if key not in station_table]
    station = from_table(Station, station_table, "station", problems)
    protocol = from_table(Protocol, tables.get("protocol", {}), "protocol", problems)
    problems += contradictions(protocol) if protocol else []
    if problems or station is None or protocol is None:
        raise BadInputError(f"{source}: " + "; ".join(problems) + ". Fix these fields and write the file again.")
    return Deployment(station=station, protocol=protocol)


def parse_or_safe(raw: bytes, source: str = "station.toml") -> Deployment:
    """Facts from a slot's bytes; on any fault the safe default (keep everything, LEDs off) with the reason in it."""
    try:
        return parse(slot.read(raw), source)
    except BadInputError as error:
        return dataclasses.replace(SAFE, trouble=str(error))
