"""Planted subscriptions on which the sides differ, one function per status and explanation of the specification."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from recon_assets.months import first_day, last_day
from recon_assets.sample.records import BssInvoice, Charge
from recon_assets.sample.subscriptions.catalogue import SEATS_YEARLY
from recon_assets.sample.subscriptions.plan import CYCLE, Kind, Plan, charge_of
from recon_assets.sample.terms import term

ZERO_GUID = "00000000-0000-0000-0000-000000000000"


def one_cent_over_the_tolerance(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    plan.match_in_other_months(subscription, at, 1, "50.00")
    plan.bill(subscription, at, plan.month_charge(at, 1, "51.01"))
    plan.charge(subscription, at, plan.month_charge(at, 1, "50.00"))
    plan.expect(subscription, at, "discrepancy", "unit_cost", "1.01", "one cent over the tolerance")


def other_quantity(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    plan.match_in_other_months(subscription, at, 8, "12.50")
    plan.bill(subscription, at, plan.month_charge(at, 10, "12.50"))
    plan.charge(subscription, at, plan.month_charge(at, 8, "12.50"))
    plan.expect(subscription, at, "discrepancy", "quantity", "25.00", "the BSS bills 10 seats, Microsoft charges 8")


def other_unit_cost(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    plan.match_in_other_months(subscription, at, 12, "20.00")
    plan.bill(subscription, at, plan.month_charge(at, 12, "20.00"), file_format="csv")
    plan.charge(subscription, at, plan.month_charge(at, 12, "21.50"))
    what = "Microsoft's unit price rose to 21.50, the BSS still bills 20.00"
    plan.expect(subscription, at, "discrepancy", "unit_cost", "-18.00", what)


def credit_the_bss_lacks(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    plan.match_in_other_months(subscription, at, 10, "20.00")
    charge = plan.month_charge(at, 10, "20.00")
    plan.bill(subscription, at, charge)
    plan.charge(subscription, at, charge)
    plan.charge(subscription, at, plan.month_charge(at, 1, "-18.00"), charge_type="customerCredit")
    what = "Microsoft credited 18.00 that the BSS has not recorded"
    plan.expect(subscription, at, "discrepancy", "tax_or_credit", "18.00", what)


def credit_microsoft_lacks(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    plan.match_in_other_months(subscription, at, 5, "30.00")
    charge = plan.month_charge(at, 5, "30.00")
    plan.bill(subscription, at, charge)
    credit = plan.invoice(subscription, at, plan.month_charge(at, 1, "15.00"))
    plan.land(replace(credit, invoice_type="credit"))
    plan.charge(subscription, at, charge)
    what = "the BSS holds a credit invoice of 15.00 that Microsoft does not know"
    plan.expect(subscription, at, "discrepancy", "tax_or_credit", "-15.00", what)


def tax_as_cost(plan: Plan, at: int) -> None:
    """Microsoft's tax on 120.00 is 9.60; the BSS recorded it as a line of its own."""
    subscription = plan.subscription()
    plan.match_in_other_months(subscription, at, 10, "12.00")
    charge = plan.month_charge(at, 10, "12.00")
    plan.bill(subscription, at, charge, plan.month_charge(at, 1, "9.60"))
    plan.charge(subscription, at, charge)
    what = "the BSS recorded Microsoft's tax as cost"
    plan.expect(subscription, at, "discrepancy", "tax_or_credit", "9.60", what)


def late_invoice(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    charge = plan.month_charge(at, 4, "12.50")
    plan.bill(subscription, at, charge)
    plan.bill(subscription, at + 1, plan.month_charge(at, 1, "12.50"))
    plan.charge(subscription, at, charge)
    what = "an invoice of the next month bills one more seat of this month"
    plan.expect(subscription, at, "discrepancy", "late_invoice", "12.50", what)


def unexplained(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    plan.match_in_other_months(subscription, at, 2, "40.00")
    charge = plan.month_charge(at, 2, "40.00")
    plan.bill(subscription, at, charge, plan.month_charge(at, 1, "17.77"))
    plan.charge(subscription, at, charge)
    what = "the BSS bills a second line that nothing explains"
    plan.expect(subscription, at, "discrepancy", "unexplained", "17.77", what)


def missing_in_ms(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    plan.match_in_other_months(subscription, at, 3, "22.00")
    plan.bill(subscription, at, plan.month_charge(at, 3, "22.00"))
    what = "the BSS bills a subscription that Microsoft does not charge"
    plan.expect(subscription, at, "missing_in_ms", "missing_side", "66.00", what)


def missing_in_bss(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    plan.match_in_other_months(subscription, at, 6, "11.00")
    plan.charge(subscription, at, plan.month_charge(at, 6, "11.00"))
    what = "Microsoft charges a subscription that the BSS does not bill"
    plan.expect(subscription, at, "missing_in_bss", "missing_side", "-66.00", what)


def is_first_month(months: Sequence[str], at: int) -> bool:
    return at == 0


def began_before_microsoft_history(plan: Plan, at: int) -> None:
    """From the 15th of the month before: 14 of its 30 days lie in the first month."""
    subscription = plan.subscription()
    plan.bill(subscription, at, charge_of(*term(plan.month(at - 1), 15), 3, "30.00"))
    what = "began before Microsoft's oldest landed file, which may have charged it"
    plan.expect(subscription, at, "missing_in_ms", "before_history", "42.00", what)


def began_before_bss_history(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    plan.charge(subscription, at, charge_of(*term(plan.month(at - 1), 15), 3, "20.00"))
    what = "began before the oldest landed BSS invoice, which may have billed it"
    plan.expect(subscription, at, "missing_in_bss", "before_history", "-28.00", what)


def year_begun_before_bss_history(plan: Plan, at: int) -> None:
    subscription = plan.subscription(SEATS_YEARLY)
    plan.charge(subscription, at, charge_of(*term(plan.month(at - 2), 1, 12), 10, "120.00"), charge_type="new")
    what = "a prepaid year that began before the oldest landed BSS invoice"
    for month in range(at, at + 10):
        plan.expect(subscription, month, "missing_in_bss", "before_history", "-100.00", what)


def currency_across_sides(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    plan.match_in_other_months(subscription, at, 4, "16.00")
    charge = plan.month_charge(at, 4, "16.00")
    plan.land(replace(plan.invoice(subscription, at, charge), currency="EUR"))
    plan.charge(subscription, at, charge)
    plan.expect(subscription, at, "not_comparable", "currency", None, "the BSS bills in EUR, Microsoft in USD")


def two_currencies_on_one_side(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    plan.match_in_other_months(subscription, at, 4, "19.00")
    plan.bill(subscription, at, plan.month_charge(at, 2, "19.00"))
    plan.land(replace(plan.invoice(subscription, at, plan.month_charge(at, 2, "19.00")), currency="MYR"))
    plan.charge(subscription, at, plan.month_charge(at, 4, "19.00"))
    plan.expect(subscription, at, "not_comparable", "currency", None, "the BSS bills in USD and in MYR")


def canceled_invoice(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    charge = plan.month_charge(at, 2, "27.00")
    plan.land(replace(plan.invoice(subscription, at, charge), stage="Cancelled"), "csv")
    plan.charge(subscription, at, charge)
    what = "its only invoice is canceled, Microsoft charges all the same"
    plan.expect(subscription, at, "missing_in_bss", "missing_side", "-54.00", what)


def canceled_days_later(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    charge = plan.month_charge(at, 2, "28.00")
    invoice = plan.invoice(subscription, at, charge)
    plan.land(invoice)
    updated = f"{invoice.day + timedelta(days=9)}T16:45:00Z"
    plan.land_update(replace(invoice, stage="Canceled", updated_at=updated))
    plan.charge(subscription, at, charge)
    what = "its invoice was canceled days later: the newest copy counts"
    plan.expect(subscription, at, "missing_in_bss", "missing_side", "-56.00", what)


def invoiced_too_early(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    charge = plan.month_charge(at, 2, "31.00")
    early = plan.invoice(subscription, at - 2, charge)
    plan.land(replace(early, day=last_day(plan.month(at - 2))))
    plan.charge(subscription, at, charge)
    what = "invoiced one day before the window opens"
    plan.expect(subscription, at, "missing_in_bss", "missing_side", "-62.00", what)


def invoiced_too_late(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    charge = plan.month_charge(at, 2, "32.00")
    late = plan.invoice(subscription, at + 4, charge)
    plan.land(replace(late, day=first_day(plan.month(at + 4))))
    plan.charge(subscription, at, charge)
    what = "invoiced one day after the window closes"
    plan.expect(subscription, at, "missing_in_bss", "missing_side", "-64.00", what)


def charged_in_too_early_a_file(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    charge = plan.month_charge(at, 2, "34.00")
    plan.bill(subscription, at, charge)
    plan.charge(subscription, at - 2, charge)
    what = "Microsoft's line of one month stands in a file two months before"
    plan.expect(subscription, at, "missing_in_ms", "missing_side", "68.00", what)


def charged_in_too_late_a_file(plan: Plan, at: int) -> None:
    subscription = plan.subscription()
    charge = plan.month_charge(at, 2, "35.00")
    plan.bill(subscription, at, charge)
    plan.charge(subscription, at + 2, charge)
    what = "Microsoft's line stands in a file two months after"
    plan.expect(subscription, at, "missing_in_ms", "missing_side", "70.00", what)


def unassigned_on_both_sides(plan: Plan, at: int) -> None:
    """No subscription at all (JSON), an empty id (CSV); an empty id and a zero GUID at Microsoft."""
    nobody = replace(plan.subscription(), ms_id="")
    first, second = plan.month_charge(at, 3, "10.00"), plan.month_charge(at, 1, "20.00")
    plan.land(without_subscriptions(plan, at, first))
    plan.bill(nobody, at, second, file_format="csv")
    plan.charge(nobody, at, second)
    plan.charge(replace(nobody, ms_id=ZERO_GUID), at, first)
    plan.expect_match(replace(nobody, ms_id="unassigned"), at, "lines without a subscription id, equal on both sides")


def unassigned_in_bss(plan: Plan, at: int) -> None:
    nobody = replace(plan.subscription(), ms_id="")
    plan.bill(nobody, at, plan.month_charge(at, 1, "9.00"))
    plan.land(without_subscriptions(plan, at, plan.month_charge(at, 1, "6.00")))
    what = "BSS lines without a subscription id"
    plan.expect(replace(nobody, ms_id="unassigned"), at, "missing_in_ms", "missing_side", "15.00", what)


def unassigned_at_microsoft(plan: Plan, at: int) -> None:
    nobody = replace(plan.subscription(), ms_id="")
    plan.charge(nobody, at, plan.month_charge(at, 1, "12.50"))
    plan.charge(replace(nobody, ms_id=ZERO_GUID), at, plan.month_charge(at, 1, "7.50"))
    what = "Microsoft lines without a subscription id"
    plan.expect(replace(nobody, ms_id="unassigned"), at, "missing_in_bss", "missing_side", "-20.00", what)


def without_subscriptions(plan: Plan, at: int, charge: Charge) -> BssInvoice:
    nobody = plan.subscription()
    line = replace(plan.line(nobody, charge), ms_subscription_ids=())
    return replace(plan.invoice(nobody, at), lines=(line,))


UNASSIGNED = (unassigned_on_both_sides, unassigned_in_bss, unassigned_at_microsoft)


def plant_unassigned(plan: Plan) -> None:
    """At most one kind per month, for all lines without an id share one row of the month."""
    for at in range(len(plan.months)):
        if at % CYCLE < len(UNASSIGNED):
            UNASSIGNED[at % CYCLE](plan, at)


KINDS = (
    Kind(one_cent_over_the_tolerance),
    Kind(other_quantity),
    Kind(other_unit_cost),
    Kind(credit_the_bss_lacks),
    Kind(credit_microsoft_lacks),
    Kind(tax_as_cost),
    Kind(late_invoice, later=1),
    Kind(unexplained),
    Kind(missing_in_ms),
    Kind(missing_in_bss),
    Kind(began_before_microsoft_history, fits=is_first_month),
    Kind(began_before_bss_history, fits=is_first_month),
    Kind(year_begun_before_bss_history, fits=is_first_month),
    Kind(currency_across_sides),
    Kind(two_currencies_on_one_side),
    Kind(canceled_invoice),
    Kind(canceled_days_later),
    Kind(invoiced_too_early, earlier=2),
    Kind(invoiced_too_late, later=4),
    Kind(charged_in_too_early_a_file, earlier=2),
    Kind(charged_in_too_late_a_file, later=2),
)
