"""Compressed files: bounded, and damaged ones named."""

import errno
import gzip
import io
import os
import zipfile
from pathlib import Path

import openpyxl
import pytest

from recon_assets_tests.landed import bss_line, delimited, land, land_bss, microsoft_name, platform_in, table_rows

NAME = "bss/invoices/2025-01/a.csv.gz"
CONTENT = delimited([bss_line(Invoice_Code=f"INV-{number}") for number in range(300)], list(bss_line()))


def problems_of(home: Path, packed: bytes, name: str = NAME, **settings: int) -> list[str]:
    platform = platform_in(home, **settings)
    land(platform.settings.landing, name, b"").write_bytes(packed)
    return platform.load("bss_invoices", "2025-01").problems


def test_a_compressed_file_is_read(tmp_path: Path) -> None:
    assert problems_of(tmp_path, gzip.compress(CONTENT)) == []


def test_a_compressed_file_is_told_by_its_content_not_its_name(tmp_path: Path) -> None:
    assert problems_of(tmp_path, gzip.compress(CONTENT), "bss/invoices/2025-01/a.csv") == []


def test_several_compressed_members_are_one_file(tmp_path: Path) -> None:
    assert problems_of(tmp_path, gzip.compress(CONTENT[:999]) + gzip.compress(CONTENT[999:])) == []
    assert len(table_rows(platform_in(tmp_path).raw, "bss_invoices", "2025-01")) == 300


def test_a_file_that_unpacks_to_far_more_than_its_size_is_refused(tmp_path: Path) -> None:
    bomb = gzip.compress(CONTENT + b"\r\n" * 5_000_000)
    assert len(bomb) < 40_000
    (problem,) = problems_of(tmp_path, bomb)
    assert problem.startswith(f"{NAME}: unpacks to more than the limit")
    assert "RECON_MAX_UNPACK_RATIO" in problem


def test_a_small_file_may_compress_well(tmp_path: Path) -> None:
    assert problems_of(tmp_path, gzip.compress(CONTENT + b"\r\n" * 300_000)) == []


def test_the_unpacked_size_is_bounded_whatever_the_ratio(tmp_path: Path) -> None:
    assert "unpacks to more" in problems_of(tmp_path, gzip.compress(CONTENT), max_unpacked_bytes=10_000)[0]


@pytest.mark.parametrize(
    "packed",
    [
        gzip.compress(CONTENT)[:-900],
        gzip.compress(CONTENT)[:-8] + b"\0" * 8,
        gzip.compress(CONTENT)[:200] + b"\xff" * 50 + gzip.compress(CONTENT)[250:],
        gzip.compress(CONTENT) + b"garbage",
    ],
    ids=["cut off", "wrong checksum", "overwritten", "followed by garbage"],
)
def test_a_damaged_file_fails_and_is_named(packed: bytes, tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, packed)
    assert problem.startswith(f"{NAME}: the compressed file is damaged")


def test_a_file_that_is_not_compressed_in_spite_of_its_name_is_refused(tmp_path: Path) -> None:
    assert problems_of(tmp_path, CONTENT) == [f"{NAME}: ends in .gz but is not gzip; fetch it again"]


def test_a_bomb_among_microsoft_files_leaves_the_earlier_month(tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    land_bss(platform.settings.landing, "2025-01", [bss_line()])
    platform.load("bss_invoices", "2025-01")
    before = platform.raw.read("bss_invoices", "2025-01")
    assert problems_of(tmp_path, gzip.compress(CONTENT + b"\r\n" * 5_000_000)) != []
    assert platform.raw.read("bss_invoices", "2025-01") == before
    assert not (tmp_path / "landing" / microsoft_name("2025-01", "NCE")).exists()


def packed_as(kind: str) -> bytes:
    made = io.BytesIO()
    if kind == "gzip":
        return gzip.compress(CONTENT)
    if kind == "zip":
        with zipfile.ZipFile(made, "w") as archive:
            archive.writestr("a.csv", CONTENT)
    else:
        openpyxl.Workbook().save(made)
    return made.getvalue()


@pytest.mark.parametrize(
    ("kind", "source", "name", "reader"),
    [
        ("gzip", "bss_invoices", NAME, gzip.GzipFile),
        ("zip", "einvoices", "einvoice/issued/2025-01/a.zip", zipfile.ZipExtFile),
        ("workbook", "erp_sales_register", "erp/sales_register/2025-01/a.xlsx", zipfile.ZipExtFile),
    ],
)
def test_a_disk_that_cannot_be_read_is_not_told_as_a_damaged_file(
    kind: str, source: str, name: str, reader: type, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    platform = platform_in(tmp_path)
    land(platform.settings.landing, name, b"").write_bytes(packed_as(kind))
    monkeypatch.setattr(reader, "read", broken)
    with pytest.raises(OSError, match=os.strerror(errno.EIO)):
        platform.load(source, "2025-01")
