"""Facts with limits: dataclass fields that know what values they take, and one check that names every bad one.

Used for everything that people write by hand (station, protocol), on the unit and on the host alike.
"""

import dataclasses
import re
from collections.abc import Mapping
from dataclasses import field
from typing import Any, TypeVar

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}"
T = TypeVar("T")


def number(default: float, least: float, most: float) -> Any:
    """Field that holds a number in ``least..most``."""
    return field(default=default, metadata={"least": least, "most": most})


def text(default: str, pattern: str, like: str = "") -> Any:
    """Field that holds text matching the whole of ``pattern``; ``like`` is an example for those who read no patterns."""
    return field(default=default, metadata={"pattern": pattern, "like": like})


def from_table(cls: type[T], table: Any, name: str, problems: list[str]) -> T | None:
    """Facts of ``cls`` from a TOML table, None when a field is bad; adds a line per bad field to ``problems``.

    0, 0.0 and -0.0 are one fact, or the same rules would have several hashes.
    """
    if not isinstance(table, Mapping):
        problems.append(f"{name}: must be a table")
        return None
    fields = {f.name: f for f in dataclasses.fields(cls)}  # type: ignore[arg-type]  # cls is a dataclass by contract
    found = len(problems)
    problems += [f"{name}.{key}: unknown field" for key in table if key not in fields]
    for key, value in table.items():
        if key in fields and (complaint := _complaint(fields[key], value)):
            problems.append(f"{name}.{key} = {value!r}: {complaint}")
    if len(problems) != found:
        return None
    return cls(
        **{key: float(value) + 0.0 if type_name(fields[key]) == "float" else value for key, value in table.items()}
    )


def _complaint(spec: "dataclasses.Field[Any]", value: Any) -> str:
    """Why a value does not fit its field; empty when it does."""
    wanted: tuple[type, ...] = {"int": (int,), "str": (str,), "bool": (bool,), "float": (int, float)}[type_name(spec)]
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        return f"must be of type {type_name(spec)}"
    if "least" in spec.metadata and not spec.metadata["least"] <= value <= spec.metadata["most"]:
        return f"must lie in {spec.metadata['least']}..{spec.metadata['most']}"
    if "pattern" in spec.metadata and not re.fullmatch(spec.metadata["pattern"], str(value)):
        like = f"must be like {spec.metadata['like']}, and " if spec.metadata.get("like") else ""
        return f"{like}must match {spec.metadata['pattern']}"
    return ""


def type_name(spec: "dataclasses.Field[Any]") -> str:
    """int, str, bool or float."""
    return spec.type if isinstance(spec.type, str) else spec.type.__name__
