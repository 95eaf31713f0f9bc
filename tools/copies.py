"""Fail when two places of the code share a run of ten or more identical lines (``make check``): call one piece instead."""

import sys
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).parent.parent
FOLDERS = ("firmware", "host_tools", "models", "tests", "tools")
RUN = 10
Place = tuple[Path, int]


def lines_of(path: Path) -> Iterator[tuple[int, str]]:
    """Number and text of the lines that say something; imports are alike by nature."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        text = line.strip()
        if len(text) > 3 and not text.startswith(("#", "import ", "from ", '"""')):
            yield number, text


def repeated(paths: list[Path]) -> list[tuple[Place, Place]]:
    """First places of each repeated run."""
    seen: dict[tuple[str, ...], list[Place]] = defaultdict(list)
    for path in paths:
        lines = list(lines_of(path))
        for at in range(len(lines) - RUN + 1):
            seen[tuple(text for _, text in lines[at : at + RUN])].append((path, lines[at][0]))
    return [pair for places in seen.values() for pair in pairwise(places)]


def main() -> int:
    """Print a line a pair; exit code 1 when there is one."""
    paths = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))
    pairs = repeated(paths)
    for (one, at), (other, there) in pairs:
        sys.stderr.write(f"{one.relative_to(ROOT)}:{at} ~ {other.relative_to(ROOT)}:{there}: {RUN} equal lines\n")
    return 1 if pairs else 0


if __name__ == "__main__":
    raise SystemExit(main())
