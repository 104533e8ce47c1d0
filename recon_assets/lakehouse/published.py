"""Published tables: Delta, one version per publish, and the log whose newest row per month is the commit.

    published/<mart>/            a Delta table, partitioned by month (and reconciliation, where several share it)
    published/publications/      month, reconciliation, run, version and files of every mart

A reader takes each month's files from the month's own newest row, so a month is never half new.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from weakref import finalize

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from recon_assets.errors import InputError
from recon_assets.pipeline.marts import Mart

if TYPE_CHECKING:
    from recon_assets.lakehouse.azure import AzureTables

_LOG_SCHEMA = pa.schema(
    [
        pa.field("billing_month", pa.date32()),
        pa.field("reconciliation", pa.string()),
        pa.field("run_id", pa.string()),
        pa.field("published_at", pa.timestamp("us", tz="UTC")),
        pa.field("marts", pa.string()),
    ]
)
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
class PublishedStore:
    """`root` holds the tables, or with `azure` local copies of the data files that are being read."""

    root: Path
    azure: "AzureTables | None" = None

    @property
    def name(self) -> str:
        return str(self.azure.url if self.azure else self.root)

    def publications(self, as_of: dt.datetime | None = None) -> list[Publication]:
        """Every publication up to `as_of`, oldest first; empty when nothing was ever published."""
        with self._problems():
            try:
                log = DeltaTable(self._uri("publications"), storage_options=self._options())
            except TableNotFoundError:
                return []
            rows = self._log_rows(log)
        # A row is there twice when the answer to its commit got lost on the way and the commit was tried again.
        found = list({_identity(p): p for p in map(_publication, rows)}.values())
        return sorted(
            (p for p in found if as_of is None or p.published_at <= as_of), key=lambda p: (p.published_at, p.run_id)
        )

    def current(self, as_of: dt.datetime | None = None) -> dict[tuple[str, str], Publication]:
        """The newest publication of each (month, reconciliation)."""
        return {(p.month, p.reconciliation): p for p in self.publications(as_of)}

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

        with self._problems():
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
        with self._problems():
            _until_committed(lambda: write_deltalake(self._table("publications", _LOG_SCHEMA, []), log, mode="append"))

    def bring(self, files: Iterable[str]) -> ExitStack:
        """See that `files` can be read below `root`, until what is returned is closed."""
        held = ExitStack()
        if self.azure:
            held.callback(self.azure.bring(files).release)
        return held

    def connect(self, marts: Iterable[Mart], as_of: dt.datetime | None = None) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection with every mart as a view of schema `marts`, at one moment of the log.

        It reaches files of the published tables and no others. Those DuckDB would also let it write: SQL that is not
        our own passes `require_reading` first.
        """
        current = list(self.current(as_of).values())
        marts = list(marts)
        files = (f for p in current for mart in marts if mart.name in p.marts for f in p.marts[mart.name].files)
        brought = self.bring(files)
        connection = duckdb.connect()
        finalize(connection, brought.close)
        connection.execute("set timezone = 'UTC'; create schema marts")
        for mart in marts:
            paths = [
                str(self.root / file) for p in current if mart.name in p.marts for file in p.marts[mart.name].files
            ]
            connection.execute(f"create view marts.{mart.name} as {_view_sql(mart, paths)}")
        connection.execute(f"create table marts.publications as {_log_sql(current)}")
        connection.execute("set allowed_directories = ?", [[str(self.root)]])
        connection.execute("set enable_external_access = false; set lock_configuration = true")
        return connection

    def _log_rows(self, log: DeltaTable) -> list[dict[str, Any]]:
        if self.azure is None:
            whole: list[dict[str, Any]] = pa.table(log.to_pyarrow_table()).to_pylist()
            return whole
        # A file per publication: those that were read before are not asked for again.
        names = [f"publications/{uri.rpartition('/')[2]}" for uri in log.file_uris()]
        with self.bring(names):
            tables = [pq.read_table(self.root / name, schema=_LOG_SCHEMA, partitioning=None) for name in names]
        rows: list[dict[str, Any]] = pa.concat_tables(tables or [_LOG_SCHEMA.empty_table()]).to_pylist()
        return rows

    def _uri(self, table: str) -> str:
        return self.azure.uri(table) if self.azure else str(self.root / table)

    def _options(self) -> dict[str, str] | None:
        return self.azure.options() if self.azure else None

    def _problems(self) -> AbstractContextManager[None]:
        return self.azure.problems() if self.azure else nullcontext()

    def _table(self, name: str, schema: pa.Schema, partition_by: list[str]) -> DeltaTable:
        if self.azure is None:
            (self.root / name).mkdir(parents=True, exist_ok=True)
        return DeltaTable.create(
            self._uri(name), schema, partition_by=partition_by or None, mode="ignore", storage_options=self._options()
        )

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


def _identity(publication: Publication) -> tuple[str, str, str, dt.datetime]:
    return publication.month, publication.reconciliation, publication.run_id, publication.published_at


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
