"""Published tables: Delta, one version per publish, and the log whose newest row per month is the commit.

    published/<mart>/            a Delta table, partitioned by month (and reconciliation, where several share it)
    published/publications/      month, reconciliation, run, version and files of every mart
    published/reported_issues/   not monthly: replaced whole, each version says when it was published

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
from deltalake import CommitProperties, DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from recon_assets.clock import Clock
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
# Rows come in the order of the mart's grain: in small groups, readers who name its columns skip nearly all of a month.
_ROW_GROUP = 131_072
# In the commit of a table that is not monthly: when it was published, by the clock that the marts were published by.
_PUBLISHED_AT = "published_at"
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
            rows = self._read(log, "publications").to_pylist()
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
                write_deltalake(
                    table,
                    reader,
                    mode="overwrite",
                    predicate=predicate,
                    schema_mode="merge",
                    writer_properties=WriterProperties(max_row_group_size=_ROW_GROUP),
                )
            below = "/".join([mart.name, *(f"{name}={value}" for name, value in partition.items()), ""])
            return MartVersion(table.version(), [f for f in _files_of(table, mart.name) if f.startswith(below)])

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

    def replace_whole(self, mart: Mart, rows: Callable[[], pa.Table], run_id: str, clock: Clock) -> MartVersion:
        """Replace a mart that is not monthly in one Delta commit: readers see it as it was or as it is.

        `rows` gives its columns but the last two, published_at and run_id. It is asked after the version to replace is
        known, and anew when another commit wins: what was read earlier never replaces what was read later. Rows that
        are published already are not published again.
        """

        def write() -> MartVersion:
            # The log is the history that `as_of` reads.
            table = self._table(mart.name, _schema(mart), [], {"delta.enableExpiredLogCleanup": "false"})
            found = rows()
            if not _same_rows(found, self._read(table, mart.name)):
                published_at = max([clock(), *(at + dt.timedelta(microseconds=1) for at, _ in _stamps(table))])
                write_deltalake(
                    table,
                    _stamped(mart, found, published_at, run_id),
                    mode="overwrite",
                    schema_mode="overwrite",
                    commit_properties=CommitProperties({_PUBLISHED_AT: published_at.isoformat()}, max_commit_retries=0),
                )
            return MartVersion(table.version(), _files_of(table, mart.name))

        with self._problems():
            return _until_committed(write)

    def connect(
        self, marts: Iterable[Mart], as_of: dt.datetime | None = None, config: dict[str, Any] | None = None
    ) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection with every mart as a view of schema `marts`, at one moment of the log.

        `config` are DuckDB's own settings, such as memory_limit.

        It reaches files of the published tables and no others. Those DuckDB would also let it write: SQL that is not
        our own passes `require_reading` first.
        """
        current = list(self.current(as_of).values())
        files = [(mart, self._files_at(mart, current, as_of)) for mart in marts]
        connection = duckdb.connect(config=config or {})
        finalize(connection, self.bring(file for _, of_mart in files for file in of_mart).close)
        connection.execute("set timezone = 'UTC'; create schema marts")
        for mart, of_mart in files:
            sql = _view_sql(mart, [str(self.root / file) for file in of_mart])
            connection.execute(f"create view marts.{mart.name} as {sql}")
        connection.execute(f"create table marts.publications as {_log_sql(current)}")
        connection.execute("set allowed_directories = ?", [[str(self.root)]])
        connection.execute("set enable_external_access = false; set lock_configuration = true")
        return connection

    def _read(self, table: DeltaTable, name: str) -> pa.Table:
        """All rows of a table that is not partitioned, such as the log."""
        if self.azure is None:
            return pa.table(table.to_pyarrow_table())
        # A log has a file per row: those that were read before are not asked for again.
        files, schema = _files_of(table, name), pa.schema(table.schema().to_arrow())
        with self.bring(files):
            parts = [pq.read_table(self.root / file, schema=schema, partitioning=None) for file in files]
        return pa.concat_tables(parts or [schema.empty_table()])

    def _uri(self, table: str) -> str:
        return self.azure.uri(table) if self.azure else str(self.root / table)

    def _options(self) -> dict[str, str] | None:
        return self.azure.options() if self.azure else None

    def _problems(self) -> AbstractContextManager[None]:
        return self.azure.problems() if self.azure else nullcontext()

    def _files_at(self, mart: Mart, current: list[Publication], as_of: dt.datetime | None) -> list[str]:
        if not mart.is_monthly:
            return self._whole_files(mart, as_of)
        return [file for p in current if mart.name in p.marts for file in p.marts[mart.name].files]

    def _whole_files(self, mart: Mart, as_of: dt.datetime | None) -> list[str]:
        """Files of a mart that is not monthly, newest or as they were; none when it was never published."""
        with self._problems():
            try:
                table = DeltaTable(self._uri(mart.name), storage_options=self._options())
            except TableNotFoundError:
                return []
            if as_of is not None:
                table.load_as_version(next((version for at, version in _stamps(table) if at <= as_of), 0))
            return _files_of(table, mart.name)

    def _table(
        self, name: str, schema: pa.Schema, partition_by: list[str], properties: dict[str, str] | None = None
    ) -> DeltaTable:
        if self.azure is None:
            (self.root / name).mkdir(parents=True, exist_ok=True)
        return DeltaTable.create(
            self._uri(name),
            schema,
            partition_by=partition_by or None,
            mode="ignore",
            configuration=properties,
            storage_options=self._options(),
        )


def _files_of(table: DeltaTable, name: str) -> list[str]:
    """Files of the version that is loaded, relative to `published/`."""
    paths = (uri.replace("\\", "/") for uri in table.file_uris())
    return sorted(f"{name}/{path.rsplit(f'/{name}/', 1)[1]}" for path in paths)


def _stamps(table: DeltaTable) -> list[tuple[dt.datetime, int]]:
    """When each version of a table that is not monthly was published, newest first."""
    commits = [commit for commit in table.history() if _PUBLISHED_AT in commit]
    return sorted(((dt.datetime.fromisoformat(c[_PUBLISHED_AT]), c["version"]) for c in commits), reverse=True)


def _schema(mart: Mart) -> pa.Schema:
    with duckdb.connect() as connection:
        return connection.execute(_view_sql(mart, [])).to_arrow_table().schema


def _same_rows(found: pa.Table, before: pa.Table) -> bool:
    if before.column_names[:-2] != found.column_names:
        return False
    return bool(before.select(found.column_names).cast(found.schema).equals(found))


def _stamped(mart: Mart, rows: pa.Table, published_at: dt.datetime, run_id: str) -> pa.Table:
    schema = _schema(mart)
    stamps = (published_at.replace(tzinfo=None), run_id)
    for field, value in zip(list(schema)[-2:], stamps, strict=True):
        rows = rows.append_column(field, pa.array([value] * rows.num_rows, field.type))
    return rows.cast(schema)


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
