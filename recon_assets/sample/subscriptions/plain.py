"""The plain subscriptions: both sides hold the same items in every month, so every row is a match.

A subscription renews on its anniversary day, from the first sample month on; the part of its first and last item
that lies outside the sample is the same on both sides. Rows are made as they are written; only the subscriptions
themselves are in memory.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache
from random import Random
from typing import NamedTuple

from recon_assets.months import first_day
from recon_assets.sample.partner_center import legacy_has_rows
from recon_assets.sample.records import Account, BssInvoice, BssLine, Charge, MicrosoftLine, Product, to_cents
from recon_assets.sample.subscriptions.catalogue import (
    AZURE_PLAN,
    LEGACY_PRODUCTS,
    PLAIN_PRODUCTS,
    account,
    random_guid,
)
from recon_assets.sample.terms import term

PER_ACCOUNT = 2
FIRST_ACCOUNT = 100
ANNIVERSARY_DAYS = (1, 1, 1, 5, 15, 22, 28, 31)


class PlainSubscription(NamedTuple):
    number: int
    ms_id: str
    product: Product
    quantity: int
    unit_cost: Decimal
    day: int


@dataclass(frozen=True)
class PlainBilling:
    """The plain subscriptions of a sample and what each month's files say about them; `at` is the month's number."""

    months: list[str]
    seed: int
    subscriptions: list[PlainSubscription]

    @property
    def accounts(self) -> int:
        return -(-len(self.subscriptions) // PER_ACCOUNT)

    def count_json_invoices(self) -> int:
        return sum(1 for number in range(self.accounts) if not uses_csv(number))

    def invoices(self, at: int, in_csv: bool) -> Iterator[BssInvoice]:
        """One invoice per account, of the accounts that are exported as CSV, or of the others."""
        for number in range(self.accounts):
            if uses_csv(number) == in_csv:
                yield self._invoice(at, number)

    def nce_lines(self, at: int) -> Iterator[MicrosoftLine]:
        return (
            self._line(at, subscription) for subscription in self.subscriptions if not self._is_legacy(at, subscription)
        )

    def legacy_lines(self, at: int) -> Iterator[MicrosoftLine]:
        return (
            self._line(at, subscription) for subscription in self.subscriptions if self._is_legacy(at, subscription)
        )

    def _is_legacy(self, at: int, subscription: PlainSubscription) -> bool:
        return subscription.product in LEGACY_PRODUCTS and legacy_has_rows(at)

    def _account(self, number: int) -> Account:
        return account(self.seed, FIRST_ACCOUNT + number)

    def _invoice(self, at: int, number: int) -> BssInvoice:
        customer = self._account(number)
        own = self.subscriptions[number * PER_ACCOUNT : (number + 1) * PER_ACCOUNT]
        return BssInvoice(
            invoice_id=(at + 1) * 10_000_000 + number,
            code=f"INV-{self.months[at].replace('-', '')}-{number:06d}",
            day=first_day(self.months[at]) + timedelta(days=number % 28),
            account=customer,
            currency=customer.currency,
            lines=tuple(self._bss_line(at, subscription) for subscription in own),
            has_total_cost=number % 4 != 0,
        )

    def _bss_line(self, at: int, subscription: PlainSubscription) -> BssLine:
        ms_id = self._id_in(at, subscription)
        spelled = f" {ms_id} " if subscription.number % 11 == 0 else ms_id
        return BssLine((spelled,), f"S-{subscription.number:06d}", subscription.product, self._charge(at, subscription))

    def _line(self, at: int, subscription: PlainSubscription) -> MicrosoftLine:
        customer = self._account(subscription.number // PER_ACCOUNT)
        ms_id = self._id_in(at, subscription)
        charge = self._charge(at, subscription)
        return MicrosoftLine(
            ms_subscription_id=ms_id.upper() if subscription.number % 4 == 0 else ms_id,
            account=customer,
            product=subscription.product,
            charge=charge,
            charge_type="new" if at == 0 else ("Renew" if subscription.number % 3 == 0 else "renew"),
            tax=to_cents(charge.amount * customer.tax_rate),
            currency=customer.currency,
        )

    def _id_in(self, at: int, subscription: PlainSubscription) -> str:
        """Legacy seats that move to NCE, and back, get a new subscription id each time."""
        era = legacy_era(at)
        if era == 0 or subscription.product not in LEGACY_PRODUCTS:
            return subscription.ms_id
        return random_guid(Random(f"{self.seed}:moved:{subscription.number}:{era}"))

    def _charge(self, at: int, subscription: PlainSubscription) -> Charge:
        """Azure plans cost something else every month; the others the same."""
        unit_cost = subscription.unit_cost
        if subscription.product is AZURE_PLAN:
            unit_cost += Decimal((at * 3_719 + subscription.number * 97) % 9_000) / 100
        start, end = _term_of(self.months[at], subscription.day)
        quantity = Decimal(subscription.quantity)
        return Charge(start, end, quantity, unit_cost, quantity * unit_cost)


_term_of = lru_cache(maxsize=1024)(term)


def legacy_era(at: int) -> int:
    """How often legacy seats have moved between legacy and NCE before month number `at`."""
    return sum(1 for month in range(1, at + 1) if legacy_has_rows(month) != legacy_has_rows(month - 1))


def uses_csv(account_number: int) -> bool:
    return account_number % 3 == 2


def plain_billing(months: list[str], seed: int, count: int) -> PlainBilling:
    """`count` plain subscriptions; a greater count adds to the same ones."""
    rng = Random(f"{seed}:plain")
    return PlainBilling(months, seed, [_subscription(number, rng) for number in range(count)])


def _subscription(number: int, rng: Random) -> PlainSubscription:
    product = PLAIN_PRODUCTS[number % len(PLAIN_PRODUCTS)]
    is_azure = product is AZURE_PLAN
    day = ANNIVERSARY_DAYS[rng.randrange(len(ANNIVERSARY_DAYS))]
    quantity = rng.randrange(1, 60)
    return PlainSubscription(
        number=number,
        ms_id=random_guid(rng),
        product=product,
        quantity=1 if is_azure else quantity,
        unit_cost=product.price + Decimal(rng.randrange(0, 40)) / 20,
        day=1 if is_azure or product in LEGACY_PRODUCTS else day,
    )
