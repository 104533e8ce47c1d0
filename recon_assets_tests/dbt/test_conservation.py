"""The project's own tests notice a lost row and a changed amount: each is run on a build that was tampered with."""

import datetime as dt
import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from recon_assets.pipeline.marts import published_marts
from recon_assets_tests.dbt.conftest import BuildOf, Built

ITEMS, VERDICTS = "marts.subscription_reconciliation_items", "marts.subscription_reconciliation"
SUMMARY, STATUS = "marts.reconciliation_summary", "marts.month_status"
LINES = "intermediate.int_subscriptions__classified"
MONTH = "2023-01"
OF_MONTH = f"billing_month = date '{MONTH}-01'"
MATCHES = f"{OF_MONTH} and status = 'match'"


def first(table: str, condition: str) -> str:
    return f"rowid = (select min(rowid) from {table} where {condition})"


ONE_ITEM = first(ITEMS, OF_MONTH)
ONE_VERDICT = first(VERDICTS, MATCHES)
ONE_LINE = first(LINES, f"{OF_MONTH} and is_window_month and cost <> 0")


@pytest.fixture
def tampered(random_build: BuildOf, tmp_path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of a build's database, open for writing; marts that are views are rows of the contract's types in it."""
    copy = tmp_path / "build.duckdb"
    shutil.copyfile(random_build(1).build.database, copy)
    with duckdb.connect(str(copy)) as connection:
        for mart in (ITEMS, VERDICTS):
            stated = published_marts()[mart.removeprefix("marts.")].columns
            typed = ", ".join(f"cast({c.name} as {c.sql_type}) as {c.name}" for c in stated)
            connection.execute(
                f"create temp table made as select {typed} from {mart}; drop view {mart}; "
                f"create table {mart} as from made; drop table temp.made"
            )
        yield connection


def compiled_tests(built: Built) -> dict[str, str]:
    """SQL of every test as the build compiled it, by the beginning of its name."""
    compiled = built.build.database.parent / "dbt" / "compiled" / "recon"
    folders = [compiled / "tests", *compiled.glob("models/marts/**/*.yml")]
    return {path.stem: path.read_text(encoding="utf-8") for folder in folders for path in folder.rglob("*.sql")}


def failing(built: Built, connection: duckdb.DuckDBPyConnection) -> dict[str, set[dt.date]]:
    """Months that the failing rows of each failing test name."""
    found = {}
    for name, sql in compiled_tests(built).items():
        months = {row[0] for row in connection.execute(f"select billing_month from ({sql})").fetchall()}
        if months:
            found[name] = months
    return found


def test_an_untouched_build_passes_every_test(random_build: BuildOf, tampered: duckdb.DuckDBPyConnection) -> None:
    built = random_build(1)
    assert len(compiled_tests(built)) == len({check.unique_id for check in built.build.checks})
    assert failing(built, tampered) == {}


@pytest.mark.parametrize(
    ("change", "noticed_by"),
    [
        # a row is lost
        (f"delete from {LINES} where {ONE_LINE}", "raw_rows_are_classified"),
        (f"delete from {ITEMS} where {ONE_ITEM}", "totals_are_those_of_the_items"),
        (f"delete from {ITEMS} where {ONE_ITEM}", "rows_are_in_one_place"),
        (f"delete from {VERDICTS} where {ONE_VERDICT}", "totals_are_those_of_the_items"),
        (f"delete from {VERDICTS} where {ONE_VERDICT}", "summary_adds_up"),
        (f"delete from {SUMMARY} where {MATCHES}", "summary_adds_up"),
        # a side is lost, or everything
        (f"delete from {ITEMS} where {OF_MONTH} and side = 'ms'", "totals_are_those_of_the_items"),
        (f"delete from {ITEMS} where {OF_MONTH}", "rows_are_in_one_place"),
        (f"delete from {LINES} where {OF_MONTH}", "raw_rows_are_classified"),
        # an amount changes
        (f"update {LINES} set cost = cost + 0.01 where {ONE_LINE}", "raw_rows_are_classified"),
        (f"update {ITEMS} set period_cost = period_cost + 0.01 where {ONE_ITEM}", "totals_are_those_of_the_items"),
        (f"update {VERDICTS} set bss_total_cost = bss_total_cost + 0.01 where {ONE_VERDICT}",
         "totals_are_those_of_the_items"),
        (f"update {VERDICTS} set ms_total_cost = null where {ONE_VERDICT}", "totals_are_those_of_the_items"),
        (f"update {SUMMARY} set left_amount = null where {MATCHES}", "summary_adds_up"),
        # a row is counted twice
        (f"insert into {ITEMS} from {ITEMS} where {ONE_ITEM}", "items_grain_is_unique"),
        (f"insert into {VERDICTS} from {VERDICTS} where {ONE_VERDICT}", "reconciliation_grain_is_unique"),
        (f"insert into {LINES} from {LINES} where {ONE_LINE}", "raw_rows_are_classified"),
        # counts that do not add up, and counts that are missing
        (f"update {STATUS} set left_rows_out_of_scope = left_rows_out_of_scope + 1 where {OF_MONTH}",
         "rows_are_in_one_place"),
        (f"update {STATUS} set right_rows_in = null where {OF_MONTH}", "rows_are_in_one_place"),
        # values that the contract of the mart does not know
        (f"update {VERDICTS} set status = 'fine' where {ONE_VERDICT}", "reconciliation_values_are_known"),
        (f"update {ITEMS} set period_cost = null where {ONE_ITEM}", "items_is_complete"),
    ],
)  # fmt: skip
def test_what_is_tampered_with_in_one_month_fails_that_month_only(
    change: str, noticed_by: str, random_build: BuildOf, tampered: duckdb.DuckDBPyConnection
) -> None:
    (changed,) = tampered.execute(change).fetchall()
    assert changed[0] > 0, "nothing was tampered with"
    found = failing(random_build(1), tampered)
    assert [name for name in found if noticed_by in name], found
    assert {month for months in found.values() for month in months} == {dt.date.fromisoformat(f"{MONTH}-01")}
