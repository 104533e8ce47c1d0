"""The recorder of planted subscriptions: what lands on each side, and what a reconciliation must say about it.

Which subscriptions are planted is in `matches` and `differences`; file formats are not known here.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from random import Random

from recon_assets.months import add_months, first_day, last_day, month_of
from recon_assets.sample.records import (
    Account,
    BssInvoice,
    BssLine,
    Charge,
    Corruption,
    InvoiceFormat,
    MicrosoftFile,
    MicrosoftLine,
    MonthRecords,
    Product,
    to_cents,
)
from recon_assets.sample.subscriptions.catalogue import SEATS, account, random_guid

INVOICE_DAY = 10
FIRST_ACCOUNT = 20
DOLLAR_ACCOUNTS = 5
CYCLE = 6


@dataclass(frozen=True)
class Subscription:
    ms_id: str
    bss_id: str
    account: Account
    product: Product


@dataclass(frozen=True)
class ExpectedRow:
    """A row of the reconciliation; `what` is None where it is as plain as any other match."""

    billing_month: str
    ms_subscription_id: str
    status: str
    explanation: str | None
    cost_difference: str | None
    what: str | None


def charge_of(
    start: date | None, end: date | None, quantity: int | str, unit_cost: str, amount: str | None = None
) -> Charge:
    """A charge from plain numbers; the amount is quantity times unit cost unless given."""
    count, price = Decimal(quantity), Decimal(unit_cost)
    return Charge(start, end, count, price, count * price if amount is None else Decimal(amount))


class Plan:
    """Collects the records of each month and the rows that are expected of them. `at` is a month's 0-based number."""

    def __init__(self, months: Sequence[str], seed: int) -> None:
        self.months = list(months)
        self.records = {month: MonthRecords() for month in months}
        self.expected: list[ExpectedRow] = []
        self._seed = seed
        self._rng = Random(f"{seed}:planted")
        self._subscriptions = 0
        self._invoices = 0

    def has(self, at: int) -> bool:
        return 0 <= at < len(self.months)

    def month(self, at: int) -> str:
        """The month number `at`, which may lie outside the sample."""
        return add_months(self.months[0], at)

    def subscription(self, product: Product = SEATS) -> Subscription:
        """A new subscription of one of the dollar customers."""
        self._subscriptions += 1
        number = FIRST_ACCOUNT + 5 * (self._subscriptions % DOLLAR_ACCOUNTS)
        bss_id = f"S-{800_000 + self._subscriptions}"
        return Subscription(random_guid(self._rng), bss_id, account(self._seed, number), product)

    def month_charge(self, at: int, quantity: int | str, unit_cost: str, amount: str | None = None) -> Charge:
        """A charge for the whole calendar month."""
        month = self.month(at)
        return charge_of(first_day(month), last_day(month), quantity, unit_cost, amount)

    def line(self, subscription: Subscription, charge: Charge) -> BssLine:
        return BssLine((subscription.ms_id,), subscription.bss_id, subscription.product, charge)

    def invoice(self, subscription: Subscription, at: int, *charges: Charge) -> BssInvoice:
        """A debit invoice dated in month `at`, one line per charge; nothing lands yet."""
        self._invoices += 1
        return BssInvoice(
            invoice_id=900_000 + self._invoices,
            code=f"INV-{900_000 + self._invoices}",
            day=first_day(self.month(at)).replace(day=INVOICE_DAY),
            account=subscription.account,
            currency=subscription.account.currency,
            lines=tuple(self.line(subscription, charge) for charge in charges),
        )

    def land(self, invoice: BssInvoice, file_format: InvoiceFormat = "json") -> None:
        """Puts an invoice into the folder of its date."""
        records = self.records[month_of(invoice.day)]
        (records.json_invoices if file_format == "json" else records.csv_invoices).append(invoice)

    def land_update(self, invoice: BssInvoice) -> None:
        """Puts another copy of an invoice into the pages of a later fetch."""
        self.records[month_of(invoice.day)].json_updates.append(invoice)

    def bill(self, subscription: Subscription, at: int, *charges: Charge, file_format: InvoiceFormat = "json") -> None:
        self.land(self.invoice(subscription, at, *charges), file_format)

    def charge(
        self,
        subscription: Subscription,
        at: int,
        *charges: Charge,
        charge_type: str = "renew",
        file_kind: MicrosoftFile = "nce",
        corruption: Corruption | None = None,
        invoice_number: str | None = None,
    ) -> None:
        """Puts one Microsoft line per charge into the file of month `at`."""
        customer = subscription.account
        records = self.records[self.month(at)]
        lines = records.nce_lines if file_kind == "nce" else records.legacy_lines
        for charge in charges:
            tax = to_cents(charge.amount * customer.tax_rate)
            line = MicrosoftLine(
                subscription.ms_id, customer, subscription.product, charge, charge_type, tax, customer.currency
            )
            lines.append(replace(line, corruption=corruption, invoice_number=invoice_number))

    def expect(
        self,
        subscription: Subscription,
        at: int,
        status: str,
        explanation: str | None,
        cost_difference: str | None,
        what: str | None,
    ) -> None:
        """States the row of month `at`; months outside the sample have none."""
        if self.has(at):
            row = ExpectedRow(self.month(at), subscription.ms_id, status, explanation, cost_difference, what)
            self.expected.append(row)

    def expect_match(
        self, subscription: Subscription, at: int, what: str | None = None, cost_difference: str = "0.00"
    ) -> None:
        self.expect(subscription, at, "match", None, cost_difference, what)

    def match_in_other_months(self, subscription: Subscription, at: int, quantity: int, unit_cost: str) -> None:
        """Both sides agree on this subscription in every month but `at`."""
        for other in range(len(self.months)):
            if other != at:
                charge = self.month_charge(other, quantity, unit_cost)
                self.bill(subscription, other, charge)
                self.charge(subscription, other, charge)
                self.expect_match(subscription, other)


def any_month(months: Sequence[str], at: int) -> bool:
    return True


@dataclass(frozen=True)
class Kind:
    """A kind of planted subscription and where it can stand: months it needs on either side, and the month itself."""

    plant: Callable[[Plan, int], None]
    earlier: int = 0
    later: int = 0
    fits: Callable[[Sequence[str], int], bool] = any_month

    def positions(self, count: int, months: Sequence[str]) -> list[int]:
        """The months this kind is planted in, every sixth that suits it; `count` spreads kinds over the months."""
        suitable = [at for at in range(self.earlier, len(months) - self.later) if self.fits(months, at)]
        return suitable[count % min(CYCLE, len(suitable)) :: CYCLE] if suitable else []


def plant_all(plan: Plan, kinds: Sequence[Kind]) -> None:
    for count, kind in enumerate(kinds):
        for at in kind.positions(count, plan.months):
            kind.plant(plan, at)
