"""E-invoices in whatever people have them: the API's lists and envelopes, bodies, metadata, the portal's lists."""

import base64
import datetime as dt
import io
import json
import zipfile
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from recon_assets.sources.json_values import BrokenListError, json_values
from recon_assets.sources.myinvois import record_fields, records_of
from recon_assets_tests.einvoices.built import Home, document
from recon_assets_tests.einvoices.test_readers import put, rows
from recon_assets_tests.landed import land
from recon_assets_tests.wild.folders import land_case

MONTH = "2025-03"


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.at(tmp_path)


def ubl(number: str = "INV-1", **changes: Any) -> dict[str, Any]:
    """The UBL form of `document()`, an invoice of 15 January 2025."""
    total = {
        name: [{"_": amount, "currencyID": "MYR"}]
        for name, amount in (("TaxExclusiveAmount", 1000), ("TaxInclusiveAmount", 1080), ("PayableAmount", 1080))
    }
    party = {
        side: [{"Party": [{"PartyIdentification": [{"ID": [{"_": tin, "schemeID": "TIN"}]}]}]}]
        for side, tin in (("AccountingSupplierParty", "C100"), ("AccountingCustomerParty", "C200"))
    }
    return {
        "ID": [{"_": number}], "IssueDate": [{"_": "2025-01-15"}], "IssueTime": [{"_": "00:00:00Z"}],
        "InvoiceTypeCode": [{"_": "01", "listVersionID": "1.1"}], "DocumentCurrencyCode": [{"_": "MYR"}],
        "TaxTotal": [{"TaxAmount": [{"_": 80, "currencyID": "MYR"}]}], "LegalMonetaryTotal": [total], **party, **changes,
    }  # fmt: skip


def bare(number: str = "INV-1", **changes: Any) -> dict[str, Any]:
    return {"Invoice": [ubl(number, **changes)]}


def envelope(number: str = "INV-1", **changes: Any) -> dict[str, Any]:
    return {"uuid": f"U-{number}", "status": "Valid", "document": json.dumps(bare(number)), **changes}


def encoded(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


XML = (
    "<Invoice><ID>INV-1</ID><IssueDate>2025-01-15</IssueDate><IssueTime>00:00:00Z</IssueTime>"
    "<InvoiceTypeCode listVersionID='1.0'>01</InvoiceTypeCode></Invoice>"
)


def numbers(value: Any) -> list[str | None]:
    """Document numbers of the records in a JSON value."""
    found = [record_fields(record) for record in records_of(value)]
    return [fields["document_number"] for fields in found if fields is not None]


WRAPPED = {
    "a list": [envelope("A"), envelope("B")],
    "a list of lists": [[envelope("A")], [[envelope("B")]]],
    "documents": {"documents": [envelope("A"), bare("B")]},
    "Documents": {"Documents": [envelope("A"), envelope("B")]},
    "result beside metadata": {"result": [envelope("A"), envelope("B")], "metadata": {"totalPages": 1}},
    "documentSummary": {"submissionUid": "S", "documentSummary": [envelope("A"), envelope("B")]},
    "document_summary": {"submission_uid": "S", "document_summary": [envelope("A"), envelope("B")]},
    "data in data": {"data": {"data": {"documents": [envelope("A"), envelope("B")]}}},
    "a key of somebody's own": {"payload": {"einvoices": [envelope("A"), envelope("B")]}},
    "objects by number": {"A": envelope("A"), "B": envelope("B")},
    "two invoices of one list": {"Invoice": [ubl("A"), ubl("B")]},
    "strings of documents": [json.dumps(envelope("A")), encoded(bare("B"))],
}


@pytest.mark.parametrize("value", WRAPPED.values(), ids=WRAPPED)
def test_every_document_in_a_list_or_wrapper_is_a_record(value: Any) -> None:
    assert numbers(value) == ["A", "B"]


ENCLOSED = {
    "text": json.dumps(bare()),
    "an object": bare(),
    "text in text": json.dumps(json.dumps(bare())),
    "base64": encoded(bare()),
    "base64 in lines": "\n".join(encoded(bare())[n : n + 76] for n in range(0, len(encoded(bare())), 76)),
    "base64 of text": encoded(json.dumps(bare())),
    "base64 of UTF-16": base64.b64encode(json.dumps(bare()).encode("utf-16")).decode(),
    "base64 of XML": base64.b64encode(XML.encode()).decode(),
    "XML": XML,
    "XML that says UTF-16": f"<?xml version='1.0' encoding='UTF-16'?>{XML}",
    "another envelope": {"document": json.dumps(bare()), "uuid": "U2"},
}


@pytest.mark.parametrize("document", ENCLOSED.values(), ids=ENCLOSED)
def test_a_document_in_an_envelope_may_be_encoded_in_any_way(document: Any) -> None:
    fields = record_fields({"uuid": "U", "status": "Valid", "document": document})
    assert fields is not None and (fields["document_number"], fields["uuid"], fields["status"]) == (
        "INV-1",
        "U",
        "Valid",
    )


@pytest.mark.parametrize(
    "keys",
    [
        ("uuid", "submissionUid", "dateTimeValidated", "status", "document"),
        ("UUID", "submissionUID", "DateTimeValidated", "Status", "Document"),
        ("uuid", "submission_uid", "date_time_validated", "status", "document"),
        ("Uuid", "Submission_Uid", "DATE_TIME_VALIDATED", "STATUS", "DOCUMENT"),
    ],
)
def test_keys_of_an_envelope_are_known_in_every_case(keys: tuple[str, ...]) -> None:
    values = ("U", "S", "2025-01-15T00:00:00Z", "Cancelled", json.dumps(bare()))
    fields = record_fields(dict(zip(keys, values, strict=True)))
    assert fields is not None
    assert tuple(fields[n] for n in ("uuid", "submission_uid", "validated_at", "status")) == values[:4]


def test_a_body_that_was_submitted_counts_as_submitted() -> None:
    body = {"format": "JSON", "documentHash": "x", "codeNumber": "INV-1", "document": encoded(bare())}
    fields = record_fields(body)
    assert fields is not None and (fields["status"], fields.get("uuid")) == ("Submitted", None)
    assert record_fields(body | {"status": "Valid"})["status"] == "Valid"  # type: ignore[index]


DETAILS = {
    "uuid": "U-INV-1", "internalId": "INV-1", "typeName": "Invoice", "issuerTin": "C100", "receiverId": "202001234567",
    "dateTimeIssued": "2025-01-15T00:00:00Z", "totalExcludingTax": 1000, "totalPayableAmount": 1080,
}  # fmt: skip


@pytest.mark.parametrize("status", ["Cancelled", "Invalid", "cancelled", "INVALID", "Canceled"])
def test_metadata_of_a_cancelled_or_invalid_document_names_it_without_amounts(status: str) -> None:
    fields = record_fields(DETAILS | {"status": status})
    assert fields is not None
    assert (fields["document_number"], fields["supplier_tin"], fields["document_type"]) == ("INV-1", "C100", "01")
    assert fields["buyer_tin"] is None and fields.get("total_excluding_tax") is None


@pytest.mark.parametrize("status", ["Valid", "valid ", "Submitted", None])
def test_metadata_of_any_other_document_is_ignored(status: str | None) -> None:
    assert record_fields(DETAILS | {"status": status}) is None


@pytest.mark.parametrize(
    "wrapped",
    [
        "<Envelope><uuid>U</uuid><status>Valid</status><document>{0}</document></Envelope>",
        "<documents><document><uuid>U</uuid><status>Valid</status><document>{0}</document></document></documents>",
        "<r xmlns='urn:x'><Result><Uuid>U</Uuid><Status>Valid</Status><Document>{1}</Document></Result></r>",
    ],
)
def test_envelopes_of_xml_are_read_as_those_of_json(home: Home, wrapped: str) -> None:
    escaped = json.dumps(bare()).replace("&", "&amp;").replace("<", "&lt;")
    (row,) = rows(home.platform, put(home, "one.xml", wrapped.format(escaped, encoded(bare()))))
    assert (row["uuid"], row["document_number"], row["version"]) == ("U", "INV-1", "1.1")


SPREAD = {
    "a list over lines": json.dumps([envelope("A"), envelope("B")], indent=1),
    "one after the other": json.dumps(envelope("A")) + json.dumps(envelope("B")),
    "lines with commas": json.dumps(envelope("A")) + ",\n" + json.dumps(envelope("B")) + ",\n",
    "one after the other over lines": json.dumps(envelope("A"), indent=1) + "\n" + json.dumps(envelope("B"), indent=1),
    "a list in each line": json.dumps([envelope("A")]) + "\n" + json.dumps([envelope("B")]),
}


@pytest.mark.parametrize("name", ["all.json", "all.jsonl", "all.JSON"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_documents_are_read_however_they_are_spread_over_a_file(home: Home, name: str, encoding: str) -> None:
    land(home.landing, "profiles/all.toml", 'match = ["einvoice/*"]\nadditive = true\n')  # they hold the same documents
    for number, text in enumerate(SPREAD.values()):
        land(home.landing, f"einvoice/issued/2025-01/{number}-{name}", text.encode(encoding))
    found = rows(home.platform, home.platform.load("einvoices", "2025-01"))
    assert [row["document_number"] for row in found] == ["A", "B"] * len(SPREAD)


def test_numbers_keep_the_text_that_they_are_written_as() -> None:
    fields = record_fields(next(records_of(next(json_values(io.StringIO(
        json.dumps(bare()).replace("1000", "12345678901234567.8900")), by_line=False)).value)))  # fmt: skip
    assert fields is not None and fields["total_excluding_tax"] == "12345678901234567.8900"


@pytest.mark.parametrize("cut", [-1, -30, -400])
def test_a_list_that_is_cut_off_stops_the_load(home: Home, cut: int) -> None:
    load = put(home, "all.json", json.dumps([envelope("A"), envelope("B"), envelope("C")])[:cut])
    assert (
        load.outcome == "failed"
        and "all.json: line 1" in load.problems[0]
        and "Fetch the file again" in load.problems[0]
    )


def test_a_broken_document_among_others_is_one_rejected_record(home: Home) -> None:
    lines = [json.dumps(envelope("A")), '{"uuid": "X", broken}', json.dumps(envelope("B"))]
    for name in ("all.json", "all.jsonl"):
        load = put(home, name, "\n".join(lines))
        assert [row["source_row"] for row in rows(home.platform, load)] == [1, 3]
        (rejected,) = rows(home.platform, load, "quarantine")
        assert "is not valid JSON" in rejected["reason"] and rejected["raw_row"].startswith('{"uuid": "X", broken}')
        (home.landing / "einvoice/issued/2025-01" / name).unlink()


def test_values_longer_than_a_piece_of_the_file_are_whole() -> None:
    long = "x" * 3_000_000
    values = list(json_values(io.StringIO(f'["{long}", 12,\n"{long}"] 345'), by_line=True))
    assert [(v.value == long or v.value, v.line) for v in values] == [(True, 1), ("12", 1), (True, 2), ("345", 2)]
    with pytest.raises(BrokenListError, match="line 1"):
        list(json_values(io.StringIO(f'["{long}", "{long}'), by_line=False))


def test_a_tin_is_known_by_its_scheme_in_any_case_or_by_its_form() -> None:
    def tin_of(*ids: Any) -> str | None:
        party = [{"Party": [{"PartyIdentification": [{"ID": one} for one in ids]}]}]
        fields = record_fields(bare(AccountingSupplierParty=party))
        return fields["supplier_tin"] if fields is not None else None

    brn = [{"_": "202001234567", "schemeID": "BRN"}]
    assert tin_of(brn, [{"_": "C100", "schemeID": "tin"}]) == "C100"
    assert tin_of("202001234567", "C20830570210") == "C20830570210"
    assert tin_of(brn, [{"_": "ig12345678901"}]) == "ig12345678901"
    assert tin_of(brn) is None


def zipped(members: dict[str, Any]) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return made.getvalue()


def test_members_in_folders_are_read_and_the_others_are_named(home: Home) -> None:
    members = {
        "2025/January/a.JSON": json.dumps([envelope("A"), envelope("B")]), "2025/b.jsonl": json.dumps(envelope("C")),
        "__MACOSX/2025/._a.json": "x", "2025/a.pdf": "x", "notes.txt": "x",
    }  # fmt: skip
    load = put(home, "all.zip", zipped(members))
    assert [row["document_number"] for row in rows(home.platform, load)] == ["A", "B", "C"]
    assert load.raw_month is not None and load.raw_month.files[0].unread == ["2025/a.pdf", "notes.txt"]


def test_a_zip_of_nothing_but_lists_is_refused(home: Home) -> None:
    load = put(home, "all.zip", zipped({"page1.json": json.dumps({"result": [DETAILS | {"status": "Valid"}]})}))
    assert load.outcome == "failed" and "this lists documents; land what Get Document gives" in load.problems[0]


def test_metadata_beside_documents_is_counted_as_ignored(home: Home) -> None:
    load = put(
        home, "all.json", json.dumps([envelope(), DETAILS | {"status": "Valid"}, DETAILS | {"status": "Invalid"}])
    )
    assert load.raw_month is not None and load.raw_month.files[0].ignored == {"metadata": 1}
    assert [(row["source_row"], row["status"]) for row in rows(home.platform, load)] == [(1, "Valid"), (3, "Invalid")]


@pytest.mark.parametrize("status", ["Valid", "Cancelled"])
def test_a_document_without_an_amount_is_rejected_whatever_its_status(home: Home, status: str) -> None:
    load = put(home, "a.json", json.dumps(envelope(status=status, document=bare(LegalMonetaryTotal=[{}]))))
    (row,) = rows(home.platform, load, "quarantine")
    assert (row["column_name"], row["reason"]) == ("total_excluding_tax", "is empty, and is needed")


def test_a_record_of_status_alone_overrides_the_valid_document_of_its_uuid(home: Home) -> None:
    """It may come a month later, and need not name more than the uuid."""
    months = {"INV-1": "2025-01", "INV-2": "2025-02", "INV-3": "2025-01", "INV-4": "2025-02"}
    home.register(*(document(document_number=number, buyer_tin=f"C20{number[-1]}") for number in months))
    put(home, "valid.json", json.dumps([envelope(number) for number in months]))
    for number, month in months.items():
        named = DETAILS | {"internalId": number} if number in ("INV-1", "INV-2") else {}
        details = named | {"uuid": f"U-{number}", "status": "Cancelled"}
        land(home.landing, f"einvoice/issued/{month}/{number}.json", json.dumps(details))
    built = home.build()
    assert Counter((row["bucket"], row["reason"]) for row in built.mart()) == {("Missing in EInv", "cancelled"): 4}
    assert built.failed_checks == []


WILD = {
    "e02_get_document_details_invalid": {("Exact", None): 6, ("Missing in EInv", "invalid"): 1},
    "e05_submission_body_base64": {("Exact", None): 7, ("Missing in Sales", "duplicate"): 1},
    "e06_array_of_envelopes": {("Exact", None): 7},
    "e11c_document_object_and_status_elsewhere": {("Exact", None): 6, ("Missing in EInv", "cancelled"): 1},
    "e14_portal_style_csv": {("Exact", None): 5, ("Suggested", None): 2},
    "e19_xlsx_einvoices_and_pdf": {("Exact", None): 7},  # its notes name the originals
    "e27_number_amounts_as_text_with_commas": {("Exact", None): 7},
    "m1_return_as_negative_invoice": {("Exact", None): 5, ("Suggested", None): 2},
    "m4_invisible_characters": {("Exact", None): 3, ("Suggested", None): 4},
    "m12_tin_spellings": {("Exact", None): 2, ("Suggested", None): 5},
}


@pytest.mark.parametrize(("case", "buckets"), WILD.items(), ids=WILD)
def test_documents_in_their_wrappings_reconcile(
    home: Home, case: str, buckets: dict[tuple[str, str | None], int]
) -> None:
    land_case("einvoices", case, home.landing)
    built = home.build(MONTH)
    assert Counter((row["bucket"], row["reason"]) for row in built.mart()) == buckets
    assert built.failed_checks == []


@pytest.mark.parametrize(
    ("case", "statuses"),
    [
        ("e11_snake_case_envelope", ["Cancelled"] + 6 * ["Valid"]),
        ("e11b_pascal_case_envelope", ["Cancelled"] + 6 * ["Valid"]),
        ("e24_lowercase_tin_scheme_and_bare_values", 7 * ["Valid"]),
        ("e26_canceled_spelling", ["Cancelled"] + 5 * ["Valid"]),  # Rejected is no status of MyInvois
    ],
)
def test_every_document_of_a_file_is_read(home: Home, case: str, statuses: list[str]) -> None:
    land_case("einvoices", case, home.landing)
    found = rows(home.platform, home.platform.load("einvoices", MONTH))
    assert sorted(row["status"].strip().capitalize() for row in found) == statuses
    assert {row["supplier_tin"] for row in found} == {"C20830570210"} and None not in {
        row["buyer_tin"] for row in found
    }


@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("e03_search_documents_page", "page1.json: this lists documents; land what Get Document gives"),
        ("e04_get_submission", "sub.json: this lists documents; land what Get Document gives"),
        (
            "e21_zip_with_xlsx_and_pdf_only",
            "portal.zip: holds no e-invoices as .json, .jsonl, .xml or .csv, but a.pdf, ",
        ),
    ],
)
def test_files_that_hold_no_document_are_refused(home: Home, case: str, told: str) -> None:
    land_case("einvoices", case, home.landing)
    load = home.platform.load("einvoices", MONTH)
    assert load.outcome == "failed" and told in load.problems[0]


def test_times_of_the_portal_are_those_of_malaysia_and_others_are_utc(home: Home) -> None:
    land_case("einvoices", "e14_portal_style_csv", home.landing)
    first = rows(home.platform, home.platform.load("einvoices", MONTH))[0]
    assert first["issued_at"] == dt.datetime(2025, 3, 5, 4) and first["document_type"] == "01"
    home.einvoices(document(issued_at="2025-01-15 12:00:00"))
    (other,) = rows(home.platform, home.platform.load("einvoices", "2025-01"))
    assert other["issued_at"] == dt.datetime(2025, 1, 15, 12) and other["total_payable_amount"] == Decimal(1080)
