"""The lines of the invoice that the sample has a bridge for: every family of products, on which both sides agree."""

from recon_assets.sample.partner_center import bridged_invoice_number
from recon_assets.sample.records import Product
from recon_assets.sample.subscriptions.catalogue import (
    AZURE_PLAN,
    MARKETPLACE,
    RESERVATION,
    SAVINGS_PLAN,
    SEATS,
    SOFTWARE,
)
from recon_assets.sample.subscriptions.plan import Plan

# Azure usage is a cent less than the daily files of the invoice hold (`recon_assets.sample.usage.kinds`): rounding.
LINES: tuple[tuple[Product, int, str], ...] = (
    (SEATS, 10, "6.00"),
    (SOFTWARE, 2, "30.00"),
    (RESERVATION, 1, "95.40"),
    (SAVINGS_PLAN, 1, "36.50"),
    (MARKETPLACE, 3, "15.25"),
    (AZURE_PLAN, 1, "100.00"),
    (AZURE_PLAN, 1, "74.99"),
)


def plant_bridged_invoices(plan: Plan) -> None:
    """One invoice of Microsoft in every month, billed by the platform as Microsoft charges it."""
    for at, month in enumerate(plan.months):
        for product, quantity, unit_cost in LINES:
            subscription = plan.subscription(product)
            charge = plan.month_charge(at, quantity, unit_cost)
            plan.bill(subscription, at, charge)
            plan.charge(subscription, at, charge, charge_type="new", invoice_number=bridged_invoice_number(month))
            plan.expect_match(subscription, at)
