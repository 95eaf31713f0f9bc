"""``manul power`` as a technician runs it, and its Monte Carlo."""

import json

import pytest
from click.testing import CliRunner

from trap_tools.cli import main
from trap_tools.power import study
from trap_wire.energy import budget, cells, climate, forecast, year

FAST = ["--draws", "20"]
LITHIUM = cells.pack("lithium-aa-12")


def case(site: str = "minus-20", wakes: float = 30, days: int = 365) -> study.Case:
    return study.Case(budget.shipped(), LITHIUM, climate.SITES[site], year.Plan(wakes), days=days)


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(main, ["power", *arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_json_holds_the_year_its_band_and_the_comparison():
    facts = json.loads(run(*FAST, "--json"))
    assert facts["measured_on_hardware"] is False
    assert facts["survives"] is True
    assert facts["left_band"]["low"] <= facts["left_band"]["middle"] <= facts["left_band"]["high"]
    assert [one["unit"] for one in facts["compared"]] == ["latched", "sleeping-pico", "always-on-pi"]
    assert len(facts["year"]) == 53
    most = {one["unit"]: one["most_wakes"]["middle"] for one in facts["compared"]}
    assert most["latched"] > 20 > most["sleeping-pico"] >= most["always-on-pi"] == 0


def test_same_seed_draws_the_same_years_and_another_seed_others():
    first, again, other = (json.loads(run(*FAST, "--json", "--seed", seed)) for seed in ("1", "1", "2"))
    assert first == again
    assert first["left_band"] != other["left_band"]


def test_words_for_people_say_that_it_is_simulated():
    text = run(*FAST, "--site", "altai-slope", "--wakes", "15")
    assert "With typical values it survives" in text
    assert "nothing here was measured on a Manul unit yet" in text


def test_plots_are_written_as_pictures(tmp_path):
    pytest.importorskip("matplotlib")
    run(*FAST, "--plots", str(tmp_path / "new"))
    for name in ("charge.png", "tornado.png"):
        assert (tmp_path / "new" / name).read_bytes().startswith(b"\x89PNG")


def test_folder_that_cannot_be_written_is_said_in_one_line(tmp_path):
    pytest.importorskip("matplotlib")
    (tmp_path / "file").write_text("in the way")
    said = run(*FAST, "--plots", str(tmp_path / "file" / "below"), code=7)
    assert "cannot be written" in said and "Traceback" not in said


def test_a_flood_of_grass_costs_charge_and_a_daily_budget_saves_most_of_it():
    flood = ("--site", "altai-slope", "--wakes", "10", "--flood", "180:10:2000")
    calm, flooded, capped = (
        json.loads(run(*FAST, "--json", *arguments))["left"]
        for arguments in (flood[:4], flood, (*flood, "--budget-mah", "60"))
    )
    assert calm - flooded > 0.15
    assert calm - capped < 0.5 * (calm - flooded)


def test_alkaline_cells_do_not_survive_an_altai_winter():
    facts = json.loads(run(*FAST, "--json", "--site", "altai-slope", "--wakes", "10", "--chemistry", "alkaline-aa-12"))
    assert facts["survives"] is False
    assert facts["lost_wakes"] > 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--site", "altai-slope", "--celsius", "-20"], 3, "give one of"),
        (["--latitude", "48"], 3, "go together"),
        (["--flood", "rain"], 2, "DAY:DAYS:PULSES"),
        (["--chemistry", "mains"], 2, "mains"),
        (["--budget", "no-such-file.toml"], 3, "cannot be read"),
    ],
)
def test_wrong_arguments_get_a_sentence_and_an_exit_code(arguments, code, said):
    assert said in run(*FAST, *arguments, code=code)


def test_own_budget_file_is_used(tmp_path):
    dear = (tmp_path / "dear.toml").resolve()
    dear.write_text(BUDGET.replace("s = [3.5, 5.0, 8.0]", "s = [12, 12, 12]"))
    cheap, stock_boot = (json.loads(run(*FAST, "--json", *more))["left"] for more in ((), ("--budget", str(dear))))
    assert stock_boot < cheap


def test_draws_are_as_likely_above_typical_as_below_and_inside_the_interval():
    interval = budget.Interval(1.0, 2.0, 10.0)
    values = [study.drawn(seed)("x", interval) for seed in range(800)]
    assert all(1 <= value <= 10 for value in values)
    assert 0.44 < sum(value > 2 for value in values) / len(values) < 0.56


def test_tornado_names_the_worst_number_first_and_the_good_end_helps():
    bars = study.tornado(case())
    widths = [bar.width for bar in bars]
    assert widths == sorted(widths, reverse=True)
    by_name = {bar.name: bar for bar in bars}
    assert by_name["cell capacity"].left_at_high > by_name["cell capacity"].left_at_low
    assert by_name["boot s"].left_at_high < by_name["boot s"].left_at_low
    assert "climate °C" not in by_name, "a cold chamber has no climate"


def test_trigger_rate_found_survives_and_one_more_does_not():
    found = study.most_wakes(case())
    assert case(wakes=found).run(step_days=7).survived
    assert not case(wakes=found + 1).run(step_days=7).survived


@pytest.mark.parametrize(("site", "wakes"), [("minus-20", 40), ("altai-slope", 40), ("bench", 50)])
def test_the_units_own_forecast_agrees_with_the_monte_carlo(site, wakes):
    many = case(site, wakes, days=forecast.HORIZON_D)
    days = [float(r.dark_from_day or forecast.HORIZON_D) for r in study.monte_carlo(many, 80, 1)]
    band = study.Band.of(days)
    left = forecast.days_left(many.budget, LITHIUM, many.site, many.plan, used_mah=0, day_of_year=0)
    for own, other in ((left.low, band.low), (left.middle, band.middle), (left.high, band.high)):
        assert own == pytest.approx(other, rel=0.12)


BUDGET = budget.resources.files("trap_wire.energy").joinpath("power_budget.toml").read_text()
