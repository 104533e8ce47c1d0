"""Delta tables read without the log: what killed runs and earlier releases left is put right by the next publication."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from recon_assets.catalogue.marts import Mart, MartColumn
from recon_assets.lakehouse.log import Closing, MartVersion, Publication
from recon_assets.lakehouse.published import MonthFiles, PublishedStore
from recon_assets.lakehouse.settled import settle, unlike_the_log
from recon_assets.lakehouse.tables import files_of
from recon_assets.lakehouse.vacuum import vacuum
from recon_assets_tests.azure.storage import AzureStorage
from recon_assets_tests.lakehouse.publishing import MART, SHARED, SUBJECT, day, month_rows, publish, replace_month

MARTS = [MART, SHARED]
STAMPED = Mart(
    "stamped",
    "As an earlier release wrote it: instants without zone, amounts of another type.",
    (
        MartColumn("billing_month", "date", ""),
        MartColumn("amount", "decimal(38, 3)", ""),
        MartColumn("published_at", "timestamp with time zone", ""),
    ),
    ("amount",),
    (SUBJECT,),
)


@pytest.fixture
def store(tmp_path: Path, storage: AzureStorage | None) -> PublishedStore:
    root = tmp_path / "published"
    return storage.published(root) if storage else PublishedStore(root)


def directly(store: PublishedStore, folder: str) -> list[tuple[str, str]]:
    """Months and amounts as somebody sees them who reads the newest Delta version."""
    rows = store.tables.open(folder).to_pyarrow_table().to_pylist()
    return sorted((f"{row['billing_month']:%Y-%m}", str(row["amount"])) for row in rows)


def through_the_log(store: PublishedStore, mart: Mart, as_of: dt.datetime | None = None) -> list[tuple[Any, ...]]:
    with store.connect([mart], as_of) as connection:
        sql = f"select strftime(billing_month, '%Y-%m'), * exclude (billing_month) from marts.{mart.name} order by all"
        return connection.execute(sql).fetchall()


def settled(store: PublishedStore, marts: list[Mart] = MARTS) -> list[MonthFiles]:
    return settle(store, marts, lambda: day(20), "1GB")


def test_what_a_run_left_that_was_killed_between_two_marts_is_told_and_mended(store: PublishedStore) -> None:
    publish(store, "2025-01", "run-1", ["1.00"], day(1))
    publish(store, "2025-02", "run-1", ["2.00"], day(1))
    replace_month(store, MART, "2025-01", month_rows("2025-01", "killed", ["9.00"]))
    replace_month(store, SHARED, "2025-03", month_rows("2025-03", "killed", ["9.00"], SUBJECT))
    told = {(month.mart.name, month.partition[0][1]) for month in unlike_the_log(store, MARTS)}
    assert told == {("totals", "2025-01-01"), ("shared_totals", "2025-03-01")}
    assert len(settled(store)) == 2
    assert directly(store, "totals") == directly(store, "shared_totals") == [("2025-01", "1.00"), ("2025-02", "2.00")]
    assert unlike_the_log(store, MARTS) == settled(store) == []


def test_whoever_reads_directly_gets_the_publication_that_a_month_was_closed_at(store: PublishedStore) -> None:
    first = publish(store, "2025-01", "run-1", ["1.00"], day(1))
    store.record_closing(Closing("2025-01", SUBJECT, "close", day(2), "anna", "", first.run_id, first.published_at))
    publish(store, "2025-01", "late", ["9.00"], day(3))
    settled(store)
    assert directly(store, "totals") == [("2025-01", "1.00")]


def test_nothing_is_committed_where_nothing_was_left(store: PublishedStore) -> None:
    publish(store, "2025-01", "run-1", ["1.00"], day(1))
    publish(store, "2025-01", "run-2", [], day(2))
    before = [store.tables.open(mart.name).version() for mart in MARTS]
    assert settled(store) == []
    assert [store.tables.open(mart.name).version() for mart in MARTS] == before


def of_an_earlier_release(store: PublishedStore, month: str, amount: str, at: dt.datetime) -> Publication:
    """Publish a month of STAMPED as it was once written."""
    schema = pa.schema(
        [("billing_month", pa.date32()), ("amount", pa.decimal128(18, 2)), ("published_at", pa.timestamp("us"))]
    )
    first = dt.date.fromisoformat(f"{month}-01")
    rows = pa.Table.from_pylist(
        [{"billing_month": first, "amount": Decimal(amount), "published_at": at.replace(tzinfo=None)}], schema
    )
    uri, options = store.tables.uri("stamped"), store.tables.options()
    (store.root / "stamped").mkdir(parents=True, exist_ok=True)
    DeltaTable.create(uri, schema, partition_by=["billing_month"], mode="ignore", storage_options=options)
    table = store.tables.open("stamped")
    write_deltalake(table, rows, mode="overwrite", predicate=f"billing_month = '{month}-01'")
    files = [file for file in files_of(table, "stamped") if f"billing_month={month}-01" in file]
    publication = Publication(month, SUBJECT, f"run-{at.day}", at, {"stamped": MartVersion(table.version(), files)})
    store.record(publication)
    return publication


def test_tables_of_an_earlier_release_move_and_nothing_is_lost(store: PublishedStore) -> None:
    of_an_earlier_release(store, "2025-01", "1.00", day(1))
    closed = of_an_earlier_release(store, "2025-01", "2.00", day(2))
    of_an_earlier_release(store, "2025-02", "3.00", day(3))
    store.record_closing(Closing("2025-01", SUBJECT, "close", day(4), "anna", "", closed.run_id, closed.published_at))
    assert store.tables.open("stamped").protocol().min_reader_version == 3
    assert unlike_the_log(store, [STAMPED]) == []
    moments = [None, *map(day, (1, 2, 3))]
    before = [through_the_log(store, STAMPED, moment) for moment in moments]
    assert before[0] == [("2025-01", Decimal("2.000"), day(2)), ("2025-02", Decimal("3.000"), day(3))]
    settled(store, [STAMPED])
    assert [through_the_log(store, STAMPED, moment) for moment in moments] == before
    moved = store.tables.open("stamped_2")
    assert (moved.protocol().min_reader_version, moved.protocol().min_writer_version) == (1, 2)
    assert directly(store, "stamped_2") == [("2025-01", "2.000"), ("2025-02", "3.000")]
    assert [(p.run_id, p.moved_at) for p in store.publications()] == [
        ("run-1", None),
        ("run-2", day(20)),
        ("run-3", day(20)),
    ]
    assert list(store.tables.folders("stamped")) == ["stamped", "stamped_2"]
    settled(store, [STAMPED])
    assert store.tables.open("stamped_2").version() == moved.version()


def test_what_has_moved_is_kept_as_long_as_other_versions_that_readers_saw(store: PublishedStore) -> None:
    of_an_earlier_release(store, "2025-01", "1.00", day(1))
    settled(store, [STAMPED])
    later = dt.datetime.now(dt.UTC) + dt.timedelta(days=3)
    days = (later - day(20)).days
    assert vacuum(store, [STAMPED], days + 1, lambda: later).files == 0
    assert directly(store, "stamped") == [("2025-01", "1.00")]
    assert vacuum(store, [STAMPED], days - 1, lambda: later).files == 1
    assert through_the_log(store, STAMPED, day(1)) == [("2025-01", Decimal("1.000"), day(1))]
