"""One e-invoice document of MyInvois, UBL 2.1 in JSON or XML, as the texts of the declared columns.

XML is read by expat into the same shape as the JSON form: {"Invoice": [{"ID": [{"_": "INV1"}], ...}]}. Document types,
entities and deep nesting are refused, so nothing is expanded or fetched.
"""

import json
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from xml.parsers import expat

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
Fields = dict[str, str | None]


class DocumentProblem(Exception):
    """Why a document cannot be read; the record is quarantined with this as its reason."""


def parse_json(text: str | bytes) -> Any:
    """JSON with numbers as they are written; DocumentProblem when it is none, or nested too deeply."""
    try:
        value = json.loads(text, parse_float=str, parse_int=str, parse_constant=str)
    except (ValueError, RecursionError) as error:
        raise DocumentProblem(f"is not valid JSON ({type(error).__name__}: {str(error)[:200]})") from error
    _require_shallow(value)
    return value


def _require_shallow(value: Any) -> None:
    level = [value]
    count = 0
    for _ in range(MAX_DEPTH):
        level = [c for v in level if isinstance(v, dict | list) for c in (v.values() if isinstance(v, dict) else v)]
        count += len(level)
        if count > MAX_NODES:
            raise DocumentProblem(f"holds more than {MAX_NODES} values")
        if not level:
            return
    raise DocumentProblem(f"is nested deeper than {MAX_DEPTH} levels")


def parse_xml(content: bytes) -> dict[str, Any]:
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
    """The compared fields and the rate of a UBL document; DocumentProblem when it holds no invoice."""
    invoice = _first(document, "Invoice")
    if not isinstance(invoice, dict):
        raise DocumentProblem("holds no UBL Invoice")
    totals = _first(invoice, "LegalMonetaryTotal")
    currency = _value(invoice, "DocumentCurrencyCode")
    rate = _value(_first(invoice, "TaxExchangeRate"), "CalculationRate")
    issued_at = _issued_at(_value(invoice, "IssueDate"), _value(invoice, "IssueTime"))
    return {
        "supplier_tin": _tin(_first(invoice, "AccountingSupplierParty")),
        "buyer_tin": _tin(_first(invoice, "AccountingCustomerParty")),
        "document_number": _value(invoice, "ID"),
        "document_type": _value(invoice, "InvoiceTypeCode"),
        "document_date": None,
        "issued_at": issued_at,
        "currency_code": currency,
        "original_document_number": _original_number(invoice),
        "total_tax_amount": _tax(invoice, currency, rate),
        "exchange_rate": rate,
        **{field: _value(totals, name) for field, name in _TOTALS.items()},
    }


def _issued_at(day: str | None, time: str | None) -> str | None:
    """IssueDate and IssueTime as one instant, UTC unless the time says otherwise."""
    return day if day is None or time is None else f"{day.strip()[:10]}T{time.strip()}"


def _original_number(invoice: dict[str, Any]) -> str | None:
    """The first InvoiceDocumentReference of any BillingReference; AdditionalDocumentReference is another matter."""
    for reference in _all(invoice, "BillingReference"):
        number = _value(_first(reference, "InvoiceDocumentReference"), "ID")
        if number is not None:
            return number
    return None


def _tin(party: Any) -> str | None:
    for identification in _all(_first(party, "Party"), "PartyIdentification"):
        for number in _all(identification, "ID"):
            if isinstance(number, dict) and str(number.get("schemeID", "")).strip().upper() == "TIN":
                return _text(number)
    return None


def _tax(invoice: dict[str, Any], currency: str | None, rate: str | None) -> str | None:
    """Document tax in the document's currency; one only in MYR is divided by the rate (rule 18)."""
    amounts = [a for total in _all(invoice, "TaxTotal") for a in _all(total, "TaxAmount") if isinstance(a, dict)]
    code = (currency or "").strip().upper()
    by_currency = {str(a.get("currencyID") or code).strip().upper(): _text(a) for a in reversed(amounts)}
    if code in by_currency or "MYR" not in by_currency:
        return by_currency.get(code)
    try:
        divisor = Decimal(rate or "0")
        tax = Decimal(by_currency["MYR"] or "")
        return str((tax / divisor).quantize(Decimal("0.01"), ROUND_HALF_UP)) if divisor > 0 else None
    except ArithmeticError:  # no number, or a quotient that no Decimal holds
        return None


def _all(value: Any, name: str) -> list[Any]:
    found = value.get(name) if isinstance(value, dict) else None
    return found if isinstance(found, list) else [] if found is None else [found]


def _first(value: Any, name: str) -> Any:
    return next(iter(_all(value, name)), None)


def _value(value: Any, name: str) -> str | None:
    return _text(_first(value, name))


def _text(value: Any) -> str | None:
    text = value.get("_") if isinstance(value, dict) else value
    if text is None or isinstance(text, dict | list):
        return None
    return str(text).strip() or None
