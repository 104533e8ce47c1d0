"""What damaged files once did to the readers, one small case each: raised, hung, swelled, or loaded what was not there."""

import io
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recon_assets.catalogue import columns_of
from recon_assets.sources import blocks, bss_json, stream
from recon_assets.sources.intake import workbooks
from recon_assets.sources.stream import Record, RecordTable, distinct
from recon_assets.sources.ubl import document_fields, parse_xml
from recon_assets_tests.fuzzing.loads import check
from recon_assets_tests.fuzzing.seeds import MONTH, READERS
from recon_assets_tests.landed import delimited, json_invoice, json_item, land, nce_line, platform_in
from recon_assets_tests.usage.zone import USAGE, usage_row

NCE = "partner_center/reconciliation/MARCH2025_MSRECON_NCE.csv"
ARCHIVE = f"einvoice/received/{MONTH}/a.zip"
SHEET = "xl/worksheets/sheet1.xml"


def zipped(method: int = zipfile.ZIP_DEFLATED, name: str = "a.json") -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as archive:
        archive.writestr(name, b'{"document_number": "1"}' * 100)
    return out.getvalue()


def damaged(content: bytes, start: int) -> bytes:
    return content[:start] + bytes(byte ^ 0xFF for byte in content[start : start + 10]) + content[start + 10 :]


ARCHIVES: dict[str, Callable[[], bytes]] = {
    "a stream that does not unpack": lambda: damaged(zipped(), 38),
    "LZMA that does not unpack": lambda: damaged(zipped(zipfile.ZIP_LZMA), 50),
    "a name that is not UTF-8": lambda: zipped(name="é.json").replace("é".encode(), b"\xff\xfe"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_archives_that_are_damaged_inside(kind: str, tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    land(platform.settings.landing, ARCHIVE, ARCHIVES[kind]())
    load = platform.load("einvoices", MONTH)
    assert load.outcome == "failed"
    assert load.problems[0].startswith(f"{ARCHIVE}: the archive is damaged")
    check(tmp_path, READERS["e-invoices, zip"], ARCHIVE, ARCHIVES[kind](), {})


def rejected(home: Path, headings: list[str]) -> dict[str, str]:
    """The rejected row of a file with these headings behind the known ones, as it is kept."""
    line = nce_line(Subtotal="no number")
    content = delimited([line], list(line)).decode().splitlines()
    text = f"{content[0]},{','.join(headings)}\r\n{content[1]},{','.join(map(str, range(len(headings))))}\r\n"
    check(home, READERS["NCE reconciliation file"], NCE, text.encode(), {})
    platform = platform_in(home)
    (path,) = platform.raw.rejected_files("ms_recon_nce", MONTH)
    (row,) = pq.read_table(path).to_pylist()
    kept: dict[str, str] = json.loads(row["raw_row"])
    return {name: value for name, value in kept.items() if name not in line}


@pytest.mark.parametrize(
    ("headings", "kept"),
    [
        (["Foo", "foo"], ["Foo", "foo (15)"]),
        (["x", "x", "x (15)"], ["x", "x (15)", "x (15) (16)"]),
        (["", " "], [" (14)", " (15)"]),
        (["a\x00b"], ["a\\x00b"]),
    ],
)
def test_headings_that_are_alike_or_cannot_be_quoted(headings: list[str], kept: list[str], tmp_path: Path) -> None:
    assert list(rejected(tmp_path, headings)) == kept


def test_names_are_distinct_whatever_they_are() -> None:
    names = distinct(["", "", " (1)", "a", "A", "a (5)", "A (5)"])
    assert len({name.lower() for name in names}) == 7


@pytest.mark.parametrize("path", [NCE, f"partner_center/billed_usage/{MONTH}/a.csv"])
def test_a_file_that_is_one_long_line_is_refused_at_once(path: str, tmp_path: Path) -> None:
    platform = platform_in(tmp_path)
    land(platform.settings.landing, path, "," * 200_000 + "\n1\n")
    load = platform.load("ms_recon_nce" if path == NCE else "azure_invoice_usage", MONTH)
    assert load.outcome == "failed"
    assert load.problems[0].startswith(f"{path}, the heading: the header has 200001 columns")


def test_xml_takes_time_in_proportion_to_its_size() -> None:
    """A text between each two elements: joined one by one they took 75 s for 31 MB."""
    document = parse_xml(b"<Invoice>" + (b"x" * 1000 + b"\n") * 30_000 + b"</Invoice>")
    assert len(document["Invoice"][0]["_"]) == 30_030_000


def test_a_tax_divided_by_next_to_nothing_is_no_number() -> None:
    total = {"TaxAmount": [{"_": "9e999999", "currencyID": "MYR"}]}
    invoice = {
        "DocumentCurrencyCode": [{"_": "USD"}],
        "TaxExchangeRate": [{"CalculationRate": [{"_": "1e-9"}]}],
        "TaxTotal": [total],
    }
    assert document_fields({"Invoice": [invoice]})["total_tax_amount"] is None


@pytest.mark.parametrize("instant", ["294247-01-10T04:00:54Z", "infinity", "-infinity", "0001-01-01T00:00:00+14:00"])
def test_instants_beyond_the_years_that_exist_are_none(instant: str, tmp_path: Path) -> None:
    document = {"document_number": "1", "issued_at": instant, "document_type": "01"}
    lines = f"{json.dumps(document)}\n".encode()
    check(tmp_path, READERS["e-invoices, JSON Lines"], f"einvoice/received/{MONTH}/a.jsonl", lines, {})
    page = json.dumps({"data": [json_invoice(json_item(), updatedAt=instant, createdAt=instant)]}).encode()
    check(tmp_path, READERS["BSS invoices, pages of the API"], f"bss/invoices/{MONTH}/a.json", page, {})


@pytest.mark.parametrize("depth", range(700, 1000, 10))
def test_json_as_deep_as_the_parser_takes_can_be_written_again(depth: int, tmp_path: Path) -> None:
    deep = "[" * depth + "]" * depth
    page = '{"data": [{"items": [{"description": ' + deep + "}]}]}"
    check(tmp_path, READERS["BSS invoices, pages of the API"], f"bss/invoices/{MONTH}/a.json", page.encode(), {})
    line = '{"MeterId": ' + deep + "}"
    path = f"partner_center/billed_usage/{MONTH}/a.json"
    check(tmp_path, READERS["billed usage, JSON Lines of Graph"], path, line.encode(), {})


def test_a_page_that_does_not_fit_into_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bss_json, "MAX_PAGE", 100)
    platform = platform_in(tmp_path)
    land(platform.settings.landing, f"bss/invoices/{MONTH}/a.json", '{"data": []}' + " " * 100)
    assert "is larger than 100 characters" in platform.load("bss_invoices", MONTH).problems[0]


def test_records_of_megabytes_are_a_few_to_a_block() -> None:
    text = "x" * (stream._TEXT // 10 + 1)
    table = RecordTable(["a"], lambda: (Record([text], number) for number in range(1, 31)))
    assert [len(block.numbers) for block in table.blocks({0})] == [10, 10, 10]


@pytest.mark.parametrize("blobs", [7, "x", {"a": 1}, True])
def test_manifests_whose_blobs_are_no_list(blobs: object, tmp_path: Path) -> None:
    run = {"type": "ActualCost"}, {"startDate": f"{MONTH}-01", "submittedTime": "2025-03-01T00:00:00Z"}
    content = json.dumps({"exportConfig": run[0], "runInfo": run[1], "blobs": blobs}).encode()
    path = "cost_management/billing/daily/20250201-20250228/run/manifest.json"
    check(tmp_path, READERS["cost export, manifest"], path, content, {path.replace("manifest", "part"): b""})
    path = f"partner_center/billed_usage/{MONTH}/G1/run/manifest.json"
    check(tmp_path, READERS["billed usage, manifest"], path, content, {path.replace("manifest", "part"): b""})


@pytest.mark.parametrize("text", ["\x00", "\ud800"])
def test_manifests_with_what_no_table_can_hold(text: str, tmp_path: Path) -> None:
    path = f"partner_center/billed_usage/{MONTH}/run/manifest.json"
    content = json.dumps({"rootDirectory": f"InvoiceId={text}", "blobs": [{"name": "a.csv"}]}).encode()
    part = f"{USAGE}\n{usage_row('1', day=f'{MONTH}-01')}\n".encode()
    reader = READERS["billed usage, manifest"]
    check(tmp_path, reader, path, content, {path.replace("manifest.json", "a.csv"): part})
    load = platform_in(tmp_path).load(reader.source, MONTH)
    assert load.outcome == "failed" and load.problems[0].startswith(path)


def test_empty_texts_of_big_parquet_files_are_no_values(tmp_path: Path) -> None:
    """They were loaded as texts of no length, and passed where a value is needed."""
    columns = {
        "SubscriptionId": ["s1", "", "s3"], "Date": ["2025-02-01"] * 3, "MeterId": ["m1", "m2", ""],
        "ChargeType": ["Usage"] * 3, "Quantity": ["1"] * 3, "Cost": ["1"] * 3, "BillingCurrency": ["USD", "", "USD"],
    }  # fmt: skip
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out)
    path = f"cost_management/actual_cost/{MONTH}/a.parquet"
    check(tmp_path, READERS["cost export, FOCUS in Parquet"], path, out.getvalue(), {})


def workbook(home: Path, change: Callable[[bytes], bytes]) -> bytes:
    """A register of one line as a workbook, its sheet changed."""
    from openpyxl import Workbook

    book = Workbook()
    declared = columns_of("erp_purchase_register")
    book.active.append([column.aliases[0] for column in declared if column.heading != "derived"])
    book.active.append(["C1", "C2"])
    whole, out = io.BytesIO(), io.BytesIO()
    book.save(whole)
    with zipfile.ZipFile(whole) as archive, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as changed:
        for name in archive.namelist():
            content = archive.read(name)
            changed.writestr(name, change(content) if name == SHEET else content)
    return out.getvalue()


STRAY_CELLS = {
    "a row beyond the last": b'<row r="99999999999"><c r="A99999999999"><v>1</v></c></row>',
    "a column beyond the last": b"".join(b'<row r="%d"><c r="ZZZ%d"><v>1</v></c></row>' % (n, n) for n in (9, 10)),
}


@pytest.mark.parametrize("kind", STRAY_CELLS)
def test_stray_cells_of_workbooks_are_refused_at_once(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole sheet was built in memory: a stray cell in the last row took a minute, one beyond it never ended."""
    monkeypatch.setattr(workbooks, "MOST_CELLS", 5000)
    platform = platform_in(tmp_path)
    path = f"erp/purchase_register/{MONTH}/a.xlsx"
    content = workbook(tmp_path, lambda sheet: sheet.replace(b"</sheetData>", STRAY_CELLS[kind] + b"</sheetData>"))
    land(platform.settings.landing, path, content)
    load = platform.load("erp_purchase_register", MONTH)
    assert load.problems[0].startswith(path)
    assert re.search("sheet Sheet has values as far as row [0-9]+, column [0-9]+: more than", load.problems[0])


def test_parquet_files_whose_texts_are_not_utf8(tmp_path: Path) -> None:
    """DuckDB raised, and the way of big files loaded what no build could read."""
    columns = {
        "SubscriptionId": ["s1"] * 3, "Date": ["2025-02-01"] * 3, "MeterId": ["meter-1", "meter-2", "meter-3"],
        "ChargeType": ["Usage"] * 3, "Quantity": ["1"] * 3, "Cost": ["1"] * 3, "BillingCurrency": ["USD"] * 3,
    }  # fmt: skip
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, compression="none", write_statistics=False)
    path = f"cost_management/actual_cost/{MONTH}/a.parquet"
    reader = READERS["cost export, FOCUS in Parquet"]
    check(tmp_path, reader, path, out.getvalue().replace(b"meter-2", b"meter-\xff"), {})
    load = platform_in(tmp_path).load(reader.source, MONTH)
    assert load.outcome == "failed" and load.problems[0].startswith(f"{path}: the Parquet file is damaged")


def test_a_field_just_longer_than_fields_may_be_is_set_aside_in_big_files_too(tmp_path: Path) -> None:
    row = usage_row("1", day=f"{MONTH}-01")
    text = "\n".join([USAGE, row, row.replace("/x", "x" * (blocks.MAX_FIELD + 100)), row, ""])
    path = f"partner_center/billed_usage/{MONTH}/a.csv"
    platform = platform_in(tmp_path, quarantine_limit=1)
    land(platform.settings.landing, path, text)
    load = platform.load("azure_invoice_usage", MONTH)
    assert load.raw_month is not None
    assert (load.raw_month.rows, load.raw_month.quarantined) == (2, 1)
