"""Published tables: Delta, one version per publish, and the log whose newest row per month is the commit.

    published/<mart>/            a Delta table, partitioned by month (and reconciliation, where several share it)
    published/publications/      month, reconciliation, run, version and files of every mart
    published/month_closings/    months closed and reopened: when, by whom, at which publication, why

A reader takes each month's files from the month's own newest row, so a month is never half new; of a closed month from
the row that its closing names. Both logs are only ever appended to.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

import duckdb
import pyarrow as pa
import pyarrow.fs as pafs
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from recon_assets.errors import InputError
from recon_assets.pipeline.marts import Mart

_LOG_SCHEMA = pa.schema(
    [
        pa.field("billing_month", pa.date32()),
        pa.field("reconciliation", pa.string()),
        pa.field("run_id", pa.string()),
        pa.field("published_at", pa.timestamp("us", tz="UTC")),
        pa.field("marts", pa.string()),
    ]
)
_CLOSINGS = "month_closings"
_CLOSINGS_SCHEMA = pa.schema(
    [
        pa.field("billing_month", pa.date32()),
        pa.field("reconciliation", pa.string()),
        pa.field("action", pa.string()),
        pa.field("recorded_at", pa.timestamp("us", tz="UTC")),
        pa.field("recorded_by", pa.string()),
        pa.field("reason", pa.string()),
        pa.field("run_id", pa.string()),
        pa.field("published_at", pa.timestamp("us", tz="UTC")),
    ]
)
# The instants as the marts have theirs: TIMESTAMP in UTC.
_CLOSINGS_SQL = """
    select * replace (recorded_at at time zone 'UTC' as recorded_at, published_at at time zone 'UTC' as published_at)
    from closings where recorded_at <= coalesce($1, timestamptz 'infinity') order by recorded_at
"""
Key = tuple[str, str]  # month, reconciliation
T = TypeVar("T")


@dataclass(frozen=True)
class MartVersion:
    """A mart as one publication sees it: the Delta version and the files of its month, relative to `published/`."""

    version: int
    files: list[str]


@dataclass(frozen=True)
class Publication:
    """One row of the log: from `published_at` (UTC, aware) on, readers see the month at these versions."""

    month: str
    reconciliation: str
    run_id: str
    published_at: dt.datetime
    marts: dict[str, MartVersion]


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
        when = f"{self.recorded_at:%Y-%m-%d %H:%M:%S}"
        return f"{self.month} {self.reconciliation} was closed by {self.recorded_by} at {when} UTC"


@dataclass(frozen=True)
class PublishedStore:
    root: Path

    def publications(self, as_of: dt.datetime | None = None) -> list[Publication]:
        """Every publication up to `as_of`, oldest first; empty when nothing was ever published."""
        found = [_publication(row) for row in self._rows("publications")]
        return sorted(
            (p for p in found if as_of is None or p.published_at <= as_of), key=lambda p: (p.published_at, p.run_id)
        )

    def current(self, as_of: dt.datetime | None = None) -> dict[Key, Publication]:
        """What readers see of each (month, reconciliation): the newest publication, or the one it was closed at.

        So a run that was publishing while the month was being closed changes nothing.
        """
        publications = self.publications(as_of)
        closed_at = {(c.month, c.reconciliation, c.published_at, c.run_id) for c in self.closed(as_of).values()}
        closed = [p for p in publications if (p.month, p.reconciliation, p.published_at, p.run_id) in closed_at]
        return {(p.month, p.reconciliation): p for p in [*publications, *closed]}

    def closings(self, as_of: dt.datetime | None = None) -> list[Closing]:
        """The audit log up to `as_of`, oldest first."""
        rows = self._rows(_CLOSINGS)
        found = [Closing(month=f"{row.pop('billing_month'):%Y-%m}", **row) for row in rows]
        return sorted((c for c in found if as_of is None or c.recorded_at <= as_of), key=lambda c: c.recorded_at)

    def closed(self, as_of: dt.datetime | None = None) -> dict[Key, Closing]:
        """The closing of each month that is closed and was not reopened."""
        newest = {(c.month, c.reconciliation): c for c in self.closings(as_of)}
        return {key: closing for key, closing in newest.items() if closing.action == "close"}

    def record_closing(self, closing: Closing) -> None:
        """Append to the audit log; from `closing.recorded_at` on the month is closed, or open again."""
        row = asdict(closing) | {"billing_month": dt.date.fromisoformat(f"{closing.month}-01")}
        rows = pa.Table.from_pylist([row], _CLOSINGS_SCHEMA)
        _until_committed(lambda: write_deltalake(self._table(_CLOSINGS, _CLOSINGS_SCHEMA, []), rows, mode="append"))

    def replace_month(
        self,
        mart: Mart,
        month: str,
        reconciliation: str,
        rows: Callable[[], AbstractContextManager[pa.RecordBatchReader]],
    ) -> MartVersion:
        """Replace the month of a mart in one Delta commit; `rows` is asked anew when a concurrent commit wins.

        Readers do not see it before `record` names it.
        """
        partition = {"billing_month": f"{month}-01"} | ({"reconciliation": reconciliation} if mart.is_shared else {})
        predicate = " AND ".join(f"{name} = '{value}'" for name, value in partition.items())

        def write() -> MartVersion:
            with rows() as reader:
                table = self._table(mart.name, reader.schema, list(partition))
                write_deltalake(table, reader, mode="overwrite", predicate=predicate, schema_mode="merge")
            below = "/".join(f"{name}={value}" for name, value in partition.items())
            return MartVersion(table.version(), self._files(table, mart.name, below))

        return _until_committed(write)

    def record(self, publication: Publication) -> None:
        """Append the row that makes the publication what readers see."""
        marts = {name: {"version": m.version, "files": m.files} for name, m in publication.marts.items()}
        row = {
            "billing_month": dt.date.fromisoformat(f"{publication.month}-01"),
            "reconciliation": publication.reconciliation,
            "run_id": publication.run_id,
            "published_at": publication.published_at,
            "marts": json.dumps(marts, sort_keys=True),
        }
        log = pa.Table.from_pylist([row], _LOG_SCHEMA)
        _until_committed(lambda: write_deltalake(self._table("publications", _LOG_SCHEMA, []), log, mode="append"))

    def connect(self, marts: Iterable[Mart], as_of: dt.datetime | None = None) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection with every mart as a view of schema `marts`, at one moment of the log.

        It reaches files of the published tables and no others. Those DuckDB would also let it write: SQL that is not
        our own passes `require_reading` first.
        """
        current = list(self.current(as_of).values())
        connection = duckdb.connect()
        connection.execute("set timezone = 'UTC'; create schema marts")
        for mart in marts:
            files = [
                str(self.root / file) for p in current if mart.name in p.marts for file in p.marts[mart.name].files
            ]
            try:
                connection.execute(f"create view marts.{mart.name} as {_view_sql(mart, files)}")
            except duckdb.IOException as error:
                if as_of is None:
                    raise
                raise InputError(
                    f"What was published at {as_of:%Y-%m-%d %H:%M:%S} UTC is not all kept any more: `recon vacuum` "
                    "removed files of it (RECON_PUBLISHED_KEEP_DAYS). Choose a later time."
                ) from error
        connection.execute(f"create table marts.publications as {_log_sql(current)}")
        connection.register("closings", pa.Table.from_pylist(self._rows(_CLOSINGS), _CLOSINGS_SCHEMA))
        connection.execute(f"create table marts.{_CLOSINGS} as {_CLOSINGS_SQL}", [as_of])
        connection.unregister("closings")
        connection.execute("set allowed_directories = ?", [[str(self.root)]])
        connection.execute("set enable_external_access = false; set lock_configuration = true")
        return connection

    def newest_files(self, name: str) -> set[str]:
        """Files of a mart's newest Delta version, which readers of the Delta table itself see; relative to the root."""
        paths = (uri.replace("\\", "/") for uri in DeltaTable(self._uri(name)).file_uris())
        return {f"{name}/{path.rsplit(f'/{name}/', 1)[1]}" for path in paths}

    def file_system(self, name: str) -> pafs.PyFileSystem | None:
        """The folder of a mart's Delta table, to list and delete files; None before it was first published."""
        if not DeltaTable.is_deltatable(self._uri(name)):
            return None
        return pafs.PyFileSystem(DeltaStorageHandler(self._uri(name)))

    def _rows(self, log: str) -> list[dict[str, Any]]:
        """Rows of a log, in no order; none before it was first appended to."""
        try:
            table = DeltaTable(self._uri(log))
        except TableNotFoundError:
            return []
        return pa.table(table.to_pyarrow_table()).to_pylist()  # type: ignore[no-any-return]

    def _uri(self, table: str) -> str:
        return str(self.root / table)

    def _table(self, name: str, schema: pa.Schema, partition_by: list[str]) -> DeltaTable:
        (self.root / name).mkdir(parents=True, exist_ok=True)
        return DeltaTable.create(self._uri(name), schema, partition_by=partition_by or None, mode="ignore")

    def _files(self, table: DeltaTable, name: str, below: str) -> list[str]:
        paths = (uri.replace("\\", "/") for uri in table.file_uris())
        marker = f"/{name}/{below}/"
        return sorted(f"{name}/{below}/{path.rsplit(marker, 1)[1]}" for path in paths if marker in path)


def require_reading(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """InputError unless every statement of `sql` is a query: DuckDB lets COPY and ATTACH write wherever it may read.

    For SQL that a person typed. EXPLAIN is refused too: with ANALYZE it runs what it explains.
    """
    kinds = [statement.type.name for statement in connection.extract_statements(sql)]
    others = [kind for kind in kinds if kind != "SELECT"]
    if others:
        raise InputError(f"The published marts can only be read, and this is {' and '.join(others)}. Write a SELECT.")


def _until_committed(write: Callable[[], T]) -> T:
    """Retry a write that lost a race for the next Delta version."""
    retrying = Retrying(
        retry=retry_if_exception_type(CommitFailedError) | retry_if_exception_type(DeltaError),
        stop=stop_after_attempt(12),
        wait=wait_random_exponential(multiplier=0.05, max=2),
        reraise=True,
    )
    return retrying(write)


def _publication(row: dict[str, Any]) -> Publication:
    marts = {name: MartVersion(m["version"], m["files"]) for name, m in json.loads(row["marts"]).items()}
    month = f"{row['billing_month']:%Y-%m}"
    return Publication(month, row["reconciliation"], row["run_id"], row["published_at"], marts)


def _view_sql(mart: Mart, files: list[str]) -> str:
    empty = f"select {', '.join(f'cast(null as {c.sql_type}) as {c.name}' for c in mart.columns)} where false"
    if not files:
        return empty
    columns = ", ".join(f"cast({c.name} as {c.sql_type}) as {c.name}" for c in mart.columns)
    listed = ", ".join("'" + file.replace("'", "''") + "'" for file in sorted(files))
    rows = f"select * from read_parquet([{listed}], hive_partitioning = true, union_by_name = true)"
    # The empty part names the columns that a mart got after all of its months were published.
    return f"select {columns} from ({rows} union all by name {empty})"


def _log_sql(current: list[Publication]) -> str:
    rows = [
        f"(date '{p.month}-01', '{p.reconciliation}', '{p.run_id}', timestamp '{p.published_at:%Y-%m-%d %H:%M:%S.%f}')"
        for p in current
    ]
    values = ", ".join(rows) or "(null::date, null, null, null::timestamp)"
    return (
        f"select * from (values {values}) as log(billing_month, reconciliation, run_id, published_at) "
        "where billing_month is not null"
    )
