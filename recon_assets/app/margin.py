"""The screen of the margin: what the customer pays for a subscription, less what Microsoft charges for it."""

from typing import Any

from dash import dcc, html

from recon_assets.app.address import Address
from recon_assets.app.format import money, number, words
from recon_assets.app.parts import facts
from recon_assets.app.screens import Context, Screen
from recon_assets.app.tables import Column, Filter, Row, Table
from recon_assets.catalogue import SUBJECTS

_STATUS = "case when margin is null then 'no_margin' when margin < 0 then 'loss' else 'profit' end"
_SEARCHED = "customer_name, product, ms_subscription_id, account_id, csp_partner, partner_name"


def _label(row: Row) -> str:
    return ", ".join(filter(None, (row["customer_name"], f"Subscription {row['ms_subscription_id']}")))


TABLE = Table(
    name="margin",
    title="Margin",
    mart="subscription_margin",
    columns=(
        Column("customer", "Customer", width=190, sql="coalesce(customer_name, account_id, ms_subscription_id)"),
        Column("margin", "Margin", "money", 120),
        Column("currency", "Currency", width=85),
        Column("margin_percent", "Margin %", "percent", 100),
        Column("sales", "Sales", "money", 120),
        Column("ms_cost", "Microsoft cost", "money", 125),
        Column("bss_cost", "BSS cost", "money", 120),
        Column("outcome", "Outcome", "status", 130, _STATUS),
        Column("product", "Product", width=170),
        Column("product_family", "Family", "status", 120),
        Column("status", "Reconciled as", "status", 160),
        Column("ms_subscription_id", "Subscription id", width=285),
        Column("billing_month", "Month", "month", 90),
        Column("account_id", "Account id", width=150, is_optional=True),
        Column("partner_name", "Partner", width=150, is_optional=True),
        Column("csp_partner", "Partner id", width=150, is_optional=True),
        Column("unpriced_item_count", "Items without a price", "count", is_optional=True),
    ),
    filters=(
        Filter("q", "Search", f"concat_ws(' ', {_SEARCHED})", "text"),
        Filter("below", "Margin below %", "margin_percent", "below"),
        Filter("outcome", "Outcome", _STATUS, "group", {name: (name,) for name in ("loss", "profit", "no_margin")}),
        Filter("partner", "CSP partner", "csp_partner", keeps_unknown=True),
        Filter("family", "Family", "product_family", is_code=True),
        Filter("product", "Product", "product"),
        Filter("status", "Reconciled as", "status", is_code=True),
        Filter("currency", "Currency", "currency"),
    ),
    sort="margin",
    # What has no margin is in no total.
    sums={
        "case when margin is not null then ms_cost end": "Microsoft cost",
        "case when margin is not null then sales end": "Sales",
        "margin": "Margin",
    },
    right_minus_left="margin",
    label=_label,
)


def details(context: Context, table: Table, row: Row) -> list[Any]:
    """The figures of a margin, and the way to the subscription's reconciliation."""
    currency, month = row["currency"], f"{row['billing_month']:%Y-%m}"
    percent = f"{number(row['margin_percent'], 2)} %" if row["margin_percent"] is not None else "none"
    shown = facts(
        {
            "Sales": f"{money(row['sales'], currency)} {currency}",
            "Microsoft cost": f"{money(row['ms_cost'], currency)} {currency}",
            "Margin": f"{money(row['margin'], currency)} {currency}" if row["margin"] is not None else _no_margin(row),
            "Margin %": percent,
            "BSS cost": f"{money(row['bss_cost'], currency)} {currency}",
            "Reconciled as": words(row["status"]),
            "Product": row["product"] or "unknown",
            "Customer": row["customer_name"] or "unknown",
            "Items": f"{row['bss_item_count']} of BSS, {row['ms_item_count']} of Microsoft",
            "Items without a price": number(row["unpriced_item_count"], 0),
        }
    )
    address = Address((month, month), {"subscription": (row["ms_subscription_id"],)}, as_of=context.address.as_of)
    link = dcc.Link("Its reconciliation", href=f"/subscriptions{address.search}", className="button")
    return [shown, html.P(link)]


def _no_margin(row: Row) -> str:
    if row["unpriced_item_count"]:
        return f"unknown: {row['unpriced_item_count']} items have no final amount"
    return "unknown: the sides are in different currencies"


SCREEN = Screen(
    SUBJECTS["subscriptions"],
    (TABLE,),
    details,
    own=("margin", "Margin", "What customers pay for subscriptions, less what Microsoft charges for them."),
)
