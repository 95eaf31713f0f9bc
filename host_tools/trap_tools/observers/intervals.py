"""Exact intervals for counts: small numbers are the rule here, and the normal approximation lies about them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isinf
from typing import Any

from trap_tools.observers.special import beta_quantile, gamma_quantile


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with the ends of its interval."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{short(self.value)} ({short(self.low)}–{short(self.high)})"

    def scaled(self, factor: float) -> "Estimate":
        """The same in another unit."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor)


def finite(values: Any) -> Any:
    """The same for JSON, which has no infinity: None says that nothing bounds it."""
    if isinstance(values, dict):
        return {name: finite(value) for name, value in values.items()}
    return None if isinstance(values, float) and isinf(values) else values


def short(value: float) -> str:
    """Three digits, and no more than a person reads."""
    if isinf(value):
        return "∞"
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2g}"


def proportion(found: int, of: int, confidence: float = 0.95) -> Estimate:
    """Share of successes with the Clopper–Pearson interval (Biometrika 26, 1934); 0..1 when nothing was tried."""
    if not 0 <= found <= of:
        raise ValueError(f"{found} of {of} is no proportion")
    tail = (1 - confidence) / 2
    low = beta_quantile(tail, found, of - found + 1) if found else 0.0
    high = beta_quantile(1 - tail, found + 1, of - found) if found < of else 1.0
    return Estimate(found / of if of else 0.0, low, high)


def rate(count: int, exposure: float, confidence: float = 0.95) -> Estimate:
    """Events per unit of exposure with Garwood's exact Poisson interval (Biometrika 28, 1936)."""
    if count < 0 or exposure <= 0:
        raise ValueError(f"{count} events in an exposure of {exposure} is no rate")
    tail = (1 - confidence) / 2
    low = gamma_quantile(tail, count) if count else 0.0
    high = gamma_quantile(1 - tail, count + 1)
    return Estimate(count / exposure, low / exposure, high / exposure)


def kappa(pairs: Sequence[tuple[str, str]]) -> float | None:
    """Cohen's kappa of two observers (Educ. Psychol. Meas. 20, 1960); None without pairs or when both said one word only."""
    if not pairs:
        return None
    agreed = sum(one == other for one, other in pairs) / len(pairs)
    words = {word for pair in pairs for word in pair}
    shares = [
        (sum(p[0] == word for p in pairs) / len(pairs), sum(p[1] == word for p in pairs) / len(pairs)) for word in words
    ]
    expected = sum(one * other for one, other in shares)
    return None if expected == 1 else (agreed - expected) / (1 - expected)
