"""The species that a person can choose from, in the reader's language."""

import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from trap_wire.errors import BadInputError

NAME = "species.toml"


@dataclass(frozen=True, slots=True)
class Species:
    """Latin name and what people here call it."""

    latin: str
    vernacular: str


def species(folder: Path, language: str = "en") -> list[Species]:
    """The list of the folder's ``species.toml``, else the one that comes with Manul; ``BadInputError`` when it is none."""
    own = folder / NAME
    try:
        text = (
            own.read_text(encoding="utf-8")
            if own.is_file()
            else (files("trap_tools.audit") / NAME).read_text(encoding="utf-8")
        )
        rows = tomllib.loads(text)["species"]
        return [Species(row["latin"], row.get(language) or row.get("en") or row["latin"]) for row in rows]
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInputError(
            f"{own}: must hold [[species]] tables with latin and names per language ({error})"
        ) from error
