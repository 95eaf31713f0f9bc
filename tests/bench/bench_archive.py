"""Bars of issue 8: archive check and report of a million entries, export of 100,000 media rows, rescreening on two processes.

Wall time says what this machine did beside everything else that ran on it; CPU time is what the work costs. Sizes can be cut
for a quick look: ``MANUL_BENCH_ENTRIES=100000 make bench``.
"""

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bench.season import season
from tests.pulled import Unit

ENTRIES = int(os.environ.get("MANUL_BENCH_ENTRIES", "1000000"))
DETECTOR = Path(__file__).parents[2] / "models" / "nanodet-m-collapsed"


def measured(*arguments: str) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak RSS (MB) of one ``manul`` command in a process of its own."""
    code = "from trap_tools.cli import main; main()"
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    timed = [sys.executable, "-c", f"import resource, atexit, sys; atexit.register(lambda: print('RSS', resource.getrusage("
             f"resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)); {code}", *arguments]  # fmt: skip
    done = subprocess.run(timed, capture_output=True, text=True, check=True)
    wall, after = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_CHILDREN)
    rss_kb = int(done.stderr.rpartition("RSS ")[2].split()[0])
    return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, rss_kb / 1000


@pytest.fixture(scope="module")
def million(tmp_path_factory):
    folder = tmp_path_factory.mktemp("season")
    season(folder, ENTRIES)
    places = [
        f'[[deployment]]\nunit="MN-{n:03d}"\ndeployment="year"\nlocation="L{n}"\nlatitude=49.{n}\nlongitude=87.{n}\n'
        for n in range(1, 7)
    ]
    (folder / "places.toml").write_text("".join(places))
    return folder


def test_archive_check_and_report(million, figure):
    check = measured("archive", str(million), "--no-tables")
    page = measured("report", str(million), "--json")
    tables = measured("archive", str(million), "--quick")
    for name, (wall, cpu, rss) in (("check", check), ("report", page), ("check --quick and tables", tables)):
        figure(f"{ENTRIES} entries, {name}: {wall:.1f} s wall, {cpu:.1f} s CPU, {rss:.0f} MB")
    figure(f"check + report: {check[0] + page[0]:.1f} s wall, {check[1] + page[1]:.1f} s CPU (bar: 60 s, 1 GB)")


def test_time_grows_linearly(tmp_path, figure):
    for entries in (10_000, 30_000, 100_000, 300_000):
        if entries > ENTRIES:
            break
        season(tmp_path / str(entries), entries)
        wall, cpu, rss = measured("archive", str(tmp_path / str(entries)), "--no-tables")
        figure(
            f"check of {entries:>7} entries: {wall:.1f} s wall, {cpu:.1f} s CPU, {1e6 * cpu / entries:.1f} µs each, {rss:.0f} MB"
        )


def test_export(million, tmp_path, figure):
    wall, cpu, rss = measured("export", str(million), "--to", str(tmp_path / "package"), "--link")
    with (tmp_path / "package" / "media.csv").open() as file:
        rows = sum(1 for _ in file) - 1
    figure(f"export of {rows} media rows, files linked: {wall:.1f} s wall, {cpu:.1f} s CPU, {rss:.0f} MB; "
           f"{1e5 * wall / rows:.1f} s wall, {1e5 * cpu / rows:.1f} s CPU a 100,000 (bar: 30 s)")  # fmt: skip


def test_rescreen_on_two_processes(tmp_path, figure):
    unit = Unit(tmp_path)
    unit.boot()
    for _ in range(600):
        unit.later(minutes=1).visit_of("keep", frames=1)
    unit.close()
    rates: dict[int, float] = {}
    cost: dict[int, float] = {}
    for processes in (1, 2, 1, 2, 1, 2):
        for path in (tmp_path / "rescreen").glob("*"):
            path.unlink()
        wall, cpu, _ = measured(
            "rescreen", str(tmp_path), "--detector", str(DETECTOR), "--processes", str(processes), "--json"
        )
        rates[processes] = max(rates.get(processes, 0.0), 600 / wall)
        cost[processes] = min(cost.get(processes, cpu), cpu)
    figure(f"rescreen: {rates[1]:.0f} files/s on one process, {rates[2]:.0f} on two: {rates[2] / (2 * rates[1]):.2f} of twice "
           f"(bar: 0.9), starting included; {1e3 * cost[1] / 600:.1f} and {1e3 * cost[2] / 600:.1f} ms CPU a file")  # fmt: skip
