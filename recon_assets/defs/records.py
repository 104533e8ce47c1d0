"""Dagster's records of runs for a process that makes one run after the other: SQLite with connections that are kept.

Dagster's own SQLite storage opens an engine and a connection for every statement and closes them after it: for the 600
statements of a small run that takes a second and more. The databases and what is in them are the same.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg
import sqlalchemy as sa

# Not public: Dagster lets a storage be configured, but not be made of parts of its own.
from dagster._core.instance.ref import InstanceRef
from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage
from dagster._core.storage.noop_compute_log_manager import NoOpComputeLogManager
from dagster._core.storage.runs.sqlite.sqlite_run_storage import SqliteRunStorage
from dagster._core.storage.sqlite import SQLITE_BUSY_TIMEOUT_SECONDS
from dagster._core.storage.sqlite_storage import DagsterSqliteStorage
from dagster._serdes import ConfigurableClassData

from recon_assets.home import enter_home
from recon_assets.settings import Settings


def open_run_instance(settings: Settings) -> dg.DagsterInstance:
    """The home's instance as `open_instance` gives it; on SQLite with connections that are kept until it is closed."""
    enter_home(settings)
    ref = InstanceRef.from_dir(str(settings.dagster_home))
    # What a step prints is seen where the script runs; to keep it, too, Dagster would start four processes.
    unkept = ConfigurableClassData(NoOpComputeLogManager.__module__, NoOpComputeLogManager.__name__, "{}")
    ref = ref._replace(compute_logs_data=unkept)
    storage = ref.storage_data
    if storage is not None and storage.class_name == DagsterSqliteStorage.__name__:
        ref = ref._replace(storage_data=storage._replace(module_name=__name__, class_name=KeptSqliteStorage.__name__))
    return dg.DagsterInstance.from_ref(ref)


def _engine(url: str) -> sa.Engine:
    engine = sa.create_engine(url, connect_args={"timeout": SQLITE_BUSY_TIMEOUT_SECONDS})
    # With a write-ahead log what is committed outlasts the process, and the database is whole after a power cut.
    sa.event.listen(engine, "connect", lambda connection, _: connection.execute("pragma synchronous = normal"))
    return engine


class _KeptRuns(SqliteRunStorage):
    def __init__(self, conn_string: str, inst_data: Any = None) -> None:
        self._engine = _engine(conn_string)
        super().__init__(conn_string, inst_data)

    @contextmanager
    def connect(self) -> Iterator[sa.Connection]:
        with self._engine.begin() as connection:
            yield connection

    def dispose(self) -> None:
        self._engine.dispose()
        super().dispose()


class _KeptEvents(SqliteEventLogStorage):
    """A database per run and one over all of them, as Dagster has it."""

    def __init__(self, base_dir: str) -> None:
        self._engines: dict[str, sa.Engine] = {}
        self._tables: set[str] = set()
        self._columns: set[str] = set()
        super().__init__(base_dir)

    def has_table(self, table_name: str) -> bool:
        """Asked for every event, and one that is there stays."""
        if table_name not in self._tables and super().has_table(table_name):
            self._tables.add(table_name)
        return table_name in self._tables

    def _has_asset_key_col_on_connection(self, conn: sa.Connection, column_name: str) -> bool:
        """Likewise, of columns."""
        if column_name not in self._columns and super()._has_asset_key_col_on_connection(conn, column_name):
            self._columns.add(column_name)
        return column_name in self._columns

    @contextmanager
    def _connect(self, shard: str) -> Iterator[sa.Connection]:
        with self._db_lock:
            engine = self._engines.get(shard)
            if engine is None:
                engine = _engine(self.conn_string_for_shard(shard))
                self._initdb(engine)
                self._engines[shard] = engine
            with engine.begin() as connection:
                yield connection

    def dispose(self) -> None:
        for engine in self._engines.values():
            engine.dispose()
        super().dispose()


class KeptSqliteStorage(DagsterSqliteStorage):
    """Runs and events over kept connections; schedules, which a run does not touch, as Dagster has them."""

    def __init__(self, base_dir: str, inst_data: Any = None) -> None:
        super().__init__(base_dir, inst_data)
        self._run_storage = _KeptRuns.from_local(str(Path(base_dir, "history")))
        self._event_log_storage = _KeptEvents(str(Path(base_dir, "history", "runs")))

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> "KeptSqliteStorage":
        return cls.from_local(inst_data=inst_data, **config_value)
