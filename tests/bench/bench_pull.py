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


def test_clean_line_against_zmodem_and_smpclient(figure, root, tmp_path):
    with unit(root) as (port, cost):
        ours = min(fetched_s(port, "media/big.jpg", BIG) for _ in range(5))
        whole, _ = pulled_s(port, tmp_path / "home")
    figure(
        f"fetch 20 MB: {mb_s(BIG, ours):.1f} MB/s; whole pull, proved and on the disk, {mb_s(BIG + 2_000_000, whole):.1f} MB/s"
    )
    chunks = (6 * BIG + 2_000_000) / 16_320
    figure(
        f"server: {cost['cpu_s'] / chunks * 1000:.2f} ms CPU a chunk (bar 1 ms), {cost['added_rss_kb'] / 1024:.1f} MB added RSS (bar 20)"
    )
    assert cost["cpu_s"] / chunks <= 0.001
    assert cost["added_rss_kb"] <= 20 * 1024
    with unit(root) as (port, _):
        stock = 2_000_000 / smpclient_s(port, "media/mid.jpg")
    figure(f"smpclient 2 MB: {stock / 1e6:.2f} MB/s; ours {BIG / ours / stock:.1f} x (bar 5 x)")
    if not shutil.which("sz"):
        pytest.skip("no lrzsz here: apt install lrzsz")
    (tmp_path / "z").mkdir()
    zmodem = min(zmodem_s(root / "media/big.jpg", tmp_path / "z") for _ in range(5))
    assert (tmp_path / "z/big.jpg").read_bytes() == (root / "media/big.jpg").read_bytes()
    figure(f"ZMODEM 20 MB: {mb_s(BIG, zmodem):.1f} MB/s; ours {zmodem / ours:.2f} x (bar 0.5 x)")


@pytest.mark.parametrize("per_cent", [1, 5])
def test_frames_corrupted_or_dropped(figure, root, per_cent, tmp_path):
    with unit(root) as (port, _):
        clean = min(pulled_s(port, tmp_path / f"clean{n}")[0] for n in range(2))
    with unit(root, per_cent) as (port, _):
        noisy, receipt = pulled_s(port, tmp_path / "noisy")
    figure(f"{per_cent} % of frames lost: {mb_s(BIG, noisy):.1f} MB/s, {clean / noisy:.2f} of clean (bar 0.5), "
           f"{receipt.resent_requests} requests repeated")  # fmt: skip


def test_slow_line_with_latency(figure, tmp_path):
    size = 200_000
    bench = Bench(tmp_path / "unit")
    bench.keep("p", size)
    bench.journal.close()
    with unit(tmp_path / "unit", 0, 115_200, 50) as (port, _):
        seconds = fetched_s(port, "media/p.jpg", size)
    # Useful: what is left of 11,520 bytes a second after base64 and line marks, 93 bytes in a line of 127.
    useful = 11_520 * 93 / 127
    figure(
        f"115,200 baud, 50 ms: {size / seconds:.0f} B/s of {useful:.0f} useful = {size / seconds / useful:.0%} (bar 85 %)"
    )


def test_summary_on_a_slow_line(figure, tmp_path):
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
    figure(
        f"manul summary at 115,200 baud, 50 ms: {min(taken):.2f} s (bar 2 s), {time.perf_counter() - began:.2f} s of it Python's start"
    )


def test_season_of_small_files(figure, tmp_path):
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
    figure(f"{SMALL_FILES} files of 5 KB: {SMALL_FILES / seconds:.0f} files/s (bar 200); second visit {again:.1f} s")
