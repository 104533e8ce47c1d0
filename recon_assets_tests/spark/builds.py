"""Builds of both engines, and what differs between them."""

from typing import Any

import duckdb
import pyarrow as pa

from recon_assets.pipeline.build import Build
from recon_assets.pipeline.marts import marts_of
from recon_assets_tests.landed import as_dicts

SPARK = {"engine": "spark", "spark_executor_memory": "512m", "spark_driver_memory": "1g", "spark_partitions": 2}


def differing(left: Build, right: Build) -> dict[str, list[dict[str, Any]]]:
    """By mart, rows that only one of two builds has, or has more often."""
    found: dict[str, list[dict[str, Any]]] = {}
    for mart in marts_of(left.subject):
        with duckdb.connect() as connection:
            connection.register("ours", made(left, mart.name))
            connection.register("theirs", made(right, mart.name))
            for here, there in (("ours", "theirs"), ("theirs", "ours")):
                rows = as_dicts(connection.execute(f"from {here} except all from {there}"))
                found.setdefault(mart.name, []).extend({"only in": here} | row for row in rows)
    return {name: rows for name, rows in found.items() if rows}


def made(build: Build, mart: str) -> pa.Table:
    with duckdb.connect(str(build.database), read_only=True) as connection:
        return connection.execute(f"from marts.{mart}").to_arrow_table()
