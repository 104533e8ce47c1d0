"""Delimited files as they really land: encodings, delimiters, line ends, and files that cannot be read."""

from pathlib import Path

import pytest

from recon_assets.platform import Platform
from recon_assets.sources.loading import Load
from recon_assets_tests.landed import (
    bss_line,
    delimited,
    land,
    land_bss,
    land_legacy,
    land_nce,
    microsoft_name,
    nce_line,
    table_rows,
)

PRODUCT = 'Größe "Ä", yearly; 企業\tplan'
BSS = list(bss_line())


def load_bytes(platform: Platform, content: bytes) -> Load:
    land(platform.settings.landing, "bss/invoices/2025-01/a.csv", content)
    return platform.load("bss_invoices", "2025-01")


def products(platform: Platform) -> list[str]:
    return [row["product"] for row in table_rows(platform.raw, "bss_invoices", "2025-01")]


@pytest.mark.parametrize("newline", ["\r\n", "\n"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_encoding_delimiter_and_line_end_is_read(
    encoding: str, delimiter: str, newline: str, platform: Platform
) -> None:
    content = delimited([bss_line(Product=PRODUCT), bss_line()], BSS, delimiter, newline, encoding)
    assert load_bytes(platform, content).outcome == "loaded"
    assert products(platform) == [PRODUCT, "Seats"]


def test_a_quoted_line_break_starts_no_record(platform: Platform) -> None:
    lines = [bss_line(Product="two\r\nlines"), bss_line(Start_Date="soon"), bss_line(Product="third")]
    load_bytes(platform, delimited(lines, BSS))
    assert products(platform) == ["two\r\nlines", "third"]
    assert [row["source_row"] for row in table_rows(platform.raw, "bss_invoices", "2025-01")] == [1, 3]
    (rejected,) = table_rows(platform.raw, "bss_invoices", "2025-01", "quarantine")
    assert rejected["source_row"] == 2


def test_blank_lines_are_no_records(platform: Platform) -> None:
    header, first, second, _ = delimited([bss_line(), bss_line(Product="last")], BSS).split(b"\r\n")
    load_bytes(platform, b"\r\n".join([b"", b"  ", header, b"", first, b"", b"   ", second, b"", b""]))
    assert [row["source_row"] for row in table_rows(platform.raw, "bss_invoices", "2025-01")] == [1, 2]
    assert products(platform) == ["Seats", "last"]


def test_a_record_with_too_few_or_too_many_fields_is_rejected_and_the_rest_is_loaded(platform: Platform) -> None:
    header, first, second, _ = delimited([bss_line(), bss_line(Product="last")], BSS).split(b"\r\n")
    load = load_bytes(platform, b"\r\n".join([header, first, b"INV-9,too,few", second, b""]))
    assert load.outcome == "loaded"
    (rejected,) = table_rows(platform.raw, "bss_invoices", "2025-01", "quarantine")
    assert (rejected["source_row"], rejected["column_name"], rejected["value"]) == (2, None, None)
    assert rejected["reason"] == "3 fields where the header has 20"
    assert rejected["raw_row"] == "INV-9,too,few"
    assert [row["source_row"] for row in table_rows(platform.raw, "bss_invoices", "2025-01")] == [1, 3]


def test_a_record_with_bytes_that_are_not_utf_8_is_rejected(platform: Platform) -> None:
    content = delimited([bss_line(Product="Gr\u00f6\u00dfe"), bss_line()], BSS).replace("ö".encode(), b"\xf6")
    assert load_bytes(platform, content).outcome == "loaded"
    assert products(platform) == ["Seats"]
    (rejected,) = table_rows(platform.raw, "bss_invoices", "2025-01", "quarantine")
    assert "not UTF-8" in rejected["reason"]
    assert "Gr\\xf6" in rejected["raw_row"]


def test_a_heading_with_bytes_that_are_not_utf_8_is_an_unknown_column(platform: Platform) -> None:
    content = delimited([bss_line() | {"Größe": "x"}], [*BSS, "Größe"], encoding="cp1252")
    load = load_bytes(platform, content)
    assert load.outcome == "loaded"
    assert products(platform) == ["Seats"]


def test_a_damaged_utf_16_file_fails_with_its_name(platform: Platform) -> None:
    content = delimited([bss_line()], BSS, encoding="utf-16") + b"\x00\xd8\x20"
    assert "bss/invoices/2025-01/a.csv: the text is not valid" in load_bytes(platform, content).problems[0]


def test_a_quote_that_is_never_closed_fails_the_file(platform: Platform) -> None:
    content = delimited([bss_line(), bss_line()], BSS) + b'INV-3,"2025-01-10,debit\r\nINV-4,more\r\n'
    (problem,) = load_bytes(platform, content).problems
    assert problem.startswith("bss/invoices/2025-01/a.csv, row 3: a quote that opens here is never closed")


def test_a_file_without_a_header_fails(platform: Platform) -> None:
    assert "not even a header row" in load_bytes(platform, b"").problems[0]
    assert "not even a header row" in load_bytes(platform, b"\r\n  \r\n").problems[0]


def test_a_wrong_header_fails_the_month_and_names_what_was_found(platform: Platform) -> None:
    headings = [heading for heading in BSS if heading != "Currency"]
    load = load_bytes(platform, delimited([bss_line()], headings))
    assert load.outcome == "failed"
    assert "a.csv, column 'Currency': the required columns Currency are missing" in load.problems[0]
    assert "found: Invoice Code, Invoice Date" in load.problems[0] and "Best is row 1" in load.problems[0]
    assert platform.raw.read("bss_invoices", "2025-01") is None


def test_one_wrong_file_among_several_fails_the_month(platform: Platform, landing: Path) -> None:
    land_bss(landing, "2025-01", [bss_line()], "good.csv")
    land(landing, "bss/invoices/2025-01/wrong.csv", "a,b\n1,2\n")
    load = platform.load("bss_invoices", "2025-01")
    assert load.outcome == "failed"
    assert len(load.problems) == 1 and "wrong.csv" in load.problems[0]


def test_a_header_without_rows_is_a_present_month_of_no_rows(platform: Platform, landing: Path) -> None:
    land_nce(landing, "2025-01", [])
    assert platform.load("ms_recon_nce", "2025-01").outcome == "loaded"
    committed = platform.raw.read("ms_recon_nce", "2025-01")
    assert committed is not None and committed.rows == 0
    assert table_rows(platform.raw, "ms_recon_nce", "2025-01") == []


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz"])
def test_an_empty_legacy_file_is_a_present_month_of_no_rows(suffix: str, platform: Platform, landing: Path) -> None:
    land(landing, microsoft_name("2025-01", "Legacy", suffix), b"")
    assert platform.load("ms_recon_legacy", "2025-01").problems == []
    assert table_rows(platform.raw, "ms_recon_legacy", "2025-01") == []


def test_a_legacy_file_of_no_bytes_at_all_is_read_too(platform: Platform, landing: Path) -> None:
    land(landing, microsoft_name("2025-01", "Legacy"), b"").with_suffix(".csv.gz").write_bytes(b"")
    assert platform.load("ms_recon_legacy", "2025-01").outcome == "loaded"


def test_no_file_is_an_absent_month(platform: Platform, landing: Path) -> None:
    assert platform.load("ms_recon_legacy", "2025-01").outcome == "absent"
    assert platform.raw.read("ms_recon_legacy", "2025-01") is None
    land_legacy(landing, "2025-01", [])
    assert platform.load("ms_recon_legacy", "2025-01").outcome == "loaded"


def test_columns_that_are_not_known_are_named_in_the_metadata(platform: Platform, landing: Path) -> None:
    headings = [*nce_line(), "BrandNew"]
    land(landing, microsoft_name("2025-01", "NCE"), delimited([nce_line(BrandNew="x")], headings))
    platform.load("ms_recon_nce", "2025-01")
    committed = platform.raw.read("ms_recon_nce", "2025-01")
    assert committed is not None and committed.files[0].extra_columns == ["BrandNew"]


@pytest.mark.parametrize("cost", ["10", "1,000.00"], ids=["fast way", "intake"])
@pytest.mark.parametrize("bom_at", ["heading", "first record", "second record"])
def test_a_byte_order_mark_is_no_part_of_any_field_wherever_it_stands(
    bom_at: str, cost: str, platform: Platform
) -> None:
    """Azure repeats it before the first record: its invoice was one of its own."""
    lines = [bss_line(), bss_line(Product="last", Total_Cost=cost)]
    heading, first, second, _ = delimited(lines, BSS).split(b"\r\n")
    bom = "\ufeff".encode()
    first = bom + first if bom_at == "first record" else first
    second = bom + second if bom_at == "second record" else second
    content = b"\r\n".join([bom + heading if bom_at == "heading" else heading, first, second, b""])
    assert load_bytes(platform, content).outcome == "loaded"
    rows = table_rows(platform.raw, "bss_invoices", "2025-01")
    assert {row["invoice_code"] for row in rows} == {"INV-1"}
    assert products(platform) == ["Seats", "last"]


def test_a_record_names_the_line_where_it_begins(platform: Platform) -> None:
    content = delimited([bss_line(Product="two\nlines"), bss_line(), bss_line(Currency="")], BSS, newline="\n")
    load_bytes(platform, b"\n" + content)
    rows = table_rows(platform.raw, "bss_invoices", "2025-01")
    assert [(row["source_row"], row["source_line"]) for row in rows] == [(1, 3), (2, 5)]
    (rejected,) = table_rows(platform.raw, "bss_invoices", "2025-01", "quarantine")
    assert (rejected["source_row"], rejected["source_line"]) == (3, 6)


def test_headings_with_line_breaks_are_headings(platform: Platform) -> None:
    content = delimited([bss_line(), bss_line(Product="last")], [name.replace(" ", "\n") for name in BSS])
    values = delimited([bss_line(), bss_line(Product="last")], BSS).split(b"\r\n", 1)[1]
    broken = content[: content.index(b"Currency") + len(b"Currency\r\n")] + values
    assert load_bytes(platform, broken).outcome == "loaded"
    rows = table_rows(platform.raw, "bss_invoices", "2025-01")
    assert [row["source_row"] for row in rows] == [1, 2] and products(platform) == ["Seats", "last"]


def test_a_quote_above_the_heading_that_is_never_closed_hides_no_heading(platform: Platform) -> None:
    load = load_bytes(platform, b'"Invoices of January\r\n' + delimited([bss_line()], BSS))
    assert load.outcome == "failed" and "the quote that opens in line 1 is never closed" in load.problems[0]
