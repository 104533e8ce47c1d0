"""Random landing trees of registers and e-invoices, full of near misses: few TINs, numbers and amounts, so that
documents collide in every pass, tie, repeat, lie beyond their month and lack what they need."""

from __future__ import annotations

import csv
import gzip
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from xml.sax.saxutils import escape

from recon_assets_tests.oracle.einvoices import AMOUNTS, CONSOLIDATED, month_first

OURS, TINS = "C0012345", ("C20", "C0020", "C30", "IG00700", None)
CURRENCIES = ("MYR", "MYR", "MYR", "USD", "SGD")
RATES = {"MYR": None, "USD": "4.72", "SGD": "3.4567"}
HEADINGS = {
    "document_number": "Invoice Number",
    "total_including_tax": "Total Incl. Tax",
    "supplier_tin": "Supplier TIN",
}


@dataclass
class Deed:
    """What happened; each side writes it down in its own way."""

    is_sale: bool
    counterparty: str | None
    number: str
    type: str
    day: date
    currency: str
    original: str | None
    amounts: dict[str, Decimal]
    rate: str | None
    reference: str | None
    consolidated: str | None = None
    status: str | None = "Valid"
    uuid: str | None = None
    validated: datetime | None = None
    lines: str | None = None

    @property
    def tins(self) -> tuple[str | None, str | None]:
        return (OURS, self.counterparty) if self.is_sale else (self.counterparty, OURS)


class Generator:
    def __init__(self, seed: int, months: Sequence[str], documents: int) -> None:
        self.random = Random(seed)
        self.months = [date.fromisoformat(f"{month}-01") for month in months]
        self.documents = documents
        self.count = 0

    def deed(self, month: date) -> Deed:
        r = self.random
        self.count += 1
        code = r.choice(("01", "01", "01", "01", "02", "03", "04", "11", "12"))
        is_sale = r.random() < 0.6
        currency = r.choice(CURRENCIES)
        return Deed(
            is_sale, r.choice(TINS), self.number(), code, self.day(month), currency,
            r.choice((None, None, "INV-1")), self.amounts(), r.choice((RATES[currency], RATES[currency], None)),
            f"R{self.count:05d}" if r.random() < 0.95 else None,
            uuid=f"U{r.randrange(10**8):08d}" if r.random() < 0.95 else None,
            validated=datetime(2025, 1, 1) + timedelta(days=r.randrange(3), hours=r.randrange(3)),
        )  # fmt: skip

    def number(self) -> str:
        n = self.random.randrange(max(4, self.documents // 2))
        return self.random.choice((f"INV-{n}", f"INV/{n}", f"inv-{n}", f"{n:04d}", f"ＩＮＶ-{n}", "--"))

    def day(self, month: date) -> date:
        span = (month_first(month, 1) - month).days
        if self.random.random() < 0.06:
            return month + timedelta(days=self.random.randrange(-40, span + 40))
        return month + timedelta(days=self.random.choice((0, 1, 5, 14, span - 1)))

    def amounts(self) -> dict[str, Decimal]:
        excluding = Decimal(self.random.choice((0, 100, 100, 100, 250)))
        tax = excluding * 6 / 100
        total = excluding + tax
        return dict(zip(AMOUNTS, (excluding, tax, total, total, Decimal(0), Decimal(0)), strict=True))

    def disturbed(self, deed: Deed) -> Deed:
        """The same deed as the other side has it: usually alike, else with up to three slips."""
        r = self.random
        deed = replace(deed, amounts=dict(deed.amounts))
        for _ in range(r.choice((0, 0, 0, 0, 1, 1, 2, 3))):
            slip = r.randrange(10)
            if slip < 4:
                name = r.choice(AMOUNTS)
                deltas = ("0.004", "0.005", "0.01", "1", "-1", "1.01", "5", "5.01", "15", "15.01", "-15", "3", "0.001")
                deed.amounts[name] = abs(deed.amounts[name] + Decimal(r.choice(deltas)))
            elif slip == 4:
                deed.number = self.number()
            elif slip == 5:
                deed.counterparty = r.choice(TINS)
            elif slip == 6:
                deed.day += timedelta(days=r.choice((-2, 1, 3, 35)))
            elif slip == 7:
                deed.currency = r.choice(CURRENCIES)
                deed.rate = r.choice((RATES[deed.currency], None))
            elif slip == 8:
                deed.type = r.choice(("01", "02", "11"))
            else:
                deed.original = r.choice((None, "INV-1", "INV-2"))
        return deed

    def write(self, landing: Path) -> None:
        registers: dict[tuple[str, date], list[Deed]] = {}
        einvoices: dict[tuple[str, date], list[Deed]] = {}
        for month in self.months:
            for _ in range(self.documents):
                deed = self.deed(month)
                for copy in range(self.random.choice((1, 1, 1, 1, 1, 1, 1, 2))):
                    row = deed if copy == 0 else replace(deed, reference=f"{deed.reference}b")
                    if self.random.random() < 0.9:
                        registers.setdefault(("sales" if deed.is_sale else "purchase", month), []).append(row)
                if self.random.random() < 0.88:
                    self.issue(self.disturbed(deed), month, einvoices)
            self.consolidate(month, registers, einvoices)
            self.issue_later(month, registers, einvoices)
        for (kind, month), deeds in registers.items():
            self.write_register(landing / "erp" / f"{kind}_register" / f"{month:%Y-%m}", deeds)
        for (direction, month), deeds in einvoices.items():
            self.write_einvoices(landing / "einvoice" / direction / f"{month:%Y-%m}", deeds)
        self.disclose(landing)

    def issue(self, deed: Deed, month: date, einvoices: dict[tuple[str, date], list[Deed]]) -> None:
        r = self.random
        deed.status = r.choice(("Valid",) * 8 + ("Cancelled", "Invalid", "Submitted", None))
        direction = "issued" if deed.is_sale == (deed.type < "11") else "received"
        folder = r.choice((month, month, month, month, self.months[r.randrange(len(self.months))]))
        copies = [deed]
        if r.random() < 0.08:
            copies.append(replace(deed, status=r.choice(("Valid", "Cancelled", "Submitted"))))
        if r.random() < 0.08:
            copies.append(replace(deed, uuid=f"U{r.randrange(10**8):08d}"))
        for copy in copies:
            einvoices.setdefault((direction, folder), []).append(copy)

    def consolidate(self, month: date, registers: dict, einvoices: dict) -> None:  # type: ignore[type-arg]
        r = self.random
        for n in range(2):
            number = f"CONS-{r.randrange(3)}"
            rows = [replace(self.deed(month), is_sale=True, type=r.choice(("01", "01", "02")), consolidated=number,
                            currency=r.choice(("MYR", "MYR", "MYR", "USD"))) for _ in range(r.randrange(1, 4))]  # fmt: skip
            lines = None
            if r.random() < 0.5:
                rows = [replace(row, consolidated=None, number=f"C{600 + n * 100 + at}") for at, row in enumerate(rows)]
                lines = r.choice((f"Receipts: C{600 + n * 100} to C{603 + n * 100}", ", ".join(r.number for r in rows)))
            for row in rows:
                folder = r.choice((month, month, self.months[0]))
                registers.setdefault(("sales", folder), []).append(row)
            totals = {a: abs(sum((-1 if x.type == "02" else 1) * x.amounts[a] for x in rows)) for a in AMOUNTS}
            whole = replace(
                rows[0],
                counterparty=CONSOLIDATED,
                number=number,
                type="01",
                amounts=totals,
                uuid=f"K{n}{self.count}",
                lines=lines,
            )
            if r.random() < 0.9:
                self.issue(self.disturbed(whole) if r.random() < 0.4 else whole, month, einvoices)

    def issue_later(self, month: date, registers: dict, einvoices: dict) -> None:  # type: ignore[type-arg]
        r = self.random
        for n in range(6):
            deed = replace(self.deed(month), counterparty="C20", number=f"LATE-{n // 2}", type="01")
            registers.setdefault(("sales" if deed.is_sale else "purchase", month), []).append(deed)
            off = Decimal(r.choice(("0", "0", "1", "15", "15.01")))
            amounts = deed.amounts | {"total_including_tax": deed.amounts["total_including_tax"] + off}
            issued = replace(deed, day=deed.day + timedelta(days=r.choice((36, 45, 60))), amounts=amounts)
            folder = min(month_first(issued.day), self.months[-1])
            einvoices.setdefault(("issued" if deed.is_sale else "received", folder), []).append(issued)

    def disclose(self, landing: Path) -> None:
        """Consolidated e-invoices of the disclosure programme about rows of three months; one about two currencies."""
        r = self.random
        registers: dict[date, list[Deed]] = {}
        einvoices = []
        for n, off in enumerate(("0", "3", "-16", "0")):
            months = self.months[n % 2 : n % 2 + 3]
            rows = [replace(self.deed(month), is_sale=True, type=r.choice(("01", "01", "02")), currency="MYR", rate=None,
                            consolidated=f"DISC-{n}") for month in months for _ in range(r.choice((1, 2)))]  # fmt: skip
            if n == 3:
                rows[0] = replace(rows[0], currency="USD")
            for row, folder in zip(rows, sorted(r.choices(months, k=len(rows))), strict=True):
                registers.setdefault(folder, []).append(row)
            total = {a: abs(sum((-1 if x.type == "02" else 1) * x.amounts[a] for x in rows)) for a in AMOUNTS}
            total["total_payable_amount"] = abs(total["total_payable_amount"] + Decimal(off))
            whole = replace(rows[-1], counterparty=CONSOLIDATED, number=f"DISC-{n}", type="01", amounts=total, status="Valid",
                            day=max(row.day for row in rows) + timedelta(days=40), consolidated=None)  # fmt: skip
            named = (replace(whole, uuid=f"D{n}{k}") for k in range(100))
            einvoices.append(next(e for e in named if version(e) != "1.1"))
        for month, deeds in registers.items():
            self.write_register(landing / "erp" / "sales_register" / f"{month:%Y-%m}", deeds, "disclosed.csv")
        self.store(
            landing / "einvoice" / "issued" / f"{self.months[-1]:%Y-%m}", "disclosed.csv", einvoice_csv(einvoices)
        )

    # ------------------------------------------------------------ files

    def write_register(self, folder: Path, deeds: list[Deed], name: str = "register.csv") -> None:
        style = self.random.choice(("iso", "day", "month"))
        middle = month_first(date.fromisoformat(f"{folder.name}-01")) + timedelta(days=19)
        names = ["supplier_tin", "buyer_tin", "document_number", "document_type", "document_date", "currency_code",
                 "original_document_number", *AMOUNTS, "exchange_rate", "consolidated_einvoice_number", "row_reference",
                 "einvoice_uuid"]  # fmt: skip
        rows = [[HEADINGS.get(name, name) for name in names]]
        # Days that only one order can put into the month.
        for n in range(2):
            anchor = replace(
                self.deed(middle),
                number=f"ANCHOR-{folder.parent.name}-{folder.name}-{n}",
                day=middle,
                reference=f"A{n}",
            )
            deeds = [*deeds, anchor] if style != "iso" else deeds
        for n, deed in enumerate(deeds):
            rows.append([*self.register_row(deed, style), named_uuid(deed, deeds[n - 1])])
        rows[1:] += [list(row) for row in self.random.sample(rows[1:], 1)]
        if self.random.random() < 0.5:
            bad = list(rows[1])
            bad[self.random.choice((3, 4, 5, 7))] = self.random.choice(("", "nonsense"))
            if bad[5] != "nonsense":
                rows.append(bad)
        self.random.shuffle(body := rows[1:])
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\r\n").writerows([rows[0], *body])
        self.store(folder, name, text.getvalue().encode("utf-8-sig"))

    def register_row(self, deed: Deed, style: str) -> list[str]:
        spelled = {"iso": f"{deed.day}", "day": f"{deed.day:%d/%m/%Y}", "month": f"{deed.day:%m/%d/%Y}"}[style]
        sign = -1 if deed.type in ("02", "04", "12", "14") else 1
        amounts = [told(sign * deed.amounts[a], ",") for a in AMOUNTS[:4]]
        amounts += ["" if not deed.amounts[a] else told(sign * deed.amounts[a]) for a in AMOUNTS[4:]]
        values = [*deed.tins, deed.number, deed.type, spelled, deed.currency, deed.original, *amounts, deed.rate,
                  deed.consolidated, deed.reference]  # fmt: skip
        return [value or "" for value in values]

    def store(self, folder: Path, name: str, content: bytes) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        if self.random.random() < 0.3 and name.endswith(".csv"):
            name, content = f"{name}.gz", gzip.compress(content, mtime=0)
        (folder / name).write_bytes(content)

    def write_einvoices(self, folder: Path, deeds: list[Deed]) -> None:
        r = self.random
        parts: dict[str, list[Deed]] = {}
        for deed in deeds:
            kind = r.choice(("csv", "jsonl", "zip", "single"))
            parts.setdefault("single" if deed.lines else kind, []).append(deed)  # a list has no lines
        for kind, some in parts.items():
            if kind == "csv":
                self.store(folder, "list.csv", einvoice_csv(some))
            elif kind == "jsonl":
                lines = [self.json_document(deed) for deed in some] + [self.json_document(some[0])]
                lines += ["{broken"] * (r.random() < 0.3)
                self.store(folder, "list.jsonl", "\n".join(lines).encode())
            else:
                files = {f"d{n}.{ext}": text for n, (ext, text) in enumerate(map(self.document_file, some))}
                if kind == "zip":
                    buffer = io.BytesIO()
                    with zipfile.ZipFile(buffer, "w") as archive:
                        archive.writestr("inner/list.csv", einvoice_csv(some[:1]).decode())
                        for name, text in files.items():
                            archive.writestr(name, text)
                    self.store(folder, "all.zip", buffer.getvalue())
                else:
                    for name, text in files.items():
                        self.store(folder, name, text.encode())

    def json_document(self, deed: Deed) -> str:
        kind = self.random.choice(("flat", "enveloped", "enveloped_xml"))
        if kind == "flat" and not deed.lines:
            return json.dumps(dict(zip(EINVOICE_NAMES, einvoice_values(deed), strict=True)))
        return enveloped(deed, ubl_xml(deed) if kind == "enveloped_xml" else json.dumps(ubl_json(deed)))

    def document_file(self, deed: Deed) -> tuple[str, str]:
        if deed.uuid is None and deed.status in ("Valid", None):
            return self.random.choice((("json", json.dumps(ubl_json(deed))), ("xml", ubl_xml(deed))))
        return "json", self.json_document(deed)


EINVOICE_NAMES = ["supplier_tin", "buyer_tin", "document_number", "document_type", "currency_code",
                  "original_document_number", *AMOUNTS, "uuid", "status", "issued_at", "validated_at", "exchange_rate", "version"]  # fmt: skip


def issued_at(deed: Deed) -> datetime:
    """A time in UTC on the day in Malaysia: late ones lie on the day before."""
    hour = (hash_of(deed.number) % 24) - 8
    return datetime(deed.day.year, deed.day.month, deed.day.day) + timedelta(hours=hour)


def named_uuid(deed: Deed, other: Deed) -> str:
    """What the ERP keeps: often nothing, often the own one, now and then another document's or one that is not there."""
    kind = hash_of(f"{deed.number}{deed.reference}") % 8
    return {0: deed.uuid, 1: deed.uuid, 2: other.uuid, 3: "GONE"}.get(kind) or ""


def version(deed: Deed) -> str:
    """Now and then one of the disclosure programme, whose date does not count."""
    return {0: "1.2", 1: "1.3"}.get(hash_of(f"{deed.number}{deed.uuid}") % 9, "1.1")


def hash_of(text: str) -> int:
    return sum(map(ord, text))


def told(amount: Decimal, grouping: str = "") -> str:
    """An amount that tells its decimal mark: three decimals alone could be thousands (spec/intake.md, 4)."""
    places = -amount.as_tuple().exponent  # type: ignore[operator]
    return f"{amount:{grouping}.4f}" if places == 3 else f"{amount:{grouping}}"


def einvoice_values(deed: Deed) -> list[str]:
    validated = f"{deed.validated:%Y-%m-%dT%H:%M:%SZ}" if deed.validated and deed.status else ""
    values = [*deed.tins, deed.number, deed.type, deed.currency, deed.original, *(told(deed.amounts[a]) for a in AMOUNTS),
              deed.uuid, deed.status, f"{issued_at(deed):%Y-%m-%dT%H:%M:%SZ}", validated, deed.rate, version(deed)]  # fmt: skip
    return [value or "" for value in values]


def einvoice_csv(deeds: list[Deed]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([EINVOICE_NAMES, *map(einvoice_values, deeds)])
    return text.getvalue().encode()


def enveloped(deed: Deed, document: str) -> str:
    return json.dumps({
        "uuid": deed.uuid, "submissionUid": "S1", "status": deed.status, "totalPayableAmount": 1,
        "dateTimeValidated": f"{deed.validated:%Y-%m-%dT%H:%M:%SZ}" if deed.validated and deed.status else None,
        "document": document,
    })  # fmt: skip


def ubl_json(deed: Deed) -> dict:  # type: ignore[type-arg]
    at = issued_at(deed)

    def text(value: object, **attributes: str) -> list[dict[str, object]]:
        return [{"_": value, **attributes}]

    def party(tin: str | None) -> list[dict]:  # type: ignore[type-arg]
        ids = [{"ID": text("NA", schemeID="SST")}] + ([{"ID": text(tin, schemeID="TIN")}] if tin else [])
        return [{"Party": [{"PartyIdentification": ids}]}]

    names = ("TaxExclusiveAmount", "TaxInclusiveAmount", "PayableAmount", "AllowanceTotalAmount", "ChargeTotalAmount")
    totals = [deed.amounts[a] for a in (AMOUNTS[0], *AMOUNTS[2:])]
    invoice: dict[str, object] = {
        "ID": text(deed.number), "IssueDate": text(f"{at:%Y-%m-%d}"), "IssueTime": text(f"{at:%H:%M:%SZ}"),
        "InvoiceTypeCode": text(deed.type, listVersionID=version(deed)), "DocumentCurrencyCode": text(deed.currency),
        "AccountingSupplierParty": party(deed.tins[0]), "AccountingCustomerParty": party(deed.tins[1]),
        "TaxTotal": [{"TaxAmount": text(float(deed.amounts[AMOUNTS[1]]), currencyID=deed.currency)}],
        "LegalMonetaryTotal": [{n: text(float(v), currencyID=deed.currency) for n, v in zip(names, totals, strict=True)}],
    }  # fmt: skip
    references: list[dict[str, object]] = [{"AdditionalDocumentReference": [{"ID": text("X1")}]}]
    if deed.original:
        references.append({"InvoiceDocumentReference": [{"ID": text(deed.original)}]})
    invoice["BillingReference"] = references
    if deed.lines:
        invoice["InvoiceLine"] = [{"Item": [{"Description": text(deed.lines)}]}]
    if deed.rate:
        invoice["TaxExchangeRate"] = [{"CalculationRate": text(float(deed.rate))}]
    return {"_D": "urn", "Invoice": [invoice]}


def ubl_xml(deed: Deed) -> str:
    def render(name: str, nodes: list[dict]) -> str:  # type: ignore[type-arg]
        parts = []
        for node in nodes:
            attributes = "".join(f' {k}="{v}"' for k, v in node.items() if not isinstance(v, list) and k != "_")
            inner = "".join(render(k, v) for k, v in node.items() if isinstance(v, list))
            parts.append(f"<{name}{attributes}>{escape(str(node.get('_', '')))}{inner}</{name}>")
        return "".join(parts)

    text = render("Invoice", ubl_json(deed)["Invoice"])
    return text.replace("<Invoice>", '<Invoice xmlns="urn:oasis:names:specification:ubl:schema:xsd:Invoice-2">', 1)


def write_random_einvoices(landing: Path, seed: int, months: Sequence[str], documents: int = 25) -> None:
    """Registers and e-invoices of the months below `landing`; the same arguments give the same files."""
    Generator(seed, months, documents).write(landing)
