"""The load of one damaged file, and what must hold of it whatever the damage was."""

import resource
import shutil
import time
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from recon_assets.platform import Platform
from recon_assets.sources import blocks, json_lines, stream
from recon_assets.sources.loading import Load
from recon_assets_tests.fuzzing.counts import count_records
from recon_assets_tests.fuzzing.seeds import MONTH, Reader
from recon_assets_tests.landed import platform_in

MOST_SECONDS = 120.0  # on two cores that others keep busy; an ordinary load takes a fifth of a second
MOST_MEMORY = 900_000  # KiB that the process may grow by; files are a few hundred KB, DuckDB may take 2 GB

# What reading a file in one block and in many must agree in.
Found = tuple[str, list[tuple[Any, ...]], list[tuple[Any, ...]]]


def check(home: Path, reader: Reader, path: str, content: bytes, beside: dict[str, bytes], month: str = MONTH) -> None:
    """Load the file; nothing raises, hangs or swells, and every record is a row or set aside."""
    platform = _landed(home, path, content, beside)
    before, started = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.monotonic()
    loaded = _loaded(platform, reader, path, content, bool(beside), month)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(blocks, "BLOCK", 700)
        patch.setattr(json_lines, "_PIECE", 700)
        patch.setattr(stream, "_RECORDS", 2)
        in_blocks = _loaded(platform, reader, path, content, bool(beside), month)
    assert in_blocks == loaded, "a file gives the same rows in many blocks as in one"
    assert time.monotonic() - started < MOST_SECONDS
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MOST_MEMORY


def _landed(home: Path, path: str, content: bytes, beside: dict[str, bytes]) -> Platform:
    for folder in ("landing", "raw"):
        shutil.rmtree(home / folder, ignore_errors=True)
    platform = platform_in(home, quarantine_limit=Decimal(1))
    for name, own in {path: content, **beside}.items():
        target = platform.settings.landing / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(own)
    return platform


def _loaded(platform: Platform, reader: Reader, path: str, content: bytes, is_manifest: bool, month: str) -> Found:
    load = platform.load(reader.source, month)
    if load.outcome != "loaded":
        assert load.outcome == "failed" or is_manifest, "only a manifest says of what month its parts are"
        problems = load.problems
        # A manifest may name parts that are not there; the problem names the one or the other.
        assert all(path in text or (is_manifest and path.rpartition("/")[0] in text) for text in problems), problems
        return load.outcome, [], []
    rows, rejected = _table(platform, load, "rows"), _table(platform, load, "quarantine")
    if not is_manifest:
        assert load.raw_month is not None
        ignored = sum(sum(file.ignored.values()) for file in load.raw_month.files)
        _assert_complete(rows, rejected, ignored, count_records(path, content))
    reasons = [(row["source_file"], row["source_row"], row["column_name"], row["reason"]) for row in rejected]
    return load.outcome, _comparable(rows), sorted(reasons, key=str)


def _table(platform: Platform, load: Load, name: str) -> list[dict[str, Any]]:
    assert load.raw_month is not None
    tables = [pq.read_table(platform.raw.root / path) for path in load.raw_month.tables[name]]
    return [row for table in tables for row in table.to_pylist()]


def _comparable(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return sorted((tuple(value for name, value in row.items() if name != "loaded_at") for row in rows), key=str)


def _assert_complete(
    rows: list[dict[str, Any]], rejected: list[dict[str, Any]], ignored: int, count: int | None
) -> None:
    """Every record from 1 on is there once: as a row, or as a rejected one with a reason; others are counted."""
    assert all(row["reason"] for row in rejected)
    places = Counter((row["source_file"], row["source_row"]) for row in [*rows, *rejected])
    assert not places or max(places.values()) == 1, "a record is there twice"
    for file in {file for file, _ in places}:
        numbers = sorted(number for own, number in places if own == file)
        assert numbers == list(range(1, len(numbers) + 1)), "a record is neither loaded nor set aside"
    assert count is None or len(places) <= count <= len(places) + ignored, f"{len(places)} of {count} records"
