"""The words of the report in the language of its reader; a word that a language lacks stands in English."""

import tomllib
from functools import lru_cache
from importlib.resources import files

from trap_wire.errors import BadInputError

LANGUAGES = ("en", "ru", "kk", "uz", "mn")


@lru_cache
def words(language: str = "en") -> dict[str, str]:
    """Key -> words. ``BadInputError`` for a language that the report does not speak."""
    if language not in LANGUAGES:
        raise BadInputError(f"language {language!r}: the report speaks {', '.join(LANGUAGES)}")
    return {**table("en"), **table(language)}


def table(language: str) -> dict[str, str]:
    """The words that one language has."""
    path = files("trap_tools.report") / "words" / f"{language}.toml"
    return {key: str(value) for key, value in tomllib.loads(path.read_text(encoding="utf-8")).items()}
