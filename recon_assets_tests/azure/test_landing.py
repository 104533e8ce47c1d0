"""The landing zone in Blob storage: listed in pages, copied whole or not at all, whatever the network does."""

import os
import re
from pathlib import Path

import pytest
from azure.storage.blob import ContentSettings

from recon_assets.azure.cache import FileCache
from recon_assets.errors import FileProblem, InputError, ReconError
from recon_assets.lakehouse.raw import RawStore
from recon_assets.landing.blob import BlobStore
from recon_assets.landing.discovery import discover
from recon_assets.landing.store import LandedFile
from recon_assets.landing.writer import ContainerWriter
from recon_assets.sources.loading import load_month
from recon_assets.transport.retry import TransientError
from recon_assets_tests.azure.conftest import Reached
from recon_assets_tests.azure.faults import Fault, FaultProxy
from recon_assets_tests.landed import NOW, delimited, nce_line, settings_in

pytestmark = pytest.mark.azure

NAME = "bss/invoices/2025-01/a.csv"
MANY = os.urandom(11_000_000)  # several requests: one brings at most 4 MiB that are verified
THROTTLED = Fault("status", 503, (("Retry-After", "7"),))
TOO_MANY = Fault("status", 429, (("Retry-After", "9999"),))


def only_file(store: BlobStore) -> LandedFile:
    (file,) = store.list_files("bss/")
    return file


def content_of(store: BlobStore, file: LandedFile | None = None) -> bytes:
    with store.open_local(file or only_file(store)) as path:
        return path.read_bytes()


# Listing


def test_every_file_is_listed_once_in_pages_even_when_a_page_is_throttled_and_another_lost(
    reached: Reached, proxy: FaultProxy
) -> None:
    names = [f"bss/invoices/2025-01/{n}.csv" for n in range(7)]
    for name in names:
        reached.land(name, b"x" * len(name))
    reached.land("elsewhere/b.csv", b"x")
    proxy.plant("GET", "comp=list.*marker=", THROTTLED, Fault("drop"))
    files = list(reached.store(list_page_size=3, longest_wait_seconds=30).list_files("bss/invoices/"))
    assert [(file.path, file.size) for file in files] == [(name, len(name)) for name in names]
    assert proxy.count("GET", "comp=list") == 3 + 2
    assert reached.slept[0] == 7  # what Retry-After asked for


def test_blobs_that_pages_hold_twice_are_loaded_once(reached: Reached, proxy: FaultProxy) -> None:
    reached.land(NAME, b"x")
    reached.land(NAME.replace("a.csv", "b.csv"), b"x")
    twice = Fault("rewrite", rewrite=lambda page: re.sub(b"(<Blob>.*</Blob>)", rb"\1\1", page, flags=re.DOTALL))
    proxy.plant("GET", "comp=list", twice, twice)
    store = reached.store()
    assert len(list(store.list_files(""))) == 4
    assert [file.path[-5:] for file in discover(store, "bss_invoices")["2025-01"]] == ["a.csv", "b.csv"]


def test_a_listing_whose_pages_lead_back_to_each_other_ends(reached: Reached, proxy: FaultProxy) -> None:
    for n in range(4):
        reached.land(f"bss/{n}.csv", b"x")
    first = re.compile(b"<NextMarker>.*</NextMarker>")
    markers: list[bytes] = []

    def back(page: bytes) -> bytes:
        markers.extend(first.findall(page))
        return first.sub(markers[0], page)

    proxy.plant("GET", "comp=list", *[Fault("rewrite", rewrite=back)] * 2)
    with pytest.raises(ReconError, match=r"lists .* in a circle and comes to no end"):
        list(reached.store(list_page_size=1).list_files("bss/"))


def test_a_retry_after_is_honoured_only_within_sane_bounds(reached: Reached, proxy: FaultProxy) -> None:
    proxy.plant("GET", "comp=list", TOO_MANY)
    assert list(reached.store(longest_wait_seconds=30).list_files("")) == []
    assert reached.slept == [30]


def test_directories_of_adls_are_no_files(reached: Reached) -> None:
    reached.land(NAME, b"content")
    client = reached.container.client
    client.upload_blob("landing/bss/invoices/2025-01", b"", metadata={"hdi_isfolder": "true"})
    client.upload_blob("landing/bss/invoices/2025-02/", b"")
    assert [file.path for file in reached.store().list_files("")] == [NAME]


def test_a_replaced_blob_of_the_same_size_is_another_version(reached: Reached) -> None:
    reached.land(NAME, b"first")
    before = only_file(reached.store())
    assert only_file(reached.store()) == before
    reached.land(NAME, b"other")
    assert only_file(reached.store()).version != before.version


# Reading


@pytest.mark.parametrize("faults", [[Fault("cut", at=1_000_000)], [Fault("drop")], [THROTTLED, TOO_MANY]])
def test_a_large_file_comes_whole_however_it_is_interrupted(
    faults: list[Fault], reached: Reached, proxy: FaultProxy
) -> None:
    reached.land(NAME, MANY)
    proxy.plant("GET", NAME, *faults)
    assert content_of(reached.store()) == MANY


def test_what_had_come_before_a_connection_was_lost_is_not_asked_for_again(reached: Reached, proxy: FaultProxy) -> None:
    reached.land(NAME, MANY)
    lost = [Fault("drop")] * 5  # the SDK asks for a chunk several times itself
    proxy.plant("GET", NAME, Fault("then"), Fault("then"), *lost)
    assert content_of(reached.store(attempts=6)) == MANY
    first, *others = proxy.ranges(NAME)
    assert (first, others[0]) == (0, 4 << 20)
    assert set(others[1:]) == {8 << 20}


def test_a_file_that_arrives_altered_is_noticed_and_fetched_again(reached: Reached, proxy: FaultProxy) -> None:
    reached.land(NAME, b"a hundred bytes" * 10)
    proxy.plant("GET", NAME, Fault("alter", at=20))
    assert content_of(reached.store()) == b"a hundred bytes" * 10
    assert proxy.count("GET", NAME) == 2


@pytest.mark.parametrize("content", [b"content", MANY], ids=["small", "large"])
def test_a_blob_that_does_not_have_the_md5_it_was_uploaded_with_is_never_handed_out(
    content: bytes, reached: Reached
) -> None:
    wrong = ContentSettings(content_md5=bytearray(16))
    reached.container.client.upload_blob(f"landing/{NAME}", content)
    reached.container.client.get_blob_client(f"landing/{NAME}").set_http_headers(wrong)
    with pytest.raises(TransientError, match=r"a\.csv .*did not arrive as it is: .*MD5"):
        content_of(reached.store(attempts=2))


def test_a_file_that_is_replaced_while_it_is_copied_is_a_problem_of_the_file(
    reached: Reached, proxy: FaultProxy
) -> None:
    reached.land(NAME, MANY)
    proxy.plant("GET", NAME, Fault("then", happens=lambda: reached.land(NAME, MANY[::-1])))
    store = reached.store()
    with pytest.raises(FileProblem, match="changed while it was being read; run the month again"):
        content_of(store)
    assert content_of(store) == MANY[::-1]


def test_a_file_that_was_replaced_since_it_was_listed_is_a_problem_of_the_file(reached: Reached) -> None:
    reached.land(NAME, b"first")
    store = reached.store()
    listed = only_file(store)
    reached.land(NAME, b"other")
    with pytest.raises(FileProblem, match="changed while it was being read"):
        content_of(store, listed)


def test_a_blob_that_changes_while_it_is_read_is_read_as_it_was(reached: Reached) -> None:
    reached.land(NAME, b"first")
    store = reached.store()
    with store.open_local(only_file(store)) as path:
        reached.land(NAME, b"second")
        assert path.read_bytes() == b"first"
    assert content_of(store) == b"second"


@pytest.mark.parametrize("listed", [b"0", b"6", b"8", b"9999"])
def test_a_blob_whose_listed_size_is_wrong_is_a_problem_of_the_file(
    listed: bytes, reached: Reached, proxy: FaultProxy
) -> None:
    reached.land(NAME, b"content")
    size = b"<Content-Length>" + listed + b"<"
    proxy.plant("GET", "comp=list", Fault("rewrite", rewrite=lambda page: page.replace(b"<Content-Length>7<", size)))
    store = reached.store()
    with pytest.raises(FileProblem, match=rf"a\.csv: is listed with {listed.decode()} bytes and has 7"):
        content_of(store)
    assert content_of(store) == b"content"


# Local copies


def test_a_copy_is_used_again_and_a_damaged_one_is_not(reached: Reached, proxy: FaultProxy) -> None:
    reached.land(NAME, b"content")
    store = reached.store()
    with store.open_local(only_file(store)) as path:
        held = path
    assert content_of(store) == b"content"
    assert proxy.count("GET", NAME) == 1
    held.write_bytes(b"changed")
    assert content_of(store) == b"content"
    held.write_bytes(b"cut")
    assert content_of(store) == b"content"
    assert proxy.count("GET", NAME) == 3


def test_copies_are_bounded_and_those_used_longest_ago_go_first(reached: Reached, proxy: FaultProxy) -> None:
    for n in range(4):
        reached.land(f"bss/{n}.csv", bytes([n]) * 100)
    store = reached.store(cache_bytes=250)
    files = list(store.list_files("bss/"))
    for place, n in enumerate((0, 1, 0, 2, 0, 3)):  # 0 is used again and again
        assert content_of(store, files[n]) == bytes([n]) * 100
        for record in (store.cache.folder / "records").rglob("*.json"):  # a file system's clock may be coarse
            os.utime(record, (record.stat().st_mtime - 10, record.stat().st_mtime - 10))
        assert store.cache.used() <= 250, place
    assert [proxy.count("GET", f"bss/{n}.csv") for n in range(4)] == [1, 1, 1, 1]


def test_a_copy_that_is_being_read_is_never_removed(reached: Reached) -> None:
    for n in range(3):
        reached.land(f"bss/{n}.csv", bytes([n]) * 100)
    store = reached.store(cache_bytes=150)
    files = list(store.list_files("bss/"))
    with store.open_local(files[0]) as first:
        with store.open_local(files[1]) as second:
            assert (first.read_bytes(), second.read_bytes()) == (bytes([0]) * 100, bytes([1]) * 100)
        assert content_of(store, files[2]) == bytes([2]) * 100
        assert first.is_file() and not second.is_file()
    assert content_of(store, files[1]) == bytes([1]) * 100
    assert not first.is_file()


def test_a_pin_of_a_dead_process_keeps_nothing(tmp_path: Path) -> None:
    cache = FileCache(tmp_path, 100)
    cache.get("a", None, lambda path: path.write_bytes(b"a" * 80))
    (tmp_path / "pins").mkdir(exist_ok=True)
    (tmp_path / "pins" / "dead.json").write_text('["a"]', encoding="utf-8")
    cache.get("b", None, lambda path: path.write_bytes(b"b" * 80))
    assert [path.name for path in cache.files.iterdir()] == ["b"]
    assert not list((tmp_path / "pins").iterdir())


def test_a_file_that_exceeds_all_room_says_which_setting_to_raise(reached: Reached, proxy: FaultProxy) -> None:
    reached.land(NAME, b"x" * 200)
    with pytest.raises(InputError, match=r"a\.csv has 200 bytes.*RECON_AZURE_CACHE_BYTES"):
        content_of(reached.store(cache_bytes=150))
    assert proxy.count("GET", NAME) == 0


# What a load makes of it


def test_storage_that_stays_away_fails_the_run_and_not_the_files(
    reached: Reached, proxy: FaultProxy, tmp_path: Path
) -> None:
    path = "partner_center/reconciliation/FEBRUARY2025_MSRECON_NCE.csv"
    reached.land(path, delimited([nce_line()], list(nce_line())))
    store, raw = reached.store(attempts=3), RawStore(tmp_path / "raw")
    files = list(store.list_files(""))
    proxy.plant("GET", path, *[Fault("status", 503)] * 3)
    arguments = ("ms_recon_nce", "2025-01", files, store, raw, settings_in(tmp_path), lambda: NOW)
    with pytest.raises(TransientError, match=r"Azure Storage answered 503 \(ServerBusy\)"):
        load_month(*arguments)
    assert raw.read_failed("ms_recon_nce", "2025-01") is None  # else the sensor would not try again
    assert load_month(*arguments).outcome == "loaded"


# Writing


def test_a_version_is_written_with_its_manifest_last_and_replaces_what_was_left_of_it(
    reached: Reached, proxy: FaultProxy, tmp_path: Path
) -> None:
    (tmp_path / "part.gz").write_bytes(b"part")
    reached.land("usage/v1/left.gz", b"of a killed download")
    writer = ContainerWriter(reached.store().container, "landing/")
    proxy.plant("PUT", "usage/v1/part.gz", THROTTLED, Fault("drop"), Fault("lose answer"))
    writer.publish("usage/v1", {"part.gz": tmp_path / "part.gz"}, b"{}")
    assert writer.list_sizes("usage/v1") == {"usage/v1/manifest.json": 2, "usage/v1/part.gz": 4}
    puts = [where.rpartition("/")[2].partition("?")[0] for method, where in proxy.asked if method == "PUT"]
    assert puts == ["part.gz"] * 4 + ["manifest.json"]
    assert writer.read_bytes("usage/v1/part.gz") == b"part"
    with pytest.raises(FileNotFoundError):
        writer.read_bytes("usage/v1/none.gz")
    for _ in range(2):  # what is not there any more is no error
        writer.remove("usage/v1/part.gz")
    assert writer.list_sizes("") == {"usage/v1/manifest.json": 2}
