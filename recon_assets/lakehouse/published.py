"""Published tables: Delta, one version per publish, and the log whose newest row per month is the commit.

    published/<mart>/            a Delta table, partitioned by month (and reconciliation, where several share it)
    published/publications/      month, reconciliation, run, version and files of every mart
    published/month_closings/    months closed and reopened: when, by whom, at which publication, why
    published/reported_issues/   not monthly: replaced whole, each version says when it was published

A reader takes each month's files from the month's own newest row, so a month is never half new.
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import finalize

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
from deltalake import DeltaTable

from recon_assets.catalogue.marts import Mart, MartColumn
from recon_assets.catalogue.raw_tables import raw_tables
from recon_assets.clock import Clock
from recon_assets.errors import FileGone, InputError
from recon_assets.lakehouse.log import (
    Closing,
    Closings,
    Key,
    MartVersion,
    Publication,
    Publications,
    closed_months,
)
from recon_assets.lakehouse.raw import RawStore
from recon_assets.lakehouse.tables import Partition, Tables, files_of, until_committed
from recon_assets.lakehouse.views import add_logs, mart_schema, quoted, raw_sql, view_sql
from recon_assets.transport.locks import lock_file

if TYPE_CHECKING:
    from recon_assets.lakehouse.azure import AzureTables

# In the commit of a table that is not monthly: when it was published, by the clock that the marts were published by.
_PUBLISHED_AT = "published_at"


class NotKept(InputError):
    """What readers saw at that moment cannot be read any more."""


@dataclass(frozen=True)
class MonthFiles:
    """A month of a mart, written and not committed: no reader sees it. `table` is its table, where that is open."""

    mart: Mart
    folder: str
    partition: Partition
    files: list[str]
    table: DeltaTable | None = field(default=None, compare=False, repr=False)


@dataclass(frozen=True)
class PublishedStore:
    """`root` holds the tables, or with `azure` local copies of the data files that are being read."""

    root: Path
    azure: "AzureTables | None" = None

    @cached_property
    def tables(self) -> Tables:
        return Tables(self.root, self.azure)

    @cached_property
    def _publications(self) -> Publications:
        return Publications(self.tables)

    @cached_property
    def _closings(self) -> Closings:
        return Closings(self.tables)

    @property
    def name(self) -> str:
        return str(self.azure.url if self.azure else self.root)

    def publications(self, as_of: dt.datetime | None = None) -> list[Publication]:
        """Every publication up to `as_of`, oldest first; empty when nothing was ever published."""
        return self._publications.all(as_of)

    def moments(self) -> dict[str, list[dt.datetime]]:
        """When each reconciliation was ever published, newest first."""
        return self._publications.moments()

    def current(self, as_of: dt.datetime | None = None) -> dict[Key, Publication]:
        """What readers see of each (month, reconciliation): the newest publication, or the one it was closed at.

        So a run that was publishing while the month was being closed changes nothing.
        """
        return self._publications.current(self.closings(as_of), as_of)

    def closings(self, as_of: dt.datetime | None = None) -> list[Closing]:
        """The audit log up to `as_of`, oldest first."""
        return self._closings.all(as_of)

    def closed(self, as_of: dt.datetime | None = None) -> dict[Key, Closing]:
        """The closing of each month that is closed and was not reopened."""
        return closed_months(self.closings(as_of))

    def record_closing(self, closing: Closing) -> None:
        """Append to the audit log; from `closing.recorded_at` on the month is closed, or open again."""
        self._closings.append(closing)

    @contextmanager
    def publishing(self) -> Iterator[None]:
        """Held while tables and log are changed together, by one process of this machine at a time."""
        folder = self.azure.cache.folder if self.azure else self.root
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".publishing").open("w", encoding="utf-8") as file:
            lock_file(file.fileno(), wait=True)
            yield

    def write_month(
        self, mart: Mart, month: str, reconciliation: str, connection: duckdb.DuckDBPyConnection, *sqls: str
    ) -> MonthFiles:
        """Write the rows of queries, in their order a file each, as the month that `commit_month` makes the newest."""
        partition = partition_of(mart, month, reconciliation)
        apart = partition_columns(mart)
        folders = self.tables.folders(mart.name)
        folder = self.tables.place(mart.name, mart_schema(mart), apart, folders=folders)
        columns = ", ".join(_written(column) for column in mart.columns if column.name not in apart)
        connection.execute("set timezone = 'UTC'")
        written = [self.tables.write(folder, partition, connection, f"select {columns} from ({sql})") for sql in sqls]
        return MonthFiles(mart, folder, partition, [file for files in written for file in files], folders.get(folder))

    def commit_month(self, month: MonthFiles) -> MartVersion:
        """Replace the month of a mart in one Delta commit. Whoever reads by the log waits until `record` names it."""
        schema = mart_schema(month.mart)
        opened = [month.table] if month.table else []  # for the first attempt; once it is outdated no commit succeeds

        def commit() -> int:
            table = opened.pop() if opened else self.tables.open(month.folder)
            return self.tables.replace(table, month.folder, schema, month.partition, month.files)

        with self.tables.problems():
            return MartVersion(until_committed(commit), month.files)

    def record(self, publication: Publication) -> None:
        """Append the row that makes the publication what readers see."""
        self._publications.append(publication)

    def replace_whole(self, mart: Mart, rows: Callable[[], pa.Table], run_id: str, clock: Clock) -> MartVersion:
        """Replace a mart that is not monthly in one Delta commit: readers see it as it was or as it is.

        `rows` gives its columns but the last two, published_at and run_id. It is asked after the version to replace is
        known, and anew when another commit wins: what was read earlier never replaces what was read later. Rows that
        are published already are not published again.
        """

        def write() -> MartVersion:
            # The log is the history that `as_of` reads.
            kept = {"delta.enableExpiredLogCleanup": "false"}
            folder = self.tables.place(mart.name, mart_schema(mart), properties=kept)
            table = self.tables.open(folder)
            found, files = rows(), files_of(table, folder)
            if _same_rows(found, self._read(files, mart)):
                return MartVersion(int(table.version()), files)
            stamps = self._stamps(mart)
            published_at = max([clock(), *(at + dt.timedelta(microseconds=1) for at, _, _ in stamps)])
            with duckdb.connect() as connection:
                connection.register("stamped", _stamped(mart, found, published_at, run_id))
                files = self.tables.write(folder, (), connection, "select * from stamped")
            told = {_PUBLISHED_AT: published_at.isoformat()}
            return MartVersion(self.tables.replace(table, folder, mart_schema(mart), (), files, told), files)

        with self.tables.problems():
            return until_committed(write)

    def connect(
        self,
        marts: Iterable[Mart],
        as_of: dt.datetime | None = None,
        config: dict[str, Any] | None = None,
        raw: RawStore | None = None,
    ) -> duckdb.DuckDBPyConnection:
        """A DuckDB connection with every mart as a view of schema `marts`, at one moment of the log.

        `config` are DuckDB's own settings, such as memory_limit; `raw` adds the tables of the raw months, as they are
        loaded now, as views of schema `raw`.

        It reaches files of the published tables and no others. Those DuckDB would also let it write: SQL that is not
        our own passes `require_reading` first.
        """
        marts = list(marts)
        current = list(self.current(as_of).values())
        files = [(mart, self._files_at(mart, current, as_of)) for mart in marts]
        connection = duckdb.connect(config=config or {})
        connection.execute("set timezone = 'UTC'; create schema marts")
        try:
            finalize(connection, self.tables.bring([file for _, of_mart in files for file in of_mart]).close)
            for mart, of_mart in files:
                sql = view_sql(mart, [str(self.root / file) for file in of_mart])
                connection.execute(f"create view marts.{mart.name} as {sql}")
        except (duckdb.IOException, FileGone) as error:
            if as_of is None or files == self._files_now(marts):  # vacuum leaves those alone
                raise
            raise NotKept(
                f"What was published at {as_of:%Y-%m-%d %H:%M:%S} UTC is not all kept any more: `recon vacuum` "
                "removed files of it (RECON_PUBLISHED_KEEP_DAYS). Choose a later time."
            ) from error
        add_logs(connection, current, self.closings(as_of))
        if raw is not None:
            connection.execute("create schema raw")
            for table in (table for table in raw_tables() if table.table != "loads"):  # those are in the records
                connection.execute(f"create view raw.{table.name} as {raw_sql(table, raw.files_of(table))}")
        folders = ", ".join(quoted(str(store.root)) for store in (self, raw) if store is not None)
        connection.execute(f"set allowed_directories = [{folders}]")
        connection.execute("set enable_external_access = false; set lock_configuration = true")
        return connection

    def whole_files_since(self, mart: Mart, since: dt.datetime) -> set[str]:
        """Files of the versions of a mart that is not monthly which readers saw at some time after `since`."""
        stamps = self._stamps(mart)
        before = [stamp for stamp in stamps if stamp[0] <= since][:1]
        found: set[str] = set()
        for _, folder, version in [*(stamp for stamp in stamps if stamp[0] > since), *before]:
            found.update(files_of(self._open_at(folder, version), folder))
        return found

    def _read(self, files: list[str], mart: Mart) -> pa.Table:
        with self.tables.bring(files):
            parts = [pq.read_table(self.root / file, partitioning=None) for file in files]
        return pa.concat_tables(parts or [mart_schema(mart).empty_table()])

    def _files_at(self, mart: Mart, current: list[Publication], as_of: dt.datetime | None) -> list[str]:
        if not mart.is_monthly:
            return self._whole_files(mart, as_of)
        return [file for p in current if mart.name in p.marts for file in p.marts[mart.name].files]

    def _files_now(self, marts: Iterable[Mart]) -> list[tuple[Mart, list[str]]]:
        current = list(self.current().values())
        return [(mart, self._files_at(mart, current, None)) for mart in marts]

    def _whole_files(self, mart: Mart, as_of: dt.datetime | None) -> list[str]:
        """Files of a mart that is not monthly, newest or as they were; none when it was not published by then."""
        if as_of is not None:
            seen = [(folder, version) for at, folder, version in self._stamps(mart) if at <= as_of][:1]
            return [file for folder, version in seen for file in files_of(self._open_at(folder, version), folder)]
        for folder, table in reversed(self.tables.folders(mart.name).items()):
            if table.version() > 0:  # the first version only makes the table
                return files_of(table, folder)
        return []

    def _stamps(self, mart: Mart) -> list[tuple[dt.datetime, str, int]]:
        """When each version of a table that is not monthly was published, and where it is; newest first."""
        found = []
        for folder, table in self.tables.folders(mart.name).items():
            commits = [commit for commit in table.history() if _PUBLISHED_AT in commit]
            found += [(dt.datetime.fromisoformat(c[_PUBLISHED_AT]), folder, c["version"]) for c in commits]
        return sorted(found, reverse=True)

    def _open_at(self, folder: str, version: int) -> DeltaTable:
        table = self.tables.open(folder)
        with self.tables.problems():
            table.load_as_version(version)
        return table


def _written(column: MartColumn) -> str:
    """A column as it is written. Texts may be enumerations, which DuckDB writes as texts in a tenth of the time."""
    return column.name if column.sql_type == "varchar" else f"cast({column.name} as {column.sql_type}) as {column.name}"


def partition_columns(mart: Mart) -> list[str]:
    return ["billing_month", "reconciliation"] if mart.is_shared else ["billing_month"]


def partition_of(mart: Mart, month: str, reconciliation: str) -> Partition:
    return tuple(zip(partition_columns(mart), (f"{month}-01", reconciliation), strict=False))


def _same_rows(found: pa.Table, before: pa.Table) -> bool:
    if before.column_names[:-2] != found.column_names:
        return False
    return bool(before.select(found.column_names).cast(found.schema).equals(found))


def _stamped(mart: Mart, rows: pa.Table, published_at: dt.datetime, run_id: str) -> pa.Table:
    schema = mart_schema(mart)
    for column, value in zip(list(schema)[-2:], (published_at, run_id), strict=True):
        rows = rows.append_column(column, pa.array([value] * rows.num_rows, column.type))
    return rows.cast(schema)
