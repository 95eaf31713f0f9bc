import io
import re
import string
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from rich.console import Console

from tests.catalogues import said
from tests.unit.link.test_screens import FACTS
from trap_tools import i18n
from trap_tools.cli import main
from trap_tools.field import check, summary
from trap_tools.field.visit import ClockReading, JournalProof, Receipt, Tally
from trap_tools.protocol.programme import Programme
from trap_wire.codes import LADDER_NAMES
from trap_wire.errors import BadInputError

OTHERS = [language for language in i18n.LANGUAGES if language != "en"]
NOW = datetime(2026, 5, 28, 20, tzinfo=UTC)
# Names, units and commands that are the same in every language.
SAME = {"UTC", "GB", "MB", "mV", "V", "C", "h", "s", "ms", "lux", "mA", "mAh", "manul", "keys", "add", "pull", "aim", "walk", "port", "m",
        "left", "RTC", "deploy", "start", "update", "bulk", "off"}  # fmt: skip


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


def printed(renderable):
    console = Console(width=140, record=True, file=io.StringIO())
    console.print(renderable)
    return console.export_text()


def english_left(text, given):
    """Words in Latin letters that are neither given by the unit nor the same everywhere."""
    for value in given:
        text = text.replace(value, " ")
    return sorted(set(re.findall(r"[A-Za-z]{1,}", text)) - SAME)


BENCH = {**FACTS, "bench": True, "trouble": "TROUBLE", "errors": [{"at_us": FACTS["now_us"], "part": "PART", "words": "WORDS"}],
         "storage_free_bytes": 1, "model": None, "days_left": {"low": 20, "high": 900, "wakes_a_day": 3.5, "celsius": -12}}  # fmt: skip
OTHERS = Programme("1.4", "pallas@3", "cd" * 32, "")
GIVEN = ("MN-017", "tost-2026-a", "south-gobi", "pallas@3", "abababababab", "TROUBLE", "PART", "WORDS")


@pytest.mark.parametrize("language", ["ru", "kk", "mn"])
def test_summary_screen_leaves_nothing_in_english(language):
    i18n.use(language)
    text = (
        printed(summary.screen(BENCH, NOW))
        + printed(summary.screen(BENCH, NOW, OTHERS))
        + printed(summary.screen({"unit": "MN-017", "locked": True}, NOW))
    )
    assert english_left(text, GIVEN) == []


@pytest.mark.parametrize("language", ["ru", "kk", "mn"])
def test_check_screen_leaves_nothing_in_english(language):
    i18n.use(language)
    values = {"brightness": 1, "sharpness": 1, "detector": "1", "look_ms": 1, "write_mb_s": 1, "checked": 1, "entries": 1, "battery_mv": 1,
              "light_lux": 1, "offset_s": 1, "round_ms": 1, "broken": 1, "echoes": 1, "firmware": 1, "battery_ma": 1,
              "adds": 1}  # fmt: skip
    findings = [check.Finding(part, "fail", "English", {**values, "why": why}) for part, why in check.WORDS]
    assert english_left(printed(check.screen("MN-017", findings)), GIVEN) == []


@pytest.mark.parametrize("language", ["ru", "kk", "mn"])
def test_receipt_leaves_nothing_in_english(language):
    i18n.use(language)
    clock = ClockReading(NOW, NOW, was_set=True)
    receipt = Receipt(
        "MN-017", "tost-2026-a", "PORT", "FOLDER", NOW, clock, kinds={kind: Tally(3, 1, 1, 1) for kind in visit_kinds()}
    )
    receipt.journal, receipt.problems = JournalProof(1, 2, "ab"), ["PROBLEM"]
    assert english_left(receipt.to_text(), (*GIVEN, "PORT", "PROBLEM")) == []


def visit_kinds():
    from trap_tools.field.pulling import KINDS

    return KINDS


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
