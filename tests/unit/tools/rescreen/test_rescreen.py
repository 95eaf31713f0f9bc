import csv
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.pulled import Unit, jpeg
from trap.ports import Box, Detection
from trap_tools.cli import main
from trap_tools.rescreen.run import Processes, pieces
from trap_tools.rescreen.store import Results
from trap_tools.rescreen.work import Job, Result
from trap_wire.vocabulary import ObservationType

pytest.importorskip("ai_edge_litert", reason="no LiteRT here (pip install 'manul[sim]')")
DETECTOR = Path(__file__).parents[4] / "models" / "nanodet-m-collapsed"


def archive(folder, bursts):
    """Bursts of one frame each, every photograph another one."""
    unit = Unit(folder)
    unit.boot()
    for _ in range(bursts):
        unit.later(minutes=1).visit_of("keep", frames=1)
    unit.close()
    return folder


def rescreen(folder, *arguments):
    result = CliRunner().invoke(main, ["rescreen", str(folder), "--detector", str(DETECTOR), "--json", *arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exc_info
    return result


def test_every_photograph_is_looked_at_once_and_a_second_run_does_nothing(tmp_path):
    archive(tmp_path, 5)
    first = json.loads(rescreen(tmp_path, "--processes", "1").stdout)
    assert (first["looked_at"], first["known_before"]) == (5, 0)
    assert sum(first["decisions"]["keep"].values()) == 5
    (row, *_) = csv.DictReader(Path(first["table"]).read_text().splitlines())
    assert row["before"] == "keep" and row["frames"] == "1"
    again = json.loads(rescreen(tmp_path, "--processes", "1").stdout)
    assert (again["looked_at"], again["known_before"]) == (0, 5)


def test_what_rescreening_keeps_is_not_taken_for_another_deployment(tmp_path):
    archive(tmp_path, 2)
    rescreen(tmp_path, "--processes", "1")
    result = CliRunner().invoke(main, ["archive", str(tmp_path), "--json"])
    assert result.exit_code == 0 and len(json.loads(result.stdout)["deployments"]) == 1


def test_same_photograph_under_two_names_is_looked_at_once(tmp_path):
    unit = Unit(tmp_path)
    for name in ("a", "b"):
        unit.picture(name, 0, "photograph", data=jpeg("same", 0, 640, infrared=False))
    unit.close()
    told = json.loads(rescreen(tmp_path, "--processes", "1").stdout)
    # Both are bursts that nobody ever judged, as another camera's are.
    assert told["looked_at"] == 1 and sum(told["decisions"]["unjudged"].values()) == 2


def test_broken_photograph_is_named_the_rest_is_done_and_the_next_run_tries_it_again(tmp_path):
    archive(tmp_path, 3)
    broken = min(tmp_path.rglob("media/**/*.jpg"))
    whole = broken.read_bytes()
    broken.write_bytes(whole[:200])
    result = rescreen(tmp_path, "--processes", "1")
    assert result.exit_code == 6
    told = json.loads(result.stdout)
    assert told["looked_at"] == 2 and broken.name in told["faults"][0]
    broken.write_bytes(whole)
    assert json.loads(rescreen(tmp_path, "--processes", "1").stdout)["looked_at"] == 1


def test_broken_photograph_does_not_carry_the_scenes_memory_past_itself(tmp_path):
    archive(tmp_path, 4)
    photographs = sorted(tmp_path.rglob("media/**/*.jpg"))
    whole = photographs[1].read_bytes()
    photographs[1].write_bytes(whole[:200])
    rescreen(tmp_path, "--processes", "1")
    photographs[1].write_bytes(whole)
    assert json.loads(rescreen(tmp_path, "--processes", "1").stdout)["looked_at"] == 1
    mended = next(tmp_path.glob("rescreen/*.csv")).read_text()
    fresh = archive(tmp_path / "fresh", 4)
    rescreen(fresh, "--processes", "1")
    assert mended == next(fresh.glob("rescreen/*.csv")).read_text()


def test_looks_come_back_as_they_were_and_what_was_not_committed_is_done_again(tmp_path):
    found = (Detection(ObservationType.ANIMAL, 0.12345678901234567, Box(0.1, 0.2, 0.30000000000000004, 0.4)),)
    place, results = Box(0.25, 0.5, 0.2, 0.2), Results(tmp_path, "ab" * 32)
    job = Job((0, 0, 0), "one", "one.jpg", (640, 360))
    results.add(Result(job, found))
    results.add(Result(replace(job, place=place), ()))
    results.commit()
    results.add(Result(replace(job, sha256="two"), found))
    again = Results(tmp_path, "ab" * 32)
    assert (again.look("one"), again.look("one", place), again.look("two"), len(again)) == (found, (), None, 1)


def test_results_that_are_none_are_named_with_what_to_do(tmp_path):
    archive(tmp_path, 1)
    rescreen(tmp_path, "--processes", "1")
    store = next(tmp_path.glob("rescreen/*.sqlite3"))
    store.write_bytes(b"no database at all, " * 400)
    result = rescreen(tmp_path, "--processes", "1")
    assert result.exit_code == 7 and store.name in result.output and "remove it to begin anew" in result.output


def test_discarded_burst_is_not_judged_and_its_thumbnail_alone_gives_no_verdict(tmp_path):
    unit = Unit(tmp_path)
    unit.boot()
    unit.visit_of("blank")
    unit.later(minutes=5).visit_of("blank", audited=True)
    unit.close()
    told = json.loads(rescreen(tmp_path, "--processes", "1").stdout)
    assert told["looked_at"] == 3 and sum(map(sum, (row.values() for row in told["decisions"].values()))) == 1


def test_detector_that_is_none_stops_before_any_work(tmp_path):
    archive(tmp_path, 1)
    result = CliRunner().invoke(main, ["rescreen", str(tmp_path), "--detector", str(tmp_path)])
    assert result.exit_code == 3 and "model.toml" in result.output


def test_scheduler_that_is_not_there_is_one_message(tmp_path):
    archive(tmp_path, 1)
    result = rescreen(tmp_path, "--scheduler", "tcp://127.0.0.1:1")
    assert result.exit_code == 5 and "no Dask scheduler answers" in result.output


def jobs_of(folder):
    files = sorted(folder.rglob("media/**/*.jpg"))
    return [Job((0, number, 0), path.name, str(path), (640, 360)) for number, path in enumerate(files)]


def test_process_that_is_killed_loses_no_result(tmp_path):
    jobs = jobs_of(archive(tmp_path, 80))
    found, waiting = [], list(pieces(jobs))
    with Processes(DETECTOR, 2) as pool:
        while waiting and pool.has_room():
            pool.give(waiting.pop())
        found += pool.take()
        os.kill(min(_children()), signal.SIGKILL)
        while results := pool.take():
            found += results
            if waiting:
                pool.give(waiting.pop())
    names = [result.job.sha256 for result in found]
    assert set(names) == {job.sha256 for job in jobs} and len(names) == len(jobs)


def _children():
    """Our worker processes, by their ids: children of the server that forks them."""
    import psutil

    servers = [child for child in psutil.Process().children() if "forkserver" in " ".join(child.cmdline())]
    return [child.pid for server in servers for child in server.children()]


@pytest.fixture
def cluster(tmp_path):
    """A real scheduler and two real workers, each a process of its own, on ports that are free."""
    address = tmp_path / "scheduler.json"
    dask = [
        sys.executable,
        "-m",
        "distributed.cli.dask_scheduler",
        "--port",
        "0",
        "--no-dashboard",
        "--scheduler-file",
        str(address),
    ]
    started = [subprocess.Popen(dask, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", "--scheduler-file", str(address), "--nthreads", "1",
              "--no-nanny", "--no-dashboard", "--local-directory", str(tmp_path)]  # fmt: skip
    try:
        for _ in range(200):
            if address.is_file() and address.read_text():
                break
            time.sleep(0.1)
        started += [subprocess.Popen(worker, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(2)]
        yield json.loads(address.read_text())["address"], started[1:]
    finally:
        for process in started:
            process.kill()
            process.wait()


def test_dask_finishes_although_one_of_two_workers_is_killed(tmp_path, cluster):
    from distributed import Client

    address, workers = cluster
    folder = archive(tmp_path / "pulled", 300)
    with Client(address) as client:
        client.wait_for_workers(2, timeout=60)
    command = [sys.executable, "-c", "from trap_tools.cli import main; main()", "rescreen", str(folder), "--detector",
               str(DETECTOR), "--scheduler", address, "--json"]  # fmt: skip
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    store = folder / "rescreen"
    deadline = time.monotonic() + 90
    while not _committed(store):
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    workers[0].kill()
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    told = json.loads(out)
    assert (told["looked_at"], told["faults"]) == (300, [])
    assert _committed(store) == 300


def _committed(store):
    """Looks that another connection sees."""
    files = list(store.glob("*.sqlite3"))
    try:
        return sqlite3.connect(files[0]).execute("SELECT count(*) FROM looks").fetchone()[0] if files else 0
    except sqlite3.OperationalError:  # the table is just being made
        return 0
