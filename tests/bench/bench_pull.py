"""Pulling over a pty against ZMODEM (Debian's lrzsz) and stock smpclient, on a bad line, on a slow one, and a season's files."""

import asyncio
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
import tty
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from smpclient import SMPClient
from smpclient.transport.serial import SMPSerialTransport

from tests.link_rig import START, Bench
from trap_tools.field.pulling import Options, pull
from trap_tools.link.client import Unit
from trap_tools.link.fetch import Fetcher, Job
from trap_tools.link.line import Line
from trap_wire.entries import Kind

BIG = 20_000_000
SMALL_FILES, SMALL = 20_000, 5_000
KEEP_CLOCK = Options(set_clock=False)


@contextmanager
def unit(root, *arguments):
    """Path of the unit's port, and a dict that holds what serving cost once it is over."""
    command = [sys.executable, "-m", "tests.bench.unit_on_pty", str(root), *map(str, arguments)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    cost = {}
    yield process.stdout.readline().strip(), cost
    out, _ = process.communicate(timeout=30)
    cost.update(json.loads(out))


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    made = tmp_path_factory.mktemp("unit")
    bench = Bench(made)
    bench.keep("big", BIG)
    bench.keep("mid", 2_000_000)
    bench.journal.close()
    return made


def mb_s(size, seconds):
    return size / seconds / 1e6


def fetched_s(port, name, size):
    """Seconds to fetch and hash one file, nothing written: what the link itself can."""
    digest = hashlib.sha256()
    with Line(port) as line:
        Unit(line).hello()
        began = time.perf_counter()
        done = []
        Fetcher(line).run([Job(name, 0, size, digest.update, lambda: done.append(1), done.append)])
        assert done == [1]
        return time.perf_counter() - began


def pulled_s(port, folder):
    began = time.perf_counter()
    receipt = pull(port, folder, options=KEEP_CLOCK)
    assert receipt.complete
    return time.perf_counter() - began, receipt


def zmodem_s(source, folder):
    """Seconds of `sz` to `rz` over a pty; the folder gets the file."""
    (folder / source.name).unlink(missing_ok=True)
    master, slave = os.openpty()
    tty.setraw(slave)
    tty.setraw(master)
    began = time.perf_counter()
    quiet = subprocess.DEVNULL
    send = subprocess.Popen(["sz", "-b", "-q", "-e", str(source)], stdin=master, stdout=master, stderr=quiet)
    take = subprocess.Popen(["rz", "-b", "-q", "-e"], stdin=slave, stdout=slave, stderr=quiet, cwd=folder)
    assert take.wait(120) == 0
    seconds = time.perf_counter() - began
    assert (folder / source.name).stat().st_size == source.stat().st_size
    send.wait(10)
    os.close(master)
    os.close(slave)
    return seconds


def smpclient_s(port, name):
    async def download():
        async with SMPClient(SMPSerialTransport(), port) as client:
            began = time.perf_counter()
            await client.download_file(name)
            return time.perf_counter() - began

    return asyncio.run(download())


def test_clean_line_against_zmodem(figure, bar, root, tmp_path):
    if not shutil.which("sz"):
        pytest.skip("no lrzsz here: apt install lrzsz")
    (tmp_path / "z").mkdir()
    big = root / "media/big.jpg"
    with unit(root) as (port, _):  # in turns, so that both have the same machine
        taken = [(fetched_s(port, "media/big.jpg", BIG), zmodem_s(big, tmp_path / "z")) for _ in range(5)]
    ours, zmodem = (min(column) for column in zip(*taken, strict=True))
    assert (tmp_path / "z/big.jpg").read_bytes() == big.read_bytes()
    figure(f"fetch 20 MB: {mb_s(BIG, ours):.1f} MB/s, ZMODEM {mb_s(BIG, zmodem):.1f} MB/s")
    bar("fetch of 20 MB against ZMODEM", zmodem / ours, at_least=0.5)


def test_clean_line_against_smpclient_and_what_serving_costs(figure, bar, root, tmp_path):
    with unit(root) as (port, cost):
        ours = min(fetched_s(port, "media/big.jpg", BIG) for _ in range(5))
        whole, _ = pulled_s(port, tmp_path / "home")
    figure(f"whole pull, proved and on the disk: {mb_s(BIG + 2_000_000, whole):.1f} MB/s")
    bar("server's CPU for a chunk of 16 KiB, ms", cost["cpu_s"] * 1000 / ((6 * BIG + 2_000_000) / 16_320), at_most=1)
    bar("memory that serving adds, MB", cost["added_rss_kb"] / 1024, at_most=20)
    with unit(root) as (port, _):
        stock = 2_000_000 / smpclient_s(port, "media/mid.jpg")
    figure(f"smpclient 2 MB: {stock / 1e6:.2f} MB/s")
    bar("fetch against smpclient", BIG / ours / stock, at_least=5)


@pytest.mark.parametrize("per_cent", [1, 5])
def test_frames_corrupted_or_dropped(figure, bar, root, per_cent, tmp_path):
    taken = []
    for turn in range(2):
        with unit(root) as (port, _):
            clean, _ = pulled_s(port, tmp_path / f"clean{turn}")
        with unit(root, per_cent) as (port, _):
            noisy, receipt = pulled_s(port, tmp_path / f"noisy{turn}")
        taken.append((clean, noisy))
    clean, noisy = (min(column) for column in zip(*taken, strict=True))
    figure(
        f"{per_cent} % of frames lost: {mb_s(BIG, noisy):.1f} MB/s, {receipt.resent_requests} requests repeated, verified"
    )
    bar(f"pull with {per_cent} % of frames lost, of clean", clean / noisy, at_least=0.5)


def test_slow_line_with_latency(figure, bar, tmp_path):
    size = 200_000
    bench = Bench(tmp_path / "unit")
    bench.keep("p", size)
    bench.journal.close()
    with unit(tmp_path / "unit", 0, 115_200, 50) as (port, _):
        seconds = fetched_s(port, "media/p.jpg", size)
    # Useful: what is left of 11,520 bytes a second after base64 and line marks, 93 bytes in a line of 127.
    useful = 11_520 * 93 / 127
    figure(f"115,200 baud, 50 ms: {size / seconds:.0f} B/s of {useful:.0f} useful")
    bar("115,200 baud and 50 ms, of the useful rate", size / seconds / useful, at_least=0.85)


def test_summary_on_a_slow_line(figure, bar, tmp_path):
    bench = Bench(tmp_path / "unit")
    for _ in range(5):
        bench.wakes(2_000)
    bench.journal.close()
    manul = Path(sys.executable).with_name("manul")
    with unit(tmp_path / "unit", 0, 115_200, 50) as (port, _):
        taken = []
        for _ in range(3):
            began = time.perf_counter()
            subprocess.run([manul, "summary", "--port", port], check=True, stdout=subprocess.DEVNULL)
            taken.append(time.perf_counter() - began)
    began = time.perf_counter()
    subprocess.run([manul, "summary", "--help"], check=True, stdout=subprocess.DEVNULL)
    figure(f"of manul summary on a slow line {time.perf_counter() - began:.2f} s are Python's start")
    bar("manul summary at 115,200 baud, 50 ms, in s", min(taken), at_most=2)


def test_season_of_small_files(figure, bar, tmp_path):
    root = tmp_path / "unit"
    bench = Bench(root)
    (root / "thumbnails").mkdir()
    draw = random.Random(2)
    for first in range(0, SMALL_FILES, 1000):
        lines = []
        for n in range(first, first + 1000):
            data = draw.randbytes(SMALL)
            (root / f"thumbnails/{n:05d}.jpg").write_bytes(data)
            body = {
                "path": f"thumbnails/{n:05d}.jpg",
                "role": "thumbnail",
                "size": SMALL,
                "sha256": hashlib.sha256(data).hexdigest(),
            }
            lines.append((Kind.MEDIA, body))
        bench.journal.append_all(START + timedelta(seconds=first), lines)
    bench.journal.close()
    with unit(root) as (port, _):
        seconds, receipt = pulled_s(port, tmp_path / "home")
        again, _ = pulled_s(port, tmp_path / "home")
    assert receipt.kinds["thumbnails"].fetched == SMALL_FILES
    figure(f"a second visit to {SMALL_FILES} small files: {again:.1f} s")
    bar(f"{SMALL_FILES} files of 5 KB, files/s", SMALL_FILES / seconds, at_least=200)
