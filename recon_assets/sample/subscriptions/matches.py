"""Planted subscriptions on which both sides agree, each for a reason that a careless reader gets wrong."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta

from recon_assets.months import add_months, first_day, last_day, month_of
from recon_assets.sample.subscriptions.catalogue import AZURE_PLAN, SEATS_YEARLY, SOFTWARE_PERPETUAL
from recon_assets.sample.subscriptions.plan import Kind, Plan, charge_of
from recon_assets.sample.terms import term


def difference_of_exactly_one(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    plan.match_in_other_months(subscription, at, 1, "50.00")
    plan.bill(subscription, at, plan.month_charge(at, 1, "51.00"))
    plan.charge(subscription, at, plan.month_charge(at, 1, "50.00"))
    plan.expect_match(subscription, at, "the sides differ by exactly the tolerance of 1.00", "1.00")


def difference_of_99_cents(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    plan.match_in_other_months(subscription, at, 1, "50.00")
    plan.bill(subscription, at, plan.month_charge(at, 1, "50.00"))
    plan.charge(subscription, at, plan.month_charge(at, 1, "50.99"))
    plan.expect_match(subscription, at, "Microsoft charges 0.99 more, inside the tolerance", "-0.99")


def seat_change(plan: Plan, at: int) -> None:
    """Five seats become eight on the 11th: a full prorated credit of the old quantity, a charge of the new one."""
    subscription = plan.subscription()
    month = plan.month(at)
    change, end = first_day(month).replace(day=11), last_day(month)
    base = plan.month_charge(at, 5, "12.00")
    plan.bill(subscription, at, base, charge_of(change, end, 3, "8.00"))
    plan.charge(subscription, at, base)
    plan.charge(subscription, at, charge_of(change, end, -5, "12.00", "-40.00"), charge_type="addQuantity")
    plan.charge(subscription, at, charge_of(change, end, 8, "12.00", "64.00"), charge_type="addQuantity")
    plan.expect_match(subscription, at, "seats changed: a prorated credit of 5 and a charge of 8 net to 3 more seats")


def annual_prepaid(plan: Plan, at: int) -> None:
    """One yearly charge from the 15th: an item of thirteen calendar months, long after its invoice."""
    subscription = plan.subscription(SEATS_YEARLY)
    year = charge_of(*term(plan.month(at), 15, 12), 4, "432.00")
    plan.bill(subscription, at, year)
    plan.charge(subscription, at, year, charge_type="new")
    for month in range(at, at + 13):
        plan.expect_match(
            subscription, month, "a share of a year that was prepaid from the 15th" if month > at else None
        )


def perpetual_software(plan: Plan, at: int) -> None:
    """No dates at Microsoft; the BSS writes its smallest and greatest date, which are no dates either."""
    subscription = plan.subscription(SOFTWARE_PERPETUAL)
    plan.bill(subscription, at, charge_of(date(1, 1, 1), date(9999, 12, 31), 2, "505.00"))
    plan.charge(subscription, at, charge_of(None, None, 2, "505.00"), charge_type="new")
    plan.expect_match(subscription, at, "perpetual software without dates counts whole in its month")


def software_with_one_date(plan: Plan, at: int) -> None:
    subscription = plan.subscription(SOFTWARE_PERPETUAL)
    charge = charge_of(first_day(plan.month(at)), None, 1, "505.00")
    plan.bill(subscription, at, charge, file_format="csv")
    plan.charge(subscription, at, charge, charge_type="new")
    plan.expect_match(subscription, at, "a start date without an end date is undated")


def azure_plan(plan: Plan, at: int) -> None:
    subscription = plan.subscription(AZURE_PLAN)
    plan.bill(subscription, at, plan.month_charge(at, "0.0159369774", "431.80"))
    plan.charge(subscription, at, plan.month_charge(at, "0.0159369774", "431.80", "6.88"), charge_type="new")
    plan.expect_match(subscription, at, "an Azure plan line of a calendar month with a quantity of ten decimals")


def credit_invoice(plan: Plan, at: int) -> None:
    """The BSS exports a credit invoice with positive amounts; Microsoft writes a negative line."""
    subscription = plan.subscription()
    charge = plan.month_charge(at, 10, "12.50")
    plan.bill(subscription, at, charge, file_format="csv")
    credit = plan.invoice(subscription, at, plan.month_charge(at, 1, "37.50"))
    plan.land(replace(credit, invoice_type="credit"), "csv")
    plan.charge(subscription, at, charge)
    plan.charge(subscription, at, plan.month_charge(at, 1, "-37.50"), charge_type="customerCredit")
    plan.expect_match(subscription, at, "a credit invoice with a positive line nets with Microsoft's negative line")


def credit_invoice_with_negative_line(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    charge = plan.month_charge(at, 4, "20.00")
    credit = plan.month_charge(at, -1, "20.00")
    plan.bill(subscription, at, charge)
    plan.land(replace(plan.invoice(subscription, at, credit), invoice_type="credit"))
    plan.charge(subscription, at, charge)
    plan.charge(subscription, at, credit, charge_type="removeQuantity")
    plan.expect_match(subscription, at, "a credit invoice whose line is negative already is taken as it is")


def credit_a_month_later(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    charge = plan.month_charge(at, 6, "15.00")
    credit = plan.month_charge(at, -2, "15.00")
    plan.bill(subscription, at, charge)
    later = plan.invoice(subscription, at + 1, plan.month_charge(at, 2, "15.00"))
    plan.land(replace(later, invoice_type="credit"))
    plan.charge(subscription, at, charge)
    plan.charge(subscription, at + 1, credit, charge_type="customerCredit")
    plan.expect_match(subscription, at, "both sides credit two seats of this month in the month after")


def canceled_and_reissued(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    right = plan.month_charge(at, 7, "22.00")
    canceled = plan.invoice(subscription, at, plan.month_charge(at, 9, "22.00"))
    plan.land(replace(canceled, stage="Canceled"), "csv")
    plan.bill(subscription, at, right)
    plan.charge(subscription, at, right)
    plan.expect_match(subscription, at, "a canceled invoice does not count beside the one issued in its place")


def superseded_copy(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    right = plan.month_charge(at, 5, "18.00")
    first = plan.invoice(subscription, at, plan.month_charge(at, 3, "18.00"))
    plan.land(first)
    newer = replace(first, lines=(plan.line(subscription, right),))
    plan.land_update(replace(newer, updated_at=f"{first.day + timedelta(days=4)}T09:30:00Z"))
    plan.charge(subscription, at, right)
    plan.expect_match(subscription, at, "a newer copy of the JSON invoice replaces the first one")


def stale_copy(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    right = plan.month_charge(at, 5, "18.00")
    stale = plan.invoice(subscription, at, plan.month_charge(at, 50, "18.00"))
    newer = replace(stale, lines=(plan.line(subscription, right),))
    plan.land(replace(newer, updated_at=f"{stale.day + timedelta(days=6)}T11:00:00Z"))
    plan.land_update(stale)
    plan.charge(subscription, at, right)
    plan.expect_match(subscription, at, "an older copy in a later file does not replace the newer one")


def redated_copy(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    right = plan.month_charge(at, 2, "33.00")
    first = plan.invoice(subscription, at, plan.month_charge(at, 1, "33.00"))
    plan.land(first)
    day = first_day(plan.month(at + 1))
    newer = replace(first, day=day, lines=(plan.line(subscription, right),))
    plan.land(replace(newer, updated_at=f"{day + timedelta(days=2)}T08:00:00Z"))
    plan.charge(subscription, at, right)
    plan.expect_match(subscription, at, "the newer copy of an invoice carries a date in the next month's folder")


def summary_line(plan: Plan, at: int) -> None:
    first, second = plan.subscription(), plan.subscription()
    charges = {first: plan.month_charge(at, 3, "9.00"), second: plan.month_charge(at, 4, "11.00")}
    invoice = plan.invoice(first, at)
    summary = replace(
        plan.line(first, plan.month_charge(at, 1, "71.00")), ms_subscription_ids=(first.ms_id, second.ms_id)
    )
    analytical = [plan.line(subscription, charge) for subscription, charge in charges.items()]
    plan.land(replace(invoice, lines=(summary, *analytical)))
    for subscription, charge in charges.items():
        plan.charge(subscription, at, charge)
        plan.expect_match(subscription, at, "a summary line of two subscriptions stands beside their own lines")


def invoiced_a_month_early(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    charge = plan.month_charge(at, 2, "45.00")
    early = plan.invoice(subscription, at - 1, charge)
    plan.land(replace(early, day=first_day(plan.month(at - 1))))
    plan.charge(subscription, at, charge)
    plan.expect_match(subscription, at, "invoiced on the first day of the window, the first of the month before")


def invoiced_on_the_last_day(plan: Plan, at: int) -> None:
    """Written 23:30 in California, already the next month in UTC: the calendar day counts as written."""
    subscription = plan.subscription()
    charge = plan.month_charge(at, 2, "46.00")
    day = last_day(plan.month(at + 3))
    plan.land(replace(plan.invoice(subscription, at + 3, charge), day=day, stamp=f"{day}T23:30:00-08:00"))
    plan.charge(subscription, at, charge)
    plan.expect_match(subscription, at, "invoiced on the last day of the window, the third month after")


def created_long_before(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    charge = plan.month_charge(at, 2, "47.00")
    invoice = plan.invoice(subscription, at, charge)
    plan.land(replace(invoice, created_on=invoice.day - timedelta(days=200)))
    plan.charge(subscription, at, charge)
    plan.expect_match(subscription, at, "a draft created 200 days earlier: the invoice date counts")


def charged_in_the_file_before(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    charge = plan.month_charge(at, 3, "14.00")
    plan.bill(subscription, at, charge)
    plan.charge(subscription, at - 1, charge)
    plan.expect_match(subscription, at, "Microsoft's file of the month before charges this month")


def charged_in_the_file_after(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    charge = plan.month_charge(at, 3, "14.50")
    plan.bill(subscription, at, charge)
    plan.charge(subscription, at + 1, charge)
    plan.expect_match(subscription, at, "Microsoft's file of the month after charges this month")


def has_31_days(months: Sequence[str], at: int) -> bool:
    return last_day(months[at]).day == 31


def lone_31st(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    day = last_day(plan.month(at))
    charge = charge_of(day, day, 1, "3.00")
    plan.bill(subscription, at, charge)
    plan.charge(subscription, at, charge)
    plan.expect_match(subscription, at, "one day, the 31st: thirty-day months count 0 days, so actual days do")


def from_the_31st(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    start = last_day(plan.month(at))
    charge = charge_of(start, first_day(add_months(month_of(start), 1)).replace(day=10), 2, "5.00")
    plan.bill(subscription, at, charge)
    plan.charge(subscription, at, charge)
    plan.expect_match(subscription, at, "begins on the 31st: present with 0 of its days, so with a cost of 0")
    plan.expect_match(subscription, at + 1)


KINDS = (
    Kind(difference_of_exactly_one),
    Kind(difference_of_99_cents),
    Kind(seat_change),
    Kind(annual_prepaid),
    Kind(perpetual_software),
    Kind(software_with_one_date),
    Kind(azure_plan),
    Kind(credit_invoice),
    Kind(credit_invoice_with_negative_line),
    Kind(credit_a_month_later, later=1),
    Kind(canceled_and_reissued),
    Kind(superseded_copy),
    Kind(stale_copy),
    Kind(redated_copy, later=1),
    Kind(summary_line),
    Kind(invoiced_a_month_early, earlier=1),
    Kind(invoiced_on_the_last_day, later=3),
    Kind(created_long_before),
    Kind(charged_in_the_file_before, earlier=1),
    Kind(charged_in_the_file_after, later=1),
    Kind(lone_31st, fits=has_31_days),
    Kind(from_the_31st, fits=has_31_days),
)
