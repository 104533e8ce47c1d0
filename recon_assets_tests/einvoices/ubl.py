"""E-invoice documents of our own in MyInvois' two forms of UBL 2.1, with all that a real one holds beside the compared fields.

Written after the public reference of the document types; JSON has every element as a list, its text under `_`.
"""

import json
from typing import Any
from xml.etree import ElementTree

TYPES = ("01", "02", "03", "04", "11", "12", "13", "14")
SUPPLIER, BUYER = "C2584563222", "IG20987654010"
_UBL = "urn:oasis:names:specification:ubl:schema:xsd:"
_AGGREGATES, _BASICS = f"{_UBL}CommonAggregateComponents-2", f"{_UBL}CommonBasicComponents-2"
Node = dict[str, Any]


def invoice(kind: str, currency: str = "MYR", rate: str | None = None, tax_in_ringgit: str | None = None) -> Node:
    """A document of one line of 1,000 and 8 % tax; notes name the document that they correct."""
    amount = {"currencyID": currency}
    tax = _text(tax_in_ringgit, currencyID="MYR") if tax_in_ringgit else _text("80.00", **amount)
    made: Node = {
        "ID": _text(f"DOC-{kind}"), "IssueDate": _text("2025-02-14"), "IssueTime": _text("03:30:00Z"),
        "InvoiceTypeCode": _text(kind, listVersionID="1.0"), "DocumentCurrencyCode": _text(currency),
        "InvoicePeriod": [{"StartDate": _text("2025-01-01"), "EndDate": _text("2025-01-31"), "Description": _text("Monthly")}],
        "AdditionalDocumentReference": [{"ID": _text("K1-12345"), "DocumentType": _text("CustomsImportForm")}],
        "AccountingSupplierParty": [{"Party": [_party(SUPPLIER, "Penyelia Contoh Sdn. Bhd.")]}],
        "AccountingCustomerParty": [{"Party": [_party(BUYER, "Pembeli & Rakan Enterprise")]}],
        "PaymentMeans": [{"PaymentMeansCode": _text("03"), "PayeeFinancialAccount": [{"ID": _text("1234567890")}]}],
        "AllowanceCharge": [{"ChargeIndicator": _text("false"), "Amount": _text("50.00", **amount)}],
        "TaxTotal": [{"TaxAmount": tax, "TaxSubtotal": [_tax_of_a_kind(amount)]}],
        "LegalMonetaryTotal": [{
            "LineExtensionAmount": _text("1040.00", **amount), "TaxExclusiveAmount": _text("1000.00", **amount),
            "TaxInclusiveAmount": _text("1080.00", **amount), "AllowanceTotalAmount": _text("50.00", **amount),
            "ChargeTotalAmount": _text("10.00", **amount), "PayableAmount": _text("1080.00", **amount),
        }],
        "InvoiceLine": [_line(amount)],
    }  # fmt: skip
    if kind not in ("01", "11"):
        made["BillingReference"] = [
            {"InvoiceDocumentReference": [{"ID": _text("DOC-ORIGINAL"), "UUID": _text("F9D4")}]}
        ]
    if rate:
        codes = {"SourceCurrencyCode": _text(currency), "TargetCurrencyCode": _text("MYR")}
        made["TaxExchangeRate"] = [{**codes, "CalculationRate": _text(rate)}]
    return made


def as_json(document: Node) -> bytes:
    return json.dumps({"_D": f"{_UBL}Invoice-2", "_A": _AGGREGATES, "_B": _BASICS, "Invoice": [document]}).encode()


def as_xml(document: Node) -> bytes:
    root = ElementTree.Element(f"{{{_UBL}Invoice-2}}Invoice")
    _append(root, document)
    return bytes(ElementTree.tostring(root, "utf-8", xml_declaration=True))


FORMS = {"json": as_json, "xml": as_xml}


def _append(parent: ElementTree.Element, node: Node) -> None:
    for name, value in node.items():
        if isinstance(value, list):
            for one in value:
                is_basic = "_" in one
                child = ElementTree.SubElement(parent, f"{{{_BASICS if is_basic else _AGGREGATES}}}{name}")
                _append(child, one)
        elif name == "_":
            parent.text = value
        else:
            parent.set(name, value)


def _text(value: str, **attributes: str) -> list[Node]:
    return [{"_": value, **attributes}]


def _party(tin: str, name: str) -> Node:
    identifications = [("SST", "NA"), ("BRN", "202001234567"), ("TIN", tin)]
    return {
        "IndustryClassificationCode": _text("46510", name="Wholesale of computers"),
        "PartyIdentification": [{"ID": _text(value, schemeID=scheme)} for scheme, value in identifications],
        "PostalAddress": [{"CityName": _text("Kuala Lumpur"), "PostalZone": _text("50480"), "CountrySubentityCode": _text("14"),
                           "Country": [{"IdentificationCode": _text("MYS", listID="ISO3166-1")}]}],
        "PartyLegalEntity": [{"RegistrationName": _text(name)}],
        "Contact": [{"Telephone": _text("+60123456789"), "ElectronicMail": _text("akaun@contoh.example")}],
    }  # fmt: skip


def _tax_of_a_kind(amount: dict[str, str]) -> Node:
    return {
        "TaxableAmount": _text("1000.00", **amount),
        "TaxAmount": _text("80.00", **amount),
        "TaxCategory": [{"ID": _text("02"), "TaxScheme": [{"ID": _text("OTH", schemeID="UN/ECE 5153")}]}],
    }


def _line(amount: dict[str, str]) -> Node:
    return {
        "ID": _text("1"),
        "InvoicedQuantity": _text("10", unitCode="C62"),
        "LineExtensionAmount": _text("1040.00", **amount),
        "TaxTotal": [{"TaxAmount": _text("80.00", **amount), "TaxSubtotal": [_tax_of_a_kind(amount)]}],
        "Item": [{"Description": _text("Lesen <tahunan>"), "CommodityClassification": [
            {"ItemClassificationCode": _text("003", listID="CLASS")}]}],
        "Price": [{"PriceAmount": _text("104.00", **amount)}],
    }  # fmt: skip
