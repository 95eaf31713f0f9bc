import string
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner

from tests.catalogues import said
from trap_tools import i18n
from trap_tools.cli import main
from trap_tools.field import summary
from trap_wire.codes import LADDER_NAMES
from trap_wire.errors import BadInputError

OTHERS = [language for language in i18n.LANGUAGES if language != "en"]
NOW = datetime(2026, 5, 28, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def english_again():
    yield
    i18n.use("en")


def fields(words):
    return sorted(name for _, name, _, _ in string.Formatter().parse(words) if name)


@pytest.mark.parametrize("language", OTHERS)
def test_every_word_of_the_field_screens_is_in_the_catalogue(language):
    catalogue = i18n.catalogue(language)
    assert sorted(said() - catalogue.keys()) == []
    assert sorted(catalogue.keys() - said()) == []


@pytest.mark.parametrize("language", OTHERS)
def test_translation_names_the_same_values(language):
    wrong = [key for key, words in i18n.catalogue(language).items() if fields(key) != fields(words)]
    assert wrong == []


@pytest.mark.parametrize("language", OTHERS)
def test_machine_made_translations_are_marked(language):
    text = (summary.Path(i18n.__file__).parent / "locale" / f"{language}.po").read_text()
    assert text.count("#, fuzzy") <= len(i18n.catalogue(language))
    assert "Machine-made" in text


def test_every_state_of_the_battery_has_words():
    assert set(summary._STATES) == set(LADDER_NAMES.values())


def test_language_is_the_computers_or_the_one_that_is_named(monkeypatch):
    monkeypatch.setenv("LC_ALL", "mn_MN.UTF-8")
    i18n.use(None)
    assert i18n.say("leave it") == "үлдээж болно"
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    i18n.use(None)
    assert i18n.say("leave it") == "leave it"
    with pytest.raises(BadInputError, match="en, ru, kk, mn, uz"):
        i18n.use("tlh")


@pytest.mark.parametrize(
    ("computer", "asked", "protocol", "spoken"),
    [
        ("de_DE", None, "mn,ru,en", "en"),  # English stands in for German, and the programme speaks it
        ("de_DE", None, "mn,ru", "mn"),
        ("kk_KZ", None, "mn,ru,kk", "kk"),
        ("kk_KZ", None, "mn,ru", "mn"),
        ("kk_KZ", "uz", "mn,ru", "uz"),
        ("kk_KZ", None, "", "kk"),  # an older unit says nothing of it
        ("kk_KZ", None, "tlh", "kk"),
    ],
)
def test_protocols_first_language_stands_in_where_nobody_asked_and_the_computer_speaks_none_of_them(
    monkeypatch, computer, asked, protocol, spoken
):
    monkeypatch.setenv("LC_ALL", f"{computer}.UTF-8")
    i18n.use(asked)
    i18n.suggest(protocol)
    expected, said = i18n.catalogue(spoken).get("leave it", "leave it"), i18n.say("leave it")
    i18n.use("en")
    assert said == expected


def test_unknown_language_on_the_command_line_is_exit_code_3():
    run = CliRunner().invoke(main, ["--lang", "tlh", "ports"])
    assert run.exit_code == 3
