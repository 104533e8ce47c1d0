"""A small mart and how a month of it is published: also the program that concurrent publishers run."""

import datetime as dt
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pyarrow as pa

from recon_assets.catalogue.marts import Mart, MartColumn
from recon_assets.lakehouse.log import MartVersion, Publication
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.platform import Platform
from recon_assets_tests.landed import settings_in

SUBJECT = "subscriptions"
MART = Mart(
    "totals",
    "Totals of a month.",
    (
        MartColumn("billing_month", "date", ""),
        MartColumn("amount", "decimal(18, 2)", ""),
        MartColumn("run_id", "varchar", ""),
    ),
    ("amount",),
    (SUBJECT,),
)
SHARED = Mart(
    "shared_totals",
    "Totals that several reconciliations share.",
    (*MART.columns, MartColumn("reconciliation", "varchar", "")),
    ("amount",),
    (),
)
SCHEMA = pa.schema(
    [pa.field("billing_month", pa.date32()), pa.field("amount", pa.decimal128(18, 2)), pa.field("run_id", pa.string())]
)


def day(number: int) -> dt.datetime:
    """An instant of February 2025, for publications in order."""
    return dt.datetime(2025, 2, number, tzinfo=dt.UTC)


def month_rows(month: str, run_id: str, amounts: list[str], reconciliation: str | None = None) -> pa.Table:
    first = dt.date.fromisoformat(f"{month}-01")
    rows = [{"billing_month": first, "amount": Decimal(amount), "run_id": run_id} for amount in amounts]
    table = pa.Table.from_pylist(rows, SCHEMA)
    if reconciliation is None:
        return table
    return table.append_column("reconciliation", pa.array([reconciliation] * len(amounts), pa.string()))


def replace_month(store: PublishedStore, mart: Mart, month: str, rows: pa.Table, subject: str = SUBJECT) -> MartVersion:
    """Commit a month of a mart, which no row of the log names yet."""
    with duckdb.connect() as connection:
        connection.register("given", rows)
        return store.commit_month(store.write_month(mart, month, subject, connection, "from given"))


def publish(
    store: PublishedStore, month: str, run_id: str, amounts: list[str], at: dt.datetime, subject: str = SUBJECT
) -> Publication:
    """Publish a month of both marts, as a run does: the marts first, then the row of the log."""
    tables = {MART: month_rows(month, run_id, amounts), SHARED: month_rows(month, run_id, amounts, subject)}
    versions = {mart.name: replace_month(store, mart, month, table, subject) for mart, table in tables.items()}
    publication = Publication(month, subject, run_id, at, versions)
    store.record(publication)
    return publication


def main(url: str, home: str, month: str, count: str, name: str) -> None:
    store = Platform.from_settings(settings_in(Path(home), published_url=url)).published
    for number in range(1, int(count) + 1):
        publish(store, month, f"{name}-run-{number}", [f"{number}.00", f"{number}.00"], day(number))


if __name__ == "__main__":
    main(*sys.argv[1:])
