"""What readers see: each month as its newest publication left it, as of any time, whatever is being written."""

import os
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from deltalake import DeltaTable

from recon_assets.catalogue.marts import Mart, MartColumn
from recon_assets.errors import InputError
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.lakehouse.tables import Tables, files_of
from recon_assets.lakehouse.views import require_reading
from recon_assets_tests.azure.azurite import azure_environment
from recon_assets_tests.azure.storage import AzureStorage
from recon_assets_tests.lakehouse.publishing import MART, SHARED, SUBJECT, day, month_rows, publish, replace_month
from recon_assets_tests.search import examples

MARTS = [MART, SHARED]
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def store(tmp_path: Path, storage: AzureStorage | None) -> PublishedStore:
    root = tmp_path / "published"
    return storage.published(root) if storage else PublishedStore(root)


def amounts(source: PublishedStore | duckdb.DuckDBPyConnection, mart: str = "totals") -> list[tuple[str, str]]:
    """Months and amounts of a mart, as a reader sees them who connects now or has been connected."""
    connection = source.connect(MARTS) if isinstance(source, PublishedStore) else source
    sql = f"select strftime(billing_month, '%Y-%m'), cast(amount as varchar) from marts.{mart} order by all"
    return connection.execute(sql).fetchall()


def test_nothing_published_reads_as_empty_marts(store: PublishedStore) -> None:
    assert store.publications() == []
    assert amounts(store) == []
    assert store.connect(MARTS).execute("from marts.publications").fetchall() == []


def test_a_published_month_is_what_readers_see(store: PublishedStore) -> None:
    publication = publish(store, "2025-01", "run-1", ["1.00", "2.50"], day(1))
    assert store.publications() == [publication]
    assert amounts(store) == amounts(store, "shared_totals") == [("2025-01", "1.00"), ("2025-01", "2.50")]
    types = store.connect(MARTS).execute("describe marts.totals").fetchall()
    assert [row[1] for row in types] == ["DATE", "DECIMAL(18,2)", "VARCHAR"]


def test_a_month_is_replaced_whole_and_the_others_stay(store: PublishedStore) -> None:
    publish(store, "2025-01", "run-1", ["1.00", "2.00"], day(1))
    publish(store, "2025-02", "run-2", ["3.00"], day(2))
    publish(store, "2025-01", "run-3", ["9.00"], day(3))
    assert amounts(store) == [("2025-01", "9.00"), ("2025-02", "3.00")]


def test_a_month_may_become_empty(store: PublishedStore) -> None:
    publish(store, "2025-01", "run-1", ["1.00"], day(1))
    publish(store, "2025-01", "run-2", [], day(2))
    assert amounts(store) == []


def test_reconciliations_share_a_mart_without_touching_each_other(store: PublishedStore) -> None:
    publish(store, "2025-01", "run-1", ["1.00"], day(1), "subscriptions")
    publish(store, "2025-01", "run-2", ["2.00"], day(2), "einvoices")
    publish(store, "2025-01", "run-3", ["3.00"], day(3), "subscriptions")
    assert amounts(store, "shared_totals") == [("2025-01", "2.00"), ("2025-01", "3.00")]


def test_readers_can_ask_for_the_months_as_they_were(store: PublishedStore) -> None:
    publish(store, "2025-01", "run-1", ["1.00"], day(1))
    publish(store, "2025-02", "run-2", ["2.00"], day(3))
    publish(store, "2025-01", "run-3", ["3.00"], day(5))
    assert amounts(store.connect(MARTS, day(1))) == [("2025-01", "1.00")]
    assert amounts(store.connect(MARTS, day(4))) == [("2025-01", "1.00"), ("2025-02", "2.00")]
    assert amounts(store.connect(MARTS, day(5))) == [("2025-01", "3.00"), ("2025-02", "2.00")]
    before_all = day(1).replace(year=2020)
    assert amounts(store.connect(MARTS, before_all)) == []


def test_an_open_reader_keeps_its_view_while_the_month_is_replaced(store: PublishedStore) -> None:
    publish(store, "2025-01", "run-1", ["1.00", "2.00"], day(1))
    with store.connect(MARTS) as reader:
        publish(store, "2025-01", "run-2", ["9.00"], day(2))
        publish(store, "2025-01", "run-3", ["8.00"], day(3))
        assert amounts(reader) == amounts(reader, "shared_totals") == [("2025-01", "1.00"), ("2025-01", "2.00")]
    assert amounts(store) == [("2025-01", "8.00")]


def test_a_kill_before_the_log_row_leaves_readers_with_the_earlier_month(store: PublishedStore) -> None:
    publish(store, "2025-01", "run-1", ["1.00"], day(1))
    killed = month_rows("2025-01", "run-2", ["9.00"])
    replace_month(store, MART, "2025-01", killed)
    assert amounts(store) == amounts(store, "shared_totals") == [("2025-01", "1.00")]
    publish(store, "2025-01", "run-3", ["5.00"], day(3))
    assert amounts(store) == amounts(store, "shared_totals") == [("2025-01", "5.00")]


def test_a_publication_of_another_month_does_not_bring_an_unrecorded_write_to_light(store: PublishedStore) -> None:
    publish(store, "2025-01", "run-1", ["1.00"], day(1))
    replace_month(store, MART, "2025-01", month_rows("2025-01", "run-2", ["9.00"]))
    publish(store, "2025-02", "run-3", ["2.00"], day(3))
    assert amounts(store) == [("2025-01", "1.00"), ("2025-02", "2.00")]


def publish_at_once(store: PublishedStore, home: Path, publishers: dict[str, str], count: int) -> None:
    """Processes that publish `count` times each, by name the month; every one of their publications has two rows."""
    environment = os.environ | {"PYTHONPATH": str(REPOSITORY)}
    if store.azure:
        environment |= azure_environment(store.azure.account.settings.account_url)
    command = [sys.executable, "-m", "recon_assets_tests.lakehouse.publishing", store.name]
    running = [
        subprocess.Popen([*command, str(home / name), month, str(count), name], env=environment)
        for name, month in publishers.items()
    ]
    assert [process.wait(timeout=300) for process in running] == [0] * len(running)


def test_publishing_different_months_at_once_loses_nothing(store: PublishedStore, tmp_path: Path) -> None:
    months, count = ["2025-01", "2025-02", "2025-03"], examples(2, 4)
    publish_at_once(store, tmp_path, {month: month for month in months}, count)
    assert len(store.publications()) == len(months) * count
    assert (
        amounts(store) == amounts(store, "shared_totals") == [(month, f"{count}.00") for month in months for _ in "ab"]
    )
    for number in range(1, count + 1):
        assert amounts(store.connect(MARTS, day(number))) == [(month, f"{number}.00") for month in months for _ in "ab"]


def test_of_two_publishers_of_the_same_month_each_has_its_own_version_and_one_is_seen(
    store: PublishedStore, tmp_path: Path
) -> None:
    count = examples(2, 4)
    publish_at_once(store, tmp_path, {"left": "2025-01", "right": "2025-01"}, count)
    publications = store.publications()
    assert sorted(p.run_id for p in publications) == sorted(
        f"{name}-run-{number}" for name in ("left", "right") for number in range(1, count + 1)
    )
    for mart in (MART.name, SHARED.name):  # no two commits took the same version, and no file belongs to two of them
        assert len({p.marts[mart].version for p in publications}) == len(publications)
        assert len({file for p in publications for file in p.marts[mart].files}) == len(publications)
    with store.connect(MARTS) as reader:
        for mart in (MART.name, SHARED.name):
            seen = reader.execute(f"select run_id, count(*) from marts.{mart} group by 1").fetchall()
            assert seen == [(publications[-1].run_id, 2)]


@pytest.mark.parametrize("before", [[], ["1.00"]])
def test_a_month_is_committed_again_when_a_concurrent_commit_of_it_wins(
    before: list[str], store: PublishedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(store, "2025-01", "run-1", before, day(1))
    with duckdb.connect() as connection:
        connection.register("given", month_rows("2025-01", "run-2", ["2.00"]))
        files = store.write_month(MART, "2025-01", SUBJECT, connection, "from given")
    opened = Tables.open

    def open_and_be_late(tables: Tables, folder: str) -> DeltaTable:
        table = opened(tables, folder)
        monkeypatch.setattr(Tables, "open", opened)
        replace_month(store, MART, "2025-01", month_rows("2025-01", "other", ["7.00"]))
        return table

    monkeypatch.setattr(Tables, "open", open_and_be_late)
    assert store.commit_month(files).files == files_of(store.tables.open("totals"), "totals") == files.files


def test_a_month_published_before_a_mart_got_a_column_reads_as_null_there(store: PublishedStore) -> None:
    publish(store, "2025-01", "run-1", ["1.00"], day(1))
    wider = Mart(MART.name, "", (*MART.columns, MartColumn("currency", "varchar", "")), MART.grain, MART.subjects)
    assert store.connect([wider]).execute("select amount, currency from marts.totals").fetchall() == [
        (Decimal("1.00"), None)
    ]


def test_the_log_that_readers_see_names_the_newest_publication_of_each_month(store: PublishedStore) -> None:
    publish(store, "2025-01", "run-1", ["1.00"], day(1))
    publish(store, "2025-01", "run-2", ["2.00"], day(2))
    log = store.connect(MARTS).execute("select run_id, published_at from marts.publications").fetchall()
    assert log == [("run-2", day(2))]


@pytest.mark.parametrize(
    "sql",
    [
        "from read_text('{outside}/secret.txt')", "from glob('{outside}/*')", "from read_csv('{outside}/secret.txt')",
        "from read_text('{published}/../secret.txt')", "copy (select 1) to '{outside}/new.csv'",
        "attach '{outside}/new.duckdb'", "export database '{outside}/new'", "set enable_external_access = true",
        "set allowed_directories = ['{outside}']", "install httpfs",
    ],
)  # fmt: skip
def test_a_reader_cannot_leave_the_published_tables(sql: str, store: PublishedStore, tmp_path: Path) -> None:
    publish(store, "2025-01", "run-1", ["1.00"], day(1))
    (tmp_path / "secret.txt").write_text("secret", encoding="utf-8")
    before = sorted(tmp_path.iterdir())
    with store.connect(MARTS) as reader, pytest.raises(duckdb.Error):
        reader.execute(sql.format(outside=tmp_path, published=store.root)).fetchall()
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.folder_only
@pytest.mark.parametrize(
    "sql",
    [
        "copy (select 1) to '{published}/new.parquet'", "attach '{published}/new.duckdb'",
        "export database '{published}/new'", "explain analyze copy (select 1) to '{published}/new.parquet'",
        "prepare p as copy (select 1) to '{published}/new.parquet'",
        "select 1; copy (select 1) to '{published}/new.csv'",
        "create table mine as select 1", "delete from marts.publications", "drop view marts.totals",
        "update marts.publications set run_id = 'x'", "insert into marts.publications from marts.publications",
        "create or replace view marts.totals as select 1", "set memory_limit = '1GB'", "load json", "vacuum",
    ],
)  # fmt: skip
def test_a_statement_that_does_more_than_read_is_refused(sql: str, store: PublishedStore) -> None:
    with store.connect(MARTS) as reader, pytest.raises(InputError, match="can only be read"):
        require_reading(reader, sql.format(published=store.root))


@pytest.mark.folder_only
@pytest.mark.parametrize(
    "sql",
    ["from marts.totals", "select 1", "with t as (select 1 as n) from t", "describe marts.totals", "show tables",
     "summarize marts.totals", "values (1)", "select 1; select 2", "select 'copy t to x'"],
)  # fmt: skip
def test_a_statement_that_reads_is_let_through(sql: str, store: PublishedStore) -> None:
    with store.connect(MARTS) as reader:
        require_reading(reader, sql)
        reader.execute(sql)
