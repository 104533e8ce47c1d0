"""The logs of publications and closings: read once per change, however long, and never shortened."""

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from recon_assets.lakehouse import log
from recon_assets.lakehouse.log import Closing
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.lakehouse.tables import Tables, files_of
from recon_assets.lakehouse.vacuum import vacuum
from recon_assets_tests.azure.storage import AzureStorage
from recon_assets_tests.lakehouse.publishing import MART, SHARED, SUBJECT, day, publish
from recon_assets_tests.lakehouse.test_vacuum import LATER


@pytest.fixture
def store(tmp_path: Path, storage: AzureStorage | None) -> PublishedStore:
    root = tmp_path / "published"
    return storage.published(root) if storage else PublishedStore(root)


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Tables that were opened."""
    found: list[str] = []
    original = Tables.open

    def remember(tables: Tables, folder: str) -> object:
        found.append(folder)
        return original(tables, folder)

    monkeypatch.setattr(Tables, "open", remember)
    return found


@pytest.fixture
def ordered(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Rows of logs that were put in order."""
    found: list[int] = []
    original = log._in_order

    def remember(rows: pa.Table) -> object:
        found.append(len(rows))
        return original(rows)

    monkeypatch.setattr(log, "_in_order", remember)
    return found


def test_the_logs_are_read_and_put_in_order_once_per_change(
    store: PublishedStore, opened: list[str], ordered: list[int]
) -> None:
    first = publish(store, "2025-01", "run-1", ["1.00"], day(1))
    closing = Closing("2025-01", SUBJECT, "close", day(2), "anna", "", first.run_id, first.published_at)
    store.record_closing(closing)
    opened.clear(), ordered.clear()
    assert [store.current()["2025-01", SUBJECT].run_id for _ in range(3)] == ["run-1"] * 3
    assert store.moments() == {SUBJECT: [day(1)]} and store.closed() == {("2025-01", SUBJECT): closing}
    assert (opened, ordered) == ([log.CLOSINGS, log.PUBLICATIONS], [1])
    other = PublishedStore(store.root, store.azure)  # as another process has it
    publish(other, "2025-02", "run-2", ["2.00"], day(3))
    opened.clear(), ordered.clear()
    assert [store.current().keys() for _ in range(3)] == [{("2025-01", SUBJECT), ("2025-02", SUBJECT)}] * 3
    assert (opened, ordered) == ([log.PUBLICATIONS], [2])


def test_a_log_of_many_appends_becomes_few_files_and_keeps_every_row(
    store: PublishedStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(log, "_MANY_FILES", 3)
    published = [publish(store, "2025-01", f"run-{n}", [f"{n}.00"], day(n)) for n in range(1, 10)]
    newest = files_of(store.tables.open(log.PUBLICATIONS), log.PUBLICATIONS)
    assert len(newest) <= 3
    checkpoint = store.tables.file_system(log.PUBLICATIONS).get_file_info("_delta_log/_last_checkpoint")
    assert checkpoint.is_file  # so that no reader replays every append
    again = PublishedStore(store.root, store.azure)
    assert again.publications() == store.publications() == published
    assert again.current(day(4))["2025-01", SUBJECT].run_id == "run-4"
    removed = vacuum(again, [MART, SHARED], 10**4, lambda: LATER)
    assert removed.files > 0 and removed.forgotten == []
    assert PublishedStore(store.root, store.azure).publications() == published


def test_a_row_that_was_appended_twice_is_one_publication(store: PublishedStore) -> None:
    publication = publish(store, "2025-01", "run-1", ["1.00"], day(1))
    store.record(publication)  # as when the answer to its commit got lost
    assert store.publications() == [publication]


@pytest.mark.folder_only  # about what reading and appending import
def test_whoever_reads_the_logs_or_appends_to_them_waits_for_no_pandas(tmp_path: Path) -> None:
    store = PublishedStore(tmp_path / "published")
    published = publish(store, "2025-01", "run-1", ["1.00"], day(1))
    store.record_closing(Closing("2025-01", SUBJECT, "close", day(2), "anna", "", "run-1", published.published_at))
    code = (
        "import sys\nfrom pathlib import Path\nfrom recon_assets.lakehouse.published import PublishedStore\n"
        f"store = PublishedStore(Path({str(store.root)!r}))\n"
        "assert [len(store.current()), len(store.closed())] == [1, 1]\n"
        "store.record(*store.current().values()); store.record_closing(*store.closings())\n"
        "print([name for name in ('pandas', 'pyarrow.dataset') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
