"""What vacuum removes, and what stays: what readers see, closed months, what is recent, what is being written."""

import datetime as dt
import os
from pathlib import Path

import pyarrow as pa
import pytest

from recon_assets.catalogue.marts import Mart, MartColumn
from recon_assets.errors import InputError
from recon_assets.lakehouse.log import Closing
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.lakehouse.vacuum import vacuum
from recon_assets_tests.azure.storage import AzureStorage
from recon_assets_tests.lakehouse.publishing import MART, SHARED, SUBJECT, day, month_rows, publish, replace_month

WHOLE = Mart(
    "notes",
    "Replaced whole, as reported_issues is.",
    (
        MartColumn("note", "varchar", ""),
        MartColumn("published_at", "timestamp with time zone", ""),
        MartColumn("run_id", "varchar", ""),
    ),
    ("note",),
    (),
    is_monthly=False,
)
MARTS = [MART, SHARED, WHOLE]
LATER = dt.datetime.now(dt.UTC) + dt.timedelta(days=3)


@pytest.fixture
def store(tmp_path: Path, storage: AzureStorage | None) -> PublishedStore:
    root = tmp_path / "published"
    return storage.published(root) if storage else PublishedStore(root)


def files(store: PublishedStore) -> set[str]:
    if store.azure:
        blobs = store.azure.container.list_blobs(store.azure.url.prefix)
        found = [Path(blob.name).relative_to(store.azure.url.prefix) for blob in blobs]
    else:
        found = [path.relative_to(store.root) for path in store.root.rglob("*.parquet")]
    return {path.as_posix() for path in found if path.suffix == ".parquet" and "_delta_log" not in path.parts}


def amounts(store: PublishedStore, as_of: dt.datetime | None = None) -> list[tuple[str, str]]:
    sql = "select strftime(billing_month, '%Y-%m'), cast(amount as varchar) from marts.totals order by all"
    with store.connect(MARTS, as_of) as connection:
        return connection.execute(sql).fetchall()


def note(store: PublishedStore, text: str, at: dt.datetime) -> None:
    """Replace the mart that is not monthly."""
    store.replace_whole(WHOLE, lambda: pa.table({"note": [text]}), "copy", lambda: at)


def notes(store: PublishedStore, as_of: dt.datetime | None = None) -> list[str]:
    with store.connect(MARTS, as_of) as connection:
        return [row[0] for row in connection.execute("select note from marts.notes").fetchall()]


def clean(
    store: PublishedStore, keep_days: int = 0, now: dt.datetime = LATER, dry_run: bool = False
) -> tuple[int, int]:
    done = vacuum(store, MARTS, keep_days, lambda: now, dry_run)
    return done.files, len(done.forgotten)


def test_what_was_replaced_goes_and_what_readers_see_stays(store: PublishedStore) -> None:
    publish(store, "2025-01", "run-1", ["1.00"], day(1))
    publish(store, "2025-02", "run-2", ["2.00"], day(2))
    publish(store, "2025-01", "run-3", ["3.00"], day(3))
    before = files(store)
    assert clean(store) == (2, 1)
    assert len(before - files(store)) == 2
    assert amounts(store) == [("2025-01", "3.00"), ("2025-02", "2.00")]
    assert clean(store) == (0, 0)


def test_a_dry_run_counts_and_removes_nothing(store: PublishedStore) -> None:
    publish(store, "2025-01", "run-1", ["1.00"], day(1))
    publish(store, "2025-01", "run-2", ["2.00"], day(2))
    before = files(store)
    assert clean(store, dry_run=True) == (2, 1)
    assert files(store) == before


def test_what_readers_saw_within_the_days_to_keep_stays_readable(store: PublishedStore) -> None:
    for number in range(1, 5):
        publish(store, "2025-01", f"run-{number}", [f"{number}.00"], day(number))
    since = LATER - day(3)  # readers saw the second publication until the third day, and the others later
    assert clean(store, since.days + 1) == (2, 1)
    assert [amounts(store, day(n)) for n in (2, 3, 4)] == [[("2025-01", f"{n}.00")] for n in (2, 3, 4)]


def test_a_time_whose_files_were_removed_is_refused_in_words(store: PublishedStore) -> None:
    publish(store, "2025-01", "run-1", ["1.00"], day(1))
    publish(store, "2025-01", "run-2", ["2.00"], day(2))
    clean(store)
    if store.azure:
        store.azure.cache.clear()  # copies answer as long as they are kept
    with pytest.raises(InputError, match="2025-02-01 00:00:00 UTC is not all kept any more"):
        amounts(store, day(1))


def test_the_publication_of_every_closing_stays_also_after_reopening(store: PublishedStore) -> None:
    first = publish(store, "2025-01", "run-1", ["1.00"], day(1))
    for action, at in (("close", day(2)), ("reopen", day(3))):
        store.record_closing(Closing("2025-01", SUBJECT, action, at, "anna", "", first.run_id, first.published_at))  # type: ignore[arg-type]
    publish(store, "2025-01", "run-2", ["2.00"], day(4))
    publish(store, "2025-01", "run-3", ["3.00"], day(5))
    assert clean(store) == (2, 1)
    assert amounts(store, day(2)) == [("2025-01", "1.00")]
    assert amounts(store) == [("2025-01", "3.00")]


def test_a_closed_month_that_a_late_run_published_over_keeps_the_files_readers_see(store: PublishedStore) -> None:
    first = publish(store, "2025-01", "run-1", ["1.00"], day(1))
    store.record_closing(Closing("2025-01", SUBJECT, "close", day(2), "anna", "", first.run_id, first.published_at))
    publish(store, "2025-01", "late", ["9.00"], day(3))
    clean(store)
    assert amounts(store) == [("2025-01", "1.00")]


@pytest.mark.folder_only  # sets times of files
def test_files_of_a_publication_under_way_stay(store: PublishedStore) -> None:
    publish(store, "2025-01", "run-1", ["1.00"], day(1))
    table = month_rows("2025-01", "run-2", ["2.00"])
    version = replace_month(store, MART, "2025-01", table)
    # A later commit of another month: the file is not of the newest version alone by chance.
    again = replace_month(store, MART, "2025-01", table)
    young = dt.datetime.now(dt.UTC) + dt.timedelta(hours=1)
    for file in files(store) - {*version.files, *again.files}:
        os.utime(store.root / file, (0, 0))
    clean(store, now=young)
    assert {*version.files, *again.files} <= files(store)
    assert amounts(store) == [("2025-01", "1.00")]


def test_the_newest_version_of_a_delta_table_stays_whole_for_those_who_read_it_directly(store: PublishedStore) -> None:
    publish(store, "2025-01", "run-1", ["1.00"], day(1))
    left = replace_month(store, MART, "2025-02", month_rows("2025-02", "killed", ["5.00"]))
    assert clean(store) == (0, 0)
    assert set(left.files) <= files(store)


def test_of_a_mart_that_is_replaced_whole_what_readers_saw_within_the_days_to_keep_stays(store: PublishedStore) -> None:
    publish(store, "2025-01", "run-1", ["1.00"], day(1))
    for number in range(1, 5):
        note(store, f"note {number}", day(number))
    since = LATER - day(3)  # readers saw the second copy until the third day
    assert clean(store, since.days + 1) == (1, 0)
    assert [notes(store, day(n)) for n in (2, 3, 4)] == [[f"note {n}"] for n in (2, 3, 4)]
    assert clean(store) == (2, 0)
    assert notes(store) == ["note 4"]
    assert notes(store, day(4)) == ["note 4"]


@pytest.mark.folder_only  # a copy in the cache answers all the same
def test_a_time_of_which_only_the_copy_replaced_whole_was_removed_is_refused_in_words(store: PublishedStore) -> None:
    """The bug this fixes: it passed for a fault of the storage, since no month was published in between."""
    publish(store, "2025-01", "run-1", ["1.00"], day(1))
    note(store, "note 1", day(1))
    note(store, "note 2", day(2))
    clean(store)
    with pytest.raises(InputError, match="2025-02-01 00:00:00 UTC is not all kept any more"):
        notes(store, day(1))


def test_there_is_nothing_to_do_before_anything_was_published(store: PublishedStore) -> None:
    assert clean(store) == (0, 0)
