"""One e-invoice document of MyInvois, UBL 2.1 in JSON or XML, as the texts of the declared columns.

XML is read by expat into the same shape as the JSON form: {"Invoice": [{"ID": [{"_": "INV1"}], ...}]}. Document types,
entities and deep nesting are refused, so nothing is expanded or fetched.
"""

import json
import re
from collections.abc import Iterator
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from xml.parsers import expat

from recon_assets.sources.json_values import json_value
from recon_assets.sources.line_numbers import named_numbers

GENERAL_BUYER = "EI00000000010"  # of consolidated e-invoices; the lines of others are not read
MAX_DEPTH = 100
MAX_DOCUMENT = 8 * 1024 * 1024  # bytes; MyInvois itself takes 300 KB
MAX_NODES = 200_000  # elements of XML, values of JSON: each takes memory many times its text
_TOTALS = {
    "total_excluding_tax": "TaxExclusiveAmount",
    "total_including_tax": "TaxInclusiveAmount",
    "total_payable_amount": "PayableAmount",
    "total_discount_value": "AllowanceTotalAmount",
    "total_charge_amount": "ChargeTotalAmount",
}
_TIN = re.compile(r"[A-Z]{1,3}\d{9,13}")
Fields = dict[str, str | None]


class DocumentProblem(Exception):
    """Why a document cannot be read; the record is quarantined with this as its reason."""


def parse_json(text: str | bytes) -> Any:
    """JSON with numbers as they are written; DocumentProblem when it is none, or too much for one document."""
    try:
        text = text.decode(json.detect_encoding(text)) if isinstance(text, bytes) else text
        require_bounded(text)
        return json_value(text)
    except (ValueError, RecursionError) as error:
        raise DocumentProblem(f"is not valid JSON ({type(error).__name__}: {str(error)[:200]})") from error


def require_bounded(text: str) -> None:
    """DocumentProblem for the text of a JSON document that is larger than any, or holds too many values."""
    if len(text) > MAX_DOCUMENT:
        raise DocumentProblem(f"is larger than {MAX_DOCUMENT} bytes")
    if len(text) > MAX_NODES and sum(map(text.count, ",[{")) > MAX_NODES:
        raise DocumentProblem(f"holds more than {MAX_NODES} values")


def parse_xml(content: bytes | str) -> dict[str, Any]:
    """XML in the shape of the JSON form, without namespaces; DocumentProblem when it is damaged or not harmless."""
    builder = _Builder()
    parser = expat.ParserCreate(namespace_separator=" ")
    parser.buffer_text = True
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    parser.ExternalEntityRefHandler = _refuse
    parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)
    try:
        parser.Parse(content, True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        raise DocumentProblem(f"is not valid XML ({error})") from error
    return builder.root


def _refuse(*_: Any) -> int:
    raise DocumentProblem("declares a document type or entities, which are refused")


class _Builder:
    def __init__(self) -> None:
        self.root: dict[str, Any] = {}
        self._stack: list[dict[str, Any]] = [self.root]
        self._texts: list[list[str]] = [[]]  # joined once: text between elements comes in pieces without end
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        if len(self._stack) > MAX_DEPTH:
            raise DocumentProblem(f"is nested deeper than {MAX_DEPTH} levels")
        self._count += 1
        if self._count > MAX_NODES:
            raise DocumentProblem(f"holds more than {MAX_NODES} elements")
        node: dict[str, Any] = {"_": "", **{key.split(" ")[-1]: value for key, value in attributes.items()}}
        self._stack[-1].setdefault(name.split(" ")[-1], []).append(node)
        self._stack.append(node)
        self._texts.append([])

    def end(self, name: str) -> None:
        self._stack.pop()["_"] = "".join(self._texts.pop())

    def text(self, data: str) -> None:
        self._texts[-1].append(data)


def document_fields(document: Any) -> Fields:
    """The compared fields, names and the rate of a UBL document; DocumentProblem when it holds no invoice."""
    invoice = _first(document, "Invoice")
    if not isinstance(invoice, dict):
        raise DocumentProblem("holds no UBL Invoice")
    type_code = _first(invoice, "InvoiceTypeCode")
    totals = _first(invoice, "LegalMonetaryTotal")
    currency = _value(invoice, "DocumentCurrencyCode")
    rate = _value(_first(invoice, "TaxExchangeRate"), "CalculationRate")
    buyer = _tin(_first(invoice, "AccountingCustomerParty"))
    is_consolidated = (buyer or "").strip().upper() == GENERAL_BUYER
    issued_at = _issued_at(_value(invoice, "IssueDate"), _value(invoice, "IssueTime"))
    return {
        "supplier_tin": _tin(_first(invoice, "AccountingSupplierParty")),
        "buyer_tin": buyer,
        "supplier_name": _name(_first(invoice, "AccountingSupplierParty")),
        "buyer_name": _name(_first(invoice, "AccountingCustomerParty")),
        "document_number": _value(invoice, "ID"),
        "document_type": _text(type_code),
        "version": _text(type_code.get("listVersionID")) if isinstance(type_code, dict) else None,
        "document_date": None,
        "issued_at": issued_at,
        "currency_code": currency,
        "original_document_number": _original_number(invoice),
        "total_tax_amount": _tax(invoice, currency, rate),
        "exchange_rate": rate,
        "line_numbers": named_numbers(_descriptions(invoice)) if is_consolidated else None,
        **{field: _value(totals, name) for field, name in _TOTALS.items()},
    }


def _issued_at(day: str | None, time: str | None) -> str | None:
    """IssueDate and IssueTime as one instant, UTC unless the time says otherwise."""
    return day if day is None or time is None else f"{day.strip()[:10]}T{time.strip()}"


def _descriptions(invoice: Any) -> Iterator[str]:
    for line in _all(invoice, "InvoiceLine"):
        for description in _all(_first(line, "Item"), "Description"):
            if (text := _text(description)) is not None:
                yield text


def _original_number(invoice: dict[str, Any]) -> str | None:
    """The first InvoiceDocumentReference of any BillingReference; AdditionalDocumentReference is another matter."""
    for reference in _all(invoice, "BillingReference"):
        number = _value(_first(reference, "InvoiceDocumentReference"), "ID")
        if number is not None:
            return number
    return None


def _tin(party: Any) -> str | None:
    """The number whose scheme is TIN; where none says its scheme, the first that looks like one."""
    numbers = [n for i in _all(_first(party, "Party"), "PartyIdentification") for n in _all(i, "ID")]
    schemes = [str(n.get("schemeID") or "").strip().upper() if isinstance(n, dict) else "" for n in numbers]
    if "TIN" in schemes:
        return _text(numbers[schemes.index("TIN")])
    bare = (_text(number) for number, scheme in zip(numbers, schemes, strict=True) if not scheme)
    return next((text for text in bare if looks_like_tin(text)), None)


def _name(party: Any) -> str | None:
    return _value(_first(_first(party, "Party"), "PartyLegalEntity"), "RegistrationName")


def looks_like_tin(text: str | None) -> bool:
    """Whether a text has the form of a Malaysian tax number: letters and digits, as C20830570210."""
    return text is not None and _TIN.fullmatch(text.strip().upper()) is not None


def _tax(invoice: dict[str, Any], currency: str | None, rate: str | None) -> str | None:
    """Document tax in the document's currency; one only in MYR is divided by the rate (rule 18)."""
    amounts = [a for total in _all(invoice, "TaxTotal") for a in _all(total, "TaxAmount") if isinstance(a, dict)]
    code = (currency or "").strip().upper()
    by_currency = {str(a.get("currencyID") or code).strip().upper(): _text(a) for a in reversed(amounts)}
    if code in by_currency or "MYR" not in by_currency:
        return by_currency.get(code)
    try:
        divisor = Decimal(rate or "0")
        tax = Decimal((by_currency["MYR"] or "").replace(",", ""))
        return str((tax / divisor).quantize(Decimal("0.01"), ROUND_HALF_UP)) if divisor > 0 else None
    except ArithmeticError:  # no number, or a quotient that no Decimal holds
        return None


def _all(value: Any, name: str) -> list[Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else [] if found is None else [found]


def _first(value: Any, name: str) -> Any:
    found = value.get(name) if isinstance(value, dict) else None
    if isinstance(found, list):
        return found[0] if found else None
    return found


def _value(value: Any, name: str) -> str | None:
    return _text(_first(value, name))


def _text(value: Any) -> str | None:
    text = value.get("_") if isinstance(value, dict) else value
    if isinstance(text, str):
        return text.strip() or None
    if text is None or isinstance(text, dict | list):
        return None
    return str(text).strip() or None
