"""Brute-force oracle of the e-invoice reconciliation, from landed files to rows.

Written from spec/einvoice_reconciliation.md alone: nothing of recon_assets is imported. Every pair of documents is
looked at, candidates are accepted one after the other. Slow and plain on purpose.
"""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
import unicodedata
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from pathlib import Path
from typing import Any

IDENTIFIERS = (
    "supplier_tin", "buyer_tin", "document_number", "document_type", "document_date", "currency_code",
    "original_document_number",
)  # fmt: skip
AMOUNTS = (
    "total_excluding_tax", "total_tax_amount", "total_including_tax", "total_payable_amount",
    "total_discount_value", "total_charge_amount",
)  # fmt: skip
FIELDS = IDENTIFIERS + AMOUNTS
NOTES = ("02", "04", "12", "14")
CENT = Decimal("0.01")
CONSOLIDATED = "EI00000000010"
LAST = (1, "")  # sorts after every (0, value)
ALIASES = {
    "document_number": ("invoicenumber", "invoiceno"),
    "document_date": ("invoicedate",),
    "total_excluding_tax": ("totalexcl.tax",),
    "total_including_tax": ("totalincl.tax",),
    "total_tax_amount": ("taxamount",),
    "total_payable_amount": ("payableamount",),
    "total_discount_value": ("discount",),
    "total_charge_amount": ("charge",),
    "currency_code": ("currency",),
    "original_document_number": ("originalinvoicenumber",),
}


@dataclass(eq=False)
class Document:
    """A register row, an e-invoice, or a group of rows that is compared as one."""

    side: str
    month: date
    register_type: str
    raw: dict[str, Any]
    key: dict[str, Any]
    amount: dict[str, Decimal | None]  # magnitudes
    sign: int
    rate: Decimal | None
    file: str
    row: int
    takes_part: str = "takes_part"
    members: list[Document] = field(default_factory=list)

    @property
    def name(self) -> str | None:
        return self.raw.get("row_reference") if self.side == "register" else self.raw.get("uuid")

    def signed(self, name: str) -> Decimal | None:
        if self.members:
            if len({m.key["currency_code"] for m in self.members}) > 1:
                return None
            return sum((m.sign * (m.amount[name] or Decimal(0)) for m in self.members), Decimal(0)) + 0
        value = self.amount[name]
        return None if value is None else self.sign * value + 0  # no negative zero


# Places of rejected records -> whose they are: month, register (None: either), number and supplier; None when nothing
# tells, or when the record repeats another.
Rejected = dict[tuple[str, int], tuple[date, str | None, str, str | None] | None]


@dataclass
class Result:
    rows: list[dict[str, Any]]
    differences: list[dict[str, Any]]
    quarantined: Rejected
    superseded_or_out: int


# ---------------------------------------------------------------- values


def half_up(value: Decimal) -> Decimal:
    return value.quantize(CENT, ROUND_HALF_UP)


def normal(text: str | None) -> str | None:
    if text is None:
        return None
    return " ".join(unicodedata.normalize("NFKC", text).upper().split()) or None


def tin(text: str | None) -> str | None:
    return None if text is None else re.sub(r"^([A-Z]+)0+", r"\1", text)


def loose(text: str | None) -> str | None:
    return "".join(c for c in text or "" if unicodedata.category(c)[0] in "LN").lstrip("0") or None


def number(text: str | None) -> Decimal | None:
    try:
        return None if text is None else Decimal(text.replace(",", ""))
    except InvalidOperation:
        return None


def month_first(month: date, count: int = 0) -> date:
    index = month.year * 12 + month.month - 1 + count
    return date(index // 12, index % 12 + 1, 1)


def window(month: date) -> tuple[date, date]:
    return month - timedelta(days=31), month_first(month, 1) + timedelta(days=30)


def instant(text: str | None) -> datetime | None:
    if not text:
        return None
    value = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value


# ---------------------------------------------------------------- files


def heading(text: str) -> str:
    return "".join(text.replace("\ufeff", "").replace("_", "").split()).lower()


def canonical(text: str) -> str:
    bare = heading(text)
    for name in (*FIELDS, "exchange_rate", "consolidated_einvoice_number", "row_reference", "einvoice_uuid", "uuid", "submission_uid",
                 "status", "issued_at", "validated_at", "version"):  # fmt: skip
        if bare == heading(name) or bare in ALIASES.get(name, ()):
            return name
    return text


def csv_rows(content: bytes) -> Iterator[dict[str, str | None]]:
    rows = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    names = [canonical(name) for name in next(rows)]
    for row in rows:
        if row:
            yield {name: (value.strip() or None) for name, value in zip(names, row, strict=True)}


def members_of(path: Path, name: str) -> Iterator[tuple[str, bytes]]:
    content = path.read_bytes()
    if name.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            for member in archive.namelist():
                yield f"{name}/{member}", archive.read(member)
    else:
        yield name, gzip.decompress(content) if name.endswith(".gz") else content


def einvoice_records(name: str, content: bytes) -> Iterator[dict[str, Any] | None]:
    kind = name.removesuffix(".gz").rsplit(".", 1)[-1]
    if kind == "csv":
        yield from csv_rows(content)
    elif kind == "jsonl":
        for line in content.decode().splitlines():
            if line.strip():
                yield json_record(line)
    elif kind == "xml":
        yield ubl(tree_of(content))
    else:
        yield json_record(content.decode())


def json_record(text: str) -> dict[str, Any] | None:
    try:
        value = json.loads(text, parse_float=str, parse_int=str)
    except ValueError:
        return None
    if "Invoice" in value:
        return ubl(value)
    if "document" in value:
        inner = value["document"]
        found = ubl(
            tree_of(inner.encode()) if inner.startswith("<") else json.loads(inner, parse_float=str, parse_int=str)
        )
        return found | {
            "uuid": value.get("uuid"), "submission_uid": value.get("submissionUid"), "status": value.get("status"),
            "validated_at": value.get("dateTimeValidated"),
        }  # fmt: skip
    return {canonical(name): item or None for name, item in value.items()}


def tree_of(content: bytes) -> dict[str, Any]:
    def node(element: ET.Element) -> dict[str, Any]:
        found: dict[str, Any] = {"_": (element.text or ""), **element.attrib}
        for child in element:
            found.setdefault(child.tag.rsplit("}", 1)[-1], []).append(node(child))
        return found

    return {"Invoice": [node(ET.fromstring(content))]}


def ubl(document: dict[str, Any]) -> dict[str, Any]:
    invoice = document["Invoice"][0]

    def at(*path: str, start: Any = None) -> str | None:
        value = invoice if start is None else start
        for step in path:
            found = value.get(step)
            if not found:
                return None
            value = found[0]
        return (str(value["_"]).strip() or None) if "_" in value else None

    def party(name: str) -> str | None:
        ids = (invoice.get(name) or [{}])[0].get("Party", [{}])[0].get("PartyIdentification", [])
        return next((at("ID", start=i) for i in ids if i["ID"][0].get("schemeID") == "TIN"), None)

    currency, rate = at("DocumentCurrencyCode"), at("TaxExchangeRate", "CalculationRate")
    taxes = {t["currencyID"]: t["_"] for total in invoice.get("TaxTotal", []) for t in total.get("TaxAmount", [])}
    tax = taxes.get(currency or "")
    if tax is None and "MYR" in taxes and rate:
        tax = str(half_up(Decimal(taxes["MYR"]) / Decimal(rate)))
    day, time = at("IssueDate"), at("IssueTime")
    return {
        "supplier_tin": party("AccountingSupplierParty"), "buyer_tin": party("AccountingCustomerParty"),
        "document_number": at("ID"), "document_type": at("InvoiceTypeCode"), "currency_code": currency,
        "issued_at": f"{day}T{time}" if day and time else day,
        "original_document_number": next(
            (at("InvoiceDocumentReference", "ID", start=b) for b in invoice.get("BillingReference", [])
             if "InvoiceDocumentReference" in b), None),
        "total_excluding_tax": at("LegalMonetaryTotal", "TaxExclusiveAmount"), "total_tax_amount": tax,
        "total_including_tax": at("LegalMonetaryTotal", "TaxInclusiveAmount"),
        "total_payable_amount": at("LegalMonetaryTotal", "PayableAmount"),
        "total_discount_value": at("LegalMonetaryTotal", "AllowanceTotalAmount"),
        "total_charge_amount": at("LegalMonetaryTotal", "ChargeTotalAmount"), "exchange_rate": rate,
        "descriptions": [
            at("Description", start=item) or "" for line in invoice.get("InvoiceLine", []) for item in line.get("Item", [])
        ],
        "version": (invoice.get("InvoiceTypeCode") or [{}])[0].get("listVersionID"),
    }  # fmt: skip


def register_days(rows: list[dict[str, Any]], month: date) -> list[date | None]:
    """Every row's date in the order under which more of them fall in the folder's month."""

    def read(text: str | None, day_first: bool) -> date | None:
        if text is None:
            return None
        if re.fullmatch(r"\d{4}-\d{2}-\d{2}", text):
            return date.fromisoformat(text)
        parts = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text)
        if parts is None:
            return None
        a, b, year = (int(part) for part in parts.groups())
        try:
            return date(year, b, a) if day_first else date(year, a, b)
        except ValueError:
            return None

    both = {order: [read(row["document_date"], order) for row in rows] for order in (True, False)}
    count = {order: sum(d is not None and month_first(d) == month for d in days) for order, days in both.items()}
    assert count[True] != count[False] or both[True] == both[False]
    return both[count[True] > count[False]]


# ---------------------------------------------------------------- documents


def load(landing: Path) -> tuple[list[Document], list[Document], Rejected]:
    quarantined: Rejected = {}
    registers, einvoices = [], []
    for register_type in ("sales", "purchase"):
        for path in sorted((landing / "erp" / f"{register_type}_register").glob("*/*")):
            name, month = path.relative_to(landing).as_posix(), date.fromisoformat(f"{path.parent.name}-01")
            content = path.read_bytes()
            rows = list(csv_rows(gzip.decompress(content) if name.endswith(".gz") else content))
            for row, day in zip(rows, register_days(rows, month), strict=True):
                row["document_date"] = day
            registers += keep(rows, "register", register_type, month, name, quarantined)
    for direction in ("issued", "received"):
        for path in sorted((landing / "einvoice" / direction).glob("*/*")):
            name, month = path.relative_to(landing).as_posix(), date.fromisoformat(f"{path.parent.name}-01")
            for member, content in members_of(path, name):
                found = list(einvoice_records(member, content))
                einvoices += keep(found, "einvoice", direction, month, member, quarantined)
    return registers, supersede(einvoices), quarantined


def keep(
    rows: Sequence[dict[str, Any] | None],
    side: str,
    kind: str,
    month: date,
    file: str,
    quarantined: Rejected,
) -> list[Document]:
    kept, seen = [], set()
    for place, row in enumerate(rows, start=1):
        document = None if row is None else document_of(row, side, kind, month, file, place)
        if document is None:
            quarantined[file, place] = None if row is None else owner_of(row, side, kind, month)
            continue
        own = (
            document.raw.get("row_reference")
            if side == "register"
            else (document.raw.get("uuid"), document.raw["status"])
        )
        full = (*(document.key[f] for f in IDENTIFIERS), *(document.amount[a] for a in AMOUNTS), own)
        if full in seen:
            quarantined[file, place] = None
            continue
        seen.add(full)
        kept.append(document)
    return kept


def owner_of(row: dict[str, Any], side: str, kind: str, month: date) -> tuple[date, str | None, str, str | None] | None:
    """Intake, section 9: whose a rejected record is, by the document that it names."""
    number = normal(row.get("document_number"))
    supplier = tin(normal(row.get("supplier_tin")))
    return None if number is None else (month, kind if side == "register" else None, number, supplier)


def is_rejected(d: Document, rejected: Rejected) -> bool:
    """Whether another record of the document's number, supplier and register was rejected in its month."""
    names = (d.month, d.key["document_number"])
    return any(
        owner is not None
        and (owner[0], owner[2]) == names
        and owner[1] in (None, d.register_type)
        and owner[3] in (None, d.key["supplier_tin"])
        for owner in rejected.values()
    )


def with_rejected(row: dict[str, Any], documents: Sequence[Document], rejected: Rejected) -> dict[str, Any]:
    """Intake, section 9: `has_rejected_records`, and the reason of a row that has no other."""
    has = any(is_rejected(d, rejected) for d in documents)
    unexplained = row["reason"] is None and row["bucket"] != "Exact"
    return row | {"has_rejected_records": has, "reason": "rejected_records" if has and unexplained else row["reason"]}


def document_of(row: dict[str, Any], side: str, kind: str, month: date, file: str, place: int) -> Document | None:
    raw = dict(row)
    if side == "einvoice":
        at = instant(raw.get("issued_at"))
        raw["document_date"] = (at + timedelta(hours=8)).date() if at else raw.get("document_date")
        if isinstance(raw["document_date"], str):
            raw["document_date"] = date.fromisoformat(raw["document_date"])
        raw["status_assumed"] = not raw.get("status")
        raw["status"] = (raw.get("status") or "Valid").capitalize()
        raw["validated_at"] = instant(raw.get("validated_at"))
    elif raw["currency_code"] is None and number(raw.get("exchange_rate")) in (None, Decimal(1)):
        raw["currency_code"] = "MYR"  # spec/intake.md, 6
    key = {name: normal(raw.get(name)) for name in IDENTIFIERS if name != "document_date"}
    key |= {
        "document_date": raw["document_date"],
        "supplier_tin": tin(key["supplier_tin"]),
        "buyer_tin": tin(key["buyer_tin"]),
    }
    code = key["document_type"]
    numbers = {name: number(raw.get(name)) for name in AMOUNTS}
    wrong = any(raw.get(name) is not None and numbers[name] is None for name in AMOUNTS)
    needed = [
        key["document_number"],
        code,
        raw["document_date"],
        key["currency_code"],
        *(numbers[a] for a in AMOUNTS[:4]),
    ]
    if wrong or any(value is None for value in needed) or code not in ("01", "02", "03", "04", "11", "12", "13", "14"):
        return None
    register_type = kind
    if side == "einvoice":
        own = code < "11"
        register_type = "sales" if (kind == "issued") == own else "purchase"
        raw["direction"] = kind
    given = number(raw.get("exchange_rate"))
    rate = Decimal(1) if key["currency_code"] == "MYR" else given if given is not None and given > 0 else None
    amounts: dict[str, Decimal | None] = {name: half_up(abs(value or Decimal(0))) for name, value in numbers.items()}
    return Document(side, month, register_type, raw, key, amounts, -1 if code in NOTES else 1, rate, file, place)


def supersede(documents: list[Document]) -> list[Document]:
    strength = {"Cancelled": 0, "Invalid": 1, "Valid": 2, "Submitted": 3}
    chosen: dict[tuple[str, str], Document] = {}

    def stronger(one: Document, other: Document) -> bool:
        a, b = strength[one.raw["status"]], strength[other.raw["status"]]
        if a != b:
            return a < b
        a, b = one.raw["validated_at"] or datetime.min, other.raw["validated_at"] or datetime.min
        return a > b if a != b else (content(one), one.file, one.row) < (content(other), other.file, other.row)

    for document in documents:
        uuid = document.raw.get("uuid")
        if uuid is not None:
            group = (document.raw["direction"], uuid)
            if group not in chosen or stronger(document, chosen[group]):
                chosen[group] = document
    for document in documents:
        status, uuid = document.raw["status"], document.raw.get("uuid")
        if uuid is not None and chosen[document.raw["direction"], uuid] is not document:
            document.takes_part = "superseded"
        elif status in ("Cancelled", "Invalid"):
            document.takes_part = status.lower()
        elif status == "Submitted" and document.raw["direction"] == "received":
            document.takes_part = "submitted"
    return documents


# ---------------------------------------------------------------- comparison


@dataclass
class Comparison:
    differing: set[str]
    difference: dict[str, Decimal | None]
    difference_myr: dict[str, Decimal | None]
    fx_missing: bool

    @property
    def n_id(self) -> int:
        return len(self.differing & set(IDENTIFIERS))

    @property
    def n_amt(self) -> int:
        return len(self.differing & set(AMOUNTS))

    @property
    def largest(self) -> Decimal | None:
        return None if self.fx_missing else max(abs(self.difference_myr[a] or Decimal(0)) for a in AMOUNTS)

    @property
    def total(self) -> Decimal | None:
        return (
            None if self.fx_missing else sum((abs(self.difference_myr[a] or Decimal(0)) for a in AMOUNTS), Decimal(0))
        )


def compare(r: Document, e: Document) -> Comparison:
    differing = set()
    for name in IDENTIFIERS:
        if r.members and name not in ("supplier_tin", "currency_code"):
            continue
        if name == "document_date" and disclosed(e):
            continue
        a, b = r.key[name], e.key[name]
        nulls_equal = name == "original_document_number"
        if a != b or (a is None and not nulls_equal):
            differing.add(name)
    difference: dict[str, Decimal | None] = {}
    in_myr: dict[str, Decimal | None] = {}
    same = "currency_code" not in differing
    rates = r.rate is not None and e.rate is not None
    for name in AMOUNTS:
        a, b = r.amount[name], e.amount[name]
        assert b is not None
        if same:
            assert a is not None
            difference[name] = a - b
            if a != b:
                differing.add(name)
            scaled = Decimal(0) if a == b else None if e.rate is None else half_up(abs(a - b) * e.rate)
            in_myr[name] = scaled if scaled is None or a >= b else -scaled
        elif rates:
            assert a is not None
            difference[name] = None
            in_myr[name] = half_up(a * r.rate) - half_up(b * e.rate)  # type: ignore[operator]
            if in_myr[name] != 0:
                differing.add(name)
        else:
            zero = a == 0 and b == 0
            difference[name], in_myr[name] = None, Decimal(0) if zero else None
            if not zero:
                differing.add(name)
    amounts_differ = bool(differing & set(AMOUNTS))
    fx_missing = (amounts_differ and e.rate is None) if same else not rates
    return Comparison(differing, difference, in_myr, fx_missing)


def bucket_of(c: Comparison) -> str:
    if c.fx_missing or c.n_id >= 2:
        return "Mismatch"
    if c.n_id == 1:
        return "Suggested" if c.n_amt == 0 else "Mismatch"
    if c.n_amt == 0:
        return "Exact"
    assert c.largest is not None
    if c.largest > 15:
        return "Mismatch"
    if c.n_amt == 1:
        return "Suggested"
    return "Low" if c.largest <= 1 else "Medium" if c.largest <= 5 else "High"


def band_of(largest: Decimal | None) -> str | None:
    if largest is None:
        return None
    limits = ((Decimal(0), "none"), (Decimal(1), "Low"), (Decimal(5), "Medium"), (Decimal(15), "High"))
    return next((band for limit, band in limits if largest <= limit), "Over")


# ---------------------------------------------------------------- pairing


def last(value: Any) -> Any:
    return (1,) if value is None else (0, value)


@dataclass
class Pair:
    r: Document
    e: Document
    comparison: Comparison
    pass_name: str = ""
    candidate_count: int = 1
    ambiguous: bool = False
    part: dict[str, Decimal] | None = None  # what a month has of the e-invoice's amounts, where that is not all
    is_whole: bool = True  # whether the e-invoice itself stands here

    def amounts(self, side: str) -> dict[str, Decimal | None]:
        if side == "einvoice" and self.part is not None:
            return dict(self.part)
        document = self.r if side == "register" else self.e
        return {name: document.signed(name) for name in AMOUNTS}

    @property
    def order(self) -> tuple[Any, ...]:
        c = self.comparison
        days = abs((self.r.key["document_date"] - self.e.key["document_date"]).days)
        return (
            c.n_id, c.n_amt, last(c.largest), last(c.total), days, self.r.key["document_date"],
            last(self.r.raw.get("row_reference")), last(self.e.raw.get("validated_at")), last(normal(self.e.raw.get("uuid"))),
            content((self.r.members or [self.r])[0]), content(self.e), (self.r.file, self.r.row), (self.e.file, self.e.row),
        )  # fmt: skip

    @property
    def nearness(self) -> tuple[Any, ...]:
        return self.comparison.n_id, self.comparison.n_amt, self.comparison.largest


def content(document: Document) -> str:
    """Tells documents apart that tie in everything the spec orders by; see docs/decisions_einvoices.md."""
    parts = [str(document.key[name] if document.key[name] is not None else "") for name in IDENTIFIERS]
    parts += [f"{document.amount[name]:.2f}" for name in AMOUNTS]
    rate = "" if document.rate is None else f"{document.rate:.12f}"
    if document.side == "register":
        own = f"{document.raw.get('row_reference') or ''}|{normal(document.raw.get('consolidated_einvoice_number')) or ''}"
        named = normal(document.raw.get("einvoice_uuid"))
        own += "" if named is None else f"|{named}"
    else:
        own = f"{normal(document.raw.get('uuid')) or ''}|{document.raw['status'].upper()}"
    return hashlib.md5("|".join([*parts, rate, own]).encode()).hexdigest()


def in_window(r: Document, e: Document) -> bool:
    first, final = window(r.month)
    return first <= e.key["document_date"] <= final


def pass_key(d: Document) -> tuple[Any, ...] | None:
    key = (d.key["supplier_tin"], d.key["document_number"], d.key["document_type"], d.key["document_date"].year)
    return None if None in key else key


def disclosed(e: Document) -> bool:
    return e.raw.get("version") in ("1.2", "1.3")


def in_open_time(r: Document, e: Document) -> bool:
    """Dated from the day of the register document on, and no more than 24 months later."""
    first = r.key["document_date"]
    month = month_first(first, 24)
    end = min(first.day, (month_first(month, 1) - month).days)
    return bool(first <= e.key["document_date"] <= month.replace(day=end))


def comes_late(r: Document, e: Document, landed: set[date]) -> Comparison | None:
    month = month_first(e.key["document_date"])
    if not disclosed(e) and not landed >= {month_first(month, n) for n in (-1, 0, 1)}:
        return None
    names = ("document_type", "supplier_tin", "buyer_tin")
    number_of = loose(r.key["document_number"])
    alike = number_of is not None and number_of == loose(e.key["document_number"])
    alike = alike and all(r.key[n] is not None and r.key[n] == e.key[n] for n in names)
    if not alike or not in_open_time(r, e):
        return None
    found = compare(r, e)
    off = found.difference_myr["total_including_tax"]
    return found if off is not None and abs(off) <= 15 else None


def same_key(r: Document, e: Document) -> bool:
    return pass_key(r) is not None and pass_key(r) == pass_key(e)


def same_number(r: Document, e: Document) -> bool:
    counterparty = "buyer_tin" if r.register_type == "sales" else "supplier_tin"
    a, b = loose(r.key["document_number"]), loose(e.key["document_number"])
    tins = r.key[counterparty], e.key[counterparty]
    return a is not None and a == b and tins[0] is not None and tins[0] == tins[1]


def meets(name: str, r: Document, e: Document) -> Comparison | None:
    if not in_window(r, e):
        return None
    if name == "uuid":
        named = normal(r.raw.get("einvoice_uuid"))
        return compare(r, e) if named is not None and named == normal(e.raw.get("uuid")) else None
    if name == "key":
        return compare(r, e) if same_key(r, e) else None
    if name == "number":
        return compare(r, e) if same_number(r, e) else None
    found = compare(r, e)
    return found if found.n_id == 1 and found.n_amt == 0 else None


def pair_up(
    registers: list[Document], einvoices: list[Document], landed: set[date]
) -> tuple[list[Pair], list[Document], list[Document]]:
    """Pairs in pairing order, and what is left of either side; `landed` are the months that have a register."""
    pairs, left, right = consolidate(registers, [e for e in einvoices if e.takes_part == "takes_part"])
    for name in ("uuid", "key", "number", "amounts", "late"):
        if name == "late":
            more, left, right = consolidate(left, right, "consolidated_lines")
            pairs += more
        candidates = []
        for r in left:
            for e in right:
                found = comes_late(r, e, landed) if name == "late" else meets(name, r, e)
                if found is not None:
                    candidates.append(Pair(r, e, found, name))
        candidates.sort(key=lambda pair: pair.order)
        for pair in candidates:
            rivals = [p for p in candidates if p.r is pair.r or p.e is pair.e]
            pair.candidate_count = len(rivals)
            pair.ambiguous = any(p is not pair and p.nearness == pair.nearness for p in rivals)
        taken: set[int] = set()
        for pair in candidates:
            if id(pair.r) not in taken and id(pair.e) not in taken:
                taken |= {id(pair.r), id(pair.e)}
                pairs.append(pair)
        left = [r for r in left if id(r) not in taken]
        right = [e for e in right if id(e) not in taken]
    return pairs, left, right


def named_in_lines(e: Document) -> set[str]:
    """Texts between commas, of those with two ends of one length all that lies between."""
    found = set()
    for description in e.raw.get("descriptions") or []:
        for text in description.split(":")[-1].split(","):
            first, _, final = (normal(text) or "").partition(" TO ")
            found.add(first)
            if final:
                digits = len(re.sub(r"^.*?(\d+)$", r"\1", first))
                prefix = first[:-digits]
                assert final.startswith(prefix) and len(final) == len(first)
                found |= {
                    f"{prefix}{n:0{digits}d}" for n in range(int(first[-digits:]), int(final[-digits:]) + 1)
                }  # fmt: skip
    return found


def belongs(r: Document, e: Document, name: str) -> bool:
    if not (in_window(r, e) or (disclosed(e) and in_open_time(r, e))):
        return False
    if name == "consolidated":
        return normal(r.raw.get("consolidated_einvoice_number")) == e.key["document_number"]
    supplier = r.key["supplier_tin"]
    return supplier is not None and supplier == e.key["supplier_tin"] and r.key["document_number"] in named_in_lines(e)


def consolidate(
    left: list[Document], right: list[Document], name: str = "consolidated"
) -> tuple[list[Pair], list[Document], list[Document]]:
    pairs: list[Pair] = []
    heads = [e for e in right if normal(e.raw.get("buyer_tin")) == CONSOLIDATED]
    heads.sort(key=lambda e: (last(e.raw["validated_at"]), last(normal(e.raw.get("uuid"))), content(e), e.file, e.row))
    for e in heads:
        rows = [r for r in left if belongs(r, e, name)]
        if rows:
            group = group_of(rows)
            pairs.append(Pair(group, e, compare(group, e), name))
            left = [r for r in left if not any(r is row for row in rows)]
            right = [other for other in right if other is not e]
    pairs.sort(key=lambda pair: pair.order[:9])
    return pairs, left, right


def group_of(rows: list[Document]) -> Document:
    rows = sorted(rows, key=lambda r: (last(r.raw.get("row_reference")), content(r), r.file, r.row))
    first = rows[0]
    raw, key = dict(first.raw), dict(first.key)
    for name in ("supplier_tin", "currency_code"):
        values = {row.key[name] for row in rows}
        if len(values) > 1 or None in values:
            raw[name] = key[name] = None
    currencies, rates = {r.key["currency_code"] for r in rows}, {r.rate for r in rows}
    rate = first.rate if len(currencies) == 1 and len(rates) == 1 else None
    amounts: dict[str, Decimal | None] = {}
    for name in AMOUNTS:
        if len(currencies) == 1:
            amounts[name] = abs(sum((r.sign * (r.amount[name] or Decimal(0)) for r in rows), Decimal(0)))
        else:
            amounts[name] = Decimal(0) if all(r.amount[name] == 0 for r in rows) else None
    month = max(r.month for r in rows)
    return Document(
        "register", month, first.register_type, raw, key, amounts, first.sign, rate, first.file, first.row, members=rows
    )


# ---------------------------------------------------------------- rows


def reconcile(landing: Path, months: Sequence[str], as_of: date) -> Result:
    """What the marts of `months` must hold."""
    targets = {date.fromisoformat(f"{month}-01") for month in months}
    registers, einvoices, quarantined = load(landing)
    rows: list[dict[str, Any]] = []
    differences: list[dict[str, Any]] = []
    for register_type in ("sales", "purchase"):
        own = [e for e in einvoices if e.register_type == register_type]
        books = [r for r in registers if r.register_type == register_type]
        months = {date.fromisoformat(f"{p.name}-01") for p in (landing / "erp" / f"{register_type}_register").glob("*")}
        pairs, left, right = pair_up(books, own, months)
        for pair in (part for whole in pairs for part in parts_of(whole)):
            documents = [*(pair.r.members or [pair.r])[:1], pair.e]
            row = {**paired_row(pair), "flags": flags_of(pair.r, pair.e, books)}
            rows.append(with_rejected(row, documents, quarantined))
            differences += difference_rows(pair)
        for d in [*left, *right]:
            flags = flags_of(d, None, books) if d.side == "register" else None
            rows.append(with_rejected({**missing_row(d, pairs, own, as_of), "flags": flags}, [d], quarantined))
    out = sum(e.takes_part != "takes_part" for e in einvoices)
    return Result(
        [row for row in rows if row["billing_month"] in targets],
        [row for row in differences if row["billing_month"] in targets],
        quarantined,
        out,
    )


def parts_of(pair: Pair) -> list[Pair]:
    """Rule 29: of a disclosed e-invoice with rows of several months a part for each; the difference is in the latest."""
    months = sorted({row.month for row in pair.r.members})
    currencies = {d.key["currency_code"] for d in (*pair.r.members, pair.e)}
    if len(months) < 2 or not disclosed(pair.e) or len(currencies) > 1:
        return [pair]
    left = {name: pair.e.signed(name) or Decimal(0) for name in AMOUNTS}
    found = []
    for month in months:
        group = group_of([row for row in pair.r.members if row.month == month])
        group.raw |= {name: pair.r.raw[name] for name in ("supplier_tin", "currency_code")}
        own = {name: group.signed(name) or Decimal(0) for name in AMOUNTS}
        part, comparison = left, pair.comparison
        if month < months[-1]:
            part, left = own, {name: left[name] - own[name] for name in AMOUNTS}
            nothing = dict.fromkeys(AMOUNTS, Decimal(0))
            comparison = Comparison(pair.comparison.differing & set(IDENTIFIERS), {**nothing}, {**nothing}, False)
        found.append(replace(pair, r=group, comparison=comparison, part=part, is_whole=month == months[-1]))
    return found


def series_of(d: Document) -> tuple[Any, ...] | None:
    found = re.fullmatch(r"(.*?)(\d{1,18})", d.key["document_number"])
    return None if found is None else (d.key["supplier_tin"], found[1], len(found[2]), int(found[2]))


def flags_of(d: Document, e: Document | None, registers: list[Document]) -> str | None:
    found = set()
    for row in d.members or [d]:
        excluding, tax, including = (row.amount[name] or Decimal(0) for name in AMOUNTS[:3])
        if abs(excluding + tax - including) > Decimal("0.05"):
            found.add("sum_mismatch")
        series = series_of(row)
        if series is not None and row.register_type == "sales":
            near = [r for r in registers if r.month in (row.month, month_first(row.month, -1))]
            others = [
                other for r in near if (other := series_of(r)) and other[:3] == series[:3] and other[3] < series[3]
            ]
            if others and max(others)[3] < series[3] - 1:
                found.add("number_gap")
        large = row.rate is not None and half_up(including * row.rate) >= 10000
        if d.members and e is not None and large and row.key["document_date"] >= date(2026, 1, 1):
            found.add("consolidation_limit")
    if d.members and e is not None and e.key["document_date"] > month_first(d.month, 1) + timedelta(days=6):
        found.add("issued_late")
    return ", ".join(sorted(found)) or None


def side_columns(prefix: str, document: Document | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in IDENTIFIERS:
        found[f"{prefix}_{name}"] = None if document is None else document.raw.get(name)
    for name in AMOUNTS:
        found[f"{prefix}_{name}"] = None if document is None else document.signed(name)
    found[f"{prefix}_source_file"] = None if document is None else document.file
    found[f"{prefix}_source_row"] = None if document is None else document.row
    return found


def paired_row(pair: Pair) -> dict[str, Any]:
    c, bucket = pair.comparison, bucket_of(pair.comparison)
    return {
        "billing_month": pair.r.month, "register_type": pair.r.register_type, "bucket": bucket,
        "category": "Mismatch" if bucket == "Mismatch" else "Match", "amount_band": band_of(c.largest),
        "reason": "fx_missing" if c.fx_missing else "disclosed_late" if disclosed(pair.e) else None, "n_id": c.n_id, "n_amt": c.n_amt,
        "max_difference_myr": c.largest, "pass": pair.pass_name,
        "paired_after_days": (pair.e.key["document_date"] - pair.r.key["document_date"]).days if pair.pass_name == "late" else None,
        "candidate_count": pair.candidate_count,
        "ambiguous": pair.ambiguous, "duplicate_of": None, "row_count": len(pair.r.members) or 1, "due_state": None,
        "register_row_reference": pair.r.raw.get("row_reference"), "uuid": pair.e.raw.get("uuid"),
        "einvoice_status": pair.e.raw["status"],
        **side_columns("register", pair.r), **side_columns("einvoice", pair.e),
        **{f"einvoice_{name}": value for name, value in pair.amounts("einvoice").items()},
        **({} if pair.is_whole else {"einvoice_source_file": None, "einvoice_source_row": None}),
    }  # fmt: skip


def missing_row(d: Document, pairs: list[Pair], einvoices: list[Document], as_of: date) -> dict[str, Any]:
    is_register = d.side == "register"
    bucket = (
        "Missing in EInv"
        if is_register
        else "Missing in Sales"
        if d.register_type == "sales"
        else "Missing in Purchase"
    )
    original = first_of_key(d, pairs)
    reason = "duplicate" if original is not None else status_reason(d, einvoices) if is_register else None
    last_open = window(d.month)[1]
    return {
        "billing_month": d.month, "register_type": d.register_type, "bucket": bucket, "category": "Missing",
        "amount_band": None, "reason": reason, "n_id": None, "n_amt": None, "max_difference_myr": None, "pass": None,
        "paired_after_days": None,
        "candidate_count": 0, "ambiguous": False, "duplicate_of": original.name if original else None, "row_count": 1,
        "due_state": "open" if as_of <= last_open else "overdue",
        "register_row_reference": d.raw.get("row_reference") if is_register else None,
        "uuid": None if is_register else d.raw.get("uuid"), "einvoice_status": None if is_register else d.raw["status"],
        **side_columns("register", d if is_register else None), **side_columns("einvoice", None if is_register else d),
    }  # fmt: skip


def first_of_key(d: Document, pairs: list[Pair]) -> Document | None:
    """The first paired document of the same side with the same pass-1 key, in pairing order."""
    if pass_key(d) is None:
        return None
    for pair in pairs:
        ours = (pair.r.members or [pair.r]) if d.side == "register" else [pair.e]
        for other in ours:
            if pass_key(other) == pass_key(d):
                return other
    return None


def status_reason(r: Document, einvoices: list[Document]) -> str | None:
    bears = normal(r.raw.get("consolidated_einvoice_number"))
    found = {
        e.takes_part for e in einvoices
        if e.takes_part in ("cancelled", "invalid", "submitted") and in_window(r, e)
        and (same_key(r, e) or same_number(r, e) or (bears is not None and bears == e.key["document_number"]))
    }  # fmt: skip
    return next((reason for reason in ("cancelled", "invalid", "submitted") if reason in found), None)


def difference_rows(pair: Pair) -> Iterator[dict[str, Any]]:
    for name in FIELDS:
        amount = name in AMOUNTS
        values = [
            pair.amounts(side)[name] if amount else d.raw.get(name)
            for side, d in (("register", pair.r), ("einvoice", pair.e))
        ]
        yield {
            "billing_month": pair.r.month, "register_type": pair.r.register_type,
            "register_row_reference": pair.r.raw.get("row_reference"), "uuid": pair.e.raw.get("uuid"),
            "place": (pair.r.file, pair.r.row, *((pair.e.file, pair.e.row) if pair.is_whole else (None, None))),
            "field": name, "kind": "amount" if amount else "identifier",
            "register_value": None if values[0] is None else f"{values[0]:.2f}" if amount else str(values[0]),
            "einvoice_value": None if values[1] is None else f"{values[1]:.2f}" if amount else str(values[1]),
            "equal": name not in pair.comparison.differing,
            "difference": pair.comparison.difference.get(name), "difference_myr": pair.comparison.difference_myr.get(name),
        }  # fmt: skip
