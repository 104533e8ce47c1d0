"""JSON Lines of e-invoices: what Arrow reads is what Python reads record by record, whatever stands in between."""

import datetime as dt
import re
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from recon_assets.errors import FileProblem
from recon_assets.settings import Settings
from recon_assets.sources.convert import Origin, convert
from recon_assets.sources.einvoice_lines import PlainLines
from recon_assets.sources.hints import hints_of
from recon_assets.sources.readers import open_file, rules_of
from recon_assets.sources.unpack import UnpackLimits
from recon_assets.sources.values import connect

MONTH = "2025-03"


def record(number: str = '"INV-1"', **more: str) -> bytes:
    values = {
        "supplier_tin": '"C1000"', "buyer_tin": '"C20000"', "document_number": number, "document_type": '"01"',
        "document_date": '"2025-03-05"', "currency_code": '"MYR"', "total_excluding_tax": "100.10",
        "total_tax_amount": "8", "total_including_tax": "108.10", "total_payable_amount": "108.10", "uuid": '"U1"',
        "status": '"Valid"', "issued_at": '"2025-03-05T01:00:00Z"',
    }  # fmt: skip
    return ("{" + ", ".join(f'"{key}": {value}' for key, value in (values | more).items()) + "}").encode()


BESIDE = {
    "another": record('"INV-2"'),
    "a new key that is a column's": record(exchangeRate="4.5"),
    "a new key that is none": record(lines='[{"a": 1}]'),
    "two keys of one column": record(documentNumber='"INV-9"'),
    "a document": record(document='""'),
    "an envelope": record(Document='{"Invoice": []}'),
    "a UBL document": b'{"Invoice": [{"ID": [{"_": "INV-3"}]}]}',
    "metadata alone": b'{"uuid": "U9", "status": "Valid"}',
    "a cancelled document's metadata": b'{"uuid": "U9", "status": "Cancelled", "internalId": "INV-9"}',
    "no number": record("null"),
    "a number of blanks": record('"  "'),
    "a number that is one": record("17"),
    "a type in words": record(document_type='"01 - Invoice"'),
    "a status as Americans spell it": record(status='"Canceled"'),
    "a status that is none": record(status='"Lost"'),
    "a quoted amount": record(total_tax_amount='"8.00"'),
    "an amount in words": record(total_tax_amount='"RM 8.00"'),
    "an amount with a comma": record(total_tax_amount='"1,008.00"'),
    "an empty amount": record(total_tax_amount='""'),
    "an amount of a trillion": record(total_tax_amount="1000000000000.10"),
    "an amount in powers of ten": record(total_tax_amount="8.5e1"),
    "a power of ten of many digits": record(total_tax_amount="8e0001"),
    "a quoted power of ten of many digits": record(total_tax_amount='"8e+0001"'),
    "a text that is like one": record('"8e0001"'),
    "more decimals than are kept": record(total_tax_amount="8.0000000000005"),
    "no number at all": record(total_tax_amount="NaN"),
    "no date": record(issued_at="null", document_date="null"),
    "an instant with a zone": record(issued_at='"2025-03-05T01:00:00+08:00"'),
    "an instant that there is not": record(issued_at='"2025-02-30T01:00:00Z"'),
    "a year that there is not": record(issued_at='"0000-01-01T00:00:00Z"'),
    "a repeat": record(),
    "letters that are no ASCII": record(supplier_name='"Kedai Kopi \u9999", "supplierTin2": "x"'),
    "a number in full width": record('"\uff29\uff2e\uff36-1"'),
    "blanks within a number": record('"INV  7"'),
    "half a character": record('"\\ud83d"'),
    "bytes that are no UTF-8": record().replace(b"INV", b"\xff"),
    "two records on a line": record() + record('"INV-4"'),
    "a record over two lines": record().replace(b", ", b",\n"),
    "a list": b"[" + record('"INV-5"') + b"]",
    "a list that is not closed": b"[" + record('"INV-5"') + b",",
    "no JSON": b"no JSON",
    "a text of XML": b"<Invoice/>",
    "a blank line": b"",
    "a mark of the byte order": b"\xef\xbb\xbf" + record('"INV-6"'),
    "a return at the end": record('"INV-7"') + b"\r",
    "a line of many values": record(numbers="[" + "1," * 200_000 + "1]"),
}


@cache
def connection() -> duckdb.DuckDBPyConnection:
    return connect()


@pytest.mark.parametrize("line", BESIDE.values(), ids=BESIDE)
def test_a_file_is_loaded_alike_by_arrow_and_record_by_record(
    line: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = [record(f'"INV-1{n}"', uuid=f'"U{n}"') for n in range(3)]
    path = tmp_path / "documents.jsonl"
    path.write_bytes(b"\n".join([*before, line, record('"INV-20"', uuid='"U20"')]) + b"\n")
    monkeypatch.setattr("recon_assets.sources.einvoice_lines._PIECE", 700)  # the first piece is plain
    fast = loaded(path)
    monkeypatch.setattr(PlainLines, "block", lambda *given: None)
    assert fast == loaded(path)


def test_records_that_omit_what_they_lack_are_read_by_arrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "documents.jsonl"
    path.write_bytes(b"\r\n".join([record(), record('"INV-2"', exchangeRate="4.5", other='"x"'), record('"INV-3"')]))
    monkeypatch.setattr("recon_assets.sources.einvoices._records_of", lambda *given: iter(()))
    rows, rejected, _ = loaded(path)
    assert [(row["document_number"], row["source_line"]) for row in rows] == [("INV-1", 1), ("INV-2", 2), ("INV-3", 3)]
    assert rejected == []


def loaded(path: Path) -> tuple[Any, Any, Any]:
    """The typed rows, the rejected ones, and counts; or why the file cannot be read."""
    file = f"einvoice/issued/{MONTH}/documents.jsonl"
    origin = Origin("einvoices", MONTH, file, "hash", f"{dt.datetime(2025, 4, 1):%Y-%m-%d %H:%M:%S.%f}")
    settings = Settings(_env_file=None)  # type: ignore[call-arg]
    ((table, frame),) = open_file("einvoices", path, origin, UnpackLimits(), hints_of(MONTH, settings)).tables
    rows, rejected = path.with_suffix(".rows"), path.with_suffix(".rejected")
    try:
        counts = convert(connection(), table, frame, rules_of("einvoices"), rows, rejected)
    except FileProblem as problem:
        return str(problem), None, None
    told = pq.read_table(rejected).to_pylist()
    for row in told:  # where a parser of JSON stood in its text
        row["reason"] = re.sub(r": line \d+ column \d+ .*", "", row["reason"])
    return pq.read_table(rows).to_pylist(), told, counts
