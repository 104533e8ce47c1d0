"""The recorder of planted documents: what lands on each side, and what a reconciliation must say about it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from random import Random
from typing import Any

from recon_assets.months import add_months, first_day
from recon_assets.sample.einvoices.documents import (
    Deed,
    EInvoice,
    Expected,
    MonthDocuments,
    RegisterRow,
    Status,
    amounts_of,
)

CUSTOMERS = ("C10234567080", "C20880050010", "IG00045678090", "C11558899020", "D00998877010")


class Plan:
    """Collects the documents of each month and the rows expected of them. No two deeds have the same amounts."""

    def __init__(self, months: Sequence[str], seed: int) -> None:
        self.months = list(months)
        self.documents = {month: MonthDocuments() for month in months}
        self.expected: list[Expected] = []
        self._random = Random(f"einvoices {seed}")
        self._count = 0

    def has(self, month: str) -> bool:
        return month in self.documents

    def deed(self, month: str, **given: Any) -> Deed:
        """A new document dated within the month, with a number and amounts of its own."""
        self._count += 1
        sale = given.get("is_sale", True)
        number = f"{'INV' if sale else 'BILL'}-{month[2:4]}{month[5:]}-{self._count:05d}"
        excluding = Decimal(100 + self._count) + Decimal(self._random.randrange(100)) / 100
        day = first_day(month) + timedelta(days=3 + self._random.randrange(22))
        return Deed(**{
            "number": number, "day": day, "counterparty": CUSTOMERS[self._count % len(CUSTOMERS)],
            "amounts": amounts_of(excluding), **given,
        })  # fmt: skip

    def row(self, month: str, deed: Deed, consolidated: str | None = None, bad_date: str | None = None) -> RegisterRow:
        row = RegisterRow(deed, f"{'S' if deed.is_sale else 'P'}{self._next():07d}", consolidated, bad_date)
        self.documents[month].rows.append(row)
        return row

    def einvoice(
        self, month: str, deed: Deed, status: Status = "Valid", is_bare: bool = False, is_broken: bool = False
    ) -> EInvoice:
        uuid = None if is_bare else f"SAMPLE{self._next():020d}"
        einvoice = EInvoice(deed, uuid, status, is_broken)
        self.documents[month].einvoices.append(einvoice)
        return einvoice

    def _next(self) -> int:
        self._count += 1
        return self._count

    def pair(
        self, month: str, bucket: str, what: str, ours: Deed, theirs: Deed, *, reason: str | None = None,
        folder: str | None = None, status: Status = "Valid", is_bare: bool = False,
    ) -> None:  # fmt: skip
        """A register row and the e-invoice it must be paired with."""
        row = self.row(month, ours)
        einvoice = self.einvoice(folder or month, theirs, status, is_bare)
        self.expect(month, bucket, what, row, einvoice, reason)

    def expect(
        self,
        month: str,
        bucket: str,
        what: str,
        row: RegisterRow | None,
        einvoice: EInvoice | None,
        reason: str | None = None,
    ) -> None:
        deed = row.deed if row else einvoice.deed if einvoice else None
        assert deed is not None
        self.expected.append(
            Expected(
                month, "sales" if deed.is_sale else "purchase", bucket, reason,
                row.reference if row else None, einvoice.uuid if einvoice else None, what,
            )
        )  # fmt: skip

    def following(self, month: str) -> str:
        return add_months(month, 1)

    def in_currency(self, deed: Deed, currency: str, rate: str | None) -> Deed:
        return replace(deed, currency=currency, rate=None if rate is None else Decimal(rate))
