"""The project's SQL macros, rendered once by dbt itself and then run in DuckDB over any number of cases."""

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from recon_assets.pipeline.project import (
    DATABASE_NAME,
    dbt_paths,
    invoke_dbt,
    load_manifest,
    manifest_folder,
    quiet_dbt_environment,
)
from recon_assets_tests.landed import as_dicts

COVERAGE = """
select
    {{ coverage_numerator('item_start', 'item_end', 'period_start', 'period_end') }} as numerator,
    {{ coverage_denominator('item_start', 'item_end') }} as denominator,
    {{ coverage_class('item_start', 'item_end', 'period_start', 'period_end') }} as coverage_class,
    {{ d30('item_start', 'item_end') }} as d30
from items order by case_number
"""
RATIO = "select {{ exact_ratio('amount', 'numerator', 'denominator') }} as ratio from items order by case_number"
ITEMS = pa.schema(
    [
        pa.field("case_number", pa.int32()), pa.field("item_start", pa.date32()), pa.field("item_end", pa.date32()),
        pa.field("period_start", pa.date32()), pa.field("period_end", pa.date32()),
    ]
)  # fmt: skip
RATIOS = pa.schema(
    [
        pa.field("case_number", pa.int32()), pa.field("amount", pa.decimal128(38, 12)),
        pa.field("numerator", pa.int64()), pa.field("denominator", pa.int64()),
    ]
)  # fmt: skip
Item = tuple[dt.date, dt.date, dt.date, dt.date]  # start and end of the item, start and end of the period


def render(folder: Path) -> None:
    """Compile the macros for every coverage method into `folder`."""
    manifest = manifest_folder()
    for method in ("thirty_360", "days_over_30"):
        (folder / f"coverage-{method}.sql").write_text(compiled(manifest, folder, COVERAGE, method), encoding="utf-8")
    (folder / "ratio.sql").write_text(compiled(manifest, folder, RATIO, "thirty_360"), encoding="utf-8")


def compiled(manifest: Path, folder: Path, sql: str, coverage_method: str) -> str:
    variables = json.dumps({"coverage_method": coverage_method})
    with quiet_dbt_environment(folder / DATABASE_NAME, folder):
        arguments = ["compile", "--inline", sql, "--vars", variables, *dbt_paths(folder)]
        result = invoke_dbt(arguments, load_manifest(manifest))
    return str(result.results[0].node.compiled_code)


@dataclass(frozen=True)
class Covered:
    numerator: int
    denominator: int
    coverage_class: str
    d30: int


@dataclass(frozen=True)
class Macros:
    """The rendered macros of a folder."""

    folder: Path

    def coverage(self, items: Sequence[Item], method: str = "thirty_360") -> list[Covered]:
        return [Covered(**row) for row in self._run(f"coverage-{method}.sql", _table(items, ITEMS))]

    def ratio(self, cases: Sequence[tuple[Decimal, int, int]]) -> list[Decimal]:
        return [row["ratio"] for row in self._run("ratio.sql", _table(cases, RATIOS))]

    def _run(self, name: str, items: pa.Table) -> list[dict[str, Any]]:
        sql = (self.folder / name).read_text(encoding="utf-8")
        with duckdb.connect() as connection:
            connection.register("items", items)
            return as_dicts(connection.execute(sql))


def _table(cases: Sequence[tuple[Any, ...]], schema: pa.Schema) -> pa.Table:
    columns = [range(len(cases)), *zip(*cases, strict=True)]
    arrays = [pa.array(list(column), field.type) for column, field in zip(columns, schema, strict=True)]
    return pa.Table.from_arrays(arrays, schema=schema)
