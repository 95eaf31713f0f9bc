"""The field screens in the language of who reads them: gettext catalogues (``locale/<language>.po``), read as they are.

A word that a catalogue lacks stands in English. Translators edit the ``.po`` files with any gettext editor; nothing is
compiled.
"""

import ast
import locale
import os
import re
from functools import lru_cache
from importlib import resources

from trap_wire.errors import BadInputError

ENGLISH = "en"
LANGUAGES = (ENGLISH, "ru", "kk", "mn", "uz")
_ENTRY = re.compile(r'^msgid ((?:".*"\n?)+)^msgstr ((?:".*"\n?)+)', re.MULTILINE)
_chosen = [ENGLISH]
_asked = [False]  # a person chose, not the computer


def use(language: str | None) -> None:
    """Speak this language from now on; None takes the computer's. ``BadInputError`` for one that is not there."""
    if language is not None and language not in LANGUAGES:
        raise BadInputError(f"language {language!r}: the field screens speak {', '.join(LANGUAGES)}")
    _chosen[0], _asked[0] = language or of_computer(), language is not None


def suggest(languages: str) -> None:
    """The languages of a unit's protocol, comma between: the first, where nobody asked and the computer's is none of them."""
    spoken = [language for language in languages.split(",") if language in LANGUAGES]
    if spoken and not _asked[0] and _chosen[0] not in spoken:
        _chosen[0] = spoken[0]


def of_computer() -> str:
    """The computer's language where the screens speak it, else English."""
    name = (
        os.environ.get("LC_ALL")
        or os.environ.get("LC_MESSAGES")
        or os.environ.get("LANG")
        or locale.getlocale()[0]
        or ""
    )
    return name[:2] if name[:2] in LANGUAGES else ENGLISH


def say(english: str, /, **values: object) -> str:
    """The words in the chosen language; ``values`` go into their ``{braces}``."""
    words = catalogue(_chosen[0]).get(english) or english
    return words.format(**values) if values else words


@lru_cache
def catalogue(language: str) -> dict[str, str]:
    """English -> words; empty for English itself."""
    if language == ENGLISH:
        return {}
    text = (resources.files("trap_tools") / "locale" / f"{language}.po").read_text(encoding="utf-8")
    return {_joined(key): _joined(words) for key, words in _ENTRY.findall(text) if _joined(key)}


def _joined(quoted: str) -> str:
    """The text of one or more lines in quotes."""
    return "".join(str(ast.literal_eval(line)) for line in quoted.splitlines() if line.strip())
