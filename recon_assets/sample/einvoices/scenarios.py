"""Which documents are planted in every month: each bucket and reason, the edges of the thresholds, and the shapes that
are easy to get wrong."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from recon_assets.months import first_day
from recon_assets.sample.einvoices.documents import CONSOLIDATED_BUYER, NOTES, Deed
from recon_assets.sample.einvoices.plan import CUSTOMERS, Plan

_TAX, _TOTAL, _PAYABLE = "total_tax_amount", "total_including_tax", "total_payable_amount"

# What the e-invoice shows in another amount than the register: bucket and differences.
AMOUNT_SLIPS: tuple[tuple[str, dict[str, str]], ...] = (
    ("Exact", {"total_discount_value": "0.004"}),
    ("Suggested", {"total_discount_value": "0.50"}),
    ("Suggested", {_PAYABLE: "15.00"}),
    ("Mismatch", {_PAYABLE: "15.01"}),
    ("Low", {_TAX: "0.01", _TOTAL: "0.01", _PAYABLE: "0.01"}),
    ("Low", {_TAX: "1.00", _TOTAL: "1.00"}),
    ("Medium", {_TAX: "1.01", _TOTAL: "1.01"}),
    ("Medium", {_TAX: "5.00", _TOTAL: "5.00"}),
    ("High", {_TAX: "5.01", _TOTAL: "0.02"}),
    ("High", {_TAX: "15.00", _TOTAL: "15.00"}),
    ("Mismatch", {_TAX: "15.00", _TOTAL: "15.01"}),
)


def amount_slips(plan: Plan, month: str) -> None:
    for bucket, differences in AMOUNT_SLIPS:
        deed = plan.deed(month)
        listed = ", ".join(f"{name} {value}" for name, value in differences.items())
        plan.pair(month, bucket, f"amounts differ: {listed}", deed, deed.plus(**differences))


def identifier_slips(plan: Plan, month: str) -> None:
    slips: tuple[tuple[str, str, Callable[[Deed], Deed]], ...] = (
        ("Suggested", "punctuation of the number differs", lambda d: replace(d, number=d.number.replace("-", "/"))),
        ("Suggested", "the buyer's TIN differs", lambda d: replace(d, counterparty="C99999999090")),
        ("Suggested", "dated the day after", lambda d: replace(d, day=d.day + timedelta(days=1))),
        ("Suggested", "the e-invoice names no original document", lambda d: replace(d, original=None)),
        ("Suggested", "another number, all else alike", lambda d: replace(d, number=f"X{d.number}")),
        ("Exact", "case, width and zeros of identifiers do not count", lambda d: replace(
            d, number=d.number.lower(), counterparty=d.counterparty[:1] + "00" + d.counterparty[1:])),
        ("Mismatch", "date and currency-free identifiers differ in two", lambda d: replace(
            d, day=d.day + timedelta(days=1), original=None)),
        ("Mismatch", "the date and an amount differ", lambda d: replace(d, day=d.day + timedelta(days=1)).plus(
            total_tax_amount="0.01")),
    )  # fmt: skip
    for bucket, what, slip in slips:
        deed = plan.deed(month, original="INV-0001")
        plan.pair(month, bucket, what, deed, slip(deed))


def document_types(plan: Plan, month: str) -> None:
    for code in ("02", "03", "04"):
        deed = plan.deed(month, type=code, original="INV-0002")
        plan.pair(
            month,
            "Exact",
            f"type {code}: {'negative in the register' if code in NOTES else 'an ordinary sign'}",
            deed,
            deed,
        )
    for sale in (True, False):
        for code in ("11", "12", "13", "14"):
            deed = plan.deed(month, type=code, is_sale=sale)
            plan.pair(month, "Exact", f"self-billed type {code} of a {'sale' if sale else 'purchase'}", deed, deed)
    deed = plan.deed(month)
    plan.pair(month, "Exact", "submitted and not validated yet", deed, deed, status="Submitted")
    bare = plan.deed(month)
    plan.pair(month, "Exact", "a bare document: its status is assumed", bare, bare, is_bare=True)


def foreign_currency(plan: Plan, month: str) -> None:
    dollars = plan.in_currency(plan.deed(month), "USD", "4.72")
    plan.pair(month, "High", "USD 3.00 at 4.72 are MYR 14.16", dollars, dollars.plus(**{_TAX: "3.00", _TOTAL: "3.00"}))
    unrated = plan.in_currency(plan.deed(month), "USD", None)
    plan.pair(
        month,
        "Mismatch",
        "an amount differs and there is no rate",
        unrated,
        unrated.plus(**{_TAX: "0.01"}),
        reason="fx_missing",
    )
    equal = plan.in_currency(plan.deed(month), "USD", None)
    plan.pair(month, "Exact", "USD without a rate, but nothing differs", equal, equal)
    ringgit = plan.deed(month, amounts=tuple(Decimal(a) for a in ("944.00", "75.52", "1019.52", "1019.52", "0", "0")))
    other = replace(
        ringgit, currency="USD", rate=Decimal("4.72"), amounts=tuple((a / Decimal("4.72")) for a in ringgit.amounts)
    )
    plan.pair(month, "Suggested", "booked in MYR, invoiced in USD, equal in MYR", ringgit, other)


def missing(plan: Plan, month: str) -> None:
    for sale in (True, False):
        deed = plan.deed(month, is_sale=sale)
        plan.expect(month, "Missing in EInv", "no e-invoice at all", plan.row(month, deed), None)
        for status in ("Cancelled", "Invalid"):
            deed = plan.deed(month, is_sale=sale)
            plan.einvoice(month, deed, status)  # type: ignore[arg-type]
            plan.expect(
                month, "Missing in EInv", f"the only e-invoice is {status}", plan.row(month, deed), None, status.lower()
            )
        bucket = "Missing in Sales" if sale else "Missing in Purchase"
        alone = plan.deed(month, is_sale=sale)
        plan.expect(month, bucket, "not in the register", None, plan.einvoice(month, alone))
    received = plan.deed(month, is_sale=False)
    plan.einvoice(month, received, "Submitted")
    plan.expect(
        month, "Missing in EInv", "received and not validated yet", plan.row(month, received), None, "submitted"
    )


def duplicates(plan: Plan, month: str) -> None:
    deed = plan.deed(month)
    plan.pair(month, "Exact", "booked twice: the first is paired", deed, deed)
    plan.expect(month, "Missing in EInv", "booked twice: the second", plan.row(month, deed), None, "duplicate")
    twice = plan.deed(month, is_sale=False)
    plan.pair(month, "Exact", "sent twice: the first is paired", twice, twice)
    plan.expect(month, "Missing in Purchase", "sent twice: the second", None, plan.einvoice(month, twice), "duplicate")
    tied = plan.deed(month)
    for place in ("first", "second"):
        plan.pair(month, "Exact", f"two rows and two e-invoices alike, ambiguous: the {place}", tied, tied)


def consolidated(plan: Plan, month: str) -> None:
    for status, bucket in (("Valid", "Exact"), ("Cancelled", "Missing in EInv")):
        parts = [plan.deed(month, counterparty=CUSTOMERS[0]) for _ in range(3)]
        sums = tuple(sum(amounts, Decimal(0)) for amounts in zip(*(p.amounts for p in parts), strict=True))
        number = f"CONS-{parts[0].number}"
        whole = replace(parts[0], number=number, counterparty=CONSOLIDATED_BUYER, amounts=sums)
        rows = [plan.row(month, part, consolidated=number) for part in parts]
        einvoice = plan.einvoice(month, whole, status)  # type: ignore[arg-type]
        if status == "Valid":
            plan.expect(month, bucket, "consolidated: three rows, one e-invoice", rows[0], einvoice)
        else:
            for row in rows:
                plan.expect(month, bucket, "its consolidated e-invoice is cancelled", row, None, "cancelled")


def month_end(plan: Plan, month: str) -> None:
    """Booked on the last days of a month, issued in the next: the pair belongs to the register's month."""
    after = plan.following(month)
    if plan.has(after):
        deed = plan.deed(month, day=first_day(after) - timedelta(days=1))
        plan.pair(
            month, "Suggested", "issued in the month after", deed, replace(deed, day=first_day(after)), folder=after
        )


def bad_records(plan: Plan, month: str) -> None:
    """Records that cannot be read: at most one per source and month, which is always allowed."""
    number = plan.months.index(month)
    if number % 3 == 0:
        plan.row(month, plan.deed(month), bad_date="31/31/2025")
    elif number % 3 == 1:
        plan.row(month, plan.deed(month, is_sale=False), bad_date="soon")
    else:
        plan.einvoice(month, plan.deed(month), is_broken=True)


def plain(plan: Plan, month: str, count: int) -> None:
    for number in range(count):
        deed = plan.deed(month, is_sale=number % 3 != 2)
        plan.pair(month, "Exact", "", deed, deed)


KINDS: tuple[Callable[[Plan, str], None], ...] = (
    amount_slips, identifier_slips, document_types, foreign_currency, missing, duplicates, consolidated, month_end,
    bad_records,
)  # fmt: skip
