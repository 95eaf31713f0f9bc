import io
import json

import pytest
from click.testing import CliRunner
from rich.console import Console

from tests.link_rig import plugged_in
from trap.drivers.tty import open_pty
from trap_tools.cli import main
from trap_tools.field import check
from trap_tools.field.summary import screen, sparkline
from trap_tools.field.verdict import line, reasons
from trap_tools.protocol.programme import Programme
from trap_wire.entries import from_us

FACTS = {
    "unit": "MN-017",
    "deployment": "tost-2026-a",
    "programme": "south-gobi",
    "protocol": "pallas@3",
    "protocol_hash": "ab" * 32,
    "model": "manul-s@1.2.0+0123456789ab",
    "trouble": None,
    "now_us": 1_780_000_000_000_000,
    "entries": 41_233,
    "first_day": "2026-03-01",
    "totals": {"triggers": 4_210, "kept": 311, "unknown": 40, "discarded": 3_859, "audited": 190, "throttled_s": 7_200},
    "days": [{"day": "2026-05-27", "triggers": 3}, {"day": "2026-05-28", "triggers": 60, "kept": 2}],
    "battery": {"battery_mv": 16_840, "temperature_c": -12.25, "battery_ma": None, "state": "full"},
    "celsius": [-27.25, 14.0],
    "storage_free_bytes": 41_000_000_000,
    "errors": [{"at_us": 1_779_990_000_000_000, "part": "camera", "words": "camera: no frame in 2 s"}],
}


NOW = from_us(FACTS["now_us"])


def shown(facts):
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(screen(facts, NOW))
    return console.export_text()


def test_screen_says_what_a_visitor_wants_to_know():
    text = shown(FACTS)
    for words in (
        "-27 to 14 °C",
        "MN-017 / tost-2026-a",
        "pallas@3",
        "16.84 V",
        "-12.2 °C",
        "41.0 GB free",
        "88 since 2026-03-01",
    ):
        assert words in text
    for words in ("4210", "2.0 h throttled", "camera: no frame in 2 s"):
        assert words in text


def test_effort_lost_to_the_days_budget_is_told_apart_from_a_flood():
    text = shown({**FACTS, "totals": {**FACTS["totals"], "overspent_s": 3_600, "overspent_triggers": 12}})
    assert "2.0 h throttled, 0 triggers (of it 1.0 h over the day's budget, 12 triggers)" in " ".join(text.split())


def test_unit_of_a_later_version_with_other_keys_is_shown_too():
    text = shown({"unit": "MN-018", "battery": {"moon": 1}, "humidity": 0.4})
    assert "MN-018 / ?" in text
    assert "humidity" in text


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({}, "needs attention, because of errors this week: camera"),
        ({"errors": []}, "leave it"),
        ({"errors": [{"at_us": 1_770_000_000_000_000, "part": "camera", "words": "x"}]}, "leave it"),
        (
            {"errors": [], "battery": {"state": "heartbeat_only"}},
            "needs attention, because its battery is low: put in new cells",
        ),
        (
            {"errors": [{"at_us": 1_779_990_000_000_000, "part": "card", "words": "card: read-only"}]},
            "bring it home, because its card is failing",
        ),
        (
            {"errors": [], "days_left": {"low": 20, "high": 200, "wakes_a_day": 3, "celsius": -12}},
            "may last only 20 days",
        ),
        ({"errors": [], "model": None}, "it has no detector"),
        ({"errors": [], "bench": True}, "anybody can open it"),
        ({"errors": [], "storage_free_bytes": 100}, "nearly full"),
        ({"errors": [], "now_us": 1_780_000_000_000_000 + 600_000_000}, "+600 s off"),
    ],
)
def test_verdict_says_what_to_do_and_why(change, verdict):
    assert verdict in line(reasons({**FACTS, **change}, NOW))


def test_safe_default_is_shown_as_trouble():
    assert "station.toml: not TOML" in shown({**FACTS, "trouble": "station.toml: not TOML"})


def test_brackets_in_a_units_words_are_shown_and_break_no_screen():
    words = {"at_us": 1_779_990_000_000_000, "part": "card", "words": "[Errno 5] Input/output [/error]"}
    text = shown({**FACTS, "trouble": "station.toml: [protocol] is missing", "errors": [words], "moon": "[/]"})
    assert "[protocol] is missing" in text
    assert "[Errno 5] Input/output [/error]" in text
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(check.screen("MN-017", [check.Finding("part [/x]", "odd [/]", "[Errno 28] no space [/a]", {})]))
    assert "[Errno 28] no space [/a]" in console.export_text()


def test_day_with_one_trigger_among_hundreds_is_not_blank():
    assert sparkline([0, 1, 500]) == " ▁█"


def test_summary_over_the_cable_as_json(bench):
    with plugged_in(bench) as port:
        run = CliRunner().invoke(main, ["summary", "--port", port, "--json"])
    assert run.exit_code == 0
    assert json.loads(run.output) == {"port": port, **bench.summary()}


def test_summary_over_the_cable_as_a_screen(bench):
    with plugged_in(bench) as port:
        run = CliRunner().invoke(main, ["summary", "--port", port])
    assert "MN-017 / tost-2026-a" in run.output


def test_ports_says_which_one_is_a_unit(bench):
    silent = open_pty()
    with plugged_in(bench) as port:
        run = CliRunner().invoke(main, ["ports", "--json", "--port", port, "--port", silent.path])
    silent.close()
    named = {one["port"]: one["unit"] for one in json.loads(run.output)}
    assert run.exit_code == 0
    assert named[port] == "MN-017"
    assert named[silent.path] == ""


def test_ports_without_any_unit_ends_with_code_4():
    silent = open_pty()
    run = CliRunner().invoke(main, ["ports", "--port", silent.path])
    silent.close()
    assert run.exit_code == 4
    assert "no unit answers" in run.output


OURS = Programme("1.4", "pallas@3", "ab" * 32, "manul-s@1.2.0+0123456789ab")


def with_programme(facts, known):
    console = Console(width=110, record=True, file=io.StringIO())
    console.print(screen(facts, NOW, known))
    return console.export_text()


def test_unit_with_the_versions_of_the_programme_is_said_to_have_them():
    facts = {**FACTS, "release": "1.4", "errors": []}
    assert with_programme(facts, OURS).count("(the programme’s)") == 3
    assert line(reasons(facts, NOW, OURS)) == "leave it"


def test_unit_that_missed_the_last_release_asks_for_it():
    facts = {**FACTS, "release": "1.3", "errors": []}
    assert "1.3 (the programme has 1.4)" in with_programme(facts, OURS)
    assert line(reasons(facts, NOW, OURS)) == (
        "needs attention, because it does not run the programme’s release: manul update"
    )


def test_unit_with_rules_of_its_own_does_not_compare():
    facts = {**FACTS, "protocol": "pallas@2", "protocol_hash": "cd" * 32, "release": "1.4", "errors": []}
    assert "(the programme has pallas@3)" in with_programme(facts, OURS)
    assert "its protocol is not the programme’s" in line(reasons(facts, NOW, OURS))


def test_laptop_that_never_saw_a_release_says_that_it_cannot_know():
    assert "the programme’s is not known here" in with_programme(FACTS, None)


def test_locked_unit_is_not_held_to_the_programme():
    assert reasons({"unit": "MN-017", "locked": True}, NOW, OURS) == []
