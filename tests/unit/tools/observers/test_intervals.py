import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import beta, binom, gamma, poisson

from trap_tools.observers.intervals import kappa, proportion, rate
from trap_tools.observers.special import beta_quantile, gamma_quantile


def test_nothing_found_in_a_hundred_still_allows_for_three_and_a_half_percent():
    # Clopper-Pearson for 0 of 100: 1 - 0.025^(1/100)
    assert proportion(0, 100).high == pytest.approx(1 - 0.025 ** (1 / 100))
    assert proportion(0, 100).low == 0


def test_interval_of_one_in_twenty_is_the_published_one():
    found = proportion(1, 20)
    assert (found.low, found.high) == (pytest.approx(0.00127, abs=1e-5), pytest.approx(0.24873, abs=1e-5))


def test_nobody_looked_so_everything_is_possible():
    assert (proportion(0, 0).low, proportion(0, 0).high) == (0, 1)


def test_thirteen_cats_a_year_have_the_garwood_interval():
    found = rate(13, 365).scaled(365)
    assert (found.low, found.high) == (pytest.approx(6.922, abs=1e-3), pytest.approx(22.230, abs=1e-3))


@given(st.integers(0, 60), st.integers(1, 60))
def test_ends_of_the_proportion_leave_the_tails_that_they_promise(found, more):
    of = found + more
    estimate = proportion(found, of)
    if found:
        assert 1 - binom.cdf(found - 1, of, estimate.low) == pytest.approx(0.025, abs=1e-6)
    assert binom.cdf(found, of, estimate.high) == pytest.approx(0.025, abs=1e-6)


@given(st.integers(1, 200), st.floats(0.1, 1e4))
def test_ends_of_the_rate_leave_the_tails_that_they_promise(count, exposure):
    estimate = rate(count, exposure)
    assert poisson.cdf(count, estimate.high * exposure) == pytest.approx(0.025, abs=1e-6)
    assert 1 - poisson.cdf(count - 1, estimate.low * exposure) == pytest.approx(0.025, abs=1e-6)


def test_kappa_of_the_textbook():
    pairs = [("a", "a")] * 20 + [("a", "b")] * 5 + [("b", "a")] * 10 + [("b", "b")] * 15
    assert kappa(pairs) == pytest.approx(0.4)


@pytest.mark.parametrize("pairs", [[], [("a", "a")] * 3])
def test_kappa_without_a_choice_is_not_a_number(pairs):
    assert kappa(pairs) is None


@pytest.mark.parametrize(("count", "exposure"), [(-1, 1), (1, 0)])
def test_rate_without_exposure_is_refused(count, exposure):
    with pytest.raises(ValueError, match="no rate"):
        rate(count, exposure)


SHARES = st.floats(1e-4, 1 - 1e-4)


@given(SHARES, st.integers(1, 20_000), st.integers(1, 20_000))
def test_beta_quantiles_are_those_of_scipy(share, a, b):
    assert beta_quantile(share, a, b) == pytest.approx(beta.ppf(share, a, b), rel=1e-8)


@given(SHARES, st.integers(1, 50_000))
def test_gamma_quantiles_are_those_of_scipy(share, a):
    assert gamma_quantile(share, a) == pytest.approx(gamma.ppf(share, a), rel=1e-8)
