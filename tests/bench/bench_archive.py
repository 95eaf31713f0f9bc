"""Bars of issue 8: archive check and report of a million entries, export of 100,000 media rows, rescreening on two processes.

Wall time says what this machine did beside everything else that ran on it; CPU time is what the work costs. Sizes can be cut
for a quick look: ``MANUL_BENCH_ENTRIES=100000 make bench``.
"""

import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.bench.peak import PEAK_KB
from tests.bench.season import season
from tests.pulled import Unit

ENTRIES = int(os.environ.get("MANUL_BENCH_ENTRIES", "1000000"))
DETECTOR = Path(__file__).parents[2] / "models" / "nanodet-m-collapsed"


def measured(*arguments: str) -> tuple[float, float, float]:
    """Wall seconds, CPU seconds and peak RSS (MB) of one ``manul`` command in a process of its own."""
    code = "from trap_tools.cli import main; main()"
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    last = f"import atexit, sys; atexit.register(lambda: print('RSS', {PEAK_KB}, file=sys.stderr))"
    timed = [sys.executable, "-c", f"{last}; {code}", *arguments]
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
    """``MANUL_BENCH_PLOT=docs/img/archive-growth.svg`` draws it."""
    points: list[tuple[int, float, float]] = []
    for entries in (10_000, 30_000, 100_000, 300_000, 1_000_000):
        if entries > ENTRIES:
            break
        season(tmp_path / str(entries), entries)
        wall, cpu, rss = measured("archive", str(tmp_path / str(entries)), "--no-tables")
        points.append((entries, wall, cpu))
        figure(
            f"check of {entries:>7} entries: {wall:.1f} s wall, {cpu:.1f} s CPU, {1e6 * cpu / entries:.1f} µs each, {rss:.0f} MB"
        )
        shutil.rmtree(tmp_path / str(entries))
    if plot := os.environ.get("MANUL_BENCH_PLOT"):
        draw(points, Path(plot))


def draw(points: list[tuple[int, float, float]], path: Path) -> None:
    """Seconds over entries, both logarithmic, beside the line of a thing that costs the same for every entry."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 3.4), layout="constrained")
    axis = figure.subplots()
    entries, wall, cpu = zip(*points, strict=True)
    axis.loglog(entries, wall, "o-", color="#0072b2", label="wall clock")
    axis.loglog(entries, cpu, "s--", color="#d55e00", markerfacecolor="white", label="processor")
    axis.loglog(
        entries,
        [cpu[-1] * n / entries[-1] for n in entries],
        ":",
        color="#8a8478",
        label="in proportion to the largest",
    )
    axis.set_xlabel("journal entries")
    axis.set_ylabel("manul archive --no-tables, s")
    axis.spines[["top", "right"]].set_visible(False)
    axis.legend(frameon=False)
    figure.savefig(path, metadata={"Date": None})


def test_export(million, tmp_path, figure):
    wall, cpu, rss = measured("export", str(million), "--to", str(tmp_path / "package"), "--link")
    with (tmp_path / "package" / "media.csv").open() as file:
        rows = sum(1 for _ in file) - 1
    figure(f"export of {rows} media rows, files linked: {wall:.1f} s wall, {cpu:.1f} s CPU, {rss:.0f} MB; "
           f"{1e5 * wall / rows:.1f} s wall, {1e5 * cpu / rows:.1f} s CPU a 100,000 (bar: 30 s)")  # fmt: skip


FILES = int(os.environ.get("MANUL_BENCH_FILES", "3000"))


def pictures(folder: Path, files: int, seed: int) -> Path:
    """Two units with bursts of three frames, every photograph another one."""
    for number in range(2):
        unit = Unit(folder, f"MN-{seed}{number}")
        unit.boot()
        for _ in range(files // 6):
            unit.later(minutes=7).visit_of("keep")
        unit.close()
    return folder


def rescreened(*folders: Path, processes: int) -> tuple[float, float]:
    """Files a second over all folders at once, each in a command of its own, and CPU milliseconds a file (one process only)."""
    for path in (path for folder in folders for path in (folder / "rescreen").glob("*")):
        path.unlink()
    code, started, before = "from trap_tools.cli import main; main()", time.perf_counter(), os.times()
    command = [
        sys.executable,
        "-c",
        code,
        "rescreen",
        "--detector",
        str(DETECTOR),
        "--processes",
        str(processes),
        "--json",
    ]
    running = [
        subprocess.Popen([*command, str(folder)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for folder in folders
    ]
    assert all(process.wait() == 0 for process in running)
    wall, after, files = time.perf_counter() - started, os.times(), FILES * len(folders)
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return files / wall, 1e3 * cpu / files


def test_rescreen_on_two_processes(tmp_path, figure):
    """Beside it two commands of one process each on archives of their own: what two processors of this machine give at all."""
    one, other = pictures(tmp_path / "one", FILES, 1), pictures(tmp_path / "other", FILES, 2)
    best: dict[str, tuple[float, float]] = {}
    for _ in range(3):
        for name, folders, processes in (("one", [one], 1), ("two", [one], 2), ("side", [one, other], 1)):
            best[name] = max(best.get(name, (0.0, 0.0)), rescreened(*folders, processes=processes))
    (single, single_ms), (double, _), (side, side_ms) = best["one"], best["two"], best["side"]
    figure(f"rescreen of {FILES} files, starting included: {single:.0f} files/s on one process, {double:.0f} on two: "
           f"{double / (2 * single):.2f} of twice (bar: 0.9); {single_ms:.1f} ms CPU a file on one")  # fmt: skip
    figure(f"two commands of one process side by side: {side:.0f} files/s, {side / (2 * single):.2f} of twice, {side_ms:.1f} ms CPU "
           f"a file: this machine's own limit; two processes give {double / side:.2f} of it")  # fmt: skip
