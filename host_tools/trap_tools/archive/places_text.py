"""Places written back as TOML, added to the end of a places file: an import knows where its cameras stood."""

import json
from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from pathlib import Path

from trap_tools import durable
from trap_tools.archive.places import Place, load

NAME = "places.toml"


def add(folder: Path, places: Iterable[Place]) -> list[Place]:
    """Add the places that the folder's file does not have yet; gives those back. What people wrote stays as it is."""
    known = load(folder).by_deployment
    fresh = [place for place in places if (place.unit, place.deployment) not in known]
    if fresh:
        path = folder / NAME
        before = path.read_text(encoding="utf-8") if path.is_file() else ""
        durable.write(path, (before + "".join(map(text_of, fresh))).encode())
    return fresh


def text_of(place: Place) -> str:
    """One ``[[deployment]]`` table, without what nobody wrote down."""
    lines = [f"{spec.name} = {_value(value)}" for spec in fields(place) if _is_told(value := getattr(place, spec.name))]
    return "\n[[deployment]]\n" + "\n".join(lines) + "\n"


def _is_told(value: object) -> bool:
    return value not in (None, "", ())


def _value(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    # JSON's strings, numbers, booleans and lists of strings are TOML's too.
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)
