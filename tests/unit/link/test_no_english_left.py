"""Every field screen in every language, as its command prints it: no word of the English screen is left on it.

Uzbek is written in Latin letters, so words are compared with those of the same screen in English; in the languages that are
not, no Latin word at all may be left but what is the same everywhere.
"""

import dataclasses
import io
import re
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from click.testing import CliRunner
from rich.console import Console

from tests.link_unit import STATION, WholeUnit
from tests.unit.link.test_fieldwork import KEY, checkered
from tests.unit.link.test_screens import FACTS
from tests.unit.trap.parts import ScriptedCamera
from trap.link.bulk import Bulk
from trap_sim.drive import PretendDrive
from trap_tools import i18n
from trap_tools.cli import main
from trap_tools.field import bulk, check, drive, summary
from trap_tools.field.pulling import KINDS
from trap_tools.field.visit import ClockReading, JournalProof, Receipt, Tally
from trap_tools.protocol.programme import Programme
from trap_wire.entries import Kind
from trap_wire.errors import TrapError

LANGUAGES = [language for language in i18n.LANGUAGES if language != "en"]
CYRILLIC = ["ru", "kk", "mn"]
NOW = datetime(2026, 5, 28, 20, tzinfo=UTC)
# Units of measure, names of things and commands that are typed: the same in every language.
SAME = {"UTC", "GB", "MB", "kB", "bytes", "mV", "V", "C", "h", "s", "ms", "min", "lux", "mA", "mAh", "RTC", "USB", "MOSFET", "Ctrl", "ctrl",
        "manul", "keys", "add", "pull", "aim", "walk", "port", "deploy", "start", "update", "bulk", "off", "unseal", "m", "left",
        "udisksctl", "mount", "b", "disk"}  # fmt: skip
GIVEN = ("MN-017", "tost-2026-a", "saddle-2026", "south-gobi", "pallas@3", "pallas", "abababababab", "TROUBLE", "PART", "WORDS",
         "PORT", "PROBLEM", "scripted@1.0.0+abababababab", "MANUL-MEDIA", "/dev/sdx", "/media/FOLDER", "10 M")  # fmt: skip
THEIRS = Programme("1.4", "pallas@4", "cd" * 32, "")


def printed(renderable):
    console = Console(width=160, record=True, file=io.StringIO())
    console.print(renderable)
    return console.export_text()


def facts(**changes):
    return {**FACTS, "now_us": int(NOW.timestamp() * 1e6), "errors": [], **changes}


def summaries():
    week = {"at_us": int(NOW.timestamp() * 1e6), "part": "PART", "words": "WORDS"}
    totals = {**FACTS["totals"], "throttled_triggers": 3, "paused_s": 7_200, "paused_triggers": 4}
    left = {"low": 20, "high": 900, "wakes_a_day": 3.5, "celsius": -12}
    told = [
        facts(
            bench=True,
            trouble="TROUBLE",
            errors=[week],
            storage_free_bytes=1,
            model=None,
            days_left=left,
            totals=totals,
        ),
        facts(bulk_left_s=600, unsealed=4),
        facts(days_left={**left, "low": 4_000, "high": 4_000}),
        facts(now_us=int(NOW.timestamp() * 1e6) + 600_000_000),
        facts(errors=[{**week, "words": "read-only"}]),
        *(facts(battery={**FACTS["battery"], "state": state}) for state in summary._STATES),
        facts(release="1.3"),
        {"unit": "MN-017", "locked": True},
        {"unit": "MN-017", "locked": True, "battery_state": "off", "well": False},
    ]
    at_host = NOW + timedelta(seconds=1)
    screens = [summary.screen(one, at_host, known) for one in told for known in (None, THEIRS)]
    return "".join(map(printed, screens)).replace("read-only", "")


def checks():
    names = ("brightness", "sharpness", "look_ms", "write_mb_s", "checked", "entries", "battery_mv", "battery_ma", "light_lux", "offset_s",
             "round_ms", "broken", "echoes", "firmware", "adds")  # fmt: skip
    values = {**dict.fromkeys(names, 1), "detector": "1"}
    findings = [check.Finding(part, "fail", "English", {**values, "why": why}) for part, why in check.WORDS]
    states = [check.Finding("camera", state, "", {**values, "why": "sharp"}) for state in ("pass", "fail", "skip")]
    return printed(check.screen("MN-017", [*findings, *states]))


def receipts():
    clock = ClockReading(NOW, NOW, was_set=True)
    kinds = {kind: Tally(3, 1, 1, 1) for kind in KINDS}
    receipt = Receipt("MN-017", "tost-2026-a", "PORT", "/media/FOLDER", NOW, clock, kinds=kinds)
    receipt.journal, receipt.problems = JournalProof(1, 2, "ab"), ["PROBLEM"]
    sealed = dataclasses.replace(receipt, journal=JournalProof(sealed=3), complete=True)
    return receipt.to_text() + sealed.to_text()


def drives():
    found = drive.Found("/dev/sdx"), drive.Found("/dev/sdx", "/media/FOLDER"), None
    told = {"on": False, "left_s": 0, "label": "MANUL-MEDIA"}
    ends = [bulk._state("MN-017", {**told, "ended": why}) for why in ("", *bulk.ENDS)]
    return "\n".join([*(bulk._where(one, "MANUL-MEDIA") for one in found), *ends])


RENDERED = {"summary": summaries, "check": checks, "receipt": receipts, "drive": drives}


@cache
def rendered(screen, language):
    i18n.use(language)
    try:
        return RENDERED[screen]()
    finally:
        i18n.use("en")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("MANUL_HOME", str(tmp_path / "laptop"))
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    monkeypatch.setattr(drive, "APPEAR_S", 0.5)
    yield tmp_path
    i18n.use("en")


COMMANDS = {
    "summary": ["summary"],
    "check": ["check"],
    "aim": ["aim"],
    "aim by flash": ["aim", "--flash"],
    "aim --walk": ["aim", "--walk", "10 M", "--seconds", "0.1"],
    "deploy start": ["deploy", "start", "saddle-2026", "--at", "43.6,100.0"],
    "pull": ["pull"],
    "bulk on": ["bulk", "on"],
    "bulk status": ["bulk", "status"],
    "bulk off": ["bulk", "off"],
    "deploy end": ["deploy", "end"],
}
FOLDERS = {"aim": "--to", "pull": "--to", "deploy": "--places"}


def said(home, language):
    """What every command of a visit prints, one after the other at one unit."""
    station = STATION.replace("[protocol]", "[protocol]\nopen_units = true")
    whole = WholeUnit(
        home / "unit" / language,
        station,
        camera=ScriptedCamera([checkered(), dataclasses.replace(checkered(), infrared=True), checkered()]),
    )
    lent = Bulk(PretendDrive(), whole.trap.clock.monotonic_ms)
    whole.trap = dataclasses.replace(whole.trap, bulk=lent)
    whole.trap.clock.set(datetime.now(UTC))
    whole.journal.append(Kind.WAKE, whole.trap.clock.now(), {"reason": "pir"})
    told = {}
    with whole.at_a_cable() as port:
        for name, words in COMMANDS.items():
            kept = home / language
            where = {"--to": kept, "--places": kept / "places.toml"}.get(FOLDERS.get(words[0], ""))
            folder = [FOLDERS[words[0]], str(where)] if where and words != ["deploy", "end"] else []
            run = CliRunner().invoke(main, ["--lang", language, *words, "--port", port, *folder])
            assert not run.exception or isinstance(run.exception, (SystemExit, TrapError)), run.exception
            told[name] = run.output.replace(str(home / language), "").replace(port, "")
    whole.journal.close()
    return told


def words_of(text):
    for given in sorted(GIVEN, key=len, reverse=True):
        text = text.replace(given, " ")
    text = re.sub(r"\b[0-9a-f]{12}\b|\S*(setup-\d+|receipt-|places\.toml|\.jpg)\S*", " ", text)
    return set(re.findall(r"[A-Za-z](?:[A-Za-z’‘']*[A-Za-z’‘])?", text)) - SAME


def left_in_english(theirs, english, language):
    found = words_of(theirs)
    return sorted(found if language in CYRILLIC else found & words_of(english))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("screen", RENDERED)
def test_no_english_word_is_left_on_a_screen(screen, language):
    assert len(words_of(rendered(screen, "en"))) > 10
    assert left_in_english(rendered(screen, language), rendered(screen, "en"), language) == []


def test_no_english_word_is_left_of_a_visit(home):
    english = said(home, "en")
    assert all(words_of(text) for text in english.values())
    for language in LANGUAGES:
        theirs = said(home, language)
        left = {name: left_in_english(theirs[name], text, language) for name, text in english.items()}
        assert {name: words for name, words in left.items() if words} == {}, language


def troubles(home, language):
    """What is said where there is no such port, at a unit that no key here opens, and into another unit's folder."""
    whole, other = WholeUnit(home / language / "unit"), WholeUnit(home / language / "other")
    for unit, name in ((whole, "here"), (other, "there")):
        unit.journal.append(Kind.STATE, unit.trap.clock.now(), {"state": name})
    traps, public = home / language / "traps", home / language / "tost.pub"
    public.write_text(f"ssh-ed25519 {KEY.split()[1].decode()} tost")
    with other.at_a_cable() as elsewhere, whole.at_a_cable() as port:
        CliRunner().invoke(main, ["pull", "--port", elsewhere, "--to", str(traps)])
        runs = [
            CliRunner().invoke(main, ["--lang", language, *map(str, words)])
            for words in (
                ("summary", "--port", home / "nothing"),
                ("pull", "--port", port, "--to", traps),
                ("keys", "add", "--port", port, public),
                ("check", "--port", port),
            )
        ]
    whole.journal.close()
    other.journal.close()
    assert [run.exit_code for run in runs] == [4, 6, 0, 9], [run.output for run in runs]
    lines = [line for run in runs for line in run.stderr.splitlines() if line.startswith("manul: ")]
    assert len(lines) == 3
    return re.sub(r"manul (ports|keys list|keys add)|/\S*|\(.*?\)|--\w+", " ", "\n".join(lines))


def test_no_english_word_is_left_of_what_goes_wrong(home):
    english = troubles(home, "en")
    assert len(words_of(english)) > 20
    for language in LANGUAGES:
        assert left_in_english(troubles(home, language), english, language) == [], language


def test_english_word_that_is_left_is_found():
    assert left_in_english("batareya yaxshi, storage 3", "battery good, storage 3", "uz") == ["storage"]
    assert left_in_english("батарея good", "battery fine", "ru") == ["good"]
