"""Delta tables below `published/`: where each lies, what files it has, and how files get into it.

    <name>/      where a table begins
    <name>_2/    where it goes on when the first cannot take its columns as they are now; and so on

A column's type cannot be changed in place, and a timestamp without zone, as marts once had, holds a table at reader
version 3, which not everybody reads. Nothing here knows publications.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from uuid import uuid4

import duckdb
import pyarrow as pa
import pyarrow.fs as pafs
import pyarrow.parquet as pq
from deltalake import CommitProperties, DeltaTable, Schema
from deltalake.exceptions import CommitFailedError, DeltaError, TableNotFoundError
from deltalake.fs import DeltaStorageHandler
from deltalake.transaction import AddAction
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

if TYPE_CHECKING:
    from recon_assets.lakehouse.azure import AzureTables

# Rows come in the order of the mart's grain: in small groups, readers who name its columns skip nearly all of a month.
_ROW_GROUP = 131_072
Partition = tuple[tuple[str, str], ...]  # names and values, in the order of the folders; () for a table without
T = TypeVar("T")


@dataclass(frozen=True)
class Tables:
    """`root` holds the tables, or with `azure` local copies of their data files."""

    root: Path
    azure: "AzureTables | None" = None

    def reach(self) -> None:
        """OSError or ReconError when what holds the tables does not answer. Looks into none of them."""
        if self.azure is not None:
            self.azure.reach()
        elif self.root.exists():
            next(self.root.iterdir(), None)

    def folders(self, name: str) -> dict[str, DeltaTable]:
        """Where a table has been, oldest first, each at its newest version; it is now in the last, if in any."""
        found: dict[str, DeltaTable] = {}
        # DeltaTable.is_deltatable would keep every other thread waiting for storage.
        with suppress(TableNotFoundError):
            while self._may_be_there(folder := _folder(name, len(found))):
                found[folder] = self.open(folder)
        return found

    def _may_be_there(self, folder: str) -> bool:
        """Told without opening it, where that is cheap."""
        return self.azure is not None or (self.root / folder).is_dir()

    def place(
        self,
        name: str,
        schema: pa.Schema,
        partition_by: Sequence[str] = (),
        properties: Mapping[str, str] | None = None,
        folders: Mapping[str, DeltaTable] | None = None,
    ) -> str:
        """The folder of a table that takes rows of `schema`; made when there is none yet.

        `folders` are those of the table, where they are known already: opening them takes a millisecond each.
        """
        folders = self.folders(name) if folders is None else folders
        for folder, table in list(folders.items())[-1:]:
            if _takes(table, schema):
                return folder
        folder = _folder(name, len(folders))
        self.create(folder, schema, partition_by, properties)
        return folder

    def create(
        self,
        folder: str,
        schema: pa.Schema,
        partition_by: Sequence[str] = (),
        properties: Mapping[str, str] | None = None,
    ) -> None:
        if self.azure is None:
            (self.root / folder).mkdir(parents=True, exist_ok=True)
        # Bounds of dates alone are written and read: delta-rs takes a column that has none for one that has no value,
        # and would write those of a DECIMAL through a float. Either way readers who filter lose rows.
        dates = ",".join(field.name for field in _dates(schema) if field.name not in partition_by)
        with self.problems():
            DeltaTable.create(
                self.uri(folder),
                schema,
                partition_by=list(partition_by) or None,
                mode="ignore",
                configuration={"delta.dataSkippingStatsColumns": dates, **(properties or {})},
                storage_options=self.options(),
            )

    def open(self, folder: str) -> DeltaTable:
        """A table at its newest version; TableNotFoundError when there is none."""
        with self.problems():
            return DeltaTable(self.uri(folder), storage_options=self.options())

    def write(self, folder: str, partition: Partition, connection: duckdb.DuckDBPyConnection, sql: str) -> list[str]:
        """Let DuckDB write the rows of a query into a data file, in their order; its name, none when there is no row.

        No reader sees it before it is committed. The query leaves out the columns of the partition.
        """
        below = "/".join([folder, *(f"{name}={value}" for name, value in partition)])
        file = f"{below}/{uuid4().hex}.parquet"
        if self.azure is not None:
            return [file] if self.azure.add(file, lambda path: _copy(connection, sql, path)) else []
        (self.root / below).mkdir(parents=True, exist_ok=True)
        if _copy(connection, sql, self.root / file):
            return [file]
        (self.root / file).unlink()
        return []

    def replace(
        self,
        table: DeltaTable,
        folder: str,
        schema: pa.Schema,
        partition: Partition,
        files: list[str],
        told: Mapping[str, str] | None = None,
    ) -> int:
        """Make `files` all that the partition holds, in one commit after the version that `table` has loaded.

        Returns the version; CommitFailedError when another commit took it. `told` is kept with the commit.
        """
        if sorted(files) == files_of(table, folder, partition):  # the answer to the commit got lost: tried again
            return int(table.version())
        with self.bring(files):
            added = [_add_action(self.root, folder, file, partition, schema) for file in files]
        table.create_write_transaction(
            added,
            "overwrite",
            schema,
            [name for name, _ in partition],
            [(name, "=", value) for name, value in partition] or None,
            # Two that fill an empty partition do not get in each other's way, says Delta, and both would stay.
            commit_properties=CommitProperties(dict(told or {}), max_commit_retries=0),
        )
        return int(table.version()) + 1  # `table` stays as it was loaded

    def bring(self, files: Sequence[str]) -> ExitStack:
        """See that `files` can be read below `root`, until what is returned is closed."""
        held = ExitStack()
        if self.azure:
            held.callback(self.azure.bring(files).release)
        return held

    def file_system(self, folder: str) -> pafs.PyFileSystem:
        """The folder of a table, to list and delete files."""
        return pafs.PyFileSystem(DeltaStorageHandler(self.uri(folder), self.options()))

    def problems(self) -> AbstractContextManager[None]:
        """Turns what delta-rs says of storage on Azure into errors of ours."""
        return self.azure.problems() if self.azure else nullcontext()

    def uri(self, folder: str) -> str:
        return self.azure.uri(folder) if self.azure else str(self.root / folder)

    def options(self) -> dict[str, str] | None:
        return self.azure.options() if self.azure else None


def files_of(table: DeltaTable, folder: str, partition: Partition = ()) -> list[str]:
    """Files of the version that is loaded, relative to `published/`; of one partition or all."""
    below = "/".join([folder, *(f"{name}={value}" for name, value in partition), ""])
    paths = (f"{folder}/{uri.replace(chr(92), '/').rsplit(f'/{folder}/', 1)[1]}" for uri in table.file_uris())
    return sorted(path for path in paths if path.startswith(below))


def until_committed(write: Callable[[], T]) -> T:
    """Retry a write that lost a race for the next Delta version."""
    retrying = Retrying(
        retry=retry_if_exception_type(CommitFailedError) | retry_if_exception_type(DeltaError),
        stop=stop_after_attempt(12),
        wait=wait_random_exponential(multiplier=0.05, max=2),
        reraise=True,
    )
    return retrying(write)


def _folder(name: str, number: int) -> str:
    return name if number == 0 else f"{name}_{number + 1}"


def _takes(table: DeltaTable, schema: pa.Schema) -> bool:
    """Whether the columns that the table has and those of `schema` are of the same types."""
    types = {field.name: field.type for field in table.schema().fields}
    return all(types.get(field.name, field.type) == field.type for field in Schema.from_arrow(schema).fields)


def _copy(connection: duckdb.DuckDBPyConnection, sql: str, path: Path) -> int:
    target = str(path).replace("'", "''")
    form = f"format parquet, compression zstd, compression_level 1, row_group_size {_ROW_GROUP}"
    return int(connection.execute(f"copy ({sql}) to '{target}' ({form})").fetchall()[0][0])


def _add_action(root: Path, folder: str, file: str, partition: Partition, schema: pa.Schema) -> AddAction:
    path, name = root / file, file.removeprefix(f"{folder}/")
    stat = path.stat()
    statistics = json.dumps(_statistics(pq.read_metadata(path), [field.name for field in _dates(schema)]))
    return AddAction(name, stat.st_size, dict(partition), round(stat.st_mtime * 1000), True, statistics)


def _statistics(metadata: pq.FileMetaData, dates: list[str]) -> dict[str, Any]:
    """Delta's statistics of a data file: its rows and the bounds of its dates; rows alone where a bound is unknown."""
    rows = {"numRecords": metadata.num_rows}
    lowest: dict[str, str] = {}
    highest: dict[str, str] = {}
    nulls: dict[str, int] = {}
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            name, known = column.path_in_schema, column.statistics
            if name not in dates:
                continue
            if known is None or not known.has_null_count:
                return rows
            nulls[name] = nulls.get(name, 0) + known.null_count
            if known.null_count == group.num_rows:
                continue
            if not known.has_min_max:
                return rows
            lowest[name] = min(lowest.get(name, str(known.min)), str(known.min))
            highest[name] = max(highest.get(name, str(known.max)), str(known.max))
    return rows | {"minValues": lowest, "maxValues": highest, "nullCount": nulls}


def _dates(schema: pa.Schema) -> list[pa.Field]:
    return [field for field in schema if pa.types.is_date(field.type)]
