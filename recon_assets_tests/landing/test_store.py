"""File stores: every version of a file is told apart, and a reader never sees two versions of one file."""

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from recon_assets.errors import FileProblem, InputError, NotListed
from recon_assets.landing.store import FileStore, FolderStore, LandedFile
from recon_assets_tests.azure.storage import AzureStorage
from recon_assets_tests.landed import land

_WITHOUT_RIGHTS = """
import os, sys
from pathlib import Path
from recon_assets.errors import FileProblem, NotListed
from recon_assets.landing.store import FolderStore
os.setgroups([]), os.setgid(65534), os.setuid(65534)  # after the imports: the interpreter may be closed to others
store = FolderStore(Path(sys.argv[1]))
try:
    list(store.list_files("bss/"))
except NotListed as error:
    print(error)
(file,) = store.list_files("bss/invoices/")
try:
    with store.open_local(file):
        pass
except FileProblem as problem:
    print(problem)
"""
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


@pytest.mark.folder_only
def test_a_copy_with_its_times_is_the_same_version_in_another_state(store: FileStore, tmp_path: Path) -> None:
    """A restored file is the one that was there; that something happened to it can be seen all the same."""
    path = land(tmp_path, NAME, "first")
    before = only_file(store)
    shutil.copy2(path, tmp_path / "copy")
    (tmp_path / "copy").replace(path)
    assert only_file(store).version == before.version
    assert only_file(store).state != before.state


@pytest.mark.folder_only
def test_a_folder_that_cannot_be_listed_is_an_error_that_names_it(
    store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    land(tmp_path, NAME, "x")
    closed = land(tmp_path, "bss/invoices/2025-01/more/b.csv", "x").parent
    really = os.scandir

    def refused(path: str) -> object:
        if Path(path) == closed:
            raise PermissionError(errno.EACCES, "Permission denied", path)
        return really(path)

    monkeypatch.setattr(os, "scandir", refused)
    with pytest.raises(NotListed, match=rf"^{closed} cannot be listed \(Permission denied\)"):
        list(store.list_files("bss/invoices/"))
    assert list(store.list_files("partner_center/")) == []


@pytest.mark.folder_only
def test_a_landing_zone_that_is_not_there_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"^The landing zone {tmp_path}/gone does not exist"):
        list(FolderStore(tmp_path / "gone").list_files("bss/"))


@pytest.mark.folder_only
@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody who may not read")
def test_somebody_without_rights_is_told_the_folder_and_the_file(tmp_path: Path) -> None:
    """In a process of a user who has no rights: to root nothing is closed."""
    file = land(tmp_path, NAME, "x")
    land(tmp_path, "bss/closed/a.csv", "x").parent.chmod(0o700)
    for folder in [tmp_path, *tmp_path.parents[:3]]:
        folder.chmod(0o755)
    file.chmod(0o600)
    done = subprocess.run(
        [sys.executable, "-c", _WITHOUT_RIGHTS, str(tmp_path)], capture_output=True, text=True, check=True
    )
    unlisted, unread = done.stdout.splitlines()
    assert unlisted.startswith(f"{tmp_path}/bss/closed cannot be listed (Permission denied)")
    assert unread.startswith(f"{NAME}: cannot be read (Permission denied); grant this account access")


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
