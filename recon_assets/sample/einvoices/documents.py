"""The documents an e-invoice scenario is made of, before any file format."""

from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Literal

OWN_TIN = "C20830570210"
CONSOLIDATED_BUYER = "EI00000000010"
NOTES = ("02", "04", "12", "14")
AMOUNTS = (
    "total_excluding_tax", "total_tax_amount", "total_including_tax", "total_payable_amount",
    "total_discount_value", "total_charge_amount",
)  # fmt: skip
Status = Literal["Valid", "Submitted", "Invalid", "Cancelled"]


def _registered_name(tin: str) -> str:
    if tin == CONSOLIDATED_BUYER:
        return "General Public"
    return "Syarikat Contoh Sdn. Bhd." if tin == OWN_TIN else f"Rakan {tin[-4:]} Enterprise"


@dataclass(frozen=True)
class Deed:
    """An invoice or note as one side has it; amounts are magnitudes in `currency`."""

    number: str
    day: date
    counterparty: str
    amounts: tuple[Decimal, ...]
    is_sale: bool = True
    type: str = "01"
    currency: str = "MYR"
    rate: Decimal | None = None
    original: str | None = None

    @property
    def is_issued(self) -> bool:
        """Whether the company itself issues the e-invoice: self-billed ones the other party issues."""
        return self.is_sale == (self.type < "11")

    @property
    def tins(self) -> tuple[str, str]:
        return (OWN_TIN, self.counterparty) if self.is_sale else (self.counterparty, OWN_TIN)

    @property
    def names(self) -> tuple[str, str]:
        """Supplier and buyer, as their registrations have them."""
        supplier, buyer = (_registered_name(tin) for tin in self.tins)
        return supplier, buyer

    def plus(self, **differences: str) -> "Deed":
        """The same document with some amounts off by so much."""
        changed = tuple(a + Decimal(differences.get(name, "0")) for name, a in zip(AMOUNTS, self.amounts, strict=True))
        return replace(self, amounts=changed)


@dataclass(frozen=True)
class RegisterRow:
    deed: Deed
    reference: str
    consolidated: str | None = None
    bad_date: str | None = None  # written instead of the date: the row must be quarantined


@dataclass(frozen=True)
class EInvoice:
    """`uuid` None: a bare document without the envelope of the API."""

    deed: Deed
    uuid: str | None
    status: Status = "Valid"
    is_broken: bool = False  # cut off: the record must be quarantined


@dataclass(frozen=True)
class Expected:
    """A row of the reconciliation; of a pair both names are there, of a Missing one only its own side's."""

    billing_month: str
    register_type: str
    bucket: str
    reason: str | None
    row_reference: str | None
    uuid: str | None
    what: str


@dataclass(frozen=True)
class Quarantined:
    """A record that a reader must set aside; `source_file` is relative to the landing folder."""

    source: str
    month: str
    source_file: str
    source_row: int
    what: str


@dataclass
class MonthDocuments:
    """What lands in the folders of one month."""

    rows: list[RegisterRow] = field(default_factory=list)
    einvoices: list[EInvoice] = field(default_factory=list)


def amounts_of(excluding: Decimal, tax_rate: str = "0.08") -> tuple[Decimal, ...]:
    """The six amounts of a plain document, tax rounded to the sen."""
    tax = (excluding * Decimal(tax_rate)).quantize(Decimal("0.01"))
    return (excluding, tax, excluding + tax, excluding + tax, Decimal("0.00"), Decimal("0.00"))
