"""File stores: every version of a file is told apart, and a reader never sees two versions of one file."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from recon_assets.errors import FileProblem
from recon_assets.landing.store import FileStore, FolderStore, LandedFile
from recon_assets_tests.azure.storage import AzureStorage
from recon_assets_tests.landed import land

Happens = Callable[[Path], object]
NAME = "bss/invoices/2025-01/a.csv"


@pytest.fixture
def store(tmp_path: Path, storage: AzureStorage | None) -> FileStore:
    return storage.landing(tmp_path) if storage else FolderStore(tmp_path)


def only_file(store: FileStore) -> LandedFile:
    (file,) = store.list_files("bss/invoices/")
    return file


def test_a_landed_file_has_its_path_below_the_root_its_size_and_its_time(store: FileStore, tmp_path: Path) -> None:
    path = land(tmp_path, NAME, "12345")
    os.utime(path, (1000, 1000))
    file = only_file(store)
    assert (file.path, file.size, file.modified_at) == (NAME, 5, 1000.0)


def test_the_content_of_exactly_this_version_is_handed_out(store: FileStore, tmp_path: Path) -> None:
    land(tmp_path, NAME, "content")
    with store.open_local(only_file(store)) as path:
        assert path.read_text(encoding="utf-8") == "content"


def test_a_file_has_the_same_version_until_it_is_touched(store: FileStore, tmp_path: Path) -> None:
    path = land(tmp_path, NAME, "content")
    before = only_file(store)
    assert only_file(store).version == before.version
    os.utime(path, (1000, 1000))
    assert only_file(store).version != before.version


def test_a_file_of_the_same_size_and_time_that_was_moved_into_place_is_another_version(
    store: FileStore, tmp_path: Path
) -> None:
    path = land(tmp_path, NAME, "first")
    os.utime(path, (1000, 1000))
    before = only_file(store)
    other = land(tmp_path, "other.csv", "other")
    os.utime(other, (1000, 1000))
    other.replace(path)
    assert only_file(store).version != before.version


def change(path: Path) -> None:
    path.write_text("other, longer content", encoding="utf-8")


def replace(path: Path) -> None:
    other = path.with_name("other.csv")
    other.write_text("content", encoding="utf-8")
    other.replace(path)


@pytest.mark.parametrize("happens", [change, replace, Path.unlink])
def test_a_file_that_changed_before_it_is_opened_is_a_problem(
    happens: Happens, store: FileStore, tmp_path: Path
) -> None:
    path = land(tmp_path, NAME, "content")
    file = only_file(store)
    happens(path)
    opened = store.open_local(file)
    with pytest.raises(FileProblem, match=rf"^{NAME}: the file changed while it was being read"), opened:
        pytest.fail("the file was handed out")


@pytest.mark.folder_only
@pytest.mark.parametrize("happens", [change, replace, Path.unlink])
def test_a_file_that_changes_while_it_is_read_is_a_problem(happens: Happens, store: FileStore, tmp_path: Path) -> None:
    path = land(tmp_path, NAME, "content")
    opened = store.open_local(only_file(store))
    with pytest.raises(FileProblem, match="run the month again"), opened:
        happens(path)


def test_an_error_of_the_reader_is_not_covered_by_a_change_of_the_file(store: FileStore, tmp_path: Path) -> None:
    path = land(tmp_path, NAME, "content")
    opened = store.open_local(only_file(store))
    with pytest.raises(ZeroDivisionError), opened:
        change(path)
        raise ZeroDivisionError
