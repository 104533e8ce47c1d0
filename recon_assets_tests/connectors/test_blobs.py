"""Files on the way: what is verified, what is thrown away, what is never asked for. No node needed."""

from pathlib import Path

import pytest

from recon_assets.errors import InputError, ReconError
from recon_assets.landing.writer import FolderWriter
from recon_assets.settings import Settings
from recon_assets.transport.locks import only_one
from recon_assets_tests.connectors.conftest import Connect, error_text, stored_versions
from recon_assets_tests.connectors.service import Fault, Invoice, Service, usage_file

INVOICE = "G000000001"
NAME = "part-00000.c000.json.gz"
FILE = usage_file(2000, INVOICE)


def stored(settings: Settings) -> bytes:
    return (stored_versions(settings)[-1] / NAME).read_bytes()


def test_a_file_of_another_size_than_announced_before_begins_anew(
    service: Service, connect: Connect, settings: Settings
) -> None:
    service.invoices[INVOICE] = Invoice({NAME: FILE})
    wrong_size = {"Content-Range": f"bytes 4000-{len(FILE) + 9}/{len(FILE) + 10}"}
    service.plant("blob", Fault(drop_after=4000), Fault(headers=wrong_size, body=FILE[4000:] + b"0123456789"))
    connect().usage.fetch(INVOICE)
    assert stored(settings) == FILE
    assert service.ranges == ["", "bytes=4000-", ""]


@pytest.mark.parametrize("with_md5", [True, False])
def test_a_damaged_file_is_noticed_by_its_md5_or_by_its_own_check_sum(
    service: Service, connect: Connect, settings: Settings, with_md5: bool
) -> None:
    service.invoices[INVOICE] = Invoice({NAME: FILE})
    service.with_md5 = with_md5
    damaged = FILE[:5000] + bytes([FILE[5000] ^ 1]) + FILE[5001:]
    service.plant("blob", Fault(body=damaged))
    connect().usage.fetch(INVOICE)
    assert stored(settings) == FILE
    assert len(service.asked_blobs()) == 2


def test_a_file_that_never_arrives_whole_is_an_error_and_nothing_is_stored(
    service: Service, connect: Connect, settings: Settings
) -> None:
    service.invoices[INVOICE] = Invoice({NAME: FILE})
    service.plant("blob", *[Fault(body=FILE[:-100])] * 3)
    with pytest.raises(ReconError, match="did not arrive as it is: its content does not have the MD5") as caught:
        connect(attempts=3).usage.fetch(INVOICE)
    error_text(caught.value)
    assert stored_versions(settings) == []


def test_a_file_that_was_replaced_meanwhile_begins_anew(service: Service, connect: Connect, settings: Settings) -> None:
    """If-Match: bytes of two contents must never be put together."""
    service.invoices[INVOICE] = Invoice({NAME: FILE})
    service.plant("blob", Fault(drop_after=4000), Fault(412))
    connect().usage.fetch(INVOICE)
    assert stored(settings) == FILE
    assert service.ranges == ["", "bytes=4000-", ""]


def test_many_breaks_are_no_outage_as_long_as_each_brings_bytes(
    service: Service, connect: Connect, settings: Settings
) -> None:
    service.invoices[INVOICE] = Invoice({NAME: FILE})
    service.plant("blob", *[Fault(drop_after=2000)] * 8)
    connect(attempts=2).usage.fetch(INVOICE)
    assert stored(settings) == FILE


def test_bytes_that_were_complete_but_not_verified_yet_are_not_asked_for_again(
    service: Service, connect: Connect, settings: Settings
) -> None:
    """Killed between the last byte and the verification: the service answers 416 to the rest."""
    service.invoices[INVOICE] = Invoice({NAME: FILE})
    service.plant("blob", Fault(drop_after=4000), Fault(404))
    with pytest.raises(ReconError, match="answered 404"):
        connect().usage.fetch(INVOICE)
    partial = next((settings.home / "downloads").rglob(NAME))
    partial.write_bytes(FILE)
    connect().usage.fetch(INVOICE)
    assert stored(settings) == FILE
    assert service.ranges[-1] == f"bytes={len(FILE)}-"


def test_damage_in_a_resumed_file_is_noticed(service: Service, connect: Connect, settings: Settings) -> None:
    service.invoices[INVOICE] = Invoice({NAME: FILE})
    service.plant("blob", Fault(drop_after=4000), Fault(404))
    with pytest.raises(ReconError):
        connect().usage.fetch(INVOICE)
    partial = next((settings.home / "downloads").rglob(NAME))
    partial.write_bytes(b"x" * partial.stat().st_size)
    connect().usage.fetch(INVOICE)
    assert stored(settings) == FILE


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"blobs": [{"name": "../../evil.gz"}]}, "the file name '../../evil.gz' cannot be stored"),
        ({"blobs": [{"name": "manifest.json"}]}, "the file name 'manifest.json' cannot be stored"),
        ({"blobs": [{"name": "/etc/passwd"}]}, "cannot be stored"),
        ({"blobCount": 2}, "it counts 2 files and names 1"),
        ({"rootDirectory": "http://elsewhere.example/InvoiceId=G000000001"}, "not an https address"),
        ({"rootDirectory": "https://elsewhere.example/InvoiceId=G000000002"}, "it is the manifest of G000000002"),
        (
            {"rootDirectory": "https://169.254.169.254/InvoiceId=G000000001"},
            "files are on 169.254.169.254, which is none",
        ),
        (
            {"rootDirectory": "https://blob.core.windows.net.evil.example/a"},
            "blob.core.windows.net.evil.example, which",
        ),
        ({"sasToken": ""}, "it has no SAS token"),
        ({"createdDateTime": None}, "not as published; look at: createdDateTime"),
    ],
)
def test_a_manifest_that_cannot_be_trusted_is_refused(
    service: Service, connect: Connect, settings: Settings, changes: dict[str, object], problem: str
) -> None:
    service.invoices[INVOICE] = Invoice({NAME: FILE}, manifest_changes=changes)
    with pytest.raises(ReconError, match=problem.replace(".", r"\.")) as caught:
        connect().usage.fetch(INVOICE)
    error_text(caught.value)
    assert service.asked_blobs() == []
    assert list(settings.landing.iterdir()) == []


def test_the_token_is_not_sent_to_another_service(service: Service, connect: Connect) -> None:
    service.invoices[INVOICE] = Invoice({NAME: FILE})
    service.public_url = "http://127.0.0.2:9"
    with pytest.raises(ReconError, match=r"points to another service \(127.0.0.2:9\), which is not asked") as caught:
        connect(base_url=service.url).usage.fetch(INVOICE)
    error_text(caught.value)


def test_an_invoice_without_files_is_stored_as_its_manifest(
    service: Service, connect: Connect, settings: Settings
) -> None:
    service.invoices[INVOICE] = Invoice({})
    assert connect().usage.fetch(INVOICE).outcome == "stored"
    assert connect().usage.fetch(INVOICE).outcome == "unchanged"


def test_a_stored_version_that_lost_a_file_is_fetched_again(
    service: Service, connect: Connect, settings: Settings
) -> None:
    service.invoices[INVOICE] = Invoice({NAME: FILE})
    connect().usage.fetch(INVOICE)
    (stored_versions(settings)[-1] / NAME).unlink()
    assert connect().usage.fetch(INVOICE).outcome == "stored"
    assert stored(settings) == FILE


def test_two_downloads_of_one_invoice_do_not_meet(service: Service, connect: Connect, settings: Settings) -> None:
    service.invoices[INVOICE] = Invoice({NAME: FILE})
    lock = settings.home / "downloads" / "billed_usage" / f"{INVOICE}.lock"
    with only_one(lock, "usage"), pytest.raises(ReconError, match="being fetched by another process"):
        connect().usage.fetch(INVOICE)
    assert connect().usage.fetch(INVOICE).outcome == "stored"


def test_a_missing_landing_zone_is_not_made_up(service: Service, connect: Connect, settings: Settings) -> None:
    service.invoices[INVOICE] = Invoice({NAME: FILE})
    settings.landing.rmdir()
    with pytest.raises(InputError, match=r"does not exist. Create it, or set RECON_LANDING_URL"):
        connect().usage.fetch(INVOICE)


def test_a_publication_that_was_interrupted_is_made_whole_by_the_next(tmp_path: Path) -> None:
    """The bug this guards against: files of a half published version taken for loose files of the month."""
    writer = FolderWriter(tmp_path / "landing")
    writer.root.mkdir()
    local = tmp_path / NAME
    local.write_bytes(FILE)
    with pytest.raises(FileNotFoundError):
        writer.publish("a/2025-03/G1/v", {NAME: local, "gone": tmp_path / "gone"}, b"{}")
    assert writer.list_sizes("a") == {}
    assert local.read_bytes() == FILE
    writer.publish("a/2025-03/G1/v", {NAME: local}, b"{}")
    assert writer.list_sizes("a") == {f"a/2025-03/G1/v/{NAME}": len(FILE), "a/2025-03/G1/v/manifest.json": 2}
    assert writer.list_sizes(".incoming") == {}
