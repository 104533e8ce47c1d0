"""An independent reference implementation of the subscription reconciliation.

Written from the specification alone, with the standard library and exact arithmetic, so that
the production marts can be compared with it row by row. It favours being easy to check over
being fast: every landed file is read whole, every item is tried against every month.

Rule numbers: "S1" .. "S19" are the precise rules of section 5 of subscription_reconciliation.md,
"section n" its other sections, "sources" and "warehouse" the documents of those names.
"""

from __future__ import annotations

import calendar
import csv
import gzip
import hashlib
import io
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from pathlib import Path
from typing import Any

UNASSIGNED = "unassigned"
ZERO_GUID = "00000000-0000-0000-0000-000000000000"
NO_DATES = (date(1, 1, 1), date(9999, 12, 31))
CANCELED_STAGES = ("canceled", "cancelled")
DEFAULT_TOLERANCE = Decimal("1.00")
# ISO 4217: decimals of the minor unit, where it is not a hundredth (S22).
DECIMALS = {"JPY": 0, "KRW": 0, "VND": 0, "CLP": 0, "ISK": 0, "KWD": 3, "BHD": 3, "OMR": 3, "JOD": 3, "TND": 3}
SELECTION_METHODS = ("overlap", "touch")
COVERAGE_METHODS = ("thirty_360", "days_over_30")
SYMBOLS = {
    "match": "green check mark",
    "discrepancy": "red X",
    "missing_in_ms": "yellow exclamation mark",
    "missing_in_bss": "yellow exclamation mark",
    "not_comparable": "yellow exclamation mark",
}
MONTH_NAMES = (
    "JANUARY",
    "FEBRUARY",
    "MARCH",
    "APRIL",
    "MAY",
    "JUNE",
    "JULY",
    "AUGUST",
    "SEPTEMBER",
    "OCTOBER",
    "NOVEMBER",
    "DECEMBER",
)


class OracleError(ValueError):
    """A landed file cannot be read at all (no such column, no such encoding)."""


@dataclass(frozen=True)
class OracleResult:
    """What the marts must hold.

    `billing_month` and `source_month` are the first day of the month, `month` of a quarantined
    row is "YYYY-MM". Months whose window status is `incomplete` have no rows (S19).
    """

    reconciliation: list[dict[str, Any]]
    items: list[dict[str, Any]]
    quarantined: list[dict[str, Any]]
    window_status: dict[str, str]


# ---------------------------------------------------------------- exact arithmetic


def round_half_away(value: Fraction, places: int) -> Decimal:
    """S10: "computed exactly, rounded once, half away from zero"."""
    scaled = abs(value) * 10**places
    whole = (2 * scaled.numerator + scaled.denominator) // (2 * scaled.denominator)
    with localcontext() as context:
        context.prec = 200
        result = Decimal(whole).scaleb(-places)
        return -result if value < 0 and whole else result


# ---------------------------------------------------------------- months and days


@dataclass(frozen=True, order=True)
class Month:
    """A calendar month, counted from year 0 so that months can be added and compared."""

    index: int

    @classmethod
    def of(cls, day: date) -> Month:
        return cls(day.year * 12 + day.month - 1)

    @classmethod
    def parse(cls, text: str) -> Month:
        year, month = text.split("-")
        if not 1 <= int(month) <= 12:
            raise ValueError(text)
        return cls(int(year) * 12 + int(month) - 1)

    def plus(self, months: int) -> Month:
        return Month(self.index + months)

    @property
    def first(self) -> date:
        return date(self.index // 12, self.index % 12 + 1, 1)

    @property
    def last(self) -> date:
        first = self.first
        return first.replace(day=calendar.monthrange(first.year, first.month)[1])

    def __str__(self) -> str:
        return f"{self.index // 12:04d}-{self.index % 12 + 1:02d}"


def c30(day: date) -> int:
    """Section 2: 360*year + 30*(month-1) + (30 if last day of its month else min(day, 30))."""
    last = day == Month.of(day).last
    return 360 * day.year + 30 * (day.month - 1) + (30 if last else min(day.day, 30))


def d30(first: date, last: date) -> int:
    """Section 2: days from a to b inclusive; 30 in every full month."""
    return c30(last) - c30(first - timedelta(days=1))


def actual_days(first: date, last: date) -> int:
    """Calendar days from a to b inclusive."""
    return (last - first).days + 1


def coverage(
    start: date, end: date, period_start: date, period_end: date, method: str = "thirty_360"
) -> tuple[int, int]:
    """Section 2: numerator and denominator of the coverage factor.

    "denominator 0 (a lone 31st): actual overlap days / actual item days"; "`days_over_30` is for
    items up to one month; longer ones use `thirty_360` under either setting", its numerator is
    capped at 30 so that numerator / denominator is the factor.
    """
    overlap = (max(start, period_start), min(end, period_end))
    overlaps = overlap[0] <= overlap[1]
    denominator = d30(start, end)
    if method == "days_over_30" and denominator <= 30:
        return (min(actual_days(*overlap), 30) if overlaps else 0), 30
    if denominator == 0:
        return (actual_days(*overlap) if overlaps else 0), actual_days(start, end)
    return (d30(*overlap) if overlaps else 0), denominator


def coverage_class(start: date | None, end: date | None, period_start: date, period_end: date) -> str:
    """Section 1: inside, starts_in, ends_in, spans, undated; empty without overlap."""
    if start is None or end is None:
        return "undated"
    if start > period_end or end < period_start:
        return ""
    starts, ends = start >= period_start, end <= period_end
    if starts and ends:
        return "inside"
    return "starts_in" if starts else "ends_in" if ends else "spans"


# ---------------------------------------------------------------- values


ISO_DATE = re.compile(
    r"(\d{4})-(\d{2})-(\d{2})"
    r"(?:[T ]([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?"
)
US_DATE = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4})(?: ([01]?\d|2[0-3]):([0-5]\d))?")
PLAIN_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
GROUPS_OF_THREE = re.compile(r"[+-]?\d+(,\d{3})+")


def parse_date(text: str) -> date | None:
    """Sources: ISO 8601; MM/DD/YYYY; M/D/YYYY; M/D/YYYY H:MM. Warehouse: the day is the one
    written. S7: 0001-01-01 and 9999-12-31 are no date. ValueError when no format fits."""
    text = text.strip()
    if not text:
        return None
    iso, us = ISO_DATE.fullmatch(text), US_DATE.fullmatch(text)
    if iso:
        day = date(int(iso[1]), int(iso[2]), int(iso[3]))
    elif us:
        day = date(int(us[3]), int(us[1]), int(us[2]))
    else:
        raise ValueError("not a date")
    return None if day in NO_DATES else day


def parse_number(text: str, comma_delimited: bool) -> Decimal | None:
    """Warehouse: "with both marks present the last is the decimal mark; a lone comma is a decimal
    comma, except in comma-delimited files when groups of exactly three digits follow it".
    Sources: DECIMAL(38, 12) in raw."""
    text = text.strip()
    if not text:
        return None
    if "," in text and "." in text:
        decimal_mark = "," if text.rindex(",") > text.rindex(".") else "."
        thousands = "." if decimal_mark == "," else ","
        text = text.replace(thousands, "").replace(decimal_mark, ".")
    elif "," in text:
        grouped = comma_delimited and GROUPS_OF_THREE.fullmatch(text)
        text = text.replace(",", "" if grouped else ".")
    if not PLAIN_NUMBER.fullmatch(text):
        raise ValueError("not a number")
    return round_half_away(Fraction(text), 12)


def instant(text: str | None) -> tuple[datetime, Fraction]:
    """An ISO timestamp as a comparable instant in UTC; no offset is UTC, no value is oldest."""
    found = ISO_DATE.fullmatch((text or "").strip())
    if not found:
        return datetime.min, Fraction(0)
    parts = [int(found[n] or 0) for n in range(1, 7)]
    moment = datetime(*parts)  # type: ignore[arg-type]
    zone = (found[8] or "Z").replace(":", "")
    if zone != "Z":
        offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[3:5]))
        moment += offset if zone[0] == "-" else -offset
    return moment, Fraction(found[7] or 0)


def subscription_id(text: str | None) -> str:
    """Section 3: lower-cased, trimmed. S14: "an id is absent when empty after trimming or an
    all-zero GUID"; those lines form the row `unassigned`."""
    normal = (text or "").strip().lower()
    return UNASSIGNED if normal in ("", ZERO_GUID) else normal


class RowError(Exception):
    """A record that goes to quarantine: its first bad column, the value, the reason."""

    def __init__(self, column: str, value: str | None, reason: str) -> None:
        super().__init__(reason)
        self.column, self.value, self.reason = column, value, reason


# ---------------------------------------------------------------- files


@dataclass(frozen=True)
class LandedFile:
    """One file of one source (raw table) and month."""

    source: str
    month: Month
    source_file: str
    content: bytes

    def text(self) -> str:
        """Sources: UTF-8 with or without BOM, UTF-16; CSV.gz."""
        raw = self.content
        if self.source_file.lower().endswith(".gz"):
            raw = gzip.decompress(raw)
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
            encoding = "utf-16"
        elif raw[:2].count(b"\0") == 1:
            encoding = "utf-16-be" if raw[0] == 0 else "utf-16-le"
        else:
            encoding = "utf-8-sig"
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError as error:
            raise OracleError(f"{self.source_file}: not {encoding}") from error


RECON_NAME = re.compile(rf"({'|'.join(MONTH_NAMES)})(\d{{4}})_MSRECON_(NCE|LEGACY).*\.csv(\.gz)?", re.IGNORECASE)


def recon_name(name: str) -> tuple[str, Month] | None:
    """Sources: "name, minus one month: APRIL2022_MSRECON_NCE holds March 2022"."""
    found = RECON_NAME.fullmatch(name)
    if not found:
        return None
    month = Month(int(found[2]) * 12 + MONTH_NAMES.index(found[1].upper())).plus(-1)
    return f"ms_recon_{found[3].lower()}", month


def files_in(folder: Path, landing: Path) -> Iterator[tuple[Path, str]]:
    """The files of a folder by name, without links that lead out of the landing zone."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir(), key=lambda entry: entry.name):
        if path.is_file() and path.resolve().is_relative_to(landing.resolve()):
            yield path, path.relative_to(landing).as_posix()


def landed_files(landing: Path) -> list[LandedFile]:
    """Every landed file of the three sources, duplicates included."""
    files = []
    for path, relative in files_in(landing / "partner_center" / "reconciliation", landing):
        named = recon_name(path.name)
        if named:
            files.append(LandedFile(*named, relative, path.read_bytes()))
    invoices = landing / "bss" / "invoices"
    folders = sorted(invoices.iterdir()) if invoices.is_dir() else []
    for folder in folders:
        if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", folder.name):
            continue
        for path, relative in files_in(folder, landing):
            if path.suffix.lower() in (".json", ".csv"):
                month = Month.parse(folder.name)
                files.append(LandedFile("bss_invoices", month, relative, path.read_bytes()))
    return files


def without_duplicates(files: Iterable[LandedFile]) -> list[LandedFile]:
    """S6: "files of one source and month with the same content hash, which load once"; the first
    by path is the one that is loaded."""
    seen = set()
    kept = []
    for landed in sorted(files, key=lambda one: one.source_file):
        key = (landed.source, landed.month, hashlib.sha256(landed.content).digest())
        if key not in seen:
            seen.add(key)
            kept.append(landed)
    return kept


def normal_column(name: str) -> str:
    """Sources: columns bind "case-insensitively, ignoring blanks, underscores, a BOM and trailing
    spaces"."""
    return re.sub(r"[\s_\ufeff]", "", name).lower()


@dataclass(frozen=True)
class Record:
    """One source record as text (CSV) or as JSON values, by canonical column name."""

    landed: LandedFile
    source_row: int
    values: Mapping[str, Any]
    comma_delimited: bool = False

    def text(self, column: str) -> str | None:
        value = self.values.get(column)
        if value is None:
            return None
        return str(value).strip() or None

    def number(self, column: str) -> Decimal | None:
        value = self.values.get(column)
        try:
            if value is None or isinstance(value, bool):
                return None
            if isinstance(value, (int, Decimal)):
                return round_half_away(Fraction(value), 12)
            return parse_number(str(value), self.comma_delimited)
        except ValueError as error:
            raise RowError(column, str(value), "not a number") from error

    def day(self, column: str) -> date | None:
        value = self.values.get(column)
        try:
            return parse_date("" if value is None else str(value))
        except ValueError as error:
            raise RowError(column, str(value), "not a date") from error

    def needed(self, column: str, value: Any) -> Any:
        if value is None:
            raise RowError(column, self.text(column), "missing")
        return value


def csv_delimiter(header_line: str) -> str:
    """Sources: delimiters comma, semicolon, tab; the one the header uses most."""
    return max(",;\t", key=header_line.count)


def csv_records(landed: LandedFile, columns: Sequence[str], required: Sequence[str]) -> list[Record]:
    """Warehouse: source_row is the "1-based record after the header; quarantined records count,
    blank lines do not, a quoted line break starts no record"."""
    text = landed.text()
    first_line = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = csv_delimiter(first_line)
    rows = (
        row
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        if len(row) > 1 or (row and row[0].strip())
    )
    positions = {normal_column(name): at for at, name in enumerate(next(rows, []))}
    missing = [name for name in required if normal_column(name) not in positions]
    if missing:
        raise OracleError(f"{landed.source_file}: no column {missing}, found {list(positions)}")
    bound = {c: positions[normal_column(c)] for c in columns if normal_column(c) in positions}
    return [
        Record(
            landed,
            number,
            {column: row[at] for column, at in bound.items() if at < len(row)},
            delimiter == ",",
        )
        for number, row in enumerate(rows, start=1)
    ]


# ---------------------------------------------------------------- items


@dataclass(frozen=True)
class Item:
    """An analytical invoice line (side bss) or a reconciliation-file line (side ms)."""

    side: str
    source_month: Month
    source_file: str
    source_row: int
    subscription: str
    currency: str
    start: date | None
    end: date | None
    quantity: Decimal | None
    unit_cost: Decimal | None
    cost: Fraction
    sign: int
    product: str | None
    product_type: str | None
    invoice_code: str
    account_id: str | None = None
    billing_account_id: str | None = None
    partner_id: str | None = None
    invoice_date: date | None = None
    is_credit: bool = False
    tax: Decimal = Decimal(0)
    columns: Mapping[str, Any] = field(default_factory=dict)

    @property
    def dated(self) -> bool:
        """S7: "A row with one date is undated and keeps the date it has"."""
        return self.start is not None and self.end is not None

    @property
    def is_long(self) -> bool:
        """S3: "Longer than one month: d30(item) > 30"."""
        return self.start is not None and self.end is not None and d30(self.start, self.end) > 30


def item_dates(record: Record, start: str, end: str) -> tuple[date | None, date | None]:
    """Section 1: "`start > end`: the row is quarantined with that reason"."""
    first, last = record.day(start), record.day(end)
    if first is not None and last is not None and first > last:
        raise RowError(start, record.text(start), "start > end")
    return first, last


def currency_of(record: Record, column: str) -> str:
    return str(record.needed(column, record.text(column))).upper()


@dataclass(frozen=True)
class MicrosoftShape:
    """Where a Microsoft file keeps what the reconciliation needs."""

    product_type: str
    id: str
    product: str
    tax: str
    total: str
    invoice: str | None

    @property
    def columns(self) -> list[str]:
        names = [self.id, self.product, self.tax, self.total, "PartnerId", "ChargeType"]
        names += ["UnitPrice", "Quantity", "Subtotal", "Currency", "ChargeStartDate"]
        names += ["BillableQuantity", "EffectiveUnitPrice"] if self.invoice else []
        names += ["ChargeEndDate", "SubscriptionStartDate", "SubscriptionEndDate"]
        return names + ([self.invoice] if self.invoice else [])

    @property
    def required(self) -> list[str]:
        return [self.id, "Subtotal", "Currency", "ChargeStartDate", "ChargeEndDate"]


MICROSOFT_SHAPES = {
    "ms_recon_nce": MicrosoftShape("NCE", "SubscriptionId", "ProductName", "TaxTotal", "Total", "InvoiceNumber"),
    "ms_recon_legacy": MicrosoftShape(
        "Legacy",
        "SyndicationPartnerSubscriptionNumber",
        "OfferName",
        "Tax",
        "TotalForCustomer",
        None,
    ),
}


def billable(record: Record) -> tuple[Decimal, Decimal] | None:
    """S20: "BillableQuantity and EffectiveUnitPrice where the file has both"; what does not convert is not there."""
    try:
        quantity, price = record.number("BillableQuantity"), record.number("EffectiveUnitPrice")
    except RowError:
        return None
    return None if quantity is None or price is None else (quantity, price)


def microsoft_item(record: Record) -> Item:
    """A reconciliation-file line. Section 4: "The Microsoft cost that is compared is the
    subtotal, before tax". S11: "all Microsoft amounts are taken as signed"."""
    shape = MICROSOFT_SHAPES[record.landed.source]
    unit_price = record.number("UnitPrice")
    quantity = record.number("Quantity" if "Quantity" in record.values else "BillableQuantity")
    compared = billable(record) or (quantity, unit_price)
    subtotal = record.needed("Subtotal", record.number("Subtotal"))
    tax, total = record.number(shape.tax), record.number(shape.total)
    start, end = item_dates(record, "ChargeStartDate", "ChargeEndDate")
    invoice = record.text(shape.invoice) if shape.invoice else None
    return Item(
        side="ms",
        source_month=record.landed.month,
        source_file=record.landed.source_file,
        source_row=record.source_row,
        subscription=subscription_id(record.text(shape.id)),
        currency=currency_of(record, "Currency"),
        start=start,
        end=end,
        quantity=compared[0],
        unit_cost=compared[1],
        cost=Fraction(subtotal),
        sign=1,
        product=record.text(shape.product),
        product_type=shape.product_type,
        invoice_code=invoice or "",
        partner_id=record.text("PartnerId"),
        tax=tax or Decimal(0),
        columns={
            "type": shape.product_type,
            "product": record.text(shape.product),
            "subscription_start_date": record.day("SubscriptionStartDate"),
            "subscription_end_date": record.day("SubscriptionEndDate"),
            "charge_type": record.text("ChargeType"),
            "charge_start_date": start,
            "charge_end_date": end,
            "quantity": quantity,
            "unit_price": unit_price,
            "subtotal": subtotal,
            "tax": tax,
            "total": total,
            "invoice_number": invoice,
        },
    )


# ---------------------------------------------------------------- BSS


BSS_COLUMNS = [
    "Invoice Code",
    "Invoice Date",
    "Invoice Type",
    "Invoice Stage",
    "Invoice Due Date",
    "Account ID",
    "Billing Account ID",
    "BSS Subscription ID",
    "MS Subscription ID",
    "Product Type",
    "Product",
    "Start Date",
    "End Date",
    "Qty",
    "Unit Cost",
    "Total Cost",
    "Unit Price",
    "Disc. %",
    "Final Amount",
    "Currency",
]
BSS_REQUIRED = [
    "Invoice Code",
    "Invoice Date",
    "Invoice Type",
    "Invoice Stage",
    "MS Subscription ID",
    "Start Date",
    "End Date",
    "Qty",
    "Unit Cost",
    "Total Cost",
    "Currency",
]


@dataclass(frozen=True)
class BssLine:
    """A converted BSS record together with what decides whether it is in scope."""

    invoice: tuple[str, str]
    item: Item
    is_summary: bool
    superseded: bool

    @property
    def in_scope(self) -> bool:
        """BSS rule 1 and S8 (canceled), S5 (summary), S6 (superseded)."""
        stage = str(self.item.columns["invoice_stage"] or "").strip().lower()
        return not (stage in CANCELED_STAGES or self.is_summary or self.superseded)


def bss_cost(record: Record, quantity: Decimal | None, unit: Decimal | None) -> Fraction:
    """S9: "JSON cost = quantity x unitCost. A CSV Total Cost that is there is used as it is; a row
    with neither is quarantined". JSON records carry no Total Cost: their `total` is sales."""
    total = record.number("Total Cost")
    if total is not None:
        return Fraction(total)
    if unit is None:
        raise RowError("Total Cost", None, "neither total cost nor unit cost")
    if quantity is None:
        raise RowError("Qty", None, "no total cost and no quantity")
    return Fraction(quantity) * Fraction(unit)


def bss_item(record: Record) -> Item:
    """An invoice line, of either format; the sign of credits is settled later (S11)."""
    invoice_date = record.needed("Invoice Date", record.day("Invoice Date"))
    due_date = record.day("Invoice Due Date")
    start, end = item_dates(record, "Start Date", "End Date")
    quantity, unit_cost = record.number("Qty"), record.number("Unit Cost")
    cost = bss_cost(record, quantity, unit_cost)
    invoice_type = record.text("Invoice Type")
    return Item(
        side="bss",
        source_month=record.landed.month,
        source_file=record.landed.source_file,
        source_row=record.source_row,
        subscription=subscription_id(record.text("MS Subscription ID")),
        currency=currency_of(record, "Currency"),
        start=start,
        end=end,
        quantity=quantity,
        unit_cost=unit_cost,
        cost=cost,
        sign=1,
        product=record.text("Product"),
        product_type=record.text("Product Type"),
        invoice_code=record.text("Invoice Code") or "",
        account_id=record.text("Account ID"),
        billing_account_id=record.text("Billing Account ID"),
        invoice_date=invoice_date,
        is_credit="credit" in (invoice_type or "").lower(),
        columns={
            "invoice_code": record.text("Invoice Code"),
            "invoice_date": invoice_date,
            "account_id": record.text("Account ID"),
            "billing_account_id": record.text("Billing Account ID"),
            "bss_subscription_id": record.text("BSS Subscription ID"),
            "product_type": record.text("Product Type"),
            "product": record.text("Product"),
            "start_date": start,
            "end_date": end,
            "quantity": quantity,
            "unit_cost": unit_cost,
            "total_cost": round_half_away(cost, 12),
            "unit_price": record.number("Unit Price"),
            "discount_percent": record.number("Disc. %"),
            "final_amount": record.number("Final Amount"),
            "invoice_type": invoice_type,
            "invoice_stage": record.text("Invoice Stage"),
            "invoice_due_date": due_date,
        },
    )


def json_child(value: Any, *names: str) -> Any:
    """A nested JSON value, None as soon as a step is missing."""
    for name in names:
        value = value.get(name) if isinstance(value, dict) else None
    return value


@dataclass(frozen=True)
class JsonInvoice:
    """One copy of a JSON invoice, where it stands, and its items as records."""

    landed: LandedFile
    first_row: int
    data: Mapping[str, Any]

    @property
    def items(self) -> list[Mapping[str, Any]]:
        return self.data.get("items") or []

    @property
    def identity(self) -> str:
        """S6: "JSON invoices are identified by `id` over all landed files"."""
        known = self.data.get("id")
        return f"{self.landed.source_file}#{self.first_row}" if known is None else str(known)

    def records(self) -> list[Record]:
        return [Record(self.landed, self.first_row + at, self.values(line)) for at, line in enumerate(self.items)]

    def values(self, line: Mapping[str, Any]) -> dict[str, Any]:
        """The item by the column names of the CSV. S1: the invoice date is `date`, never
        `createdAt`. S9: there is no total cost, `total` is the sales amount."""
        subscriptions = line.get("subscriptions") or []
        subscription = subscriptions[0] if subscriptions else None
        return {
            "Invoice Code": self.data.get("code"),
            "Invoice Date": self.data.get("date"),
            "Invoice Type": json_child(self.data, "type", "type"),
            "Invoice Stage": json_child(self.data, "status", "type"),
            "Invoice Due Date": self.data.get("dueDate"),
            "Account ID": json_child(self.data, "account", "id"),
            "Billing Account ID": json_child(self.data, "billingTo", "id"),
            "BSS Subscription ID": json_child(subscription, "id"),
            "MS Subscription ID": json_child(subscription, "externalId"),
            "Product Type": json_child(line, "product", "type"),
            "Product": json_child(line, "product", "name"),
            "Start Date": line.get("startDate"),
            "End Date": line.get("endDate"),
            "Qty": line.get("quantity"),
            "Unit Cost": line.get("unitCost"),
            "Unit Price": line.get("unitPrice"),
            "Disc. %": json_child(line, "discount", "value"),
            "Final Amount": line.get("total"),
            "Currency": self.data.get("currency"),
        }

    @staticmethod
    def is_summary(line: Mapping[str, Any]) -> bool:
        """S5: "A summary line is one whose JSON `subscriptions` holds two or more entries"."""
        return len(line.get("subscriptions") or []) >= 2


def json_invoices(landed: LandedFile) -> list[JsonInvoice]:
    """The invoices of a page; source_row is "the 1-based item over the whole file"."""
    page = json.loads(landed.text(), parse_float=Decimal)
    found = []
    next_row = 1
    for data in page["data"] if isinstance(page, dict) else page:
        invoice = JsonInvoice(landed, next_row, data)
        found.append(invoice)
        next_row += len(invoice.items)
    return found


def newest_copies(invoices: Iterable[JsonInvoice]) -> set[tuple[str, int, int]]:
    """S6: "the copy with the greatest `updatedAt` replaces the others whole". Returns where the
    valid copies stand; of copies with the same `updatedAt` the first by file and place."""
    best: dict[str, tuple[Any, tuple[str, int, int]]] = {}
    for order, invoice in enumerate(invoices):
        place = (invoice.landed.source_file, invoice.first_row, order)
        updated = instant(invoice.data.get("updatedAt"))
        known = best.get(invoice.identity)
        if known is None or updated > known[0]:
            best[invoice.identity] = (updated, place)
    return {place for _, place in best.values()}


Quarantine = list[dict[str, Any]]


def id_column(record: Record) -> str:
    shape = MICROSOFT_SHAPES.get(record.landed.source)
    return shape.id if shape else "MS Subscription ID"


def converted(record: Record, convert: Callable[[Record], Item], quarantined: Quarantine) -> Item | None:
    """Sources: "A row whose needed columns do not convert goes to `quarantined_rows`; the rest of
    the file is loaded". It does so whether or not it would be in scope later."""
    try:
        return convert(record)
    except RowError as error:
        quarantined.append(
            {
                "source": record.landed.source,
                "month": str(record.landed.month),
                "source_file": record.landed.source_file,
                "source_row": record.source_row,
                "column_name": error.column,
                "value": error.value,
                "reason": error.reason,
                "owner": subscription_id(record.text(id_column(record))),
            }
        )
        return None


def bss_csv_lines(landed: LandedFile, quarantined: Quarantine) -> list[BssLine]:
    """S5: "Every CSV line is analytical". CSV invoices are identified by Invoice Code."""
    lines = []
    for record in csv_records(landed, BSS_COLUMNS, BSS_REQUIRED):
        item = converted(record, bss_item, quarantined)
        if item:
            lines.append(BssLine(("csv", item.invoice_code), item, False, False))
    return lines


def bss_json_lines(files: Sequence[LandedFile], quarantined: Quarantine) -> list[BssLine]:
    """The items of every copy of every JSON invoice, superseded ones marked (S6)."""
    invoices = [invoice for landed in files for invoice in json_invoices(landed)]
    valid = newest_copies(invoices)
    lines = []
    for order, invoice in enumerate(invoices):
        superseded = (invoice.landed.source_file, invoice.first_row, order) not in valid
        for record, line in zip(invoice.records(), invoice.items, strict=True):
            item = converted(record, bss_item, quarantined)
            if item:
                key = ("json", invoice.identity)
                lines.append(BssLine(key, item, JsonInvoice.is_summary(line), superseded))
    return lines


def with_credit_signs(lines: Sequence[BssLine]) -> list[Item]:
    """S11: "of a credit invoice whose lines sum to a positive amount every line is multiplied by
    -1; otherwise lines are taken as they are. Debit lines are taken as signed". All converted
    lines of the valid copy count for the sum. Returns the items that are in scope."""
    sums: dict[tuple[str, str], Fraction] = defaultdict(Fraction)
    for line in lines:
        if not line.superseded:
            sums[line.invoice] += line.item.cost
    items = []
    for line in lines:
        if line.in_scope:
            flipped = line.item.is_credit and sums[line.invoice] > 0
            items.append(replace(line.item, sign=-1 if flipped else 1))
    return items


# ---------------------------------------------------------------- the landing zone


@dataclass(frozen=True)
class Landing:
    """Everything that landed, read and converted."""

    bss: list[Item]
    ms: list[Item]
    quarantined: Quarantine
    months: Mapping[str, frozenset[Month]]

    def has(self, source: str, month: Month) -> bool:
        return month in self.months[source]

    def oldest(self, side: str) -> Month | None:
        """The oldest landed month of a side (S16, before_history)."""
        sources = ["bss_invoices"] if side == "bss" else ["ms_recon_nce", "ms_recon_legacy"]
        return min((m for source in sources for m in self.months[source]), default=None)


def read_landing(landing: Path) -> Landing:
    """Reads every landed file of the three sources."""
    files = without_duplicates(landed_files(landing))
    quarantined: Quarantine = []
    ms = []
    for landed in files:
        if landed.source in MICROSOFT_SHAPES:
            shape = MICROSOFT_SHAPES[landed.source]
            for record in csv_records(landed, shape.columns, shape.required):
                item = converted(record, microsoft_item, quarantined)
                ms += [item] if item else []
    invoices = [landed for landed in files if landed.source == "bss_invoices"]
    json_files = [one for one in invoices if one.source_file.lower().endswith(".json")]
    lines = bss_json_lines(json_files, quarantined)
    for landed in invoices:
        if landed not in json_files:
            lines += bss_csv_lines(landed, quarantined)
    months = {
        source: frozenset(one.month for one in files if one.source == source)
        for source in ("bss_invoices", *MICROSOFT_SHAPES)
    }
    return Landing(with_credit_signs(lines), ms, quarantined, months)


def window_status(landing: Landing, month: Month) -> str:
    """S19: "Required sources of a month: bss_invoices and ms_recon_nce; legacy never. `final`: BSS
    M-1..M+3 and Microsoft files M-1..M+1 have landed", but for what lies before a source's first. Else provisional."""
    if not (landing.has("bss_invoices", month) and landing.has("ms_recon_nce", month)):
        return "incomplete"
    for source, last in (("bss_invoices", 3), ("ms_recon_nce", 1)):
        starts_before = any(earlier < month for earlier in landing.months[source])
        if not all(landing.has(source, month.plus(n)) for n in range(-1 if starts_before else 0, last + 1)):
            return "provisional"
    return "final"


# ---------------------------------------------------------------- selection


def meets(item: Item, period: Month, method: str) -> bool:
    """Section 1, BSS rule 3 and Microsoft rule 2, for a dated item."""
    assert item.start is not None and item.end is not None
    if method == "overlap":
        return item.start <= period.last and item.end >= period.first
    return any(period.first <= day <= period.last for day in (item.start, item.end))


def is_selected(item: Item, period: Month, method: str) -> bool:
    """Whether an item belongs to a period; S7 for undated ones."""
    if not item.dated:
        own = Month.of(item.invoice_date) if item.invoice_date else item.source_month
        return own == period
    exempt = method == "overlap" and item.is_long
    if not meets(item, period, method):
        return False
    if item.side == "bss":
        return invoice_in_window(item, period, exempt)
    return file_in_window(item, period, exempt)


def invoice_in_window(item: Item, period: Month, exempt_from_lower_bound: bool) -> bool:
    """BSS rule 2 and S3: "The upper bounds hold for long items too. Under `touch` nothing is
    exempt from the lower bound"."""
    assert item.invoice_date is not None
    if item.invoice_date > period.plus(3).last:
        return False
    return exempt_from_lower_bound or item.invoice_date >= period.plus(-1).first


def file_in_window(item: Item, period: Month, exempt_from_lower_bound: bool) -> bool:
    """S4: "its file's month F is M-1, M or M+1, or F < M-1 and d30(line) > 30"."""
    if item.source_month > period.plus(1):
        return False
    return exempt_from_lower_bound or item.source_month >= period.plus(-1)


@dataclass(frozen=True)
class Selected:
    """An item in a period, with its share of it."""

    item: Item
    period: Month
    numerator: int | None
    denominator: int | None

    @property
    def factor(self) -> Fraction:
        if self.numerator is None or self.denominator is None:
            return Fraction(1)
        return Fraction(self.numerator, self.denominator)

    @property
    def period_cost(self) -> Decimal:
        """S10: round(sign * total_cost * numerator / denominator, 6), exact, rounded once."""
        return round_half_away(self.item.sign * self.item.cost * self.factor, 6)

    @property
    def period_tax(self) -> Fraction:
        """The part of the line's tax that belongs to the period (S16, tax_or_credit)."""
        return Fraction(self.item.tax) * self.factor


def selected(item: Item, period: Month, coverage_method: str) -> Selected:
    """S7: undated items have "numerator and denominator NULL, factor 1"."""
    if item.start is None or item.end is None:
        return Selected(item, period, None, None)
    share = coverage(item.start, item.end, period.first, period.last, coverage_method)
    return Selected(item, period, *share)


# ---------------------------------------------------------------- verdict


def total(side: Sequence[Selected]) -> Decimal | None:
    """S12: "Totals are rounded to 2 places first". S13: "A side without items has total NULL";
    "the total of a side with several currencies is NULL"."""
    if not side or len({one.item.currency for one in side}) > 1:
        return None
    return cents(side)


def cents(side: Sequence[Selected]) -> Decimal:
    """Section 3 and S22: sums of period_cost, rounded once, at the end, to the currency's minor unit; 0 without items."""
    places = DECIMALS.get(side[0].item.currency, 2) if side else 2
    return round_half_away(sum((Fraction(one.period_cost) for one in side), Fraction(0)), places)


@dataclass(frozen=True)
class Pair:
    """Both sides of one subscription in one period."""

    period: Month
    subscription: str
    bss: list[Selected]
    ms: list[Selected]
    tolerances: Mapping[str, Decimal]

    @property
    def currencies(self) -> list[str]:
        return sorted({one.item.currency for one in self.bss + self.ms})

    @property
    def tolerance(self) -> Decimal:
        """S12: "the tolerance (per currency, a seed, default 1.00)"."""
        return self.tolerances.get(self.currencies[0], DEFAULT_TOLERANCE)

    @property
    def difference(self) -> Decimal | None:
        """S12: rounded bss - rounded ms. S13: a side without items counts as 0; NULL when the
        sides cannot be compared or a total is NULL for its several currencies."""
        if len(self.currencies) > 1:
            return None
        return cents(self.bss) - cents(self.ms)

    @property
    def status(self) -> str:
        """Section 3, first rule that holds. S13: "Rule 1 needs both sides present"."""
        if not self.ms:
            return "missing_in_ms"
        if not self.bss:
            return "missing_in_bss"
        if self.difference is None:
            return "not_comparable"
        return "match" if abs(self.difference) <= self.tolerance else "discrepancy"

    @property
    def key(self) -> str:
        """S17: sha256 of "subscription|<YYYY-MM>|<ms_subscription_id>"."""
        text = f"subscription|{self.period}|{self.subscription}"
        return hashlib.sha256(text.encode()).hexdigest()


def explanation(pair: Pair, landing: Landing) -> str | None:
    """Section 3 and S16: the first reason that holds; "explanation is NULL for a match"."""
    status = pair.status
    if status == "match":
        return None
    if status.startswith("missing"):
        return "before_history" if is_before_history(pair, landing) else "missing_side"
    if status == "not_comparable":
        return "currency"
    reasons: list[tuple[str, Callable[[Pair], bool]]] = [
        ("late_invoice", is_late_invoice),
        ("quantity", is_quantity),
        ("unit_cost", is_unit_cost),
        ("tax_or_credit", is_tax_or_credit),
    ]
    otherwise = "rejected_records" if has_rejected_records(pair, landing) else "unexplained"
    return next((name for name, holds in reasons if holds(pair)), otherwise)


def is_before_history(pair: Pair, landing: Landing) -> bool:
    """S16: "a missing_* row whose present side holds only items that began before the other
    side's oldest landed month". An item without a start date has no known beginning."""
    present, other = (pair.bss, "ms") if pair.bss else (pair.ms, "bss")
    oldest = landing.oldest(other)
    if oldest is None:
        return False
    return all(one.item.start is not None and one.item.start < oldest.first for one in present)


def is_late_invoice(pair: Pair) -> bool:
    """S16: "without the BSS items dated after period_end the difference is within tolerance"."""
    in_time = [
        one for one in pair.bss if one.item.invoice_date is not None and one.item.invoice_date <= pair.period.last
    ]
    return abs(cents(in_time) - cents(pair.ms)) <= pair.tolerance


def one_unit_cost(side: Sequence[Selected]) -> Decimal | None:
    """S16: the one distinct unit cost of a side at 6 decimals, None when there is not just one."""
    known = [one.item.unit_cost for one in side if one.item.unit_cost is not None]
    distinct = {round_half_away(Fraction(value), 6) for value in known}
    return distinct.pop() if len(distinct) == 1 else None


def summed_quantity(side: Sequence[Selected]) -> Decimal | None:
    """S16: the summed quantity of a side at 6 decimals, as published (credits not negated)."""
    known = [Fraction(one.item.quantity) for one in side if one.item.quantity is not None]
    return round_half_away(sum(known, Fraction(0)), 6) if known else None


def same_and_other(pair: Pair) -> tuple[bool, bool] | None:
    """Whether the unit costs and the quantities are equal; None when they cannot be compared."""
    costs = one_unit_cost(pair.bss), one_unit_cost(pair.ms)
    quantities = summed_quantity(pair.bss), summed_quantity(pair.ms)
    if None in costs or None in quantities:
        return None
    return costs[0] == costs[1], quantities[0] == quantities[1]


def is_quantity(pair: Pair) -> bool:
    """Section 3: "same unit cost, other quantity"."""
    return same_and_other(pair) == (True, False)


def is_unit_cost(pair: Pair) -> bool:
    """Section 3: "same quantity, other unit cost"."""
    return same_and_other(pair) == (False, True)


def is_tax_or_credit(pair: Pair) -> bool:
    """S16: "abs(difference) is within 0.01 of abs(period_cost) of one selected credit or negative
    line, or of the Microsoft tax of the period"."""
    assert pair.difference is not None
    amounts = [
        abs(Fraction(one.period_cost)) for one in pair.bss + pair.ms if one.item.is_credit or one.period_cost < 0
    ]
    amounts.append(abs(sum((one.period_tax for one in pair.ms), Fraction(0))))
    gap = abs(Fraction(pair.difference))
    return any(abs(gap - amount) <= Fraction(1, 100) for amount in amounts)


def top_item(side: Sequence[Selected]) -> Item | None:
    """S15: "the largest abs(period_cost), ties by invoice code, source_file, source_row"."""

    def order(one: Selected) -> tuple[Decimal, str, str, int]:
        item = one.item
        return -abs(one.period_cost), item.invoice_code, item.source_file, item.source_row

    return min(side, key=order).item if side else None


# ---------------------------------------------------------------- the marts


def elsewhere(pair: Pair, landing: Landing) -> str | None:
    """bridge.md, 6: the partner "in the nearest landed month, else the only partner of the files"."""

    def order(item: Item) -> tuple[Any, ...]:
        away = abs(item.source_month.index - pair.period.index)
        code = (item.invoice_code == "", item.invoice_code)
        return away, item.source_month, -abs(item.cost), code, item.source_file, item.source_row

    known = [item for item in landing.ms if item.partner_id]
    own = [item for item in known if item.subscription == pair.subscription != UNASSIGNED]
    partners = {item.partner_id for item in known}
    return min(own, key=order).partner_id if own else partners.pop() if len(partners) == 1 else None


def has_rejected_records(pair: Pair, landing: Landing) -> bool:
    """Intake, section 9: "whose subscription has a rejected record in the month"."""
    return (str(pair.period), pair.subscription) in {(row["month"], row["owner"]) for row in landing.quarantined}


def reconciliation_row(pair: Pair, landing: Landing) -> dict[str, Any]:
    """Section 4: one row per (billing_month, ms_subscription_id). S15: "BSS before Microsoft.
    csp_partner is the Microsoft PartnerId"."""
    top_ms = top_item(pair.ms)
    top = top_item(pair.bss) or top_ms
    assert top is not None
    return {
        "billing_month": pair.period.first,
        "ms_subscription_id": pair.subscription,
        "reconciliation_key": pair.key,
        "csp_partner": (top_ms and top_ms.partner_id) or elsewhere(pair, landing),
        "product_type": top.product_type,
        "account_id": top.account_id,
        "billing_account_id": top.billing_account_id,
        "product": top.product,
        "currency": "/".join(pair.currencies),
        "bss_total_cost": total(pair.bss),
        "ms_total_cost": total(pair.ms),
        "cost_difference": pair.difference,
        "status": pair.status,
        "symbol": SYMBOLS[pair.status],
        "explanation": explanation(pair, landing),
        "has_rejected_records": has_rejected_records(pair, landing),
        "bss_item_count": len(pair.bss),
        "ms_item_count": len(pair.ms),
    }


def item_row(one: Selected, pair: Pair) -> dict[str, Any]:
    """Section 4 and S18: the source's columns and how the item counts in the period. S10:
    "coverage_factor is published rounded to 6 decimals and is never an operand"."""
    item = one.item
    return {
        "billing_month": pair.period.first,
        "source_month": item.source_month.first,
        "reconciliation_key": pair.key,
        "side": item.side,
        "ms_subscription_id": pair.subscription,
        "currency": item.currency,
        **item.columns,
        "sign": item.sign,
        "numerator": one.numerator,
        "denominator": one.denominator,
        "coverage_factor": round_half_away(one.factor, 6),
        "coverage_class": coverage_class(item.start, item.end, pair.period.first, pair.period.last),
        "period_cost": one.period_cost,
        "source_file": item.source_file,
        "source_row": item.source_row,
    }


def pairs_of(
    landing: Landing,
    period: Month,
    selection_method: str,
    coverage_method: str,
    tolerances: Mapping[str, Decimal],
) -> list[Pair]:
    """Section 3: full outer join of both sides on the subscription id, per month. S14: all lines
    without an id form one row; an item with numerator 0 makes its side present."""
    sides: dict[str, dict[str, list[Selected]]] = defaultdict(lambda: {"bss": [], "ms": []})
    for item in landing.bss + landing.ms:
        if is_selected(item, period, selection_method):
            one = selected(item, period, coverage_method)
            sides[item.subscription][item.side].append(one)
    return [
        Pair(period, subscription, side["bss"], side["ms"], tolerances) for subscription, side in sorted(sides.items())
    ]


def reconcile(
    landing: Path,
    months: Sequence[str],
    *,
    selection_method: str = "overlap",
    coverage_method: str = "thirty_360",
    tolerance: Mapping[str, Decimal] | None = None,
) -> OracleResult:
    """Reconciles the landed files for the months ("YYYY-MM")."""
    if selection_method not in SELECTION_METHODS or coverage_method not in COVERAGE_METHODS:
        raise ValueError(f"unknown method: {selection_method}, {coverage_method}")
    landed = read_landing(Path(landing))
    tolerances = {name.strip().upper(): value for name, value in (tolerance or {}).items()}
    statuses = {month: window_status(landed, Month.parse(month)) for month in months}
    rows: list[dict[str, Any]] = []
    items: list[dict[str, Any]] = []
    for month in sorted(set(months)):
        if statuses[month] == "incomplete":
            continue
        period = Month.parse(month)
        for pair in pairs_of(landed, period, selection_method, coverage_method, tolerances):
            rows.append(reconciliation_row(pair, landed))
            sides = sorted(
                pair.bss + pair.ms,
                key=lambda one: (one.item.side, one.item.source_file, one.item.source_row),
            )
            items += [item_row(one, pair) for one in sides]
    quarantined = sorted(landed.quarantined, key=lambda row: (row["source"], row["source_file"], row["source_row"]))
    return OracleResult(rows, items, quarantined, statuses)
