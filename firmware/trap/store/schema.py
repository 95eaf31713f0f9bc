"""Tables of the journal. ``entries`` is the truth; the others are sums of it, so that a year is read fast."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS entries (
    seq   INTEGER PRIMARY KEY,
    at_us INTEGER NOT NULL,
    kind  TEXT NOT NULL,
    body  TEXT NOT NULL,
    hash  BLOB NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS entries_by_kind ON entries (kind, seq);
CREATE TABLE IF NOT EXISTS files (
    path    TEXT PRIMARY KEY,
    seq     INTEGER NOT NULL,
    role    TEXT NOT NULL,
    size    INTEGER NOT NULL,
    sha256  TEXT NOT NULL,
    present INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX IF NOT EXISTS files_by_seq ON files (seq) WHERE present;
CREATE TABLE IF NOT EXISTS tallies (
    day  TEXT NOT NULL,
    name TEXT NOT NULL,
    n    INTEGER NOT NULL,
    PRIMARY KEY (day, name)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS ranges (
    day  TEXT NOT NULL,
    name TEXT NOT NULL,
    low  REAL NOT NULL,
    high REAL NOT NULL,
    PRIMARY KEY (day, name)
) STRICT, WITHOUT ROWID;
"""

# For a journal of a release that kept no ranges: once, from its entries.
RANGES_OF_OLD = """
INSERT INTO ranges
SELECT date(at_us / 1000000, 'unixepoch'), 'temperature_c', min(body ->> 'temperature_c'), max(body ->> 'temperature_c')
FROM entries WHERE kind = 'battery' AND body ->> 'temperature_c' IS NOT NULL GROUP BY 1
"""

# WAL with FULL: every commit is on the card before append returns, and readers (the host link) never block the writer.
# 2 MB of page cache and no memory map: the unit has 512 MB for everything.
PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",
    "PRAGMA cache_size=-2000",
    "PRAGMA busy_timeout=5000",
    "PRAGMA wal_autocheckpoint=256",
)
