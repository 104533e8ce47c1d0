"""The records a subscription scenario is made of, before any file format: charges, BSS invoices, Microsoft lines."""

from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

InvoiceFormat = Literal["json", "csv"]
MicrosoftFile = Literal["nce", "legacy"]

CENT = Decimal("0.01")


@dataclass(frozen=True)
class Account:
    """A customer: an account of the BSS and a tenant of Microsoft. `tax_rate` is Microsoft's tax on it."""

    account_id: str
    billing_account_id: str
    customer_id: str
    name: str
    domain: str
    country: str
    currency: str
    tax_rate: Decimal


@dataclass(frozen=True)
class Product:
    code: str
    name: str
    product_type: str
    price: Decimal
    cycle: str = "P1M:Monthly"
    publisher: str = "Microsoft"


@dataclass(frozen=True)
class Charge:
    """What a line charges: dates (inclusive, or None), quantity, unit cost and total before tax."""

    start: date | None
    end: date | None
    quantity: Decimal
    unit_cost: Decimal
    amount: Decimal


@dataclass(frozen=True)
class Corruption:
    """Why a row must be quarantined: its column and the text written there, None when the whole row is wrong."""

    column: str
    text: str | None
    what: str


@dataclass(frozen=True)
class BssLine:
    """One invoice line of the BSS; two ids make it a summary line, none an unassigned one."""

    ms_subscription_ids: tuple[str, ...]
    bss_subscription_id: str
    product: Product
    charge: Charge
    corruption: Corruption | None = None


@dataclass(frozen=True)
class BssInvoice:
    """One invoice (or one copy of it): `stamp` replaces the day as JSON spells it; amounts of credits are positive."""

    invoice_id: int
    code: str
    day: date
    account: Account
    currency: str
    lines: tuple[BssLine, ...]
    invoice_type: Literal["debit", "credit"] = "debit"
    stage: str = "Approved"
    updated_at: str = ""
    created_on: date | None = None
    stamp: str | None = None
    has_total_cost: bool = True


@dataclass(frozen=True)
class MicrosoftLine:
    """One line of a reconciliation file; its currency is the account's unless named, its invoice that of the month."""

    ms_subscription_id: str
    account: Account
    product: Product
    charge: Charge
    charge_type: str
    tax: Decimal
    currency: str
    corruption: Corruption | None = None
    invoice_number: str | None = None


@dataclass(frozen=True)
class Quarantined:
    """A row that a reader must set aside.

    `source_file` is relative to the landing folder, `source_row` is the 1-based data row, `column_name` the heading
    as the file has it (of a row that starts after it ends: the start).
    """

    source: str
    month: str
    source_file: str
    source_row: int
    column_name: str
    what: str


@dataclass
class MonthRecords:
    """What the planted subscriptions put into the files of one month."""

    json_invoices: list[BssInvoice] = field(default_factory=list)
    json_updates: list[BssInvoice] = field(default_factory=list)
    csv_invoices: list[BssInvoice] = field(default_factory=list)
    nce_lines: list[MicrosoftLine] = field(default_factory=list)
    legacy_lines: list[MicrosoftLine] = field(default_factory=list)


def to_cents(amount: Decimal) -> Decimal:
    return amount.quantize(CENT, ROUND_HALF_UP)
