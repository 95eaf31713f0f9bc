"""Parquet tables of a pulled folder: what a scientist's own tools read. Times are µs UTC, raw (``unit_time``) and corrected."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from trap_tools import durable
from trap_tools.archive.faults import Fault
from trap_tools.archive.pages import read
from trap_tools.archive.whole import Whole
from trap_wire.entries import canonical, from_us, to_us
from trap_wire.errors import StorageError

FOLDER = "tables"
BATCH = 50_000
TIME = pa.timestamp("us", tz="UTC")
WHO = [("unit", pa.string()), ("deployment", pa.string())]
WHEN = [("sequence", pa.int64()), ("unit_time", TIME), ("time", TIME)]
SCHEMAS: Mapping[str, pa.Schema] = {
    "entries": pa.schema([*WHO, *WHEN, ("kind", pa.string()), ("body", pa.string())]),
    "media": pa.schema([
        *WHO, *WHEN, ("path", pa.string()), ("role", pa.string()), ("burst", pa.string()), ("frame", pa.int32()),
        ("size", pa.int64()), ("sha256", pa.string()), ("exposure_us", pa.int64()), ("gain", pa.float64()),
        ("infrared", pa.bool_()), ("evicted", pa.string()),
    ]),
    "observations": pa.schema([
        *WHO, *WHEN, ("burst", pa.string()), ("capture_method", pa.string()), ("decision", pa.string()),
        ("observation_type", pa.string()), ("score", pa.float64()), ("audited", pa.bool_()), ("best_frame", pa.int32()),
        ("frames", pa.int32()), ("first_frame_ms", pa.int64()), ("infrared", pa.bool_()), ("model", pa.string()),
        ("fail_open", pa.string()),
    ]),
    "battery": pa.schema([
        *WHO, *WHEN, ("battery_mv", pa.int32()), ("battery_ma", pa.int32()), ("charge_used_mah", pa.float64()),
        ("temperature_c", pa.float64()), ("state", pa.string()), ("cause", pa.string()),
    ]),
    "effort": pa.schema([*WHO, ("start", TIME), ("end", TIME), ("state", pa.string()), ("days", pa.float64())]),
    "clock": pa.schema([
        *WHO, ("first_sequence", pa.int64()), ("cause", pa.string()), ("unit_time", TIME), ("offset_s", pa.float64()),
        ("drift_ppm", pa.float64()),
    ]),
    "faults": pa.schema([*WHO, ("what", pa.string()), ("where", pa.string()), ("words", pa.string())]),
}  # fmt: skip
Row = dict[str, Any]
Advance = Callable[[], None]


def write(folder: Path, read_whole: Sequence[Whole], advance: Advance = lambda: None) -> Path:
    """Write every table below ``folder/tables``, each whole or not at all; gives that folder back."""
    target = folder / FOLDER
    target.mkdir(exist_ok=True)
    for name, schema in SCHEMAS.items():
        rows = (batch for one in read_whole for batch in _batches(_ROWS[name](one), one))
        _write_table(target / f"{name}.parquet", schema, rows)
        advance()
    return target


def _write_table(path: Path, schema: pa.Schema, batches: Iterable[list[Row]]) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(pa.RecordBatch.from_pylist(batch, schema))
        durable.settle(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise StorageError(f"{path}: cannot be written ({error.strerror or error})") from error


def _batches(rows: Iterable[Row], one: Whole) -> Iterator[list[Row]]:
    """Rows with their deployment and their corrected time, many at once."""
    batch: list[Row] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield _finished(batch, one)
            batch = []
    if batch:
        yield _finished(batch, one)


def _finished(batch: list[Row], one: Whole) -> list[Row]:
    who = {"unit": one.log.unit, "deployment": one.log.deployment}
    if "sequence" in batch[0]:
        true = one.clock.correct_us([row["sequence"] for row in batch], [to_us(row["unit_time"]) for row in batch])
        return [{**who, **row, "time": from_us(int(at))} for row, at in zip(batch, true, strict=True)]
    return [{**who, **row} for row in batch]


def _entries(one: Whole) -> Iterator[Row]:
    for entry in read(one.holding, _ignore):
        yield {
            "sequence": entry.sequence,
            "unit_time": entry.at,
            "kind": str(entry.kind),
            "body": canonical(entry.body),
        }


def _ignore(fault: Fault) -> None:
    """Faults were named when the folder was read the first time."""


def _media(one: Whole) -> Iterator[Row]:
    for medium in one.log.media.values():
        row = {name: getattr(medium, name) for name in SCHEMAS["media"].names if hasattr(medium, name)}
        yield {**row, "unit_time": medium.taken_at, "evicted": one.log.evicted.get(medium.path)}


def _observations(one: Whole) -> Iterator[Row]:
    for verdict in one.log.verdicts.values():
        burst = one.log.bursts.get(verdict.burst)
        row = {name: getattr(verdict, name) for name in SCHEMAS["observations"].names if hasattr(verdict, name)}
        seen = {name: getattr(burst, name, None) for name in ("capture_method", "frames", "first_frame_ms", "infrared")}
        yield {**row, **seen, "unit_time": verdict.at}


def _battery(one: Whole) -> Iterator[Row]:
    for sample in one.log.samples:
        yield {name: getattr(sample, name) for name in SCHEMAS["battery"].names if hasattr(sample, name)} | {
            "unit_time": sample.at
        }


def _effort(one: Whole) -> Iterator[Row]:
    for span in one.effort.spans:
        yield {
            "start": from_us(span.start_us),
            "end": from_us(span.end_us),
            "state": str(span.state),
            "days": span.days,
        }


def _clock(one: Whole) -> Iterator[Row]:
    for segment in one.clock.segments:
        row = {"first_sequence": segment.first, "cause": segment.cause, "drift_ppm": segment.drift_ppm}
        if not segment.anchors:
            yield row
        for anchor in segment.anchors:
            yield {**row, "unit_time": from_us(anchor.unit_us), "offset_s": anchor.offset_us / 1e6}


def _faults(one: Whole) -> Iterator[Row]:
    return (asdict(fault) for fault in one.faults)


_ROWS: Mapping[str, Callable[[Whole], Iterator[Row]]] = {
    "entries": _entries,
    "media": _media,
    "observations": _observations,
    "battery": _battery,
    "effort": _effort,
    "clock": _clock,
    "faults": _faults,
}
