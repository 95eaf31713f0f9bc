"""Benches print their figures, hold bars, and fail where one is missed: `make bench`, then copy what matters to docs/benchmarks.md."""

import pytest


@pytest.fixture
def figure(capsys):
    """Print one line past pytest's capture."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n  {text}", end="")

    return say


@pytest.fixture
def bar(figure):
    """Print a figure and hold it to its bar; a missed one fails the test at its end, so that the others are printed, too."""
    missed = []

    def held(words: str, value: float, *, at_least: float | None = None, at_most: float | None = None) -> None:
        limit = f"≥ {at_least:g}" if at_most is None else f"≤ {at_most:g}"
        figure(f"{words}: {value:.3g} (bar {limit})")
        if (at_least is not None and value < at_least) or (at_most is not None and value > at_most):
            missed.append(f"{words}: {value:.3g}, the bar is {limit}")

    yield held
    assert not missed, "; ".join(missed)
