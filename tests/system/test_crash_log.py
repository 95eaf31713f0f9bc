"""The tool that makes crash states, on a log written by hand."""

import struct

from tests.system.crash import FLUSH, MAGIC, Cuts, logged, partitions

SECTOR = 512


def log_of(path, requests):
    """A log of (sector, data or None, flags)."""
    body = struct.pack("<QQQI", MAGIC, 1, len(requests), SECTOR).ljust(SECTOR, b"\0")
    for sector, data, flags in requests:
        body += struct.pack("<QQQQ", sector, len(data or b"") // SECTOR, flags, 0).ljust(SECTOR, b"\0") + (data or b"")
    path.write_bytes(body)


def disk(path, start, sectors):
    table = bytearray(512)
    struct.pack_into("<II", table, 446 + 8, start, sectors)
    path.write_bytes(bytes(table) + bytes((start + sectors - 1) * SECTOR))


def test_flushed_sectors_are_always_there_and_others_only_sometimes(tmp_path):
    disk(tmp_path / "disk", 8, 16)
    old, new = b"A" * SECTOR, b"B" * SECTOR
    log_of(tmp_path / "log", [(8, old, 0), (0, None, FLUSH), *[(9 + n, new, 0) for n in range(8)], (0, None, 0)])
    assert logged(tmp_path / "log") == 11
    assert partitions(tmp_path / "disk")[0].start == 8 * SECTOR
    cuts = Cuts(tmp_path / "log", tmp_path / "disk", (0,), tmp_path)
    seen = []
    for _, parts in cuts.states(first=9, count=40, seed=3):
        data = parts[0].read_bytes()
        assert data[:SECTOR] == old
        seen.append(data.count(b"B"))
    assert 0 in seen and max(seen) > 4 * SECTOR
