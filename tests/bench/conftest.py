"""Benches print their figures and never assert a time: `make bench`, then copy what matters to docs/benchmarks.md."""

import pytest


@pytest.fixture
def figure(capsys):
    """Print one line past pytest's capture."""

    def say(text: str) -> None:
        with capsys.disabled():
            print(f"\n  {text}", end="")

    return say
