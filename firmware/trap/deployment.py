"""What a unit is told about itself: ``station.toml`` parsed once into frozen facts, or one message with every bad field.

The unit never knows its coordinates: a stolen card must not lead to a den. Places live on the host.
"""

import dataclasses
import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from trap_wire import slot
from trap_wire.entries import canonical
from trap_wire.errors import BadInputError


def _number(default: float, least: float, most: float) -> Any:
    return field(default=default, metadata={"least": least, "most": most})


def _text(default: str, pattern: str) -> Any:
    return field(default=default, metadata={"pattern": pattern})


NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Protocol:
    """The rules that every unit of a programme runs; its hash travels with every photograph.

    Sources of the defaults: burst and quiet period follow published Pallas's cat surveys (three frames, no delay between
    triggers beyond the camera's own); the rest is argued in docs/protocol.md.
    """

    name: str = _text("bench", NAME)
    version: int = _number(1, 1, 9999)
    burst_frames: int = _number(3, 1, 10)
    burst_interval_ms: int = _number(500, 0, 10_000)
    hold_off_ms: int = _number(5_000, 0, 3_600_000)  # after a trigger: further pulses are the same visit
    stay_up_ms: int = _number(0, 0, 600_000)  # armed mode: the Pi waits this long for the next trigger
    settle_ms: int = _number(30_000, 0, 300_000)  # PIR warm-up after power, EKMB datasheet: 30 s at most
    flood_triggers: int = _number(30, 1, 10_000)  # size of the token bucket
    flood_refill_s: int = _number(240, 1, 86_400)  # one token each
    heartbeat_hour: int = _number(6, 0, 23)  # UTC
    audit_every: int = _number(20, 1, 1_000)
    thumbnail_px: int = _number(320, 64, 1_024)
    filter_blanks: bool = True
    keep_bias: float = _number(0.0, 0.0, 1.0)  # lowers both thresholds by this share; never raises them
    leds: bool = False

    @property
    def digest(self) -> str:
        """SHA-256 (hex) over the canonical JSON of every field."""
        return hashlib.sha256(canonical(dataclasses.asdict(self)).encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Station:
    """Which unit this is and what it is doing. ``audit_key`` seeds the draw that nobody can predict (32 bytes, hex)."""

    unit: str = _text("unset", NAME)
    deployment: str = _text("bench", NAME)
    programme: str = _text("none", NAME)
    audit_key: str = _text("00" * 32, r"[0-9a-f]{64}")
    chemistry: str = _text("lithium-aa-12", r"lithium-aa-12|alkaline-aa-12|nimh-aa-12|liion-2s|lifepo4-2s|mains")


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """Station and protocol. ``trouble`` is why the safe default stands in, empty when the file was good."""

    station: Station
    protocol: Protocol
    trouble: str = ""


T = TypeVar("T", Station, Protocol)
SAFE = Deployment(station=Station(), protocol=Protocol(name="safe-default", filter_blanks=False))


def parse(text: str, source: str = "station.toml") -> Deployment:
    """Facts from TOML text with the tables ``station`` and ``protocol``; ``BadInputError`` lists every bad field."""
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadInputError(f"{source}: not TOML: {error}") from error
    problems: list[str] = [f"[{name}]: unknown table" for name in tables if name not in ("station", "protocol")]
    problems += [f"station.{key}: missing" for key in ("unit", "deployment") if key not in tables.get("station", {})]
    station = _table(Station, tables.get("station", {}), "station", problems)
    protocol = _table(Protocol, tables.get("protocol", {}), "protocol", problems)
    if problems or station is None or protocol is None:
        raise BadInputError(f"{source}: " + "; ".join(problems) + ". Fix these fields and write the file again.")
    return Deployment(station=station, protocol=protocol)


def parse_or_safe(raw: bytes, source: str = "station.toml") -> Deployment:
    """Facts from a slot's bytes; on any fault the safe default (keep everything, LEDs off) with the reason in it."""
    try:
        return parse(slot.read(raw), source)
    except BadInputError as error:
        return dataclasses.replace(SAFE, trouble=str(error))


def _table(cls: type[T], table: Any, name: str, problems: list[str]) -> T | None:
    if not isinstance(table, Mapping):
        problems.append(f"{name}: must be a table")
        return None
    fields = {f.name: f for f in dataclasses.fields(cls)}
    found = len(problems)
    problems += [f"{name}.{key}: unknown field" for key in table if key not in fields]
    for key, value in table.items():
        if key in fields and (complaint := _complaint(fields[key], value)):
            problems.append(f"{name}.{key} = {value!r}: {complaint}")
    return cls(**table) if len(problems) == found else None


def _complaint(spec: "dataclasses.Field[Any]", value: Any) -> str:
    """Why a value does not fit its field; empty when it does."""
    wanted: tuple[type, ...] = {"int": (int,), "str": (str,), "bool": (bool,), "float": (int, float)}[_type_name(spec)]
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        return f"must be of type {_type_name(spec)}"
    if "least" in spec.metadata and not spec.metadata["least"] <= value <= spec.metadata["most"]:
        return f"must lie in {spec.metadata['least']}..{spec.metadata['most']}"
    if "pattern" in spec.metadata and not re.fullmatch(spec.metadata["pattern"], str(value)):
        return f"must match {spec.metadata['pattern']}"
    return ""


def _type_name(spec: "dataclasses.Field[Any]") -> str:
    return spec.type if isinstance(spec.type, str) else spec.type.__name__
