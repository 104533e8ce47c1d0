"""Which usage and cost lines a month holds, and what a reconciliation must find in them. File formats are not known here.

Every planted row has a subscription of its own, so that nothing planted touches another; both kinds of export and
FOCUS hold the same lines.
"""

from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from random import Random
from typing import Literal

from recon_assets.months import first_day
from recon_assets.sample.partner_center import bridged_invoice_number, invoice_number
from recon_assets.sample.subscriptions.catalogue import random_guid

PLAIN_SUBSCRIPTIONS = 8
DAYS = 3
METERS = (
    ("Virtual Machines", "Ddsv5 Series", "D4ds v5"),
    ("Storage", "Tiered Block Blob", "Hot LRS Data Stored"),
    ("Bandwidth", "Rtn Preference: MGN", "Standard Data Transfer Out"),
)
Comparison = Literal["actual_cost", "amortized_cost", "focus"]
# What FOCUS calls kinds of charge that other exports have.
FOCUS_CATEGORIES = {"RoundingAdjustment": "Adjustment", "Refund": "Credit"}


@dataclass(frozen=True)
class UsageLine:
    """A line of either side; `charge_type` other than Usage stands only in cost exports."""

    customer: str
    invoice: str
    subscription: str
    meter: int
    resource: str
    day: date
    quantity: Decimal
    amount: Decimal
    currency: str = "USD"
    charge_type: str = "Usage"
    has_invoice: bool = True


@dataclass
class Month:
    """The lines of both sides, and the grid rows that are expected of the planted ones."""

    month: str
    comparisons: tuple[Comparison, ...]
    meters: list[str]
    usage: list[UsageLine] = field(default_factory=list)
    cost: list[UsageLine] = field(default_factory=list)
    planted: list[dict[str, object]] = field(default_factory=list)
    out_of_scope: list[dict[str, object]] = field(default_factory=list)
    plain_count: int = 0
    is_restated: bool = False

    def expected(self) -> list[dict[str, object]]:
        return [{"billing_month": self.month, "comparison": c, **row} for c in self.comparisons for row in self.planted]

    def expected_out_of_scope(self) -> list[dict[str, object]]:
        return [
            {
                "billing_month": self.month,
                "comparison": c,
                **row,
                "charge_type": charge_type_in(c, str(row["charge_type"])),
            }
            for c in self.comparisons
            for row in self.out_of_scope
        ]


def charge_type_in(comparison: Comparison, charge_type: str) -> str:
    """The kind of charge as the export of a comparison spells it."""
    return FOCUS_CATEGORIES.get(charge_type, charge_type) if comparison == "focus" else charge_type


class Planner:
    """Plants lines into a month; a new subscription for every kind."""

    def __init__(self, month: Month, seed: int) -> None:
        self.month = month
        self.rng = Random(f"{seed}:usage:{month.month}")
        self.customers = [random_guid(Random(f"{seed}:usage customer:{n}")) for n in range(5)]
        self.count = 0
        self.is_planting = False

    def line(self, quantity: str = "10", amount: str = "12.5", meter: int = 0, day: int = 1) -> UsageLine:
        """A line of a new subscription; its customer has one invoice, what is planted is on the one with a bridge."""
        self.count += 1
        customer = 4 if self.is_planting else self.count % 3
        subscription = random_guid(self.rng)
        resource = f"/subscriptions/{subscription}/resourceGroups/rg-{self.count}/providers/Microsoft.Compute/virtualMachines/vm"
        start = first_day(self.month.month).replace(day=day)
        month = self.month.month
        invoice = {0: invoice_number(month), 4: bridged_invoice_number(month)}.get(
            customer, f"G{month.replace('-', '')}{customer:03d}"
        )
        return UsageLine(
            self.customers[customer], invoice, subscription, meter, resource, start, Decimal(quantity), Decimal(amount)
        )

    def plant(
        self, what: str, usage: list[UsageLine], cost: list[UsageLine], status: str, explanation: str | None,
        variation: str | None, invoice: str | None = None,
    ) -> None:  # fmt: skip
        self.month.usage += usage
        self.month.cost += cost
        line = (usage or cost)[0]
        self.month.planted.append(
            {
                "invoice_number": invoice or line.invoice,
                "azure_subscription_id": line.subscription,
                "currency": line.currency,
                "meter_id": self.month.meters[line.meter],
                "status": status,
                "explanation": explanation,
                "amount_variation": variation,
                "what": what,
            }
        )


def plan_month(month: str, at: int, seed: int, scale: int) -> Month:
    """The month number `at` of a sample; every third has amortized costs too, every second FOCUS."""
    comparisons: list[Comparison] = ["actual_cost"]
    comparisons += ["amortized_cost"] if at % 3 == 0 else []
    comparisons += ["focus"] if at % 2 == 0 else []
    rng = Random(f"{seed}:usage meters")
    planned = Month(month, tuple(comparisons), [random_guid(rng) for _ in METERS])
    planned.is_restated = at % 2 == 0
    planner = Planner(planned, seed)
    _plain(planner, PLAIN_SUBSCRIPTIONS * scale)
    planner.is_planting = True
    for plant in KINDS:
        plant(planner)
    return planned


def _plain(planner: Planner, subscriptions: int) -> None:
    for _ in range(subscriptions):
        first = planner.line()
        for meter in range(len(METERS)):
            for day in range(1, DAYS + 1):
                price = Decimal(planner.rng.randint(1, 4_000_000)) / 1_000_000
                quantity = Decimal(planner.rng.randint(1, 24))
                line = replace(
                    first, meter=meter, day=first.day.replace(day=day), quantity=quantity, amount=quantity * price
                )
                planner.month.usage.append(line)
                planner.month.cost.append(line)
            planner.month.plain_count += 1


def edge_of_the_tolerance(p: Planner) -> None:
    for amount, status, explanation in (
        ("12.51", "matched", None),
        ("12.49", "matched", None),
        ("12.511", "mismatched", "price"),
    ):
        line = p.line()
        variation = str(Decimal(amount) - line.amount)
        p.plant(
            "a cent is the tolerance", [line], [replace(line, amount=Decimal(amount))], status, explanation, variation
        )


def missing(p: Planner) -> None:
    line = p.line()
    p.plant("the cost export lacks the line", [line], [], "missing_in_cost", "missing_side", "-12.5")
    line = p.line(amount="7.25")
    p.plant("the invoice lacks the line", [], [line], "missing_in_usage", "missing_side", "7.25")
    line = p.line(amount="0")
    p.plant("a free line that one side lacks", [line], [], "missing_in_cost", "zero_amount", "0")


def currencies(p: Planner) -> None:
    line = p.line()
    other = replace(line, currency="EUR", amount=Decimal("11.5"))
    p.plant("usage in dollars, cost in euros", [line], [], "not_comparable", "currency", None)
    p.plant("cost in euros, usage in dollars", [], [other], "not_comparable", "currency", None)
    line = replace(p.line(amount="1200"), currency="JPY")
    p.plant("a yen is the tolerance", [line], [replace(line, amount=Decimal(1201))], "matched", None, "1")
    line = replace(p.line(amount="12.5"), currency="KWD")
    p.plant(
        "a fils is the tolerance", [line], [replace(line, amount=Decimal("12.502"))], "mismatched", "price", "0.002"
    )


def category_move(p: Planner) -> None:
    line = p.line()
    moved = replace(line, meter=1)
    p.plant("the cost moved to another meter", [line], [], "missing_in_cost", "category_move", "-12.5")
    p.plant("the cost moved from another meter", [], [moved], "missing_in_usage", "category_move", "12.5")


def rounding(p: Planner) -> None:
    lines = [replace(line, day=line.day.replace(day=n)) for line in [p.line()] for n in (1, 2, 3)]
    cost = [replace(line, amount=line.amount + Decimal("0.008")) for line in lines]
    p.plant("each of three lines rounds", lines, cost, "mismatched", "rounding", "0.024")


def quantity(p: Planner) -> None:
    line = p.line()
    p.plant("twice as much at the same price", [line], [replace(line, quantity=Decimal(20), amount=Decimal(25))], "mismatched",
            "quantity", "12.5")  # fmt: skip


def price(p: Planner) -> None:
    line = p.line()
    p.plant("another price", [line], [replace(line, amount=Decimal("13.75"))], "mismatched", "price", "1.25")


def unit(p: Planner) -> None:
    line = p.line()
    p.plant("another unit of measure", [line], [replace(line, quantity=Decimal(1000))], "mismatched", "unit", "0")


def unexplained(p: Planner) -> None:
    line = p.line()
    reason = "restated" if p.month.is_restated else "unexplained"
    p.plant("quantity and price differ", [line], [replace(line, quantity=Decimal(7), amount=Decimal(99))], "mismatched", reason,
            "86.5")  # fmt: skip


def unassigned(p: Planner) -> None:
    first, second = p.line(), p.line()
    customer = p.customers[3]
    first, second = (
        replace(x, customer=customer, invoice=f"G{p.month.month.replace('-', '')}{n}")
        for n, x in enumerate((first, second), 8)
    )
    p.plant("a customer of two invoices, cost without one", [first], [replace(first, has_invoice=False)], "matched", None, "0",
            "unassigned")  # fmt: skip
    p.plant("another subscription of that customer", [second], [second], "matched", None, "0", "unassigned")


def other_charges(p: Planner) -> None:
    line = p.line()
    adjustment = replace(line, charge_type="RoundingAdjustment", amount=Decimal("0.004"), quantity=Decimal(1))
    p.plant("a rounding adjustment beside usage", [line], [line, adjustment], "matched", None, "0")
    for charge_type, amount in (
        ("Purchase", "120"),
        ("Refund", "-30"),
        ("RoundingAdjustment", "0.003"),
        ("Tax", "9.6"),
    ):
        beside = replace(p.line(amount=amount), charge_type=charge_type)
        p.month.cost.append(beside)
        p.month.out_of_scope.append(
            {
                "invoice_number": beside.invoice,
                "azure_subscription_id": beside.subscription,
                "currency": beside.currency,
                "charge_type": charge_type,
                "cost_amount": amount,
            }
        )


KINDS = (
    edge_of_the_tolerance, missing, currencies, category_move, rounding, quantity, price, unit, unexplained, unassigned,
    other_charges,
)  # fmt: skip
