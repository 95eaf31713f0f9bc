"""What a rate is worth when the filter threw some of the animals away: a made-up unit whose truth is known."""

import json
import math

import pytest
from click.testing import CliRunner

from tests.pulled import MODEL, START, Unit
from trap_tools.analysis.corrected import corrected
from trap_tools.archive.whole import whole
from trap_tools.cli import main
from trap_tools.observers.labels import Label, Labels


def unit_with(folder, kept, blanks, name="MN-01", **more):
    """Ten days; kept animals and discarded bursts, two hours apart, every other blank drawn for the audit. Gives the drawn ones."""
    unit, drawn = Unit(folder, name), []
    unit.boot()
    for _ in range(kept):
        unit.later(hours=2).visit_of("keep", **more)
    for number in range(blanks):
        burst = unit.later(hours=2).visit_of("blank", audited=number % 2 == 0, **more)
        drawn += [burst] if number % 2 == 0 else []
    while (unit.at - START).days < 10:
        unit.later(hours=20).wake("schedule")
    unit.close()
    return drawn


def look_at(folder, bursts, animals, unit="MN-01"):
    labels = Labels(folder)
    for number, burst in enumerate(bursts):
        kind = "animal" if number < animals else "blank"
        labels.add(Label(START.isoformat(), "anna", unit, "ridge-2026", burst, kind))


def told(folder, by):
    return {row.group: row for row in corrected(whole(folder), Labels(folder).standing(), by)}


def test_half_of_all_animals_missed_doubles_the_rate(tmp_path):
    look_at(tmp_path, unit_with(tmp_path, kept=10, blanks=40), animals=5)
    row = told(tmp_path, "unit")["MN-01"]
    # Five of twenty audited blanks hold an animal: ten of the forty, beside ten that were kept.
    assert row.missed.value == pytest.approx(0.5)
    assert row.events == 10 and row.corrected.value == pytest.approx(2 * row.raw.value)
    assert row.corrected.low < row.raw.value < row.corrected.value < row.corrected.high


def test_both_uncertainties_are_in_the_interval_by_bonferroni(tmp_path):
    from scipy.stats import beta, chi2

    look_at(tmp_path, unit_with(tmp_path, kept=10, blanks=40), animals=5)
    row = told(tmp_path, "unit")["MN-01"]
    rate_low = chi2.ppf(0.0125, 2 * 10) / 2 / row.camera_days * 100
    share_low = beta.ppf(0.0125, 5, 16)
    missed_low = share_low * 40 / (share_low * 40 + 10)
    assert row.corrected.low == pytest.approx(rate_low / (1 - missed_low), rel=1e-4)


def test_interval_holds_the_truth_at_least_as_often_as_it_says(tmp_path):
    """1,000 made-up seasons of one unit: Poisson animals, each kept with 0.7, one blank in five looked at."""
    import numpy as np

    from trap_tools.analysis.corrected import EACH, PER_DAYS
    from trap_tools.observers.intervals import proportion, rate

    dice, days, truth, held = np.random.default_rng(7), 300.0, 0.2, 0
    for _ in range(1_000):
        animals = dice.poisson(truth * days)
        kept = dice.binomial(animals, 0.7)
        blanks = animals - kept + 200
        looked = round(blanks / 5)
        found = dice.hypergeometric(animals - kept, 200, looked)
        share, raw = proportion(int(found), looked, EACH), rate(int(kept), days, EACH)
        low, high = (
            r / (1 - s * blanks / (s * blanks + kept)) for r, s in ((raw.low, share.low), (raw.high, share.high))
        )
        held += low <= truth <= high
    assert held >= 950 and PER_DAYS == 100


def test_nobody_has_looked_so_the_rate_stays_as_it_was_measured(tmp_path):
    unit_with(tmp_path, kept=3, blanks=4)
    row = told(tmp_path, "unit")["MN-01"]
    assert row.raw.value > 0 and row.missed is None and row.corrected is None and row.audited == 2


def test_unit_that_kept_no_animal_has_no_rate_to_correct(tmp_path):
    look_at(tmp_path, unit_with(tmp_path, kept=0, blanks=10), animals=1)
    row = told(tmp_path, "unit")["MN-01"]
    assert (row.raw.value, row.corrected.value, row.corrected.low) == (0, 0, 0)
    assert math.isinf(row.corrected.high)  # some were missed, and nothing says how many


def test_day_and_infrared_are_corrected_each_by_its_own_audit(tmp_path):
    look_at(tmp_path, unit_with(tmp_path, kept=5, blanks=10), animals=0)
    look_at(tmp_path, unit_with(tmp_path, kept=5, blanks=10, name="MN-02", infrared=True), animals=2, unit="MN-02")
    rows = told(tmp_path, "light")
    assert rows["day"].missed.value == 0 and rows["infrared"].missed.value > 0
    assert (
        rows["day"].camera_days
        == rows["infrared"].camera_days
        == pytest.approx(sum(r.camera_days for r in told(tmp_path, "unit").values()), abs=0.01)
    )


def test_days_belong_to_the_detector_that_the_unit_had_then(tmp_path):
    unit = Unit(tmp_path)
    unit.boot()
    for day in range(1, 11):
        unit.later(days=1)
        if day == 4:
            unit.boot(model="other@2+ffff")
        unit.visit_of("keep", model="other@2+ffff" if day >= 4 else MODEL)
    unit.close()
    rows = told(tmp_path, "model")
    assert (rows[MODEL].camera_days, rows["other@2+ffff"].camera_days) == (pytest.approx(4), pytest.approx(6))
    assert (rows[MODEL].events, rows["other@2+ffff"].events) == (3, 7)


def test_compare_writes_raw_and_corrected_side_by_side(tmp_path):
    look_at(tmp_path / "a", unit_with(tmp_path / "a", kept=10, blanks=40), animals=5)
    unit_with(tmp_path / "b", kept=2, blanks=4, name="KZ-01")
    result = CliRunner().invoke(
        main, ["compare", str(tmp_path / "a"), str(tmp_path / "b"), "--to", str(tmp_path / "out")]
    )
    assert result.exit_code == 0 and "nobody has looked at the audited blanks of KZ-01" in " ".join(
        result.output.split()
    )
    lines = (tmp_path / "out" / "corrected.csv").read_text().splitlines()
    assert lines[0].startswith("by,group,events,camera_days,per_100_days")
    assert len([line for line in lines if line.startswith("site,")]) == 2
    same = json.loads(CliRunner().invoke(main, ["compare", str(tmp_path / "a"), "--json"]).stdout)
    assert {row["by"] for row in same["corrected"]} == {"site", "unit", "light", "model"}
