"""Quantiles of the beta and gamma distributions in plain Python, so that a field laptop needs no SciPy for its intervals.

Regularised incomplete functions by series and continued fractions (Press et al., Numerical Recipes, 3rd ed., 6.2 and 6.4),
quantiles by bisection; tests hold them to SciPy's to nine digits.
"""

import math
from collections.abc import Callable

STEPS = 20_000
ENOUGH = 1e-15
TINY = 1e-300


def beta_quantile(share: float, a: float, b: float) -> float:
    """Value below which this share of Beta(a, b) lies."""
    return _bisected(lambda x: beta_below(x, a, b), share, 0.0, 1.0)


def gamma_quantile(share: float, a: float) -> float:
    """Value below which this share of Gamma(a, 1) lies."""
    top = a + 10.0
    while gamma_below(top, a) < share:
        top *= 2
    return _bisected(lambda x: gamma_below(x, a), share, 0.0, top)


def beta_below(x: float, a: float, b: float) -> float:
    """Regularised incomplete beta function I_x(a, b)."""
    if x <= 0 or x >= 1:
        return 0.0 if x <= 0 else 1.0
    if x > (a + 1) / (a + b + 2):
        return 1.0 - beta_below(1 - x, b, a)
    head = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x)
    return math.exp(head) / a / _lentz(1.0, lambda n: _beta_term(n, x, a, b))


def _beta_term(n: int, x: float, a: float, b: float) -> tuple[float, float]:
    """Numerator and denominator of the n-th partial fraction."""
    m = n // 2
    if n % 2:
        return -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)), 1.0
    return m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), 1.0


def gamma_below(x: float, a: float) -> float:
    """Regularised lower incomplete gamma function P(a, x)."""
    if x <= 0:
        return 0.0
    head = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        return head * _series(x, a)
    return 1.0 - head / _lentz(x + 1 - a, lambda n: (-n * (n - a), x + 2 * n + 1 - a))


def _series(x: float, a: float) -> float:
    term = total = 1 / a
    for n in range(1, STEPS):
        term *= x / (a + n)
        total += term
        if term < total * ENOUGH:
            break
    return total


def _lentz(first: float, term: Callable[[int], tuple[float, float]]) -> float:
    """A continued fraction ``first + a1 / (b1 + a2 / (b2 + …))`` by the modified Lentz method."""
    value = first or TINY
    c, d = value, 0.0
    for n in range(1, STEPS):
        numerator, denominator = term(n)
        d = 1 / ((denominator + numerator * d) or TINY)
        c = (denominator + numerator / c) or TINY
        value *= c * d
        if abs(c * d - 1) < ENOUGH:
            break
    return value


def _bisected(below: Callable[[float], float], share: float, low: float, high: float) -> float:
    while (middle := (low + high) / 2) not in (low, high):
        if below(middle) < share:
            low = middle
        else:
            high = middle
    return middle
