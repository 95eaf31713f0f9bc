import dataclasses
import json
import re
import shutil
import subprocess
import sys
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner
from rich.console import Console

from tests.pulled import PROTOCOL, START, Unit, night
from trap_tools.archive.whole import whole
from trap_tools.cli import main
from trap_tools.observers.labels import Label, Labels
from trap_tools.protocol.files import load
from trap_tools.report import build, print_table, summaries
from trap_tools.report.wording import LANGUAGES, table, words
from trap_wire.entries import Kind
from trap_wire.errors import BadInputError


def test_numbers_of_a_night_are_those_of_its_journal(tmp_path):
    night(tmp_path, bursts=12).close()
    (unit,) = summaries(tmp_path)
    assert (unit.unit, unit.deployment, unit.protocol_hash) == ("MN-01", "ridge-2026", PROTOCOL)
    assert (unit.triggers, unit.bursts, unit.heartbeats) == (12, 12, 1)
    assert (unit.kept, unit.unknown, unit.discarded, unit.audited) == (3, 3, 6, 2)
    # Six kept or doubtful bursts and two audited blanks of three frames, and the heartbeat's one.
    assert unit.photographs == 8 * 3 + 1
    assert unit.stored_bytes == sum(path.stat().st_size for path in tmp_path.rglob("*.jpg"))
    assert unit.battery_mv and unit.lowest_temperature_c == -7.25
    assert not unit.troubles and not unit.faults


def test_best_bursts_of_each_unit_are_in_sight_and_the_rest_is_behind_a_click(tmp_path):
    for name in ("MN-01", "MN-02"):
        unit = night(tmp_path, name, bursts=0)
        for number in range(9):
            unit.later(minutes=20).visit_of("keep", score=0.5 + number / 100)
        unit.close()
    page = build(tmp_path).read_text(encoding="utf-8")
    shown, _, hidden = page.partition("<details>")
    assert (shown.count("<figure>"), hidden.count("<figure>")) == (8, 10)
    assert shown.count("0.58</text>") == 2 and "0.50</text>" not in shown


def test_heartbeat_photograph_is_not_counted_as_kept(tmp_path):
    unit = Unit(tmp_path)
    unit.boot()
    unit.visit_of("keep", reason="schedule", kind="blank", frames=1)
    unit.close()
    (summary,) = summaries(tmp_path)
    assert (summary.kept, summary.heartbeats, summary.photographs) == (0, 1, 1)


def test_refused_triggers_and_lost_time_are_added_up(tmp_path):
    unit = night(tmp_path, bursts=1)
    unit.wake(throttled_triggers=30, throttled_s=600)
    unit.add(Kind.THROTTLED, triggers=12, seconds=300)
    unit.close()
    (summary,) = summaries(tmp_path)
    assert (summary.throttled_triggers, summary.lost_s) == (42, 900)


def test_trouble_said_many_times_stands_once_with_its_count(tmp_path):
    unit = night(tmp_path, bursts=1)
    for _ in range(3):
        unit.later(minutes=1).add(Kind.ERROR, part="camera", words="camera: no frame within 2000 ms")
    unit.close()
    assert summaries(tmp_path)[0].troubles == ("camera: no frame within 2000 ms (3×)",)


def test_page_stands_alone_and_shows_every_kept_burst_with_its_box(tmp_path):
    night(tmp_path, bursts=8).close()
    page = build(tmp_path, tmp_path / "elsewhere" / "r.html").read_text(encoding="utf-8")
    assert "<script" not in page and "http" not in page.replace("http-equiv", "")
    shown = page.split("<details>")[0]
    assert shown.count("data:image/jpeg;base64,") == 4
    assert shown.count('<rect class="animal"') == 4
    assert 'x="96.0" y="96.0" width="80.0" height="72.0"' in shown  # 0.3, 0.4, 0.25, 0.3 of 320 × 240
    discarded = page.split("<details>")[1].split("</details>")[0]
    assert discarded.count("data:image/jpeg;base64,") == 4 and discarded.count(">audit<") == 1


def test_every_plot_is_well_formed_and_says_what_it_is(tmp_path):
    night(tmp_path, bursts=8).close()
    page = build(tmp_path).read_text(encoding="utf-8")
    drawn = [part.partition("</svg>")[0] + "</svg>" for part in page.split("<svg")[1:]]
    plots = [ElementTree.fromstring("<svg" + text) for text in drawn]
    titled = [plot for plot in plots if plot.get("role") == "img"]
    assert len(titled) == 9  # sparkline, rates, activity, effort, by unit, by light, by detector, volts, temperature
    assert all(plot.get("aria-label") for plot in titled)


def test_photograph_opens_from_a_report_inside_the_folder_only(tmp_path):
    pulled = tmp_path / "pulled"
    night(pulled, bursts=4).close()
    inside = build(pulled).read_text(encoding="utf-8")
    assert 'href="MN-01/ridge-2026/media/' in inside
    assert "href=" not in build(pulled, tmp_path / "mail.html").read_text(encoding="utf-8")


def test_words_of_a_unit_cannot_become_markup(tmp_path):
    unit = night(tmp_path, bursts=1)
    unit.add(Kind.ERROR, part="camera", words="<script>alert(1)</script>")
    unit.close()
    page = build(tmp_path).read_text(encoding="utf-8")
    assert "<script" not in page and "&lt;script&gt;" in page


def test_missing_photograph_is_named_and_the_rest_is_there(tmp_path):
    night(tmp_path, "MN-01").close()
    night(tmp_path, "MN-02").close()
    lost = min(tmp_path.glob("MN-02/*/media/*/*.jpg"))
    lost.unlink()
    result = CliRunner().invoke(main, ["report", str(tmp_path), "--json"])
    assert result.exit_code == 6
    first, second = json.loads(result.stdout)["units"]
    assert first["faults"] == [] and second["kept"] == 3
    assert [fault["where"].rpartition("/")[2] for fault in second["faults"]] == [lost.name]
    assert lost.name in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_broken_picture_becomes_a_word_on_the_page(tmp_path):
    unit = night(tmp_path, bursts=0)
    unit.visit_of("keep")
    unit.close()
    for path in tmp_path.rglob("*.jpg"):
        path.write_bytes(b"\0" * path.stat().st_size)
    assert "no picture" in build(tmp_path).read_text(encoding="utf-8")


def test_burst_that_lost_its_thumbnail_is_shown_by_its_photograph(tmp_path):
    unit = night(tmp_path, bursts=0)
    unit.visit_of("keep")
    unit.close()
    for path in tmp_path.glob("*/*/thumbnails/**/*.jpg"):
        path.unlink()
    page = build(tmp_path).read_text(encoding="utf-8")
    assert "no picture" not in page.split("<details>")[0]


def test_empty_journal_still_makes_a_page(tmp_path):
    Unit(tmp_path).close()
    result = CliRunner().invoke(main, ["report", str(tmp_path)])
    assert result.exit_code == 6
    assert "no journal" in result.output and "No burst was kept." in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize("folder", ["nowhere", "."])
def test_folder_without_units_is_one_message(tmp_path, folder):
    result = CliRunner().invoke(main, ["report", str(tmp_path / folder)])
    assert result.exit_code == BadInputError.exit_code
    assert "manul pull --to" in result.output and "Traceback" not in result.output


def test_units_of_two_protocols_are_said_not_to_compare(tmp_path):
    night(tmp_path, "MN-01").close()
    other = Unit(tmp_path, "MN-02")
    other.boot(protocol_hash="cd" * 32)
    other.close()
    assert words()["other_protocol"] in build(tmp_path).read_text(encoding="utf-8")


def test_rules_in_which_units_differ_stand_on_the_page_and_the_odd_unit_is_marked(tmp_path):
    usual, odd = load("pallas-cat").protocol, load("snow-leopard").protocol
    for name, rules in (("MN-01", usual), ("MN-02", usual), ("MN-03", odd)):
        unit = Unit(tmp_path, name)
        unit.boot(protocol=f"{rules.name}@1", protocol_hash=rules.digest)
        unit.close()
    page = build(tmp_path).read_text(encoding="utf-8")
    assert page.count("⚠ snow-leopard@1") == 1 and "⚠ pallas-cat@1" not in page
    assert "<code>burst_frames</code>" in page and "<code>heartbeat_hour</code>" not in page


def test_table_fits_eighty_columns_and_names_the_trouble(tmp_path):
    unit = night(tmp_path, "MN-17")
    unit.add(Kind.ERROR, part="card", words="card: full [12 MB]")
    unit.close()
    console = Console(width=80, record=True)
    print_table(summaries(tmp_path), console)
    text = console.export_text()
    assert "MN-17" in text and "discarded" in text and "card: full [12 MB]" in text


def test_rates_stand_on_the_page_as_measured_and_with_the_missed_ones_added(tmp_path):
    unit = night(tmp_path, bursts=40)
    unit.close()
    assert words()["corrected_not_yet"] in build(tmp_path).read_text(encoding="utf-8")
    labels = Labels(tmp_path)
    sample = [name for name, verdict in whole(tmp_path)[0].log.verdicts.items() if verdict.audited]
    for number, burst in enumerate(sample):
        labels.add(Label(START.isoformat(), "anna", "MN-01", "ridge-2026", burst, "animal" if number == 0 else "blank"))
    labels.add(Label(START.isoformat(), "bolat", "MN-01", "ridge-2026", sample[1], "blank"))
    page = build(tmp_path).read_text(encoding="utf-8")
    assert "anna and bolat agree on 1 of 1 bursts" in page
    assert words()["corrected_lead"] in page and words()["corrected_not_yet"] not in page
    told = json.loads(CliRunner().invoke(main, ["report", str(tmp_path), "--json"]).stdout)["corrected"]
    assert [row["by"] for row in told] == ["unit", "site", "light", "light", "model"]
    row = told[0]
    assert row["corrected"]["value"] == pytest.approx(row["raw"]["value"] / (1 - row["missed"]["value"]))
    assert f">{row['events']}</td>" in page and page.count('class="point"') >= 4


def test_same_folder_gives_the_same_page(tmp_path):
    night(tmp_path).close()
    assert build(tmp_path, now=START).read_bytes() == build(tmp_path, now=START).read_bytes()


@pytest.mark.parametrize("language", LANGUAGES)
def test_language_has_every_word_of_the_page_and_no_other(language):
    assert table(language).keys() == table("en").keys()
    fills = {key: set(re.findall(r"{\w+}", text)) for key, text in table("en").items()}
    assert {key: set(re.findall(r"{\w+}", text)) for key, text in table(language).items()} == fills


# The same in every language: units of measure, and a command with its placeholders.
SAME = {"V", "°C"}


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_no_word_of_the_page_is_left_in_english(language):
    english = table("en")
    left = {key for key, text in table(language).items() if text == english[key] and text not in SAME}
    # Words that the languages share: Uzbek and Mongolian write them as English does.
    assert left <= {"audit", "protocol", "frames"}, left


@pytest.mark.parametrize("language", ["ru", "kk", "mn"])
def test_page_in_cyrillic_has_no_latin_word_but_names_and_measures(tmp_path, language):
    for name in ("MN-01", "MN-02"):
        unit = night(tmp_path, name, bursts=8)
        unit.add(Kind.THROTTLED, triggers=3, seconds=600)
        unit.close()
    (tmp_path / "places.toml").write_text(
        "".join(
            f'[[deployment]]\nunit = "MN-0{n}"\ndeployment = "ridge-2026"\nlatitude = 49.{n}\nlongitude = 87.1\n'
            f'location = "L{n}"\nlocation_name = "Хребет {n}"\ncountry = "Монголия"\n'
            for n in (1, 2)
        )
    )
    labels = Labels(tmp_path)
    for name in [verdict for verdict in whole(tmp_path)[0].log.verdicts.values() if verdict.audited]:
        labels.add(Label(START.isoformat(), "anna", "MN-01", "ridge-2026", name.burst, "blank"))
    page = build(tmp_path, language=language).read_text(encoding="utf-8")
    seen = re.sub(r"<style>.*?</style>|<[^>]*>", " ", page, flags=re.DOTALL)
    told = " ".join(re.findall(r'(?:aria-label|alt|title|data-name)="([^"]*)"', page))
    words_left = set(re.findall(r"[A-Za-z]{2,}", f"{seen} {told}"))
    data = {"MN", "ridge", "manul", "altai", "nanodet", "collapsed", "coll", "Manul", "abababababab"}
    assert words_left <= {
        *data,
        "UTC",
        "kB",
        "MB",
        "km",
        "ab",
        tmp_path.name,
        *re.findall(r"[A-Za-z]{2,}", tmp_path.name),
    }


def test_field_laptop_reports_and_checks_without_the_science_extra(tmp_path):
    night(tmp_path, bursts=4).close()
    blocked = ("scipy", "pyarrow", "duckdb", "matplotlib", "flask", "dask", "distributed")
    code = f"import sys; sys.modules.update(dict.fromkeys({blocked})); from trap_tools.cli import main; main()"
    for arguments in (["report"], ["archive", "--no-tables"], ["effort"], ["clock"], ["audit", "--results"]):
        command = [sys.executable, "-c", code, arguments[0], str(tmp_path), *arguments[1:]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    refused = subprocess.run(
        [sys.executable, "-c", code, "archive", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert refused.returncode == 3 and "manul[science]" in refused.stderr


def test_page_can_be_printed_where_there_is_a_browser(tmp_path):
    if not shutil.which("chromium"):
        pytest.skip("no chromium here (apt-get install chromium)")
    night(tmp_path, bursts=2).close()
    result = CliRunner().invoke(main, ["report", str(tmp_path), "--pdf"])
    assert result.exit_code == 0, result.output
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


def test_page_in_mongolian_is_in_mongolian(tmp_path):
    night(tmp_path, bursts=2).close()
    page = build(tmp_path, language="mn").read_text(encoding="utf-8")
    assert '<html lang="mn">' in page and "Автомат камерын тайлан" in page


def test_page_is_in_the_first_language_of_the_protocol_that_most_units_ran(tmp_path):
    rules = dataclasses.replace(load("pallas-cat").protocol, languages="mn,ru,en")
    for name, protocol in (("MN-01", rules), ("MN-02", rules), ("MN-03", load("pallas-cat").protocol)):
        unit = Unit(tmp_path, name)
        unit.boot(protocol_hash=protocol.digest, rules=dataclasses.asdict(protocol))
        unit.visit_of("keep")
        unit.close()
    for words_given, lang in (([], "mn"), (["--language", "kk"], "kk")):
        assert CliRunner().invoke(main, ["report", str(tmp_path), *words_given]).exit_code == 0
        assert f'<html lang="{lang}">' in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_page_of_an_unknown_protocol_is_in_english(tmp_path):
    night(tmp_path, bursts=2).close()
    assert CliRunner().invoke(main, ["report", str(tmp_path)]).exit_code == 0
    assert '<html lang="en">' in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_site_map_shows_where_traps_stand_to_each_other_but_not_where_on_earth(tmp_path):
    for unit in ("MN-01", "MN-02"):
        night(tmp_path, unit, bursts=4).close()
    (tmp_path / "places.toml").write_text(
        "".join(
            f'[[deployment]]\nunit="{unit}"\ndeployment="ridge-2026"\nlocation="{unit}"\nlatitude={lat}\nlongitude=87.6612\n'
            for unit, lat in (("MN-01", 49.7134), ("MN-02", 49.7434))
        )
    )
    page = build(tmp_path).read_text(encoding="utf-8")
    assert 'class="spot"' in page and "true solar time" in page
    assert "49.7" not in page and "87.66" not in page


def test_figures_for_a_paper_are_the_same_bytes_for_the_same_data(tmp_path):
    night(tmp_path / "pulled", bursts=8).close()
    (tmp_path / "pulled" / "places.toml").write_text(
        '[[deployment]]\nunit="MN-01"\ndeployment="ridge-2026"\nlatitude=49.7\nlongitude=87.7\n'
    )
    for run in ("one", "two"):
        result = CliRunner().invoke(main, ["report", str(tmp_path / "pulled"), "--figures", str(tmp_path / run)])
        assert result.exit_code == 0, result.output
    drawn = sorted(path.name for path in (tmp_path / "one").iterdir())
    assert drawn == sorted(
        f"{name}.{kind}" for name in ("rates", "activity", "effort", "battery") for kind in ("pdf", "png")
    )
    assert all((tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes() for name in drawn)
