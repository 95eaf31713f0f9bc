"""The unit's own costs: a look of the detector outside ``invoke``, peak memory, the summary of a year, a committed entry."""

import sqlite3
import statistics
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import cbor2
import numpy as np
import pytest
from skimage import data

from tests.bench.peak import PEAK_KB
from tests.unit.trap.parts import NOON
from trap.deployment import Deployment, Protocol, Station
from trap.drivers import detector
from trap.health.summary import summary
from trap.store.journal import Journal
from trap_wire.entries import Kind

ROOT = Path(__file__).parents[2]
FOLDERS = sorted(card.parent for card in (ROOT / "models").glob("*/model.toml"))
YEAR = 200_000
WAKE = {"reason": "pir", "throttled_triggers": 0, "throttled_s": 0, "battery_mv": 17_000}
VERDICT = {"decision": "blank", "observation_type": "blank", "audited": False, "fail_open": None, "boxes": [[], [], []]}
BATTERY = {"battery_mv": 17_000, "temperature_c": -12.5, "state": "full", "cause": "wake"}
# What a fresh unit process does before its first trigger.
LOADED = f"""
import sys
from pathlib import Path
import numpy as np
import trap.assembly, trap.duty
from trap.drivers import detector
detector.load(Path(sys.argv[1])).look(np.zeros((480, 640, 3), np.uint8))
print({PEAK_KB})
"""


def median_ms(work, times):
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        work()
        taken.append((time.perf_counter() - started) * 1000)
    return statistics.median(taken)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: path.name)
def test_share_of_a_look_outside_invoke(figure, folder):
    loaded = detector.load(folder)
    frame = np.ascontiguousarray(data.chelsea()[:, :400].repeat(2, axis=0).repeat(2, axis=1)[:480, :640])
    loaded.look(frame)
    invokes, looks = [], []
    for _ in range(100):
        looks.append(median_ms(lambda: loaded.look(frame), 1))
        invokes.append(loaded.invoke_ms)
    whole, inside = statistics.median(looks), statistics.median(invokes)
    figure(f"{folder.name}: look {whole:.2f} ms, invoke {inside:.2f} ms, outside {1 - inside / whole:.0%} (bar 25 %)")


def test_peak_memory_with_the_detector_loaded(figure):
    for folder in FOLDERS:
        ran = subprocess.run([sys.executable, "-c", LOADED, str(folder)], capture_output=True, text=True, check=True)
        figure(f"{folder.name}: peak RSS {int(ran.stdout) / 1024:.0f} MB on this machine (bar 160 MB)")


def test_summary_of_a_year(figure, tmp_path):
    journal = Journal(tmp_path / "journal.sqlite")
    lines = [(Kind.WAKE, WAKE), (Kind.BATTERY, BATTERY), (Kind.VERDICT, VERDICT)] * 183
    for day in range(YEAR // len(lines) + 1):
        journal.append_all(NOON + timedelta(days=day), lines)
    told = Deployment(station=Station(unit="MN-017"), protocol=Protocol())
    screen = lambda: summary(journal, told, "m@1+00", 10**9, NOON + timedelta(days=365))  # noqa: E731
    peer = "SELECT date(at_us / 1000000, 'unixepoch'), kind, count(*) FROM entries GROUP BY 1, 2"
    ours, scan = median_ms(screen, 20), median_ms(lambda: journal._db.execute(peer).fetchall(), 3)
    figure(f"summary of {journal.head} entries: {ours:.1f} ms, {len(cbor2.dumps(screen()))} bytes (bar 1 s, 4 KiB)")
    figure(f"  against counting the entries anew in SQLite: {scan:.0f} ms, {scan / ours:.0f} times")


def test_committed_entry_against_a_bare_sqlite_row(figure, tmp_path):
    journal = Journal(tmp_path / "journal.sqlite")
    bare = sqlite3.connect(tmp_path / "bare.sqlite", isolation_level=None)
    bare.execute("PRAGMA journal_mode=WAL")
    bare.execute("PRAGMA synchronous=FULL")
    bare.execute("CREATE TABLE entries (seq INTEGER PRIMARY KEY, body TEXT)")
    ours = median_ms(lambda: journal.append(Kind.BATTERY, NOON, BATTERY), 200)
    theirs = median_ms(lambda: bare.execute("INSERT INTO entries (body) VALUES ('{}')"), 200)
    figure(f"one committed entry: {ours:.2f} ms, bare row {theirs:.2f} ms, ratio {ours / theirs:.2f}")
