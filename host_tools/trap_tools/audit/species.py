"""The species that a person can choose from, in the reader's language: which ones the protocol says, names a list of names."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from trap_wire.errors import BadInputError
from trap_wire.protocol import Protocol

NAME = "species.toml"
Names = dict[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Species:
    """Latin name and what people here call it."""

    latin: str
    vernacular: str


def species(folder: Path, language: str = "en", protocols: Iterable[Protocol] = ()) -> list[Species]:
    """The species of these protocols in their order, then what the folder's ``species.toml`` has besides.

    Without either, the list that comes with Manul. ``BadInputError`` when the folder's file is no list.
    """
    shipped, own = _shipped(), _own(folder / NAME)
    wanted = dict.fromkeys([*(name for rules in protocols for name in rules.species_list), *own])
    names = {**shipped, **own}
    return [_named(latin, names.get(latin, {}), language) for latin in wanted or shipped]


def _named(latin: str, row: Mapping[str, Any], language: str) -> Species:
    return Species(latin, str(row.get(language) or row.get("en") or latin))


def _shipped() -> Names:
    return _rows((files("trap_tools.audit") / NAME).read_text(encoding="utf-8"))


def _own(path: Path) -> Names:
    if not path.is_file():
        return {}
    try:
        return _rows(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInputError(
            f"{path}: must hold [[species]] tables with latin and names per language ({error})"
        ) from error


def _rows(text: str) -> Names:
    return {str(row["latin"]): row for row in tomllib.loads(text)["species"]}
