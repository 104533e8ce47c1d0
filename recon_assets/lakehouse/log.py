"""The two logs of `published/`, which are only ever appended to: publications, and months closed and reopened.

A publication's row is its commit: readers take each month's files from the month's newest row, and of a closed month
from the row that its closing names.
"""

import datetime as dt
import json
import struct
import threading
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import TableNotFoundError

from recon_assets.lakehouse.tables import Tables, files_of, until_committed

PUBLICATIONS = "publications"
CLOSINGS = "month_closings"
LOGS = (PUBLICATIONS, CLOSINGS)
_INSTANT = pa.timestamp("us", tz="UTC")
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_PUBLICATIONS_SCHEMA = pa.schema(
    [
        pa.field("billing_month", pa.date32()),
        pa.field("reconciliation", pa.string()),
        pa.field("run_id", pa.string()),
        pa.field("published_at", _INSTANT),
        pa.field("marts", pa.string()),
        pa.field("moved_at", _INSTANT),
        pa.field("late_pairs", pa.string()),
    ]
)
_CLOSINGS_SCHEMA = pa.schema(
    [
        pa.field("billing_month", pa.date32()),
        pa.field("reconciliation", pa.string()),
        pa.field("action", pa.string()),
        pa.field("recorded_at", _INSTANT),
        pa.field("recorded_by", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("run_id", pa.string()),
        pa.field("published_at", _INSTANT),
    ]
)
_MANY_FILES = 64  # each append adds one; more are made one file
Key = tuple[str, str]  # month, reconciliation


@dataclass(frozen=True)
class MartVersion:
    """A mart as one publication sees it: the Delta version and the files of its month, relative to `published/`."""

    version: int
    files: list[str]


@dataclass(frozen=True)
class Publication:
    """From `published_at` (UTC, aware) on, readers see the month at these versions.

    `moved_at`: when the same rows were written again into tables that more tools read; None when they were not.
    `late_pairs`: mark of the pairs of e-invoices with documents of other months that the month takes part in; empty
    without such pairs.
    """

    month: str
    reconciliation: str
    run_id: str
    published_at: dt.datetime
    marts: dict[str, MartVersion]
    moved_at: dt.datetime | None = None
    late_pairs: str = ""


@dataclass(frozen=True)
class Closing:
    """One row of the audit log: at an instant (UTC, aware) a month was closed at a publication, or reopened."""

    month: str
    reconciliation: str
    action: Literal["close", "reopen"]
    recorded_at: dt.datetime
    recorded_by: str
    reason: str
    run_id: str
    published_at: dt.datetime

    @property
    def text(self) -> str:
        done = "closed" if self.action == "close" else "reopened"
        when = f"{self.recorded_at:%Y-%m-%d %H:%M:%S}"
        return f"{self.month} {self.reconciliation} was {done} by {self.recorded_by} at {when} UTC"

    def row(self) -> dict[str, Any]:
        row = asdict(self)
        return {"billing_month": dt.date.fromisoformat(f"{row.pop('month')}-01"), **row}


class _Entry(NamedTuple):
    """A row of the log of publications; its JSON is read only where it is asked for."""

    published_at: dt.datetime
    run_id: str
    month: str
    reconciliation: str
    marts: str
    moved_at: dt.datetime | None
    late_pairs: str | None

    def publication(self) -> Publication:
        marts = {name: MartVersion(mart["version"], mart["files"]) for name, mart in json.loads(self.marts).items()}
        known = (self.month, self.reconciliation, self.run_id, self.published_at, marts, self.moved_at)
        return Publication(*known, self.late_pairs or "")


class Log:
    """Rows of an append-only Delta table, read again only when there is a newer version."""

    def __init__(self, tables: Tables, name: str, schema: pa.Schema) -> None:
        self._tables, self._name, self._schema = tables, name, schema
        self._lock = threading.Lock()
        # Not schema.empty_table(), which imports pandas: a third of what a query takes.
        self._rows, self._version = pa.Table.from_batches([], schema), -1
        self._checkpoint: dt.datetime | None = None

    def rows(self) -> tuple[pa.Table, int]:
        """Every row, in no order, and the version they are of; -1 before anything was appended."""
        with self._lock, self._tables.problems():
            if self._version < 0 or self._has_newer():
                self._read()
            return self._rows, self._version

    def append(self, row: dict[str, Any]) -> None:
        added = pa.Table.from_arrays([_one(row[field.name], field.type) for field in self._schema], schema=self._schema)

        def write() -> DeltaTable:
            table = self._open(create=True)
            write_deltalake(table, added, mode="append", schema_mode="merge")
            return table

        with self._tables.problems():
            if len(until_committed(write).file_uris()) > _MANY_FILES:
                until_committed(self._compact)

    def _has_newer(self) -> bool:
        """Whether the next commit is there, or a newer checkpoint, which lets commits go; nothing is read."""
        commit, checkpoint = self._look()
        return bool(commit.type != pafs.FileType.NotFound or checkpoint.mtime != self._checkpoint)

    def _look(self) -> list[pafs.FileInfo]:
        next_commit = f"_delta_log/{self._version + 1:020}.json"
        return list(self._tables.file_system(self._name).get_file_info([next_commit, "_delta_log/_last_checkpoint"]))

    def _read(self) -> None:
        try:
            table = self._open()
        except TableNotFoundError:
            return
        files = files_of(table, self._name)
        with self._tables.bring(files):
            paths = [self._tables.root / file for file in files]
            parts = [_read_file(path, self._schema) for path in paths]
        self._rows = pa.concat_tables(parts or [self._schema.empty_table()])
        self._version = int(table.version())
        self._checkpoint = self._look()[1].mtime

    def _compact(self) -> None:
        """Make many small files one; every row stays."""
        table = self._open()
        table.optimize.compact()
        table.create_checkpoint()

    def _open(self, create: bool = False) -> DeltaTable:
        try:
            return self._tables.open(self._name)
        except TableNotFoundError:
            if not create:
                raise
            self._tables.create(self._name, self._schema)
            return self._tables.open(self._name)


class Publications:
    """The log of publications, and what readers see by it."""

    def __init__(self, tables: Tables) -> None:
        self._log = Log(tables, PUBLICATIONS, _PUBLICATIONS_SCHEMA)
        self._held: tuple[int, list[_Entry]] = (-1, [])

    def append(self, publication: Publication) -> None:
        marts = {name: {"version": m.version, "files": m.files} for name, m in publication.marts.items()}
        self._log.append(
            {
                "billing_month": dt.date.fromisoformat(f"{publication.month}-01"),
                "reconciliation": publication.reconciliation,
                "run_id": publication.run_id,
                "published_at": publication.published_at,
                "marts": json.dumps(marts, sort_keys=True),
                "moved_at": publication.moved_at,
                "late_pairs": publication.late_pairs,
            }
        )

    def all(self, as_of: dt.datetime | None = None) -> list[Publication]:
        """Every publication up to `as_of`, oldest first; of one that was moved, where it is now."""
        return [entry.publication() for entry in self._entries(as_of)]

    def moments(self) -> dict[str, list[dt.datetime]]:
        """When each reconciliation was ever published, newest first."""
        found: dict[str, dict[dt.datetime, None]] = {}
        for entry in reversed(self._entries()):
            found.setdefault(entry.reconciliation, {})[entry.published_at] = None
        return {reconciliation: list(moments) for reconciliation, moments in found.items()}

    def current(self, closings: Iterable[Closing], as_of: dt.datetime | None = None) -> dict[Key, Publication]:
        """What readers see of each (month, reconciliation), by the audit log up to the same moment, oldest first."""
        entries = self._entries(as_of)
        closed_at = {(c.month, c.reconciliation, c.published_at, c.run_id) for c in closed_months(closings).values()}
        closed = [e for e in entries if (e.month, e.reconciliation, e.published_at, e.run_id) in closed_at]
        seen = {(entry.month, entry.reconciliation): entry for entry in [*entries, *closed]}
        return {key: entry.publication() for key, entry in seen.items()}

    def _entries(self, as_of: dt.datetime | None = None) -> list[_Entry]:
        rows, version = self._log.rows()
        if version != self._held[0]:
            self._held = (version, _in_order(rows))
        entries = self._held[1]
        return entries if as_of is None else [entry for entry in entries if entry.published_at <= as_of]


class Closings:
    """The audit log of months closed and reopened."""

    def __init__(self, tables: Tables) -> None:
        self._log = Log(tables, CLOSINGS, _CLOSINGS_SCHEMA)

    def append(self, closing: Closing) -> None:
        self._log.append(closing.row())

    def all(self, as_of: dt.datetime | None = None) -> list[Closing]:
        """The audit log up to `as_of`, oldest first."""
        columns = _values(self._log.rows()[0])
        rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
        found = [Closing(month=f"{row.pop('billing_month'):%Y-%m}", **row) for row in rows]
        # A row is there twice when the answer to its commit got lost on the way and the commit was tried again.
        known = (c for c in dict.fromkeys(found) if as_of is None or c.recorded_at <= as_of)
        return sorted(known, key=lambda c: c.recorded_at)


def closed_months(closings: Iterable[Closing]) -> dict[Key, Closing]:
    """The closing of each month that is closed and was not reopened, of an audit log, oldest first."""
    newest = {(c.month, c.reconciliation): c for c in closings}
    return {key: closing for key, closing in newest.items() if closing.action == "close"}


def _in_order(rows: pa.Table) -> list[_Entry]:
    """Oldest first; a run publishes its months in order, within one instant if its clock stands still.

    A publication is there once, whether its row was appended twice or it was moved: its newest place counts.
    """
    columns = _values(rows)
    months = [f"{month:%Y-%m}" for month in columns["billing_month"]]
    names = ("published_at", "run_id", "reconciliation", "marts", "moved_at", "late_pairs")
    published, runs, reconciliations, marts, moved, late = (columns[name] for name in names)
    values = zip(published, runs, months, reconciliations, marts, moved, late, strict=True)
    entries = [_Entry(*value) for value in values]
    entries.sort(key=lambda e: (e.published_at, e.run_id, e.month, e.reconciliation, e.moved_at or e.published_at))
    return list({(e.published_at, e.run_id, e.month, e.reconciliation): e for e in entries}.values())


def _read_file(path: Path, schema: pa.Schema) -> pa.Table:
    """Rows of a data file as `schema` has them; columns that came later are null. `read_table` would import pandas."""
    rows = pq.ParquetFile(path).read()
    return pa.Table.from_arrays([_column_of(rows, field) for field in schema], schema=schema)


def _column_of(rows: pa.Table, field: pa.Field) -> pa.ChunkedArray:
    if field.name not in rows.column_names:
        return pa.chunked_array([pa.nulls(len(rows), field.type)])
    found = rows[field.name]
    return found if found.type == field.type else found.cast(field.type)


def _one(value: str | dt.date | None, kind: pa.DataType) -> pa.Array:
    """An array of one text, day, instant or null; `pa.array` would import pandas."""
    if value is None:
        return pa.nulls(1, kind)
    if isinstance(value, str):
        text = value.encode()
        buffers = [struct.pack("=2i", 0, len(text)), text]
    elif isinstance(value, dt.datetime):
        buffers = [struct.pack("=q", (value - _EPOCH) // dt.timedelta(microseconds=1))]
    else:
        buffers = [struct.pack("=i", (value - _EPOCH.date()).days)]
    return pa.Array.from_buffers(kind, 1, [None, *map(pa.py_buffer, buffers)])


def _values(rows: pa.Table) -> dict[str, list[Any]]:
    """Columns as Python has them. Instants by hand: for their time zone pyarrow would import pandas."""
    columns = zip(rows.column_names, rows.columns, strict=True)
    return {name: _instants(column) if column.type == _INSTANT else column.to_pylist() for name, column in columns}


def _instants(column: pa.ChunkedArray) -> list[dt.datetime | None]:
    micros = (value for chunk in column.chunks for value in chunk.view(pa.int64()).to_pylist())
    return [None if value is None else _EPOCH + dt.timedelta(microseconds=value) for value in micros]
