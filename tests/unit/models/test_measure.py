"""Figures and their intervals."""

import numpy as np
import pytest

from trap_models.curves import Curve, draw, keep_curve
from trap_models.measure import auc, bootstrap, operate, per_burst, reliability, threshold_for, wilson

LOW, HIGH = np.array([0.1, 0.2, 0.3]), np.array([0.7, 0.8, 0.9])


def test_animals_above_all_empties_are_a_perfect_ranking():
    assert auc(HIGH, LOW) == 1.0
    assert auc(LOW, HIGH) == 0.0


def test_equal_scores_say_nothing():
    assert auc(np.full(5, 0.3), np.full(7, 0.3)) == 0.5


def test_a_ranking_without_empties_is_not_a_number():
    assert np.isnan(auc(HIGH, np.array([])))


def test_interval_of_a_share_stays_inside_and_holds_it():
    low, high = wilson(19, 20)
    assert 0 < low < 19 / 20 < high < 1
    assert wilson(0, 0) == (0.0, 1.0)
    assert wilson(20, 20)[1] == 1.0


def test_threshold_keeps_at_least_the_wanted_share():
    scores = np.linspace(0, 1, 101)
    for recall in (0.9, 0.95, 0.99):
        assert (scores >= threshold_for(scores, recall)).mean() >= recall


def test_a_burst_is_as_good_as_its_best_frame_and_an_animal_in_one_frame_is_an_animal():
    best, labels, names = per_burst(np.array([0.1, 0.6, 0.2]), ["empty", "animal", "empty"], ["a", "a", "b"])
    assert best.tolist() == [0.6, 0.2]
    assert labels == ["animal", "empty"]
    assert names == ["a", "b"]


def test_what_a_threshold_costs_is_counted():
    row = operate(HIGH, LOW, 0.75)
    assert (row.recall, row.discarded) == (pytest.approx(2 / 3), 1.0)
    assert row.recall_low < row.recall < row.recall_high


def test_frames_of_one_date_move_together_in_the_interval():
    scores = np.array([0.0] * 50 + [1.0] * 50)
    dates = ["one"] * 50 + ["two"] * 50
    low, high = bootstrap(lambda rows: float(scores[rows].mean()), dates, draws=200)
    assert (low, high) == (0.0, 1.0)


def test_reliability_is_the_share_of_animals_in_each_tenth():
    points = reliability(np.linspace(0, 1, 100), np.linspace(0, 1, 100) > 0.5)
    assert [share for _, share, _ in points] == [0, 0, 0, 0, 0, 1, 1, 1, 1, 1]


def test_curves_are_drawn_without_a_plotting_library(tmp_path):
    draw(
        tmp_path / "x.png",
        "title",
        ("across", "up"),
        [keep_curve("one", HIGH, LOW), Curve("two", [(0, 0), (1, 1)])],
        diagonal=True,
    )
    assert (tmp_path / "x.png").stat().st_size > 1000
