"""The ways docs/bi.md names read the same published rows, whatever is asked for."""

import csv
import datetime as dt
import shutil
import subprocess
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from deltalake import DeltaTable, QueryBuilder

from recon_assets.export import export_marts
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.pipeline.marts import published_marts
from recon_assets_tests.app.published import PLAIN, publish, usage

ROWS, DIFFERENCE = PLAIN + 3, Decimal("169.75")  # March as it was published last: 99.75 and 70.00
TINY = Decimal("0.000002")
Condition = tuple[str, str, Any]  # column, = or < or >, value
_POLARS = {"=": pl.Expr.eq, "<": pl.Expr.lt, ">": pl.Expr.gt}
_ARROW = {"=": pc.equal, "<": pc.less, ">": pc.greater}


def literal(value: object) -> str:
    kinds = {dt.date: "date", dt.datetime: "timestamptz", Decimal: "decimal(38, 12)"}
    text = f"{value:f}" if isinstance(value, Decimal) else str(value)
    return f"cast('{text}' as {kinds.get(type(value), 'varchar')})"


def by_pandas(table: DeltaTable, condition: Condition) -> int:
    return len(table.to_pandas(filters=[condition]))


def by_polars(table: DeltaTable, condition: Condition) -> int:
    name, operator, value = condition
    return pl.scan_delta(table).filter(_POLARS[operator](pl.col(name), pl.lit(value))).collect().height


def by_pyarrow(table: DeltaTable, condition: Condition) -> int:
    name, operator, value = condition
    return int(table.to_pyarrow_dataset().to_table(filter=_ARROW[operator](pc.field(name), value)).num_rows)


def by_duckdb(table: DeltaTable, condition: Condition) -> int:
    name, operator, value = condition
    found = duckdb.from_arrow(table.to_pyarrow_dataset()).filter(f"{name} {operator} {literal(value)}")
    return int(found.count("*").fetchall()[0][0])


def by_delta_rs(table: DeltaTable, condition: Condition) -> int:
    name, operator, value = condition
    asked = literal(value).replace("timestamptz", "timestamp")
    rows = (
        QueryBuilder()
        .register("mart", table)
        .execute(f"select count(*) as n from mart where {name} {operator} {asked}")
    )
    return int(pa.table(rows.read_all())["n"][0].as_py())


READERS = [by_pandas, by_polars, by_pyarrow, by_duckdb, by_delta_rs]


@pytest.fixture(scope="module")
def tables(published: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[Path, list[dict[str, Any]]]]:
    """Every mart that has rows: where its Delta table is, and its rows as `recon query` gives them."""
    found = {}
    with PublishedStore(published).connect(published_marts().values()) as connection:
        for name in published_marts():
            rows = connection.execute(f"from marts.{name}").to_arrow_table().to_pylist()
            if rows:
                found[name] = (published / name, rows)
    return found


def conditions(rows: list[dict[str, Any]]) -> list[Condition]:
    """Of each column of dates, instants, texts and amounts: one of its values, and what lies beyond another."""
    found: list[Condition] = []
    for name in rows[0]:
        values = sorted({row[name] for row in rows if isinstance(row[name], dt.date | str | Decimal)})
        if values:
            found += [(name, "=", values[len(values) // 2]), (name, "<", values[-1]), (name, ">", values[0])]
    return found


@pytest.mark.parametrize("read", READERS)
def test_every_reader_finds_the_same_rows_of_every_mart(
    read: Callable[[DeltaTable, Condition], int], tables: dict[str, tuple[Path, list[dict[str, Any]]]]
) -> None:
    right = {"=": lambda a, b: a == b, "<": lambda a, b: a < b, ">": lambda a, b: a > b}
    wrong, asked = {}, 0
    for name, (folder, rows) in tables.items():
        table = DeltaTable(folder)
        for condition in conditions(rows):
            column, operator, value = condition
            count = sum(row[column] is not None and right[operator](row[column], value) for row in rows)
            asked += 1
            if (found := read(table, condition)) != count:
                wrong[name, column, operator, str(value)] = (found, count)
    assert not wrong
    assert asked > 200


def test_every_table_is_of_the_versions_that_everything_reads(published: Path) -> None:
    logs = sorted(published.rglob("_delta_log"))
    versions = {
        log.parent.name: (table.protocol().min_reader_version, table.protocol().min_writer_version)
        for log in logs
        for table in [DeltaTable(log.parent)]
    }
    assert set(versions.values()) == {(1, 2)}
    assert len(versions) > len(published_marts()) - 2


@pytest.mark.parametrize("read", READERS)
@pytest.mark.parametrize("other", [TINY, Decimal("12345678901234567890.123456789012")])
def test_an_amount_is_found_beside_one_that_a_float_does_not_hold(
    other: Decimal, read: Callable[[DeltaTable, Condition], int], tmp_path: Path
) -> None:
    """The bug this fixes: bounds of DECIMALs went through a float, and the row of -200 was found by nobody."""
    rows = usage("2025-03")["usage_cost_variations"][:2]
    given = [row | {"amount_variation": amount} for row, amount in zip(rows, (Decimal(-200), other), strict=True)]
    at = dt.datetime(2025, 4, 7, tzinfo=dt.UTC)
    publish(PublishedStore(tmp_path), "usage", "2025-03", at, {"usage_cost_variations": given})
    table = DeltaTable(tmp_path / "usage_cost_variations")
    assert read(table, ("amount_variation", "<", Decimal(-100))) == 1
    assert read(table, ("amount_variation", ">", Decimal("0.000001"))) == 1
    assert read(table, ("amount_variation", "=", other)) == 1


@pytest.fixture
def mart(published: Path) -> str:
    return str(published / "subscription_reconciliation")


def test_pandas_reads_a_month_with_exact_decimals(mart: str) -> None:
    frame = DeltaTable(mart).to_pandas(filters=[("billing_month", "=", dt.date(2025, 3, 1))])
    assert (len(frame), frame["cost_difference"].dropna().sum()) == (ROWS, DIFFERENCE)


def test_polars_reads_a_month_with_exact_decimals(mart: str) -> None:
    march = pl.scan_delta(mart).filter(pl.col("billing_month") == pl.date(2025, 3, 1)).collect()
    assert (march.height, march["cost_difference"].sum()) == (ROWS, DIFFERENCE)


def test_duckdb_reads_delta_through_delta_rs(mart: str) -> None:
    dataset = DeltaTable(mart).to_pyarrow_dataset()
    with duckdb.connect() as connection:
        connection.register("mart", dataset)
        sql = "select count(*), sum(cost_difference) from mart where billing_month = date '2025-03-01'"
        assert connection.execute(sql).fetchone() == (ROWS, DIFFERENCE)


@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_a_spreadsheet_program_opens_the_workbook_and_shows_the_same_amounts(
    published: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECON_HOME", str(tmp_path))
    monkeypatch.setenv("RECON_PUBLISHED_URL", str(published))
    export_marts("xlsx", tmp_path / "march.xlsx", ["2025-03"], None)
    profile = f"-env:UserInstallation=file://{tmp_path}/profile"
    # Every sheet as a CSV of its own, as shown, in UTF-8: tokens of LibreOffice's CSV filter, the last is the sheet.
    form = "csv:Text - txt - csv (StarCalc):44,34,76,1,,0,false,true,false,false,false,-1"
    arguments = ["soffice", profile, "--headless", "--convert-to", form, "--outdir", str(tmp_path), "march.xlsx"]
    subprocess.run(arguments, cwd=tmp_path, check=True, capture_output=True, timeout=120)
    with (tmp_path / "march-subscription_reconciliation.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    shown = [Decimal(row["cost_difference"].replace(",", "")) for row in rows if row["cost_difference"]]
    assert (len(rows), sum(shown)) == (ROWS, DIFFERENCE)
