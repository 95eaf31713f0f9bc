import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.pulled import Unit, jpeg
from trap_tools.cli import main
from trap_tools.rescreen.run import on_processes
from trap_tools.rescreen.store import Results
from trap_tools.rescreen.work import Job, Result

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


def test_same_photograph_under_two_names_is_looked_at_once(tmp_path):
    unit = Unit(tmp_path)
    for name in ("a", "b"):
        unit.picture(name, 0, "photograph", data=jpeg("same", 0, 640, infrared=False))
    unit.close()
    assert json.loads(rescreen(tmp_path, "--processes", "1").stdout)["looked_at"] == 1


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


def test_result_that_a_power_cut_tore_is_done_again(tmp_path):
    results = Results(tmp_path, "ab" * 32)
    results.add([Result(name, ({"label": "animal", "score": 0.5},)) for name in ("one", "two")])
    results.path.write_bytes(results.path.read_bytes()[:-20])
    again = Results(tmp_path, "ab" * 32)
    assert "one" in again and "two" not in again
    again.add([Result("two", ())])
    assert len(Results(tmp_path, "ab" * 32)) == 2


def test_detector_that_is_none_stops_before_any_work(tmp_path):
    archive(tmp_path, 1)
    result = CliRunner().invoke(main, ["rescreen", str(tmp_path), "--detector", str(tmp_path)])
    assert result.exit_code == 3 and "model.toml" in result.output


def test_scheduler_that_is_not_there_is_one_message(tmp_path):
    archive(tmp_path, 1)
    result = rescreen(tmp_path, "--scheduler", "tcp://127.0.0.1:1")
    assert result.exit_code == 5 and "no Dask scheduler answers" in result.output


def jobs_of(folder):
    return [Job(path.name, str(path)) for path in sorted(folder.rglob("media/**/*.jpg"))]


def test_process_that_is_killed_loses_no_result(tmp_path):
    jobs = jobs_of(archive(tmp_path, 80))
    found, killed = [], False
    for chunk in on_processes(DETECTOR, jobs, 2):
        found += chunk
        if not killed:
            killed = True
            os.kill(min(_children()), signal.SIGKILL)
    names = [result.sha256 for result in found]
    assert set(names) == {job.sha256 for job in jobs} and len(names) == len(jobs)


def _children():
    """Our worker processes (spawned with ``spawn_main``), by their ids."""
    import psutil

    return [child.pid for child in psutil.Process().children() if "spawn_main" in " ".join(child.cmdline())]


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
    folder = archive(tmp_path / "pulled", 160)
    with Client(address) as client:
        client.wait_for_workers(2, timeout=60)
    command = [sys.executable, "-c", "from trap_tools.cli import main; main()", "rescreen", str(folder), "--detector",
               str(DETECTOR), "--scheduler", address, "--json"]  # fmt: skip
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    store = folder / "rescreen"
    deadline = time.monotonic() + 90
    while not (list(store.glob("*.jsonl")) and next(iter(store.glob("*.jsonl"))).stat().st_size):
        assert running.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    workers[0].kill()
    out, err = running.communicate(timeout=120)
    assert running.returncode == 0, err
    told = json.loads(out)
    assert (told["looked_at"], told["faults"]) == (160, [])
    (lines,) = store.glob("*.jsonl")
    assert len({json.loads(line)["sha256"] for line in lines.read_text().splitlines()}) == 160
