"""Published tables: Delta, one version per publish, and the log whose newest row per month is the commit.

    published/<mart>/            a Delta table, partitioned by month (and reconciliation, where several share it)
    published/publications/      month, reconciliation, run, version and files of every mart
    published/month_closings/    months closed and reopened: when, by whom, at which publication, why
    published/reported_issues/   not monthly: replaced whole, each version says when it was published

A reader takes each month's files from the month's own newest row, so a month is never half new; of a closed month from
the row that its closing names. Both logs are only ever appended to.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar
from weakref import finalize

import duckdb
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from recon_assets.catalogue.marts import Mart
from recon_assets.clock import Clock
from recon_assets.errors import FileGone, InputError

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
    from closings order by recorded_at
"""
Key = tuple[str, str]  # month, reconciliation
T = TypeVar("T")


class NotKept(InputError):
    """What readers saw at that moment cannot be read any more."""


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
        done = "closed" if self.action == "close" else "reopened"
        when = f"{self.recorded_at:%Y-%m-%d %H:%M:%S}"
        return f"{self.month} {self.reconciliation} was {done} by {self.recorded_by} at {when} UTC"


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
        found = [_publication(row) for row in self._rows("publications")]
        # A row is there twice when the answer to its commit got lost on the way and the commit was tried again.
        found = list({_identity(p): p for p in found}.values())
        # A run publishes its months in order, within one instant if its clock stands still.
        known = (p for p in found if as_of is None or p.published_at <= as_of)
        return sorted(known, key=lambda p: (p.published_at, p.run_id, p.month))

    def current(self, as_of: dt.datetime | None = None) -> dict[Key, Publication]:
        """What readers see of each (month, reconciliation): the newest publication, or the one it was closed at.

        So a run that was publishing while the month was being closed changes nothing.
        """
        return current_publications(self.publications(as_of), self.closings(as_of))

    def closings(self, as_of: dt.datetime | None = None) -> list[Closing]:
        """The audit log up to `as_of`, oldest first."""
        rows = self._rows(_CLOSINGS)
        found = [Closing(month=f"{row.pop('billing_month'):%Y-%m}", **row) for row in rows]
        # A row may be there twice, as in `publications`.
        return sorted(
            (c for c in dict.fromkeys(found) if as_of is None or c.recorded_at <= as_of), key=lambda c: c.recorded_at
        )

    def closed(self, as_of: dt.datetime | None = None) -> dict[Key, Closing]:
        """The closing of each month that is closed and was not reopened."""
        return closed_months(self.closings(as_of))

    def record_closing(self, closing: Closing) -> None:
        """Append to the audit log; from `closing.recorded_at` on the month is closed, or open again."""
        rows = pa.Table.from_pylist([_closing_row(closing)], _CLOSINGS_SCHEMA)
        with self.problems():
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

        with self.problems():
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
        with self.problems():
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

        with self.problems():
            return _until_committed(write)

    def connect(
        self, marts: Iterable[Mart], as_of: dt.datetime | None = None, config: dict[str, Any] | None = None
    ) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection with every mart as a view of schema `marts`, at one moment of the log.

        `config` are DuckDB's own settings, such as memory_limit.

        It reaches files of the published tables and no others. Those DuckDB would also let it write: SQL that is not
        our own passes `require_reading` first.
        """
        marts = list(marts)
        current = list(self.current(as_of).values())
        files = [(mart, self._files_at(mart, current, as_of)) for mart in marts]
        connection = duckdb.connect(config=config or {})
        connection.execute("set timezone = 'UTC'; create schema marts")
        try:
            finalize(connection, self.bring(file for _, of_mart in files for file in of_mart).close)
            for mart, of_mart in files:
                sql = _view_sql(mart, [str(self.root / file) for file in of_mart])
                connection.execute(f"create view marts.{mart.name} as {sql}")
        except (duckdb.IOException, FileGone) as error:
            if as_of is None or files == self._files_now(marts):  # vacuum leaves those alone
                raise
            raise NotKept(
                f"What was published at {as_of:%Y-%m-%d %H:%M:%S} UTC is not all kept any more: `recon vacuum` "
                "removed files of it (RECON_PUBLISHED_KEEP_DAYS). Choose a later time."
            ) from error
        connection.execute(f"create table marts.publications as {_log_sql(current)}")
        closings = [_closing_row(closing) for closing in self.closings(as_of)]
        connection.register("closings", pa.Table.from_pylist(closings, _CLOSINGS_SCHEMA))
        connection.execute(f"create table marts.{_CLOSINGS} as {_CLOSINGS_SQL}")
        connection.unregister("closings")
        connection.execute("set allowed_directories = ?", [[str(self.root)]])
        connection.execute("set enable_external_access = false; set lock_configuration = true")
        return connection

    def newest_files(self, mart: Mart) -> set[str]:
        """Files of a mart's newest Delta version, which readers of the Delta table itself see; relative to the root."""
        with self.problems():
            return set(_files_of(self._open(mart.name), mart.name))

    def files_seen_since(self, mart: Mart, since: dt.datetime) -> set[str]:
        """Files of the versions of a mart that is not monthly which readers saw at some time after `since`."""
        with self.problems():
            table = self._open(mart.name)
            stamps = _stamps(table)
            before = [version for at, version in stamps if at <= since][:1]
            files: set[str] = set()
            for version in [*(version for at, version in stamps if at > since), *before]:
                table.load_as_version(version)
                files.update(_files_of(table, mart.name))
            return files

    def file_system(self, mart: Mart) -> pafs.PyFileSystem | None:
        """The folder of a mart's Delta table, to list and delete files; None before it was first published."""
        with self.problems():
            if not DeltaTable.is_deltatable(self._uri(mart.name), self._options()):
                return None
            return pafs.PyFileSystem(DeltaStorageHandler(self._uri(mart.name), self._options()))

    def problems(self) -> AbstractContextManager[None]:
        """Turns what delta-rs says of storage on Azure into errors of ours."""
        return self.azure.problems() if self.azure else nullcontext()

    def _rows(self, log: str) -> list[dict[str, Any]]:
        """Rows of a log, in no order; none before it was first appended to."""
        with self.problems():
            try:
                table = self._open(log)
            except TableNotFoundError:
                return []
            rows: list[dict[str, Any]] = self._read(table, log).to_pylist()
            return rows

    def _open(self, name: str) -> DeltaTable:
        return DeltaTable(self._uri(name), storage_options=self._options())

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

    def _files_at(self, mart: Mart, current: list[Publication], as_of: dt.datetime | None) -> list[str]:
        if not mart.is_monthly:
            return self._whole_files(mart, as_of)
        return [file for p in current if mart.name in p.marts for file in p.marts[mart.name].files]

    def _files_now(self, marts: Iterable[Mart]) -> list[tuple[Mart, list[str]]]:
        current = list(self.current().values())
        return [(mart, self._files_at(mart, current, None)) for mart in marts]

    def _whole_files(self, mart: Mart, as_of: dt.datetime | None) -> list[str]:
        """Files of a mart that is not monthly, newest or as they were; none when it was never published."""
        with self.problems():
            try:
                table = self._open(mart.name)
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


def current_publications(publications: Iterable[Publication], closings: Iterable[Closing]) -> dict[Key, Publication]:
    """What readers see of each (month, reconciliation), of logs up to one moment, oldest first."""
    found = list(publications)
    closed_at = {(c.month, c.reconciliation, c.published_at, c.run_id) for c in closed_months(closings).values()}
    closed = [p for p in found if (p.month, p.reconciliation, p.published_at, p.run_id) in closed_at]
    return {(p.month, p.reconciliation): p for p in [*found, *closed]}


def closed_months(closings: Iterable[Closing]) -> dict[Key, Closing]:
    """The closing of each month that is closed and was not reopened, of an audit log, oldest first."""
    newest = {(c.month, c.reconciliation): c for c in closings}
    return {key: closing for key, closing in newest.items() if closing.action == "close"}


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


def _closing_row(closing: Closing) -> dict[str, Any]:
    row = asdict(closing)
    return {"billing_month": dt.date.fromisoformat(f"{row.pop('month')}-01"), **row}


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
