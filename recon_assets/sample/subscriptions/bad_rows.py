"""Rows that a reader must set aside: at most one per source and month, each the only row of its subscription's side."""

from dataclasses import replace

from recon_assets.months import first_day, last_day
from recon_assets.sample.partner_center import legacy_has_rows
from recon_assets.sample.records import Charge, Corruption, MicrosoftFile
from recon_assets.sample.subscriptions.catalogue import OFFICE_LEGACY, SEATS
from recon_assets.sample.subscriptions.plan import CYCLE, Plan, charge_of

BAD_DATE, TEXT_AMOUNT, START_AFTER_END = "bad_date", "text_amount", "start_after_end"
DEFECTS = (BAD_DATE, TEXT_AMOUNT, START_AFTER_END)
MICROSOFT_COLUMNS = ("ChargeStartDate", "Subtotal", "ChargeStartDate")
BSS_COLUMNS = ("Start Date", "Total Cost", "Start Date")
LEGACY_MONTHS = (0, 1, 4)


def plant_bad_rows(plan: Plan) -> None:
    """Plants each defect once per source in every six months that have them."""
    for at in range(len(plan.months)):
        position = at % CYCLE
        if position < len(DEFECTS):
            bad_microsoft_row(plan, at, position, "nce")
            bad_bss_row(plan, at, (position + 1) % len(DEFECTS))
        if position in LEGACY_MONTHS and legacy_has_rows(at):
            bad_microsoft_row(plan, at, (LEGACY_MONTHS.index(position) + 2) % len(DEFECTS), "legacy")


def bad_microsoft_row(plan: Plan, at: int, defect: int, file_kind: MicrosoftFile) -> None:
    subscription = plan.subscription(OFFICE_LEGACY if file_kind == "legacy" else SEATS)
    plan.bill(subscription, at, plan.month_charge(at, 3, "8.00"))
    wrong = corruption(MICROSOFT_COLUMNS, defect)
    plan.charge(subscription, at, bad_charge(plan, at, defect), file_kind=file_kind, corruption=wrong)
    what = f"its only Microsoft line is quarantined: {wrong.what}"
    plan.expect(subscription, at, "missing_in_ms", "missing_side", "24.00", what)


def bad_bss_row(plan: Plan, at: int, defect: int) -> None:
    subscription = plan.subscription()
    plan.charge(subscription, at, plan.month_charge(at, 3, "8.00"))
    wrong = corruption(BSS_COLUMNS, defect)
    invoice = plan.invoice(subscription, at, bad_charge(plan, at, defect))
    lines = tuple(replace(line, corruption=wrong) for line in invoice.lines)
    plan.land(replace(invoice, lines=lines), "csv")
    what = f"its only BSS line is quarantined: {wrong.what}"
    plan.expect(subscription, at, "missing_in_bss", "missing_side", "-24.00", what)


def corruption(columns: tuple[str, str, str], defect: int) -> Corruption:
    kind, column = DEFECTS[defect], columns[defect]
    if kind == BAD_DATE:
        return Corruption(column, "31/31/2023", "31/31/2023 is no date")
    if kind == TEXT_AMOUNT:
        return Corruption(column, "see contract", "an amount is written as text")
    return Corruption(column, None, "the row starts after it ends")


def bad_charge(plan: Plan, at: int, defect: int) -> Charge:
    month = plan.month(at)
    start, end = first_day(month), last_day(month)
    if DEFECTS[defect] == START_AFTER_END:
        start, end = end, start
    return charge_of(start, end, 3, "8.00")
