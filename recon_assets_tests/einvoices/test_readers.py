"""Reading registers and e-invoices: documents of every type, every container, spellings of dates, and hostile input."""

import datetime as dt
import io
import json
import re
import time
import zipfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from recon_assets.pipeline.plan import landed_files, plan_loads
from recon_assets.platform import Platform
from recon_assets.sources.loading import Load
from recon_assets.sources.ubl import DocumentProblem, document_fields, parse_json, parse_xml
from recon_assets_tests.einvoices.built import REGISTER, Home, document
from recon_assets_tests.einvoices.ubl import BUYER, FORMS, SUPPLIER, TYPES, as_json, as_xml, invoice
from recon_assets_tests.shared import official, shortened

OFFICIAL_NAMES = {
    "01": "Invoice", "02": "Credit-Note", "03": "Debit-Note", "04": "Refund-Note",
    "11": "Self-Billed-Invoice", "12": "Self-Billed-Credit", "13": "Self-Billed-Debit", "14": "Self-Billed-Refund",
}  # fmt: skip


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path)


def rows(platform: Platform, load: Load, table: str = "rows") -> list[dict[str, Any]]:
    assert load.raw_month is not None, load.problems
    paths = [str(platform.raw.root / path) for path in load.raw_month.tables[table]]
    result = duckdb.execute("select * from read_parquet($1) order by source_file, source_row", [paths])
    names = [column[0] for column in result.description or []]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def land(home: Home, name: str, content: bytes | str) -> None:
    path = home.landing / "einvoice/issued/2025-01" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content.encode() if isinstance(content, str) else content)


def put(home: Home, name: str, content: bytes | str) -> Load:
    land(home, name, content)
    return home.platform.load("einvoices", "2025-01")


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("form", ["json", "xml"])
def test_documents_of_every_type_are_read_from_either_form(kind: str, form: str) -> None:
    document = invoice(kind)
    fields = document_fields(parse_xml(as_xml(document)) if form == "xml" else parse_json(as_json(document)))
    assert fields == {
        "supplier_tin": SUPPLIER, "buyer_tin": BUYER, "supplier_name": "Penyelia Contoh Sdn. Bhd.",
        "buyer_name": "Pembeli & Rakan Enterprise", "document_number": f"DOC-{kind}", "document_type": kind,
        "document_date": None, "issued_at": "2025-02-14T03:30:00Z", "currency_code": "MYR", "exchange_rate": None,
        "version": "1.0", "line_numbers": None,
        "original_document_number": None if kind in ("01", "11") else "DOC-ORIGINAL",
        "total_excluding_tax": "1000.00", "total_tax_amount": "80.00", "total_including_tax": "1080.00",
        "total_payable_amount": "1080.00", "total_discount_value": "50.00", "total_charge_amount": "10.00",
    }  # fmt: skip


def _documents() -> Iterator[tuple[str, bytes, str]]:
    """Name, content and type of our own documents and of official ones."""
    yield from ((f"{kind}.{form}", write(invoice(kind)), kind) for kind in TYPES for form, write in FORMS.items())
    for kind, name in OFFICIAL_NAMES.items():
        yield from ((path.name, path.read_bytes(), kind) for path in official(f"myinvois/1.0-{name}-Sample.*"))


@pytest.mark.parametrize(("name", "content", "kind"), list(_documents()), ids=shortened)
def test_a_document_has_its_type_two_parties_an_instant_and_a_total(name: str, content: bytes, kind: str) -> None:
    fields = document_fields(parse_xml(content) if name.endswith("xml") else parse_json(content))
    assert fields["document_type"] == kind
    assert None not in (fields["supplier_tin"], fields["buyer_tin"], fields["issued_at"])
    assert fields["supplier_tin"] != fields["buyer_tin"]
    assert Decimal(fields["total_payable_amount"] or "") > 0


def test_tax_in_ringgit_is_divided_by_the_rate_and_additional_references_are_no_originals() -> None:
    fields = document_fields(parse_json(as_json(invoice("01", currency="USD", rate="4.72", tax_in_ringgit="87.65"))))
    assert (fields["total_tax_amount"], fields["exchange_rate"]) == ("18.57", "4.72")
    assert fields["original_document_number"] is None


@pytest.mark.folder_only  # about what is in many files
def test_documents_of_every_type_load_without_a_rejected_row(home: Home) -> None:
    own = {f"{kind}.{form}": write(invoice(kind)) for kind in TYPES for form, write in FORMS.items()}
    for name, content in {**own, **{path.name: path.read_bytes() for path in official("myinvois/1.*")}}.items():
        land(home, name, re.sub(rb"\d{4}-\d\d-\d\d", b"2025-01-14", content))  # all of the folder's month
    load = home.platform.load("einvoices", "2025-01")
    assert load.raw_month is not None and load.raw_month.quarantined == 0


ENTITIES = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]><Invoice>&b;</Invoice>'
EXTERNAL = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><Invoice>&a;</Invoice>'
REMOTE = '<!DOCTYPE Invoice SYSTEM "http://127.0.0.1:9/x.dtd"><Invoice/>'


@pytest.mark.parametrize("text", [ENTITIES, EXTERNAL, REMOTE])
def test_document_types_and_entities_are_refused(text: str) -> None:
    with pytest.raises(DocumentProblem, match="refused"):
        parse_xml(text.encode())


@pytest.mark.parametrize(
    "text", ["[" * 100_000, '{"a":' * 5_000 + "1" + "}" * 5_000, "{", "[1]", '"x"', "nonsense", ""]
)
def test_json_that_is_too_deep_or_no_document_is_one_quarantined_row(home: Home, text: str) -> None:
    load = put(home, "bad.json", text or " ")
    (row,) = rows(home.platform, load, "quarantine")
    assert row["source_file"] == "einvoice/issued/2025-01/bad.json" and row["source_row"] == 1


@pytest.mark.parametrize("text", ["<a>" * 1000 + "</a>" * 1000, "<Invoice>", "<Other/>", ENTITIES])
def test_xml_that_is_too_deep_or_damaged_is_one_quarantined_row(home: Home, text: str) -> None:
    assert len(rows(home.platform, put(home, "bad.xml", text), "quarantine")) == 1


def test_text_between_many_elements_is_read_in_linear_time() -> None:
    """The bug this fixes: a document of 2 MB took a minute, one of 30 MB hours."""
    started = time.process_time()
    fields = parse_xml(b"<Invoice>" + b"12345678<b/>" * 190_000 + b"</Invoice>")
    assert len(fields["Invoice"][0]["_"]) == 190_000 * 8
    assert time.process_time() - started < 10


@pytest.mark.parametrize("form", ["xml", "json"])
def test_a_document_of_too_many_values_is_one_quarantined_row(home: Home, form: str) -> None:
    many = 200_001
    text = f"<Invoice>{'<b/>' * many}</Invoice>" if form == "xml" else f'{{"Invoice": [{"0," * many}0]}}'
    (row,) = rows(home.platform, put(home, f"many.{form}", text), "quarantine")
    assert "more than 200000" in row["reason"]


def test_a_zip_bomb_is_refused(home: Home) -> None:
    path = home.landing / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", b" " * 50_000_000)
    load = put(home, "bomb.zip", path.read_bytes())
    assert load.outcome == "failed" and "more than the limit" in load.problems[0]


@pytest.mark.parametrize("name", ["../../evil.json", "/etc/evil.json", "..\\evil.json", "C:/evil.json"])
def test_members_outside_the_archive_are_refused(home: Home, name: str) -> None:
    path = home.landing / "evil.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, "{}")
    load = put(home, "evil.zip", path.read_bytes())
    assert load.outcome == "failed" and "outside the archive" in load.problems[0]


def test_a_damaged_archive_and_one_in_another_are_refused(home: Home) -> None:
    assert put(home, "cut.zip", b"PK\x03\x04nonsense").outcome == "failed"
    (home.landing / "einvoice/issued/2025-01/cut.zip").unlink()
    path = home.landing / "outer.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("inner.zip", b"PK")
    assert "holds another one" in put(home, "outer.zip", path.read_bytes()).problems[0]


def test_an_instant_late_in_utc_is_the_next_day_in_malaysia(home: Home) -> None:
    home.einvoices(document(document_date="", issued_at="2025-01-15T16:00:00Z"))
    home.register(document())
    (row,) = home.build().mart()
    assert (row["einvoice_document_date"], row["bucket"]) == (dt.date(2025, 1, 16), "Suggested")


def test_json_lines_hold_documents_envelopes_and_plain_objects(home: Home) -> None:
    flat = {**document(), "uuid": "U1", "total_tax_amount": 80.10, "issued_at": "2025-01-15T00:00:00Z"}
    load = put(home, "list.jsonl", json.dumps(flat) + "\n\n{broken\n")
    (row,) = rows(home.platform, load)
    assert (row["uuid"], row["total_tax_amount"]) == ("U1", Decimal("80.10"))
    assert [r["source_row"] for r in rows(home.platform, load, "quarantine")] == [2]


def test_a_repeated_row_is_quarantined_and_does_not_count_into_the_limit(home: Home) -> None:
    home.register(*[document() | {"row_reference": "R1"}] * 5)
    load = home.platform.load("erp_sales_register", "2025-01")
    assert load.raw_month is not None and (load.raw_month.rows, load.raw_month.quarantined) == (1, 4)


@pytest.mark.parametrize(("dates", "found"), [(("05/01/2025", "13/01/2025"), 5), (("01/05/2025", "01/13/2025"), 5)])
def test_the_order_of_dates_is_that_under_which_more_fall_in_the_month(
    home: Home, dates: tuple[str, str], found: int
) -> None:
    home.register(*(document(document_date=day, document_number=day) for day in dates))
    loaded = rows(home.platform, home.platform.load("erp_sales_register", "2025-01"))
    assert [row["document_date"].day for row in loaded] == [found, 13]


def test_dates_that_fit_either_way_ask_for_the_setting(tmp_path: Path) -> None:
    lines = [document(document_date="02/03/2025")]
    home = Home.at(tmp_path / "without")
    home.register(*lines)
    load = home.platform.load("erp_sales_register", "2025-01")
    assert load.outcome == "failed" and "RECON_REGISTER_DATE_ORDERS" in load.problems[0]
    told = Home.at(tmp_path / "told", register_date_orders={"erp/*": "day_first"})
    told.register(*lines)
    (row,) = rows(told.platform, told.platform.load("erp_sales_register", "2025-01"))
    assert row["document_date"] == dt.date(2025, 3, 2)


def test_a_setting_that_changes_how_a_register_is_read_asks_for_its_load(tmp_path: Path) -> None:
    def wanted(**settings: dict[str, str]) -> list[str]:
        platform = Home.at(tmp_path, **settings).platform
        landed = landed_files(platform.landing, "einvoices")
        return [load.source for load in plan_loads("einvoices", ["2025-01"], landed, platform)]

    home = Home.at(tmp_path)
    home.register(document())
    home.register(document(), kind="purchase")
    home.einvoices(document())
    home.load()
    assert wanted() == []
    comma = {"*sales*": ","}
    assert wanted(register_decimal_marks=comma) == ["erp_sales_register"]
    assert wanted(register_date_orders={"erp/*": "day_first"}) == ["erp_purchase_register", "erp_sales_register"]
    assert wanted(register_decimal_marks={"elsewhere/*": ","}) == []  # no file of the month meets it
    Home.at(tmp_path, register_decimal_marks=comma).platform.load("erp_sales_register", "2025-01")
    assert wanted(register_decimal_marks=comma) == []
    assert wanted() == ["erp_sales_register"]


def test_a_comma_groups_thousands_unless_the_setting_says_otherwise(tmp_path: Path) -> None:
    for name, mark, text in (("point", ".", "1,234.50"), ("comma", ",", "1.234,50")):
        home = Home.at(tmp_path / name, register_decimal_marks={"*": mark})
        whole = dict.fromkeys(("total_excluding_tax", "total_including_tax", "total_payable_amount"), "1000")
        home.register(document(total_tax_amount=text, total_discount_value=f"1{text[1]}000", **whole))
        (row,) = rows(home.platform, home.platform.load("erp_sales_register", "2025-01"))
        assert (row["total_tax_amount"], row["total_discount_value"]) == (Decimal("1234.50"), Decimal("1000"))


def test_workbooks_keep_dates_numbers_and_texts(home: Home) -> None:
    import pandas as pd

    path = home.landing / "erp/sales_register/2025-01/register.xlsx"
    path.parent.mkdir(parents=True)
    line: dict[str, Any] = {**document(), "document_date": dt.datetime(2025, 1, 3), "document_type": 1, "row_reference": 7,
            "total_excluding_tax": 1234.5, "total_tax_amount": "1,234.50", "buyer_tin": "00123"}  # fmt: skip
    pd.DataFrame([line], columns=[*REGISTER]).rename(columns={"document_number": "Invoice No"}).to_excel(
        path, index=False
    )
    (row,) = rows(home.platform, home.platform.load("erp_sales_register", "2025-01"))
    assert (row["document_date"], row["row_reference"], row["buyer_tin"]) == (dt.date(2025, 1, 3), "7", "00123")
    assert row["total_excluding_tax"] == row["total_tax_amount"] == Decimal("1234.50")


def workbook(home: Home, cells: str, sheet: str = "sheet1.xml", before: str = "") -> Load:
    """A register as a workbook whose sheet holds these rows; `before` stands before its root element."""
    import openpyxl

    plain, made = io.BytesIO(), io.BytesIO()
    openpyxl.Workbook().save(plain)
    with zipfile.ZipFile(plain) as given, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as changed:
        for name in given.namelist():
            content = given.read(name).replace(b"sheet1.xml", sheet.encode())
            if name.endswith("sheet1.xml"):
                name = name.replace("sheet1.xml", sheet)
                filled = re.sub(
                    rb"<sheetData */>|<sheetData></sheetData>", f"<sheetData>{cells}</sheetData>".encode(), content
                )
                content = before.encode() + filled
            changed.writestr(name, content)
    path = home.landing / "erp/sales_register/2025-01/register.xlsx"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(made.getvalue())
    return home.platform.load("erp_sales_register", "2025-01")


def row_of(number: int, texts: list[str]) -> str:
    cells = "".join(f'<c t="inlineStr"><is><t>{text}</t></is></c>' for text in texts)
    return f'<row r="{number}">{cells}</row>'


@pytest.mark.parametrize("sheet", ["sheet1.xml", "sheet1.dat"])
def test_entities_of_a_workbook_are_refused_whatever_its_sheet_is_called(home: Home, sheet: str) -> None:
    header = row_of(1, list(REGISTER)).replace("document_number", "&number;")
    load = workbook(home, header, sheet, '<!DOCTYPE x [<!ENTITY number "document_number">]>')
    assert load.outcome == "failed" and "entities, which are refused" in load.problems[0]


def test_rows_far_below_are_read_without_what_lies_between(home: Home) -> None:
    values = [str(value) for value in document().values()]
    load = workbook(home, row_of(1, list(document())) + row_of(300_000, values))
    (row,) = rows(home.platform, load)
    assert row["source_row"] == 1 and row["document_number"] == document()["document_number"]


def test_dates_outside_the_folder_are_loaded_with_a_warning(home: Home) -> None:
    home.register(document(document_date="2025-02-02"))
    load = home.platform.load("erp_sales_register", "2025-01")
    assert load.raw_month is not None and load.raw_month.files[0].warnings == {"date_outside_month": 1}
