"""Keeps what C++ libraries print on standard error (TFLite greets at every start) out of the progress bars."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


@contextmanager
def own_stderr() -> Iterator[TextIO]:
    """A second handle on standard error, for the bars: it still leads to the terminal while ``into`` holds."""
    with os.fdopen(os.dup(2), "w", encoding=sys.stderr.encoding or "utf-8", buffering=1) as terminal:
        yield terminal


@contextmanager
def into(log: Path) -> Iterator[None]:
    """Standard error of this process goes to the end of a file."""
    kept = os.dup(2)
    divert(log)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)


def divert(log: Path) -> None:
    """The same for the rest of a process's life."""
    sys.stderr.flush()
    handle = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(handle, 2)
    os.close(handle)
