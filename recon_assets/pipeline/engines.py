"""What a build runs on: dbt's target, and what is read back of the models and tests that it made."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

import duckdb

from recon_assets.catalogue.marts import Mart
from recon_assets.errors import ReconError
from recon_assets.pipeline.marts import marts_of


class Results(Protocol):
    """The relations of a finished build, each named schema.name."""

    def columns(self, relation: str) -> list[str]: ...

    def count(self, relation: str) -> int: ...

    def months(self, relation: str) -> dict[str | None, int]:
        """Rows by billing month, YYYY-MM."""
        ...

    def values(self, relation: str, column: str) -> dict[str, str]:
        """A text by billing month, YYYY-MM, of a relation with one row for each."""
        ...


class Engine(Protocol):
    target: str  # of profiles.yml

    def results(self, database: Path, subject: str) -> AbstractContextManager[Results]:
        """What dbt has made; from then on `database`, a DuckDB file, has the marts, which publishing reads."""
        ...

    def release(self) -> None:
        """Give back what dbt keeps for the life of the process."""
        ...


def engine_named(name: str) -> Engine:
    """The engine that settings name; ReconError when it is not installed."""
    return SparkEngine() if name == "spark" else DuckDBEngine()


class DuckDBEngine:
    target = "duckdb"

    @contextmanager
    def results(self, database: Path, subject: str) -> Iterator[Results]:
        self.release()
        with duckdb.connect(str(database), read_only=True) as connection:
            yield _DuckDBResults(connection)

    def release(self) -> None:
        # dbt-duckdb keeps its database open for the life of the process.
        from dbt.adapters.duckdb.connections import DuckDBConnectionManager

        DuckDBConnectionManager.close_all_connections()


class _DuckDBResults:
    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def columns(self, relation: str) -> list[str]:
        return [row[0] for row in self._connection.execute(f"describe {relation}").fetchall()]

    def count(self, relation: str) -> int:
        return int(self._connection.execute(f"select count(*) from {relation}").fetchall()[0][0])

    def months(self, relation: str) -> dict[str | None, int]:
        counts = f"select billing_month, count(*) as row_count from {relation} group by billing_month"
        sql = f"select strftime(billing_month, '%Y-%m'), row_count from ({counts}) order by 1"
        return dict(self._connection.execute(sql).fetchall())

    def values(self, relation: str, column: str) -> dict[str, str]:
        return dict(
            self._connection.execute(f"select strftime(billing_month, '%Y-%m'), {column} from {relation}").fetchall()
        )


class SparkEngine:
    """dbt's own Spark session, which lasts as long as the build; its warehouse lies beside the build's database."""

    target = "spark"

    def __init__(self) -> None:
        _require_spark()

    @contextmanager
    def results(self, database: Path, subject: str) -> Iterator[Results]:
        from pyspark.sql import SparkSession

        session = SparkSession.builder.getOrCreate()  # dbt's: it is alive until it is stopped
        with duckdb.connect(str(database)) as connection:
            _bring_marts(session, database, connection, marts_of(subject))
            yield _SparkResults(session, connection)

    def release(self) -> None:
        from pyspark import SparkContext
        from pyspark.sql import SparkSession

        if SparkContext._active_spark_context is not None:  # a build that failed early has none to stop
            SparkSession.builder.getOrCreate().stop()


def _require_spark() -> None:
    if find_spec("pyspark") is None or find_spec("dbt.adapters.spark") is None:
        raise ReconError(
            "RECON_ENGINE=spark needs dbt-spark and pyspark, in an environment of their own: docs/scaling.md."
        )


def _bring_marts(session: Any, database: Path, connection: duckdb.DuckDBPyConnection, marts: list[Mart]) -> None:
    """Make the marts views of a DuckDB database over Spark's Parquet; ReconError for one that breaks its contract."""
    connection.execute("create schema marts")
    for mart in marts:
        folder = Path(f"{database}.warehouse") / "marts.db" / mart.name
        if not folder.exists():  # it is a view on Spark
            session.table(f"marts.{mart.name}").write.parquet(str(folder))
        files = str(folder / "*.parquet").replace("'", "''")
        order = f" order by {', '.join(mart.grain)}" if mart.is_in_order else ""
        connection.execute(f"create view marts.{mart.name} as select * from read_parquet('{files}'){order}")
        _require_contract(connection, mart)


def _require_contract(connection: duckdb.DuckDBPyConnection, mart: Mart) -> None:
    made = {row[0]: _plain(row[1]) for row in connection.execute(f"describe marts.{mart.name}").fetchall()}
    stated = {column.name: _plain(column.sql_type) for column in mart.columns}
    columns = sorted(made.keys() | stated.keys())
    wrong = [
        f"{name} is {made.get(name)}, not {stated.get(name)}" for name in columns if made.get(name) != stated.get(name)
    ]
    if wrong:
        raise ReconError(f"Mart {mart.name} of Spark is not as its contract states: {'; '.join(wrong)}")


def _plain(sql_type: str) -> str:
    return sql_type.replace(" ", "").lower()


class _SparkResults:
    """Marts are read where they were brought to: Spark would start jobs for what DuckDB has at once."""

    def __init__(self, session: Any, connection: duckdb.DuckDBPyConnection) -> None:
        self._session = session
        self._brought = _DuckDBResults(connection)

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self._session.sql(sql).collect()]

    def columns(self, relation: str) -> list[str]:
        return list(self._session.table(relation).columns)

    def count(self, relation: str) -> int:
        return int(self._rows(f"select count(*) from {relation}")[0][0])

    def months(self, relation: str) -> dict[str | None, int]:
        if relation.startswith("marts."):
            return self._brought.months(relation)
        sql = f"select substr(cast(billing_month as string), 1, 7), count(*) from {relation} group by 1 order by 1"
        return dict(self._rows(sql))

    def values(self, relation: str, column: str) -> dict[str, str]:
        return dict(self._rows(f"select substr(cast(billing_month as string), 1, 7), {column} from {relation}"))
