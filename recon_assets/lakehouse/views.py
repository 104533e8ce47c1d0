"""SQL of what readers get, the Arrow schema of a mart, and which statements only read."""

import datetime as dt
from functools import cache

import duckdb
import pyarrow as pa

from recon_assets.catalogue.marts import Mart
from recon_assets.catalogue.raw_tables import RawTable
from recon_assets.errors import InputError
from recon_assets.lakehouse.log import Closing, Publication

_PUBLICATIONS = "billing_month date, reconciliation varchar, run_id varchar, published_at timestamptz"
_CLOSINGS = (
    "billing_month date, reconciliation varchar, action varchar, recorded_at timestamptz, recorded_by varchar, "
    "reason varchar, run_id varchar, published_at timestamptz"
)


@cache
def mart_schema(mart: Mart) -> pa.Schema:
    """Columns of a mart as Delta has them: instants in UTC."""
    with _planner().cursor() as cursor:
        return cursor.execute(f"set timezone = 'UTC'; {view_sql(mart, [])}").to_arrow_table().schema


@cache
def _planner() -> duckdb.DuckDBPyConnection:
    return duckdb.connect()


def view_sql(mart: Mart, files: list[str]) -> str:
    """Rows of a mart in these data files, with its columns and their types; instants of older files are in UTC."""
    empty = f"select {', '.join(f'cast(null as {c.sql_type}) as {c.name}' for c in mart.columns)} where false"
    if not files:
        return empty
    columns = ", ".join(f"cast({c.name} as {c.sql_type}) as {c.name}" for c in mart.columns)
    listed = ", ".join(quoted(file) for file in sorted(files))
    rows = f"select * from read_parquet([{listed}], hive_partitioning = true, union_by_name = true)"
    # The empty part names the columns that a mart got after all of its months were published.
    return f"select {columns} from ({rows} union all by name {empty})"


def raw_sql(table: RawTable, files: list[str]) -> str:
    """Rows of a table of the raw months in these files; columns that older loads lack are null."""
    empty = f"select {', '.join(f'cast(null as {c.sql_type}) as {c.name}' for c in table.columns)} where false"
    if not files:
        return empty
    listed = ", ".join(quoted(file) for file in files)
    return f"select * from read_parquet([{listed}], union_by_name = true) union all by name {empty}"


def instant_sql(moment: dt.datetime) -> str:
    return f"timestamptz '{moment:%Y-%m-%d %H:%M:%S.%f}+00'"


def add_logs(connection: duckdb.DuckDBPyConnection, current: list[Publication], closings: list[Closing]) -> None:
    """Tables of schema `marts`: the publication that readers see of each month, and the audit log.

    As texts: a value that is bound makes DuckDB import pandas, which takes longer than most queries.
    """
    publications = [
        f"(date '{p.month}-01', {quoted(p.reconciliation)}, {quoted(p.run_id)}, {instant_sql(p.published_at)})"
        for p in current
    ]
    audit = [
        f"(date '{c.month}-01', {quoted(c.reconciliation)}, {quoted(c.action)}, {instant_sql(c.recorded_at)}, "
        f"{quoted(c.recorded_by)}, {quoted(c.reason)}, {quoted(c.run_id)}, {instant_sql(c.published_at)})"
        for c in closings
    ]
    for name, columns, rows in (
        ("publications", _PUBLICATIONS, publications),
        ("month_closings", _CLOSINGS, audit),
    ):
        connection.execute(f"create table marts.{name} ({columns})")
        if rows:
            connection.execute(f"insert into marts.{name} values {', '.join(rows)}")


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def require_reading(connection: duckdb.DuckDBPyConnection, sql: str) -> None:
    """InputError unless every statement of `sql` is a query: DuckDB lets COPY and ATTACH write wherever it may read.

    For SQL that a person typed. EXPLAIN is refused too: with ANALYZE it runs what it explains.
    """
    kinds = [statement.type.name for statement in connection.extract_statements(sql)]
    others = [kind for kind in kinds if kind != "SELECT"]
    if others:
        raise InputError(f"The published marts can only be read, and this is {' and '.join(others)}. Write a SELECT.")
