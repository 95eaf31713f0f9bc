"""The energy model by itself: cells, climate, budget, a year. It is simulated; nothing was measured on a unit yet."""

import ast
import dataclasses
import sys
import tomllib
from pathlib import Path

import pytest

from trap_wire import energy
from trap_wire.energy import budget, cells, climate, forecast, year
from trap_wire.energy.climate import Site
from trap_wire.errors import BadInputError

ROOT = Path(__file__).parents[3]
SHIPPED = budget.shipped()
LATCHED = budget.settle(SHIPPED, "latched")
LITHIUM = cells.pack("lithium-aa-12")
COLD = climate.SITES["minus-20"]


def a_year(wakes: float, site: Site = COLD, **changes: float) -> year.Outcome:
    return year.simulate(dataclasses.replace(LATCHED, **changes), LITHIUM, site, year.Plan(wakes), step_days=5)


def test_model_needs_nothing_but_the_standard_library():
    sources = [ast.parse(path.read_text()) for path in Path(energy.__file__).parent.glob("*.py")]
    nodes = [node for tree in sources for node in ast.walk(tree)]
    names = {alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module}
    assert {name.split(".")[0] for name in names} <= {*sys.stdlib_module_names, "trap_wire"}


def test_every_number_has_a_source_and_the_measurement_that_replaces_it():
    assert len(SHIPPED.states) >= 12
    for state in SHIPPED.states:
        assert state.source in budget.SOURCES
        assert len(state.says) > 10, state.name
        assert len(state.bench) > 10, state.name


def test_counted_instructions_are_those_that_the_system_test_holds_and_the_benchmarks_tell():
    counts = tomllib.loads((ROOT / "tests/system/costs.toml").read_text())
    look = [million for name, million in counts["look"].items() if name.startswith("manul-s@")][-1]
    states = {state.name: state for state in SHIPPED.states}
    assert states["infer"].instructions_m == pytest.approx(3 * look + counts["trigger"]["around_the_detector"])
    told = (ROOT / "docs/benchmarks.md").read_text()
    for what, million in (
        ("imports of", states["start"].instructions_m),
        ("from SLEEP_REQUEST", states["halt"].instructions_m),
    ):
        row = next(line for line in told.splitlines() if line.startswith(f"| {what}"))
        assert f"| {million:g} |" in row


def test_fewer_instructions_a_cycle_make_a_wake_longer_and_dearer():
    slow = budget.settle(
        SHIPPED, "latched", lambda name, interval: interval.low if name == budget.CYCLES else interval.typical
    )
    counted_m = sum(state.instructions_m for state in SHIPPED.states if "latched" in state.units)
    assert slow.wake_s - LATCHED.wake_s == pytest.approx(counted_m / 1_000 * (1 / 0.5 - 1 / 0.8))
    assert slow.wake_j > LATCHED.wake_j


@pytest.mark.parametrize("name", sorted(cells.PACKS))
def test_packs_give_less_in_the_cold_and_under_load_and_sag_as_they_empty(name):
    pack = cells.pack(name)
    charges = [pack.available_mah(celsius, 200) for celsius in (20, 0, -20, -30)]
    assert charges == sorted(charges, reverse=True)
    assert pack.available_mah(20, 2_000) < pack.available_mah(20, 50)
    volts = [pack.millivolts(share, 0, 300) for share in (0, 0.3, 0.6, 0.9, 1)]
    assert volts == sorted(volts, reverse=True)
    assert pack.millivolts(0.5, -20, 500) < pack.millivolts(0.5, 20, 500)


def test_twelve_lithium_cells_hold_about_what_the_design_page_says():
    assert 50 < LITHIUM.rated_mah * 6 / 1000 < 62  # DESIGN: about 54 Wh
    assert LITHIUM.available_mah(-20, 200) / LITHIUM.rated_mah == pytest.approx(0.85, abs=0.03)


def test_alkaline_cells_are_no_match_for_a_winter_night():
    alkaline = cells.pack("alkaline-aa-12")
    assert alkaline.available_mah(-20, 250) < 0.25 * LITHIUM.available_mah(-20, 250)


@pytest.mark.parametrize(
    ("site", "day", "mean_c"),
    [
        (Site("Altai City", 46.4, 2_213), 15, -18.0),  # NOAA 1961-1990
        (Site("Kosh-Agach", 50.0, 1_758, basin=1), 15, -29.5),  # between the -28 and -31 that sources give
    ],
)
def test_climate_gives_back_the_stations_that_fixed_it(site, day, mean_c):
    assert site.day_c(day) == pytest.approx(mean_c, abs=1.5)


def test_night_at_altai_city_is_as_cold_as_its_mean_low():
    assert Site("Altai City", 46.4, 2_213).night_c(15) == pytest.approx(-24.8, abs=1.0)


def test_higher_and_farther_north_is_colder():
    assert Site("a", 45, 3_000).day_c(100) < Site("b", 45, 1_000).day_c(100)
    assert Site("c", 50, 1_000).day_c(100) < Site("d", 42, 1_000).day_c(100)


def test_more_wakes_never_leave_more_charge():
    left = [a_year(wakes).left for wakes in (0, 5, 10, 20, 30)]
    assert left == sorted(left, reverse=True)
    assert left[0] > 0.9, "standby alone takes next to nothing in a year"


def test_thirty_wakes_a_day_at_minus_twenty_survive_a_year_with_typical_values():
    run = a_year(30)
    assert run.survived
    assert 0.05 < run.left < 0.30, "the margin is thin, and docs/power.md says so"


def test_sleeping_pico_and_always_on_pi_do_not_survive_the_year_even_without_a_wake():
    for unit in ("sleeping-pico", "always-on-pi"):
        costs = budget.settle(SHIPPED, unit)
        run = year.simulate(costs, LITHIUM, COLD, year.Plan(30), step_days=5)
        assert run.dark_from_day is not None and run.dark_from_day < 250, unit


def test_dark_unit_stops_spending_and_its_lost_wakes_are_counted():
    run = a_year(100)
    assert run.dark_from_day is not None
    dark = [step for step in run.steps if step.day >= run.dark_from_day]
    assert run.lost_wakes == pytest.approx(100 * 5 * len(dark))
    assert dark[-1].used_mah - dark[0].used_mah < 0.02 * LITHIUM.rated_mah


def test_warm_spring_gives_charge_back_that_the_winter_hid():
    slope = climate.SITES["altai-slope"]
    run = year.simulate(LATCHED, LITHIUM, slope, year.Plan(22), used_mah=0.30 * LITHIUM.rated_mah, step_days=5)
    winter, spring = run.steps[2].left, max(step.left for step in run.steps[10:40])
    assert run.steps[2].night_c < -25
    assert spring > winter - 0.2, "more than four months of wakes would otherwise have cost"


def test_flood_is_cut_by_the_token_bucket_and_the_rest_costs_only_the_latch_window():
    flood = year.Flood(first_day=10, days=5, pulses_a_day=2_000)
    plan = year.Plan(20, floods=(flood,), most_wakes_a_day=390)
    assert year.asked(plan, 12) == (390, 1_630)
    assert year.asked(plan, 15) == (20, 0)
    calm, flooded = (year.simulate(LATCHED, LITHIUM, COLD, p, days=30) for p in (year.Plan(20), plan))
    extra_wh = (flooded.steps[-1].used_mah - calm.steps[-1].used_mah) * 5.7 / 1000
    wakes_wh = 5 * 370 * LATCHED.wake_j / 0.89 / 3600
    assert wakes_wh < extra_wh < 1.4 * wakes_wh


def test_armed_mode_costs_its_idle_current_for_every_wake():
    armed = budget.settle(budget.shipped(stay_up_ms=30_000), "latched")
    assert armed.wake_j - LATCHED.wake_j == pytest.approx(30 * 5 * (0.120 + 0.010), rel=0.01)


def test_days_left_shrink_as_the_charge_is_used():
    plan = year.Plan(20)
    fresh, worn = (
        forecast.days_left(SHIPPED, LITHIUM, COLD, plan, used_mah=used, day_of_year=0) for used in (0.0, 4_000.0)
    )
    assert worn.low <= worn.middle <= worn.high < fresh.high
    assert worn.middle < 0.7 * fresh.middle


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[converter", "not TOML"),
        ("", r"\[converter\] is missing"),
        ("[converter]\nefficiency = [0.9, 0.8, 0.95]", "must be .low, typical, high., rising"),
    ],
)
def test_broken_budget_says_which_field(text, said):
    with pytest.raises(BadInputError, match=said):
        budget.parse(text)


def test_state_with_an_unknown_source_is_refused():
    text = Path(energy.__file__).with_name("power_budget.toml").read_text().replace('"simulated"', '"guessed"', 1)
    with pytest.raises(BadInputError, match=r"standby.*source = 'guessed'"):
        budget.parse(text)


def test_mains_has_no_cells_to_simulate():
    with pytest.raises(BadInputError, match="no cells"):
        cells.pack("mains")
