"""The words of the report in the language of its reader; a word that a language lacks stands in English."""

import tomllib
from functools import lru_cache
from importlib.resources import files

from trap_wire.errors import BadInputError

LANGUAGES = ("en",)


@lru_cache
def words(language: str = "en") -> dict[str, str]:
    """Key -> words. ``BadInputError`` for a language that the report does not speak."""
    if language not in LANGUAGES:
        raise BadInputError(f"language {language!r}: the report speaks {', '.join(LANGUAGES)}")
    english = _table("en")
    return english if language == "en" else {**english, **_table(language)}


def _table(language: str) -> dict[str, str]:
    path = files("trap_tools.report") / "words" / f"{language}.toml"
    return {key: str(value) for key, value in tomllib.loads(path.read_text(encoding="utf-8")).items()}
