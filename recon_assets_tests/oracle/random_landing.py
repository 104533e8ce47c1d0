"""Seeded random landing trees for the subscription reconciliation: nasty, but legal.

The tree is built in three steps: stories write Microsoft lines and BSS invoices into a `Ledger`
(what happened), accidents are added to it (superseded copies, bad rows, gaps), and writers render
it in the many file formats that land (how it was exported). Everything is synthetic.
"""

from __future__ import annotations

import calendar
import csv
import gzip
import io
import json
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any


def column_names(text: str) -> list[str]:
    return text.split(",")


MONTH_NAMES = column_names("JANUARY,FEBRUARY,MARCH,APRIL,MAY,JUNE,JULY,AUGUST,SEPTEMBER,OCTOBER,NOVEMBER,DECEMBER")

NCE_46 = column_names(
    "PartnerId,CustomerId,CustomerName,CustomerDomainName,CustomerCountry,InvoiceNumber,MPNID,"
    "ResellerMPNID,OrderId,OrderDate,ProductId,SkuId,AvailabilityId,SkuName,ProductName,ChargeType,"
    "UnitPrice,Quantity,Subtotal,TaxTotal,Total,Currency,PriceAdjustmentDescription,PublisherName,"
    "PublisherId,SubscriptionDescription,SubscriptionId,ChargeStartDate,ChargeEndDate,"
    "TermAndBillingCycle,EffectiveUnitPrice,UnitType,AlternateId,BillableQuantity,BillingFrequency,"
    "PricingCurrency,PCToBCExchangeRate,PCToBCExchangeRateDate,MeterDescription,"
    "ReservationOrderId,CreditReasonCode,SubscriptionStartDate,SubscriptionEndDate,ReferenceID,"
    "ProductQualifiers,PromotionID"
)
NCE_47 = [
    {
        "MPNID": "MpnId",
        "ResellerMPNID": "Tier2MpnId",
        "ReferenceID": "ReferenceId",
        "PromotionID": "PromotionId",
    }.get(name, name)
    for name in NCE_46
] + ["ProductCategory"]
LEGACY_28 = column_names(
    "PartnerId,CustomerId,CustomerName,MpnId,ResellerMpnId,OrderId,SubscriptionId,"
    "SyndicationPartnerSubscriptionNumber,OfferId,DurableOfferId,OfferName,SubscriptionStartDate,"
    "SubscriptionEndDate,ChargeStartDate,ChargeEndDate,ChargeType,UnitPrice,Quantity,Amount,"
    "TotalOtherDiscount,Subtotal,Tax,TotalForCustomer,Currency,DomainName,SubscriptionName,"
    "SubscriptionDescription,BillingCycleType"
)
LEGACY_27 = column_names(
    "PartnerID,CustomerID,OrderID,SubscriptionID,SyndicationPartnerSubscriptionNumber,OfferID,"
    "DurableOfferID,OfferName,SubscriptionStartDate,SubscriptionEndDate,ChargeStartDate,"
    "ChargeEndDate,ChargeType,UnitPrice,Quantity,Amount,TotalOtherDiscount,Subtotal,Tax,"
    "TotalForCustomer,Currency,CustomerName,MPNID,ResellerMPNID,DomainName,SubscriptionName,"
    "SubscriptionDescription"
)
BSS_HEADER = column_names(
    "Invoice Code,Invoice Date,Invoice Type,Invoice Stage,Invoice Due Date,Account ID,"
    "Billing Account ID,BSS Subscription ID,MS Subscription ID,Product Type,Product,Start Date,"
    "End Date,Qty,Unit Cost,Total Cost,Unit Price,Disc. %,Final Amount,Currency"
)
EMPTY_IDS = ("", "   ", "00000000-0000-0000-0000-000000000000")
D = Decimal
ZERO = D(0)
DAY = timedelta(days=1)


def first_of(month: int) -> date:
    """The first day of a month that is counted from year 0."""
    return date(month // 12, month % 12 + 1, 1)


def last_of(month: int) -> date:
    first = first_of(month)
    return first.replace(day=calendar.monthrange(first.year, first.month)[1])


def month_of(day: date) -> int:
    return day.year * 12 + day.month - 1


def folder_of(month: int) -> str:
    return f"{month // 12:04d}-{month % 12 + 1:02d}"


# ---------------------------------------------------------------- what happened


@dataclass(frozen=True)
class MsLine:
    """One reconciliation-file line; `broken` holds raw text that replaces a column."""

    kind: str
    month: int
    subscription: str
    start: date | None
    end: date | None
    quantity: Decimal
    unit_price: Decimal
    subtotal: Decimal
    tax: Decimal
    currency: str
    partner: str
    product: str
    charge_type: str = "renew"
    invoice_number: str = ""
    broken: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class BssItem:
    """One invoice line. `total_cost` None leaves the CSV column empty."""

    subscriptions: tuple[str, ...]
    start: date | None
    end: date | None
    quantity: Decimal | None
    unit_cost: Decimal | None
    total_cost: Decimal | None
    product: str
    product_type: str = "NCE"
    broken: dict[str, str] = field(default_factory=dict)


@dataclass
class Invoice:
    """One invoice copy as it lands in one folder."""

    code: str
    identity: str | int
    form: str
    day: date
    folder: int
    kind: str
    stage: str
    currency: str
    account: str
    updated: datetime
    items: list[BssItem]


@dataclass
class Ledger:
    """All lines of a tree, and the counters that keep codes distinct."""

    rng: Random
    first: int
    last: int
    ms: list[MsLine] = field(default_factory=list)
    invoices: list[Invoice] = field(default_factory=list)
    counter: int = 0

    def next_number(self) -> int:
        self.counter += 1
        return self.counter

    def charge(self, line: MsLine) -> None:
        number = f"G{self.next_number():09d}"
        self.ms.append(replace(line, invoice_number=number))

    def bill(
        self,
        items: Sequence[BssItem],
        day: date,
        *,
        kind: str = "debit",
        stage: str = "Sent",
        currency: str = "USD",
        form: str | None = None,
    ) -> Invoice:
        """A new invoice, sometimes misfiled: its folder is not the month of its date."""
        rng, number = self.rng, self.next_number()
        needs_json = any(len(item.subscriptions) > 1 for item in items)
        needs_csv = any(item.unit_cost is None or item.quantity is None for item in items)
        form = form or ("json" if needs_json else "csv" if needs_csv else rng.choice(("csv", "json")))
        misfiled = rng.choice((-1, 1)) if rng.random() < 0.06 else 0
        invoice = Invoice(
            code=f"INV-{number:05d}",
            identity=number if rng.random() < 0.5 else f"id-{number}",
            form=form,
            day=day,
            folder=month_of(day) + misfiled,
            kind=kind,
            stage=stage,
            currency=currency,
            account=f"{rng.randrange(10000):04d}",
            updated=datetime(day.year, day.month, day.day) + timedelta(seconds=rng.randrange(86400)),
            items=list(items),
        )
        self.invoices.append(invoice)
        return invoice


# ---------------------------------------------------------------- stories


@dataclass(frozen=True)
class Subscription:
    """Who the lines of a story belong to."""

    id: str
    kind: str
    product: str
    partner: str
    currency: str

    def ms(self, **changes: Any) -> MsLine:
        return MsLine(
            **{
                "kind": self.kind,
                "subscription": self.id,
                "product": self.product,
                "partner": self.partner,
                "currency": self.currency,
                "tax": D(0),
                **changes,
            }
        )

    def bss(self, **changes: Any) -> BssItem:
        values = {
            "subscriptions": (self.id,),
            "product": f"{self.product} (BSS)",
            "product_type": self.kind,
            "total_cost": None,
            **changes,
        }
        return BssItem(**values)


Story = Callable[[Ledger, Subscription, int], None]


def money(rng: Random, low: int = 2, high: int = 900) -> Decimal:
    return D(rng.randrange(low * 100, high * 100)).scaleb(-2)


def whole_month(month: int) -> dict[str, Any]:
    return {"start": first_of(month), "end": last_of(month)}


def invoice_day(rng: Random, month: int) -> date:
    return first_of(month) + timedelta(days=rng.randrange(28))


def both(
    ledger: Ledger,
    sub: Subscription,
    month: int,
    ms: tuple[str, str],
    bss: tuple[str, str],
    tax: Decimal = ZERO,
) -> None:
    """A charge of the whole month: (quantity, unit price) at Microsoft and in BSS."""
    (ms_qty, ms_price), (bss_qty, bss_cost) = ms, bss
    ledger.charge(
        sub.ms(
            month=month,
            **whole_month(month),
            quantity=D(ms_qty),
            unit_price=D(ms_price),
            subtotal=D(ms_qty) * D(ms_price),
            tax=tax,
        )
    )
    item = sub.bss(**whole_month(month), quantity=D(bss_qty), unit_cost=D(bss_cost))
    ledger.bill([item], invoice_day(ledger.rng, month), currency=sub.currency)


def agree_by_anniversary(ledger: Ledger, sub: Subscription, month: int) -> None:
    """Monthly items on any anniversary day, the same on both sides."""
    rng = ledger.rng
    day, price, quantity = rng.randrange(1, 29), money(rng), D(rng.randrange(1, 30))
    for start_month in (month - 1, month):
        start = first_of(start_month).replace(day=day)
        end = first_of(start_month + 1).replace(day=day) - timedelta(days=1)
        ledger.charge(
            sub.ms(
                month=month_of(start),
                start=start,
                end=end,
                quantity=quantity,
                unit_price=price,
                subtotal=price * quantity,
                tax=D("0.01"),
            )
        )
        item = sub.bss(start=start, end=end, quantity=quantity, unit_cost=price)
        ledger.bill([item], start, currency=sub.currency)


def around_tolerance(ledger: Ledger, sub: Subscription, month: int) -> None:
    """Differences of 0.99, 1.00 and 1.01, and a fraction of a cent beside them."""
    rng = ledger.rng
    gap = D(rng.choice(("0.99", "1.00", "1.01", "1.004", "1.005", "1.006", "-1.00", "-1.01")))
    price = money(rng, 20)
    both(ledger, sub, month, ("2", str(price)), ("1", str(2 * price + gap)))


def other_quantity(ledger: Ledger, sub: Subscription, month: int) -> None:
    price = money(ledger.rng, 20)
    both(ledger, sub, month, ("7", str(price)), (ledger.rng.choice(("5", "6.5", "9")), str(price)))


def other_unit_cost(ledger: Ledger, sub: Subscription, month: int) -> None:
    price = money(ledger.rng, 20)
    both(ledger, sub, month, ("7", str(price)), ("7", str(price + 3)))


def tax_included(ledger: Ledger, sub: Subscription, month: int) -> None:
    """BSS recorded the total after tax."""
    price = money(ledger.rng, 50)
    tax = (price * 2 * D("0.19")).quantize(D("0.01"))
    bss_cost = price * 2 + tax + D(ledger.rng.choice(("0", "0.01", "-0.01", "0.02")))
    both(ledger, sub, month, ("2", str(price)), ("1", str(bss_cost)), tax=tax)


def credit_note(ledger: Ledger, sub: Subscription, month: int) -> None:
    """A BSS credit that Microsoft does not have: positive, negative or mixed lines."""
    rng = ledger.rng
    price, amount = money(rng, 60), money(rng, 2, 50)
    both(ledger, sub, month, ("4", str(price)), ("4", str(price)))
    signs = rng.choice(((1,), (-1,), (1, 1), (3, -1), (1, -3)))
    items = [
        sub.bss(
            **whole_month(month),
            quantity=D("1.37"),
            unit_cost=amount * sign,
            total_cost=amount * sign if rng.random() < 0.5 else None,
        )
        for sign in signs
    ]
    kind = rng.choice(("credit", "Credit", "credit"))
    ledger.bill(items, invoice_day(rng, month), kind=kind, currency=sub.currency)


def negative_debit_line(ledger: Ledger, sub: Subscription, month: int) -> None:
    """A debit invoice with a negative line is taken as signed."""
    rng = ledger.rng
    price, back = money(rng, 60), money(rng, 2, 50)
    both(ledger, sub, month, ("4", str(price)), ("4", str(price)))
    item = sub.bss(**whole_month(month), quantity=D("-1"), unit_cost=back)
    ledger.bill([item], invoice_day(rng, month), currency=sub.currency)


def seat_change(ledger: Ledger, sub: Subscription, month: int) -> None:
    """Full prorated credit of the old quantity plus full charge of the new one."""
    rng = ledger.rng
    start = first_of(month) + timedelta(days=rng.randrange(20))
    price = money(rng)
    for quantity in (D("-3.87"), D("7.74")):
        ledger.charge(
            sub.ms(
                month=month + rng.choice((0, 0, 1)),
                start=start,
                end=last_of(month),
                quantity=quantity,
                unit_price=price,
                subtotal=price * quantity,
                charge_type="addQuantity",
            )
        )
    item = sub.bss(start=start, end=last_of(month), quantity=D("3.87"), unit_cost=price)
    ledger.bill([item], invoice_day(rng, month), currency=sub.currency)


def customer_credit(ledger: Ledger, sub: Subscription, month: int) -> None:
    """A negative Microsoft line that BSS does not have."""
    price = money(ledger.rng, 60)
    both(ledger, sub, month, ("3", str(price)), ("3", str(price)))
    amount = money(ledger.rng, 2, 90)
    ledger.charge(
        sub.ms(
            month=month,
            **whole_month(month),
            quantity=D("1"),
            unit_price=-amount,
            subtotal=-amount,
            charge_type="customerCredit",
        )
    )


def late_invoice(ledger: Ledger, sub: Subscription, month: int) -> None:
    """Part of the cost is invoiced one to four months later; four is too late."""
    rng = ledger.rng
    price = money(rng, 40)
    both(ledger, sub, month, ("2", str(price)), ("2", str(price)))
    item = sub.bss(**whole_month(month), quantity=D("1"), unit_cost=money(rng, 5, 60))
    day = rng.choice((invoice_day(rng, month + rng.randrange(1, 5)), first_of(month + 1), last_of(month + 3)))
    ledger.bill([item], day, currency=sub.currency)


def early_or_far_file(ledger: Ledger, sub: Subscription, month: int) -> None:
    """Items of a month or a day more, invoiced around the lower bound, from files around theirs."""
    rng, price = ledger.rng, money(ledger.rng)
    day = rng.randrange(2, 29)
    start, end = first_of(month - 1).replace(day=day), first_of(month).replace(day=day - 1)
    dates = rng.choice((whole_month(month), {"start": start, "end": end}, {"start": start, "end": end + DAY}))
    if rng.random() < 0.8:
        ledger.charge(
            sub.ms(
                month=month + rng.randrange(-2, 3),
                **dates,
                quantity=D("2"),
                unit_price=price,
                subtotal=price * 2,
            )
        )
    if rng.random() < 0.8:
        days = (first_of(month - 1), last_of(month - 2), invoice_day(rng, month - 1))
        item = sub.bss(**dates, quantity=D("2"), unit_cost=price)
        ledger.bill([item], rng.choice(days), currency=sub.currency)


def only_bss(ledger: Ledger, sub: Subscription, month: int) -> None:
    rng = ledger.rng
    item = sub.bss(**whole_month(month), quantity=D("3"), unit_cost=money(rng))
    ledger.bill([item], invoice_day(rng, month), currency=sub.currency)


def only_ms(ledger: Ledger, sub: Subscription, month: int) -> None:
    price = money(ledger.rng)
    ledger.charge(
        sub.ms(
            month=month + ledger.rng.choice((-1, 0, 1)),
            **whole_month(month),
            quantity=D("2"),
            unit_price=price,
            subtotal=price * 2,
        )
    )


def nets_to_zero(ledger: Ledger, sub: Subscription, month: int) -> None:
    """A side that sums to 0 is present."""
    rng, price = ledger.rng, money(ledger.rng)
    for sign in (1, -1):
        item = sub.bss(**whole_month(month), quantity=D(sign), unit_cost=price)
        ledger.bill([item], invoice_day(rng, month), currency=sub.currency)
    small = D(rng.choice(("0", "0.50", "1", "25")))
    ledger.charge(
        sub.ms(
            month=month,
            **whole_month(month),
            quantity=D("1"),
            unit_price=small,
            subtotal=small,
        )
    )


def other_currency(ledger: Ledger, sub: Subscription, month: int) -> None:
    """Two currencies: across the sides, within one side, or spelled differently (the same)."""
    rng, price = ledger.rng, money(ledger.rng)
    foreign = replace(sub, currency="GBP" if sub.currency != "GBP" else "CHF")
    spelled = replace(sub, currency=f" {sub.currency.lower()} ")
    ms, bss = rng.choice(((sub, foreign), (foreign, sub), (sub, spelled), (spelled, sub)))
    ledger.charge(
        ms.ms(
            month=month,
            **whole_month(month),
            quantity=D("1"),
            unit_price=price,
            subtotal=price,
        )
    )
    item = bss.bss(**whole_month(month), quantity=D("1"), unit_cost=price)
    ledger.bill([item], invoice_day(rng, month), currency=bss.currency)
    if rng.random() < 0.4:
        ledger.bill([item], invoice_day(rng, month), currency=sub.currency)


def prepaid(ledger: Ledger, sub: Subscription, month: int) -> None:
    """Annual or triennial items that began up to three years ago; an old file may hold the line."""
    rng = ledger.rng
    start_month = month - rng.randrange(0, 30)
    start = first_of(start_month) + timedelta(days=rng.randrange(28))
    years = rng.choice((1, 3))
    end = start.replace(year=start.year + years, day=min(start.day, 28)) - timedelta(days=1)
    price = money(rng, 100, 4000)
    # Legal, if odd: the charge of a long item comes in a much later file.
    file_month = start_month if rng.random() < 0.6 else month - rng.randrange(0, 3)
    if rng.random() < 0.85:
        ledger.charge(
            sub.ms(
                month=file_month,
                start=start,
                end=end,
                quantity=D("5"),
                unit_price=price,
                subtotal=price * 5,
                tax=money(rng, 1, 40),
            )
        )
    if rng.random() < 0.85:
        item = sub.bss(start=start, end=end, quantity=D("5"), unit_cost=price)
        day = start if rng.random() < 0.6 else invoice_day(rng, month - rng.randrange(0, 3))
        ledger.bill([item], day, currency=sub.currency)


def began_before_history(ledger: Ledger, sub: Subscription, month: int) -> None:
    """One side only, and what it holds began long before anything of the other side landed."""
    rng = ledger.rng
    start = first_of(month - 40) + timedelta(days=rng.randrange(28))
    dates = {"start": start, "end": last_of(month + rng.randrange(0, 9))}
    price = money(rng)
    if rng.random() < 0.5:
        line = sub.ms(month=month, **dates, quantity=D(1), unit_price=price, subtotal=price)
        ledger.charge(line)
    else:
        item = sub.bss(**dates, quantity=D(1), unit_cost=price)
        ledger.bill([item], invoice_day(rng, month), currency=sub.currency)


def undated(ledger: Ledger, sub: Subscription, month: int) -> None:
    """No date, one date, or the two that are no date."""
    rng, price = ledger.rng, money(ledger.rng)

    def dates() -> dict[str, Any]:
        inside = first_of(month) + timedelta(days=rng.randrange(28))
        nothing = rng.choice((None, None, date(1, 1, 1), date(9999, 12, 31)))
        none = {"start": nothing, "end": rng.choice((None, date(9999, 12, 31)))}
        return rng.choice((none, {"start": inside, "end": nothing}, {"start": nothing, "end": inside}))

    if rng.random() < 0.8:
        ledger.charge(
            sub.ms(
                month=month,
                **dates(),
                quantity=D("1"),
                unit_price=price,
                subtotal=price,
                tax=D("1.9"),
            )
        )
    if rng.random() < 0.8:
        item = sub.bss(**dates(), quantity=D("1"), unit_cost=price)
        ledger.bill([item], invoice_day(rng, month), currency=sub.currency)


def odd_days(ledger: Ledger, sub: Subscription, month: int) -> None:
    """A lone 31st, 31st .. 27th, 29 February, 28 .. 31, or any span from a day to three years."""
    rng = ledger.rng
    near = [m for m in range(month - 2, month + 3) if last_of(m).day == 31]
    thirty_first = last_of(rng.choice(near))
    leap = date(month // 12 - month // 12 % 4, 2, 29)
    start = first_of(month - 2) + timedelta(days=rng.randrange(100))
    spans = [
        (thirty_first, thirty_first),
        (thirty_first, thirty_first + timedelta(days=27)),
        (thirty_first, thirty_first + timedelta(days=30)),
        (thirty_first - timedelta(days=rng.randrange(1, 40)), thirty_first),
        (leap, leap),
        (leap, leap + timedelta(days=365)),
        (last_of(month), last_of(month)),
        (start, start),
        (start, start + timedelta(days=rng.randrange(1, 40))),
        (start, start + timedelta(days=rng.randrange(1, 1096))),
    ]
    first, last = rng.choice(spans)
    price = money(rng)
    if rng.random() < 0.75:
        ledger.charge(
            sub.ms(
                month=min(month_of(first) + rng.randrange(0, 2), ledger.last + 1),
                start=first,
                end=last,
                quantity=D("1"),
                unit_price=price,
                subtotal=price,
            )
        )
    if rng.random() < 0.75:
        item = sub.bss(start=first, end=last, quantity=D("1"), unit_cost=price)
        ledger.bill([item], min(first, last_of(ledger.last + 3)), currency=sub.currency)


def rounding_ties(ledger: Ledger, sub: Subscription, month: int) -> None:
    """Costs whose share lies exactly between two millionths, and totals between two cents."""
    rng = ledger.rng
    tie = D("0.000015") * (2 * rng.randrange(1, 400_000) + 1)
    day = rng.randrange(2, 29, 2)  # an odd number of 30ths lies in the month
    start, end = first_of(month - 1).replace(day=day), first_of(month).replace(day=day - 1)
    for amount in (tie, -tie * 3):
        ledger.charge(
            sub.ms(
                month=month,
                start=start,
                end=end,
                quantity=D("1"),
                unit_price=amount,
                subtotal=amount,
            )
        )
    half_cent = D(rng.randrange(1, 90_000)).scaleb(-2) + D("0.005")
    item = sub.bss(
        **whole_month(month),
        quantity=D("1"),
        unit_cost=half_cent * rng.choice((1, -1)),
    )
    ledger.bill([item], invoice_day(rng, month), currency=sub.currency)


def many_decimals(ledger: Ledger, sub: Subscription, month: int) -> None:
    """Twelve decimals, and a quantity of its own."""
    rng = ledger.rng
    price = D(rng.randrange(10**11, 10**14)).scaleb(-12)
    quantity = D(rng.randrange(1, 5000)).scaleb(-3)
    ledger.charge(
        sub.ms(
            month=month,
            **whole_month(month),
            quantity=quantity,
            unit_price=price,
            subtotal=(quantity * price).quantize(D("1e-12")),
        )
    )
    item = sub.bss(
        **whole_month(month),
        quantity=quantity,
        unit_cost=price.quantize(D("1e-9")),
        total_cost=(quantity * price).quantize(D("1e-12")),
    )
    ledger.bill([item], invoice_day(rng, month), currency=sub.currency, form="csv")


def no_unit_cost(ledger: Ledger, sub: Subscription, month: int) -> None:
    """A CSV line with a total cost only."""
    rng, price, quantity = ledger.rng, money(ledger.rng), D("1.91")
    ledger.charge(
        sub.ms(
            month=month,
            **whole_month(month),
            quantity=quantity,
            unit_price=price,
            subtotal=price * quantity,
        )
    )
    item = sub.bss(
        **whole_month(month),
        quantity=rng.choice((None, quantity)),
        unit_cost=None,
        total_cost=price * quantity + rng.choice((0, 2)),
    )
    ledger.bill([item], invoice_day(rng, month), currency=sub.currency)


def total_that_contradicts(ledger: Ledger, sub: Subscription, month: int) -> None:
    """A CSV Total Cost that is there is used as it is, also when it is 0."""
    rng, price = ledger.rng, money(ledger.rng)
    line = sub.ms(month=month, **whole_month(month), quantity=D(1), unit_price=price, subtotal=price)
    ledger.charge(line)
    item = sub.bss(
        **whole_month(month),
        quantity=D("2"),
        unit_cost=price,
        total_cost=rng.choice((D(0), price)),
    )
    ledger.bill([item], invoice_day(rng, month), currency=sub.currency, form="csv")


def canceled(ledger: Ledger, sub: Subscription, month: int) -> None:
    """A canceled invoice beside the valid one."""
    rng, price = ledger.rng, str(money(ledger.rng))
    both(ledger, sub, month, ("1", price), ("1", price))
    item = sub.bss(**whole_month(month), quantity=D("1"), unit_cost=money(rng))
    stage = rng.choice(("Canceled", "Cancelled"))
    ledger.bill([item], invoice_day(rng, month), stage=stage, currency=sub.currency)


def summary_line(ledger: Ledger, sub: Subscription, month: int) -> None:
    """A JSON line that names several subscriptions, beside analytical ones."""
    rng, price = ledger.rng, money(ledger.rng)
    kind = rng.choice(("debit", "debit", "credit"))
    quantity, cost = (D("1"), price) if kind == "debit" else (D("1.37"), price + 1)
    analytical = sub.bss(**whole_month(month), quantity=quantity, unit_cost=cost)
    summary = replace(
        analytical,
        subscriptions=(sub.id, *(f"other-{n}" for n in range(rng.randrange(1, 3)))),
        unit_cost=price * 3,
    )
    ledger.bill([summary, analytical], invoice_day(rng, month), kind=kind, currency=sub.currency)
    line = sub.ms(month=month, **whole_month(month), quantity=D(1), unit_price=price, subtotal=price)
    ledger.charge(line)


def without_id(ledger: Ledger, sub: Subscription, month: int) -> None:
    """Empty, blank and all-zero ids, and JSON lines without any subscription: unassigned."""
    rng, price = ledger.rng, money(ledger.rng)
    if rng.random() < 0.7:
        nobody = replace(sub, id=rng.choice(EMPTY_IDS))
        line = nobody.ms(month=month, **whole_month(month), quantity=D(1), unit_price=price, subtotal=price)
        ledger.charge(line)
    if rng.random() < 0.7:
        ids = rng.choice(((), *((empty,) for empty in EMPTY_IDS)))
        item = sub.bss(**whole_month(month), quantity=D(2), unit_cost=money(rng), subscriptions=ids)
        ledger.bill([item], invoice_day(rng, month), currency=sub.currency)


STORIES: tuple[Story, ...] = (
    agree_by_anniversary,
    around_tolerance,
    other_quantity,
    other_unit_cost,
    tax_included,
    credit_note,
    negative_debit_line,
    seat_change,
    customer_credit,
    late_invoice,
    early_or_far_file,
    only_bss,
    only_ms,
    nets_to_zero,
    other_currency,
    prepaid,
    began_before_history,
    undated,
    odd_days,
    rounding_ties,
    many_decimals,
    no_unit_cost,
    total_that_contradicts,
    canceled,
    summary_line,
    without_id,
)


def tell_stories(ledger: Ledger, subscriptions: int) -> None:
    """Some subscriptions get one story a month, others several, so that they mix."""
    rng = ledger.rng
    for number in range(subscriptions):
        sub = Subscription(
            id=f"{rng.getrandbits(32):08x}-{rng.getrandbits(16):04x}-4{number:03x}-8000-{number:012x}",
            kind="Legacy" if rng.random() < 0.15 else "NCE",
            product=rng.choice(("Product A", 'Product "B", yearly', "Product;C", "Größe Ä")),
            partner=f"partner-{rng.randrange(3)}",
            currency=rng.choice(("USD", "USD", "EUR")),
        )
        mixed = rng.random() < 0.25
        for month in range(ledger.first - 1, ledger.last + 2):
            for _ in range(rng.randrange(1, 4) if mixed else 1):
                rng.choice(STORIES)(ledger, sub, month)


# ---------------------------------------------------------------- accidents


def add_superseded_copies(ledger: Ledger) -> None:
    """Older copies of JSON invoices, in the same or another folder; some of the newest copies
    are canceled, and a few have lost their items."""
    rng = ledger.rng
    for invoice in [one for one in ledger.invoices if one.form == "json"]:
        if rng.random() > 0.2 or invoice.folder > ledger.last + 3:
            continue
        older = replace(
            invoice,
            folder=invoice.folder + rng.choice((0, 0, 0, 1, -1, 2)),
            items=[replace(item, unit_cost=money(rng)) if rng.random() < 0.5 else item for item in invoice.items],
        )
        invoice.updated += rng.choice((timedelta(days=9), timedelta(seconds=1), timedelta(microseconds=500)))
        fate = rng.random()
        if fate < 0.2:
            invoice.stage = rng.choice(("Canceled", "Cancelled"))
        elif fate < 0.25:
            invoice.items = []
        elif fate < 0.4:
            older.stage = "Canceled"
        ledger.invoices.append(older)


def merge_invoices(ledger: Ledger) -> None:
    """Invoices with the lines of several subscriptions; credits keep to themselves."""
    rng = ledger.rng
    open_invoices: dict[tuple[Any, ...], Invoice] = {}
    kept = []
    for invoice in ledger.invoices:
        key = (invoice.form, invoice.folder, invoice.kind, invoice.stage, invoice.currency)
        known = open_invoices.get(key)
        if known and invoice.kind == "debit" and known.day == invoice.day and rng.random() < 0.7:
            known.items += invoice.items
        else:
            open_invoices[key] = invoice
            kept.append(invoice)
    ledger.invoices = kept


def add_bad_rows(ledger: Ledger) -> None:
    """At most one row per source and month that must be quarantined."""
    rng = ledger.rng
    for month in sorted({line.month for line in ledger.ms}):
        for kind in ("NCE", "Legacy"):
            lines = [at for at, one in enumerate(ledger.ms) if (one.month, one.kind) == (month, kind)]
            if lines and rng.random() < 0.4:
                at = rng.choice(lines)
                ledger.ms.insert(at, broken_ms_line(rng, ledger.ms[at]))
    for folder in sorted({invoice.folder for invoice in ledger.invoices}):
        there = [one for one in ledger.invoices if one.folder == folder and one.items]
        if there and rng.random() < 0.4:
            invoice = rng.choice(there)
            at = rng.randrange(len(invoice.items) + 1)
            invoice.items.insert(at, broken_bss_item(rng, invoice.items[0], invoice.form))


def broken_ms_line(rng: Random, line: MsLine) -> MsLine:
    broken = rng.choice(
        (
            {"ChargeStartDate": "31/31/2023"},
            {"ChargeEndDate": "2023-02-30"},
            {"ChargeEndDate": "soon"},
            {"Subtotal": "n/a"},
            {"Subtotal": "12,3,4x"},
            {"ChargeStartDate": "2023-02-02", "ChargeEndDate": "2023-02-01"},
        )
    )
    return replace(line, broken=broken)


def broken_bss_item(rng: Random, item: BssItem, form: str) -> BssItem:
    choices = [
        {"Start Date": "31/01/2023"},
        {"End Date": "2023-13-01"},
        {"Unit Cost": "free", "Total Cost": ""},
        {"Start Date": "2023-02-02", "End Date": "2023-02-01"},
        {"Unit Cost": "", "Total Cost": ""},
    ]
    if form == "csv":
        choices += [{"Total Cost": "twelve"}, {"Invoice Date": "31/01/2023"}]
    return replace(item, broken=rng.choice(choices))


# ---------------------------------------------------------------- how values are written


@dataclass(frozen=True)
class Style:
    """How one CSV file is written."""

    rng: Random
    delimiter: str
    decimal_comma: bool
    encoding: str
    newline: str

    @classmethod
    def draw(cls, rng: Random) -> Style:
        delimiter = rng.choice((",", ",", ",", ";", "\t"))
        return cls(
            rng=rng,
            delimiter=delimiter,
            decimal_comma=rng.random() < (0.2 if delimiter == "," else 0.7),
            encoding=rng.choice(("utf-8", "utf-8", "utf-8-sig", "utf-16")),
            newline=rng.choice(("\r\n", "\n")),
        )

    def number(self, value: Decimal | None) -> str:
        """A number with the marks of the file: a column has one decimal mark (spec/intake.md, 4)."""
        if value is None:
            return ""
        plain = format(value, "f")
        if value == 0 and self.rng.random() < 0.3:
            return "0,00E+00" if self.decimal_comma else "0.00E+00"
        whole, _, decimals = plain.partition(".")
        chance = self.rng.random()
        if self.decimal_comma:
            if len(decimals) == 3:
                decimals += "0"  # 1,234 alone would be a thousand
            if chance < 0.3 and decimals and abs(value) >= 1000:
                whole = f"{int(whole):,}".replace(",", ".")
            return f"{whole},{decimals}" if decimals else whole
        if chance < 0.2 and abs(value) >= 1000 and (decimals or self.delimiter == ","):
            return f"{int(whole):,}" + (f".{decimals}" if decimals else "")
        if chance < 0.4 and len(decimals) < 8:
            return f"{plain}0000" if decimals else f"{plain}.0"
        return plain

    def day(self, value: date | None, is_end: bool = False) -> str:
        if value is None:
            return ""
        return self.rng.choice(day_forms(value, is_end) + us_forms(value, is_end))

    def plain_day(self, value: date | None, is_end: bool = False) -> str:
        """A day that has one order: where both could be meant the platform's files are refused (spec/intake.md, 4)."""
        if value is None or value.day > 12:
            return self.day(value, is_end)
        return self.rng.choice(day_forms(value, is_end))

    def header(self, names: Sequence[str]) -> list[str]:
        """The names as files spell them: other case, blanks, underscores, trailing spaces."""
        if self.rng.random() < 0.6:
            return list(names)
        changes: tuple[Callable[[str], str], ...] = (
            str.upper,
            str.lower,
            lambda name: name + "  ",
            lambda name: name.replace(" ", "_"),
            lambda name: name.replace(" ", ""),
            lambda name: name.replace("Date", " Date").replace("  ", " "),
            lambda name: name.replace("Date", "_Date").replace(" _", "_"),
        )
        return [self.rng.choice(changes)(name) for name in names]

    def render(self, header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
        """The file: blank lines between records do not count as rows."""
        out = io.StringIO()
        quote_all = self.rng.random() < 0.5
        writer = csv.writer(
            out,
            delimiter=self.delimiter,
            lineterminator=self.newline,
            quoting=csv.QUOTE_ALL if quote_all else csv.QUOTE_MINIMAL,
        )
        writer.writerow(self.header(header))
        for row in rows:
            if self.rng.random() < 0.03:
                out.write(self.newline)
            writer.writerow(row)
        if self.rng.random() < 0.3:
            out.write(self.newline)
        return out.getvalue().encode(self.encoding)


def day_forms(value: date, is_end: bool) -> list[str]:
    iso = value.isoformat()
    times: tuple[str, ...]
    if is_end:
        times = ("T23:59:59Z", "T23:59:59.9999999Z", "T23:59:00", "T00:00:00", "T22:30:00-08:00")
    else:
        times = ("T00:00:00", "T00:00:00Z", "T00:00:00.0000000Z", "T01:30:00+08:00")
    return [iso, iso, *(iso + time for time in times)]


def us_forms(value: date, is_end: bool) -> list[str]:
    """Years before 1000 keep their four digits."""
    short = f"{value.month}/{value.day}/{value.year:04d}"
    padded = f"{value.month:02d}/{value.day:02d}/{value.year:04d}"
    return [padded, short, f"{short} {'23:59' if is_end else '0:00'}"]


def spelled_id(rng: Random, text: str) -> str:
    """Ids in other case and with blanks around them."""
    return rng.choice((text, text, text, text.upper(), f" {text} ", f"{text.upper()}  "))


# ---------------------------------------------------------------- writers


def ms_row(line: MsLine, header: Sequence[str], style: Style) -> list[str]:
    rng = style.rng
    legacy = line.kind == "Legacy"
    # Mostly what the line says, in several units of which it shows one, or not there.
    units = Random(f"{line.subscription} {line.start} {line.subtotal}").choice((D(1), D(1), D(1), D(2), D(-1), None))
    values = {
        "partnerid": line.partner,
        "customerid": "0032",
        "customername": rng.choice(("Contoso", "Line\nbreak Ltd", "Müller; Söhne, KG")),
        "invoicenumber": line.invoice_number,
        "productname": line.product,
        "offername": line.product,
        "chargetype": rng.choice((line.charge_type, line.charge_type.upper())),
        "unitprice": style.number(line.unit_price),
        "quantity": style.number(line.quantity),
        "amount": style.number(line.subtotal),
        "subtotal": style.number(line.subtotal),
        "tax": style.number(line.tax),
        "taxtotal": style.number(line.tax),
        "total": style.number(line.subtotal + line.tax),
        "totalforcustomer": style.number(line.subtotal + line.tax),
        "currency": line.currency,
        "subscriptionid": "internal" if legacy else spelled_id(rng, line.subscription),
        "syndicationpartnersubscriptionnumber": spelled_id(rng, line.subscription),
        "chargestartdate": style.day(line.start),
        "chargeenddate": style.day(line.end, is_end=True),
        "subscriptionstartdate": style.day(line.start),
        "subscriptionenddate": style.day(line.end, is_end=True),
        "effectiveunitprice": style.number(line.unit_price if units is None else line.unit_price / units),
        "billablequantity": "" if units is None else style.number(line.quantity * units),
        "orderdate": style.day(line.start),
    }
    values.update({name.lower(): text for name, text in line.broken.items()})
    return [values.get(name.lower(), "") for name in header]


def split(rng: Random, things: Sequence[Any], parts: int) -> list[list[Any]]:
    """The things over some files, in order."""
    files: list[list[Any]] = [[] for _ in range(parts)]
    for thing in things:
        rng.choice(files).append(thing)
    return files


def write_microsoft_month(folder: Path, rng: Random, kind: str, month: int, lines: Sequence[MsLine]) -> None:
    """The files of a month, named after the month that follows it; some landed twice."""
    following = month + 1
    stem = f"{MONTH_NAMES[following % 12]}{following // 12:04d}_MSRECON_{kind}"
    for number, part in enumerate(split(rng, lines, rng.choice((1, 1, 2)))):
        style = Style.draw(rng)
        headers = (NCE_46, NCE_47) if kind == "NCE" else (LEGACY_27, LEGACY_28)
        header = list(rng.choice(headers))
        rows = [ms_row(line, header, style) for line in part]
        if rng.random() < 0.2:
            header, rows = [*header, "UnknownExtra"], [[*row, "x"] for row in rows]
        content = style.render(header, rows)
        suffix = ".csv"
        if rng.random() < 0.35:
            content, suffix = gzip.compress(content, mtime=0), ".csv.gz"
        name = stem if number == 0 else f"{stem}_part{number + 1}"
        (folder / f"{name}{suffix}").write_bytes(content)
        if rng.random() < 0.12:
            (folder / f"{name}_same_again{suffix}").write_bytes(content)


def bss_csv_row(invoice: Invoice, item: BssItem, style: Style) -> list[str]:
    rng = style.rng
    cost = item.total_cost
    if cost is None and item.quantity is not None and item.unit_cost is not None:
        cost = item.quantity * item.unit_cost if rng.random() < 0.5 else None
    values = {
        "Invoice Code": invoice.code,
        "Invoice Date": style.plain_day(invoice.day),
        "Invoice Type": invoice.kind,
        "Invoice Stage": invoice.stage,
        "Invoice Due Date": style.plain_day(invoice.day + timedelta(days=30)),
        "Account ID": invoice.account,
        "Billing Account ID": f"B{invoice.account}",
        "BSS Subscription ID": f"S{invoice.account}",
        "MS Subscription ID": spelled_id(rng, item.subscriptions[0]) if item.subscriptions else "",
        "Product Type": item.product_type,
        "Product": item.product,
        "Start Date": style.plain_day(item.start),
        "End Date": style.plain_day(item.end, is_end=True),
        "Qty": style.number(item.quantity),
        "Unit Cost": style.number(item.unit_cost),
        "Total Cost": style.number(cost),
        "Unit Price": style.number(D("99.5")),
        "Disc. %": style.number(D("10")),
        "Final Amount": style.number(D("1234.5")),
        "Currency": invoice.currency,
        **item.broken,
    }
    return [values[name] for name in BSS_HEADER]


def json_number(value: Decimal | None) -> float | int | None:
    """A JSON number whose shortest form is the value (at most 15 digits)."""
    if value is None:
        return None
    return int(value) if value == value.to_integral_value() else float(value)


def json_item(rng: Random, item: BssItem) -> dict[str, Any]:
    def day(value: date | None, is_end: bool = False) -> str | None:
        return rng.choice(day_forms(value, is_end)) if value else None

    line: dict[str, Any] = {
        "product": {"id": 7, "code": "P7", "name": item.product, "type": item.product_type},
        "description": "line",
        "subscriptions": [
            {"id": 4000 + at, "externalId": spelled_id(rng, one)} for at, one in enumerate(item.subscriptions)
        ],
        "startDate": day(item.start),
        "endDate": day(item.end, is_end=True),
        "quantity": json_number(item.quantity),
        "unitPrice": 99.5,
        "unitCost": json_number(item.unit_cost),
        "discount": {"value": 10},
        "total": 777.77,
    }
    names = {"Start Date": "startDate", "End Date": "endDate", "Unit Cost": "unitCost"}
    for name, text in item.broken.items():
        if name in names:
            line[names[name]] = text or None
    return line


def json_invoice(rng: Random, invoice: Invoice) -> dict[str, Any]:
    day = invoice.day.isoformat()
    fraction = f".{invoice.updated.microsecond:06d}0" if invoice.updated.microsecond else ""
    return {
        "id": invoice.identity,
        "code": invoice.code,
        "date": rng.choice((day, f"{day}T00:00:00", f"{day}T00:00:00Z", f"{day}T23:30:00-08:00")),
        "createdAt": f"{invoice.day.replace(year=invoice.day.year - 1, day=1)}T00:00:00Z",
        "dueDate": (invoice.day + timedelta(days=30)).isoformat(),
        "type": {"type": invoice.kind},
        "status": {"type": invoice.stage},
        "account": {"id": invoice.account},
        "billingTo": {"id": f"B{invoice.account}"},
        "currency": invoice.currency,
        "updatedAt": f"{invoice.updated:%Y-%m-%dT%H:%M:%S}{fraction}Z",
        "items": [json_item(rng, item) for item in invoice.items],
    }


def write_bss_month(folder: Path, rng: Random, invoices: Sequence[Invoice]) -> None:
    """JSON pages and CSV files of a folder; a month without invoices has an empty file."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = split(rng, [one for one in invoices if one.form == "json"], rng.choice((1, 2, 3)))
    for number, part in enumerate(pages, start=1):
        page = {
            "data": [json_invoice(rng, invoice) for invoice in part],
            "paging": {
                "page": number,
                "size": 500,
                "totalPages": len(pages),
                "totalRecords": sum(map(len, pages)),
            },
            "links": [],
        }
        encoding = rng.choice(("utf-8", "utf-8", "utf-8-sig"))
        text = json.dumps(page, ensure_ascii=rng.random() < 0.5, indent=rng.choice((None, 1)))
        (folder / f"invoices_page{number}.json").write_bytes(text.encode(encoding))
    rows = [(one, item) for one in invoices if one.form == "csv" for item in one.items]
    for number, part in enumerate(split(rng, rows, rng.choice((1, 2))), start=1):
        style = Style.draw(rng)
        content = style.render(BSS_HEADER, [bss_csv_row(one, item, style) for one, item in part])
        (folder / f"invoices_{number}.csv").write_bytes(content)
        if rng.random() < 0.12:
            (folder / f"invoices_{number}_same_again.csv").write_bytes(content)


# ---------------------------------------------------------------- the tree


def some_months(rng: Random, months: Sequence[int], chance: float) -> set[int]:
    return {month for month in months if rng.random() < chance}


def write_microsoft(root: Path, ledger: Ledger) -> None:
    """NCE files of every month but the gaps; Legacy files only where there is something, and
    sometimes not even then; a few files hold a header only."""
    rng = ledger.rng
    folder = root / "partner_center" / "reconciliation"
    folder.mkdir(parents=True, exist_ok=True)
    by_month: dict[tuple[str, int], list[MsLine]] = defaultdict(list)
    for line in ledger.ms:
        by_month[line.kind, line.month].append(line)
    oldest = ledger.first - rng.choice((1, 1, 2, 4, 14))
    months = range(oldest, ledger.last + rng.choice((1, 2, 2, 2)))
    gaps, empty = some_months(rng, months, 0.06), some_months(rng, months, 0.06)
    for month in months:
        if month in gaps:
            continue
        lines = [] if month in empty else by_month["NCE", month]
        write_microsoft_month(folder, rng, "NCE", month, lines)
        legacy = by_month["Legacy", month]
        if (legacy and rng.random() < 0.9) or rng.random() < 0.1:
            write_microsoft_month(folder, rng, "Legacy", month, legacy)


def write_bss(root: Path, ledger: Ledger) -> None:
    """A folder for every month but the gaps."""
    rng = ledger.rng
    by_folder: dict[int, list[Invoice]] = defaultdict(list)
    for invoice in ledger.invoices:
        by_folder[invoice.folder].append(invoice)
    oldest = ledger.first - rng.choice((1, 1, 2, 4, 14))
    months = range(oldest, ledger.last + rng.choice((2, 4, 4, 5)))
    gaps = some_months(rng, months, 0.05)
    for month in months:
        if month not in gaps:
            write_bss_month(root / "bss" / "invoices" / folder_of(month), rng, by_folder[month])


def write_random_landing(root: Path, seed: int, months: Sequence[str], subscriptions: int = 12) -> None:
    """Writes a landing tree for the months ("YYYY-MM", a contiguous range) below `root`. The same
    arguments always give the same bytes."""
    rng = Random(f"subscriptions {seed}")
    numbers = sorted(int(text[:4]) * 12 + int(text[5:]) - 1 for text in months)
    ledger = Ledger(rng, numbers[0], numbers[-1])
    tell_stories(ledger, subscriptions)
    merge_invoices(ledger)
    add_superseded_copies(ledger)
    add_bad_rows(ledger)
    write_microsoft(Path(root), ledger)
    write_bss(Path(root), ledger)
