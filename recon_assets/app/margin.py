"""The screen of the margin: what the platform sells a subscription for against what Microsoft charges for it."""

from typing import Any

from dash import dcc

from recon_assets.app.address import Address
from recon_assets.app.format import exactly, money
from recon_assets.app.parts import facts
from recon_assets.app.screens import Context, Screen
from recon_assets.app.tables import Column, Filter, Row, Table
from recon_assets.catalogue import SUBJECTS


def _label(row: Row) -> str:
    return f"Margin of subscription {row['ms_subscription_id']}"


TABLE = Table(
    name="margin",
    title="Margin",
    mart="subscription_margin",
    columns=(
        Column("ms_subscription_id", "Subscription id", width=285),
        Column("customer_name", "Customer", width=150),
        Column("account_id", "Account", width=100),
        Column("product_family", "Product family", "status", 130),
        Column("product", "Product", width=150),
        Column("currency", "Currency", width=90),
        Column("ms_cost", "Microsoft cost", "money", 120),
        Column("sales", "Sales", "money", 120),
        Column("margin", "Sales \N{MINUS SIGN} Microsoft cost", "money", 170),
        Column("margin_percent", "Margin %", "percent", 100),
        Column("bss_cost", "Platform cost", "money", 120),
        Column("status", "Result", "status", 150),
        Column("billing_month", "Month", "month", 90),
    ),
    filters=(
        Filter("below", "Margin below %", "margin_percent", "below"),
        Filter("partner", "CSP partner", "csp_partner"),
        Filter("family", "Product family", "product_family", is_code=True),
        Filter("product", "Microsoft product", "product"),
        Filter("customer", "Customer", "customer_name", "text"),
        Filter("subscription", "MS subscription id", "ms_subscription_id", "text"),
        Filter("account", "Account id", "account_id", "text"),
    ),
    sort="margin_percent",
    sums={"ms_cost": "Microsoft cost", "sales": "Sales", "margin": "Sales \N{MINUS SIGN} Microsoft cost"},
    right_minus_left="margin",
    label=_label,
)


def details(context: Context, table: Table, row: Row) -> list[Any]:
    """The figures of a row, and the way to the items behind them."""
    currency = row["currency"]
    head = facts(
        {
            "Sales": f"{money(row['sales'], currency)} {currency}",
            "Platform cost": f"{money(row['bss_cost'], currency)} {currency}",
            "Microsoft cost": f"{money(row['ms_cost'], currency)} {currency}",
            "Margin": f"{money(row['margin'], currency)} {currency}" if row["margin"] is not None else _no_margin(row),
            "Margin %": exactly(row["margin_percent"]) or "none, there are no sales",
            "Customer": row["customer_name"] or "unknown",
            "Account": row["account_id"] or "unknown",
        }
    )
    month = f"{row['billing_month']:%Y-%m}"
    items = Address((month, month), {"subscription": (row["ms_subscription_id"],)}, as_of=context.address.as_of)
    return [head, dcc.Link("The items of both sides", href=f"/{context.screen.reconciliation}{items.search}")]


def _no_margin(row: Row) -> str:
    if row["unpriced_item_count"]:
        return f"unknown: {row['unpriced_item_count']} items have no final amount"
    return "unknown: the sides are in different currencies"


SCREEN = Screen(
    SUBJECTS["subscriptions"], (TABLE,), details, own=("margin", "Margin", "What is sold against what it costs.")
)
