"""E-invoices as MyInvois hands them out: UBL 2.1 in JSON and XML, bare or in the API's envelope, JSON Lines, CSV, zip.

Which documents there are belongs to the scenario. Issue times are UTC: early ones in Malaysia lie on the day before.
"""

import csv
import io
import json
import zipfile
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from recon_assets.sample.einvoices.documents import AMOUNTS, Deed, EInvoice, Quarantined

_NAMESPACES = (
    'xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2" '
    'xmlns:cac="urn:oasis:names:specification:ubl:schema:xsd:CommonAggregateComponents-2" '
    'xmlns:cbc="urn:oasis:names:specification:ubl:schema:xsd:CommonBasicComponents-2"'
)
_TOTALS = ("TaxExclusiveAmount", "TaxInclusiveAmount", "PayableAmount", "AllowanceTotalAmount", "ChargeTotalAmount")
_CSV_HEADER = (
    "supplier_tin", "buyer_tin", "document_number", "document_type", "document_date", "currency_code",
    "original_document_number", *AMOUNTS, "uuid", "submission_uid", "status", "issued_at", "validated_at",
    "exchange_rate",
)  # fmt: skip
_FIXED_TIME = (1980, 1, 1, 0, 0, 0)


def write_einvoices(
    landing: Path, direction: str, month: str, planted: Sequence[EInvoice], plain: Sequence[EInvoice]
) -> list[Quarantined]:
    """Writes one month of one direction: planted documents each in its own file or the zip, the plain ones in bulk."""
    folder = f"einvoice/{direction}/{month}"
    (landing / folder).mkdir(parents=True, exist_ok=True)
    set_aside = []
    packed: dict[str, str] = {}
    for number, einvoice in enumerate(planted, start=1):
        name, text = _document(einvoice, number)
        if number % 2 and not einvoice.is_broken:
            packed[f"documents/{name}"] = text
            continue
        (landing / folder / name).write_text(text, encoding="utf-8")
        if einvoice.is_broken:
            set_aside.append(Quarantined("einvoices", month, f"{folder}/{name}", 1, "a document that is cut off"))
    if packed:
        _write_zip(landing / folder / "documents.zip", packed)
    half = len(plain) // 2
    lines = (_envelope(e, json.dumps(_ubl(e.deed), ensure_ascii=False)) + "\n" for e in plain[:half])
    _write_lines(landing / folder / "documents.jsonl", lines)
    _write_csv(landing / folder / "list.csv", plain[half:])
    return set_aside


def _document(einvoice: EInvoice, number: int) -> tuple[str, str]:
    """File name and text: XML and JSON in turn, in the API's envelope unless the document is bare."""
    is_xml = number % 3 == 0
    text = _xml(einvoice.deed) if is_xml else json.dumps(_ubl(einvoice.deed), ensure_ascii=False)
    if einvoice.is_broken:
        return f"document-{number:04d}.json", text[: len(text) // 2] if not is_xml else "{" + text
    if einvoice.uuid is None:
        return f"document-{number:04d}.{'xml' if is_xml else 'json'}", text
    return f"document-{number:04d}.json", _envelope(einvoice, text)


def _issued_at(deed: Deed) -> datetime:
    """Between 07:00 and 18:00 in Malaysia, as UTC."""
    minutes = 7 * 60 + sum(map(ord, deed.number)) % (11 * 60)
    return datetime.combine(deed.day, datetime.min.time()) + timedelta(minutes=minutes, hours=-8)


def _envelope(einvoice: EInvoice, document: str) -> str:
    issued = _issued_at(einvoice.deed)
    envelope = {
        "uuid": einvoice.uuid, "submissionUid": f"S{einvoice.uuid}", "internalId": einvoice.deed.number,
        "dateTimeIssued": f"{issued:%Y-%m-%dT%H:%M:%SZ}", "dateTimeValidated": _validated(einvoice),
        "totalPayableAmount": 0, "status": einvoice.status, "document": document,
    }  # fmt: skip
    return json.dumps(envelope, ensure_ascii=False)


def _validated(einvoice: EInvoice) -> str | None:
    if einvoice.status in ("Submitted", "Invalid"):
        return None
    return f"{_issued_at(einvoice.deed) + timedelta(minutes=5):%Y-%m-%dT%H:%M:%SZ}"


def _ubl(deed: Deed) -> dict[str, Any]:
    """The document in MyInvois' JSON form of UBL: every element a list, its text under `_`."""
    issued = _issued_at(deed)
    invoice: dict[str, Any] = {
        "ID": _text(deed.number),
        "IssueDate": _text(f"{issued:%Y-%m-%d}"),
        "IssueTime": _text(f"{issued:%H:%M:%SZ}"),
        "InvoiceTypeCode": _text(deed.type, listVersionID="1.1"),
        "DocumentCurrencyCode": _text(deed.currency),
    }
    if deed.original:
        invoice["BillingReference"] = [{"InvoiceDocumentReference": [{"ID": _text(deed.original)}]}]
    parties = zip(("AccountingSupplierParty", "AccountingCustomerParty"), deed.tins, deed.names, strict=True)
    invoice.update({element: _party(tin, name) for element, tin, name in parties})
    if deed.rate is not None:
        rate = {
            "SourceCurrencyCode": _text(deed.currency),
            "TargetCurrencyCode": _text("MYR"),
            "CalculationRate": _text(deed.rate),
        }
        invoice["TaxExchangeRate"] = [rate]
    invoice["TaxTotal"] = [{"TaxAmount": _text(deed.amounts[1], currencyID=deed.currency)}]
    totals = (deed.amounts[0], *deed.amounts[2:])
    invoice["LegalMonetaryTotal"] = [
        {name: _text(amount, currencyID=deed.currency) for name, amount in zip(_TOTALS, totals, strict=True)}
    ]
    return {"Invoice": [invoice]}


def _text(value: str | Decimal, **attributes: str) -> list[dict[str, Any]]:
    return [{"_": float(value) if isinstance(value, Decimal) else value, **attributes}]


def _party(tin: str, name: str) -> list[dict[str, Any]]:
    ids = [{"ID": _text(tin, schemeID="TIN")}, {"ID": _text("NA", schemeID="SST")}]
    return [{"Party": [{"PartyIdentification": ids, "PartyLegalEntity": [{"RegistrationName": _text(name)}]}]}]


def _xml(deed: Deed) -> str:
    def element(name: str, node: dict[str, Any]) -> str:
        children = "".join(
            element(child, one) for child, nodes in node.items() if isinstance(nodes, list) for one in nodes
        )
        attributes = "".join(f" {k}={quoteattr(v)}" for k, v in node.items() if k != "_" and isinstance(v, str))
        tag = f"{'cac' if children else 'cbc'}:{name}"
        return f"<{tag}{attributes}>{escape(str(node.get('_', '')))}{children}</{tag}>"

    inner = "".join(element(name, node) for name, nodes in _ubl(deed)["Invoice"][0].items() for node in nodes)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n<Invoice {_NAMESPACES}>{inner}</Invoice>\n'


def _write_zip(path: Path, texts: dict[str, str]) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in texts.items():
            archive.writestr(zipfile.ZipInfo(name, _FIXED_TIME), text, zipfile.ZIP_DEFLATED)


def _write_lines(path: Path, lines: Iterator[str]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        file.writelines(lines)


def _write_csv(path: Path, einvoices: Sequence[EInvoice]) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_CSV_HEADER)
    for einvoice in einvoices:
        deed = einvoice.deed
        writer.writerow([
            *deed.tins, deed.number, deed.type, deed.day.isoformat(), deed.currency, deed.original or "",
            *(format(amount, "f") for amount in deed.amounts), einvoice.uuid, f"S{einvoice.uuid}", einvoice.status,
            f"{_issued_at(deed):%Y-%m-%dT%H:%M:%SZ}", _validated(einvoice) or "", deed.rate or "",
        ])  # fmt: skip
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
