"""The screen of the subscription reconciliation: the grid, and a row's BSS and Microsoft items side by side."""

from typing import Any

from dash import html

from recon_assets.app import decided
from recon_assets.app.format import counted, exactly, higher_or_lower, money, words
from recon_assets.app.parts import data_table, facts
from recon_assets.app.screens import Context, Late, Screen
from recon_assets.app.tables import CHANGED, REJECTED, Column, Filter, Row, Table
from recon_assets.catalogue import SUBJECTS

_SHOWN_ITEMS = 200


def _label(row: Row) -> str:
    return ", ".join(filter(None, (row["customer_name"], f"Subscription {row['ms_subscription_id']}")))


def _tooltip(row: Row) -> str:
    currency = row["currency"] or ""
    lines = [
        f"BSS {money(row['bss_total_cost'], currency) or 'nothing'} {currency} ({row['bss_item_count']} items)",
        f"Microsoft {money(row['ms_total_cost'], currency) or 'nothing'} {currency} ({row['ms_item_count']} items)",
        f"{higher_or_lower('Microsoft', row['cost_difference'], currency)}, tolerance {exactly(row['tolerance'])}",
    ]
    return "\n".join(lines + ([words(row["explanation"])] if row["explanation"] else []))


# The step of the waterfall that a row is in, as int_subscriptions__waterfall has it.
_WHY = "case when status = 'match' then 'within_tolerance' when status = 'discrepancy' then explanation else status end"

_SEARCHED = "customer_name, product, ms_subscription_id, account_id, billing_account_id, csp_partner, partner_name"

TABLE = Table(
    name="subscriptions",
    title="Subscriptions",
    mart="subscription_reconciliation",
    columns=(
        Column("customer", "Customer", width=190, sql="coalesce(customer_name, account_id, ms_subscription_id)"),
        Column("cost_difference", "MS \N{MINUS SIGN} BSS", "verdict", 135, "-cost_difference", "abs(cost_difference)"),
        Column("currency", "Currency", width=85),
        Column("status", "Result", "status", 170),
        Column("bss_total_cost", "BSS total cost", "money", 120),
        Column("ms_total_cost", "MS total cost", "money", 120),
        Column("product", "Product", width=150),
        Column("explanation", "Explanation", "status", 150),
        decided.COLUMN,
        Column("ms_product_type", "Type", width=110),
        Column("ms_subscription_id", "Subscription id", width=285),
        Column("billing_month", "Month", "month", 90),
        Column("partner_name", "Partner", width=150, is_optional=True),
        Column("csp_partner", "Partner id", width=150, is_optional=True),
        Column("account_id", "Account id", width=150, is_optional=True),
        Column("billing_account_id", "Billing account id", width=150, is_optional=True),
        Column("offer_type", "Offer", is_optional=True),
        Column("product_family", "Family", "status", is_optional=True),
        Column("tolerance", "Tolerance", "money", is_optional=True),
        Column("bss_item_count", "BSS items", "count", is_optional=True),
        Column("ms_item_count", "MS items", "count", is_optional=True),
    ),
    filters=(
        Filter("q", "Search", f"concat_ws(' ', {_SEARCHED})", "text"),
        Filter("partner", "CSP partner", "csp_partner", keeps_unknown=True),
        Filter("offer", "Offer", "offer_type"),
        Filter("type", "Type of product", "ms_product_type"),
        Filter("product", "Microsoft product", "product"),
        Filter("customer", "Customer", "customer_name", "text"),
        Filter("subscription", "MS subscription id", "ms_subscription_id", "text"),
        Filter("account", "Account id", "account_id", "text"),
        Filter("billing_account", "Billing account id", "billing_account_id", "text"),
        Filter(
            "result",
            "Results",
            "status",
            "group",
            {"discrepancies": ("discrepancy",), "missing": ("missing_in_ms", "missing_in_bss", "not_comparable")},
        ),
        Filter("why", "Why", decided.step(_WHY), is_code=True),
        Filter("currency", "Currency", "currency"),
        Filter("status", "Status", "status", is_code=True, is_quiet=True),
        decided.FILTER,
        decided.differing("status", SUBJECTS["subscriptions"].decided.agreeing),
        Filter("customer_is", "Customer", "customer_name", is_quiet=True),
        *CHANGED,
    ),
    sort="-cost_difference",
    sums={
        "bss_total_cost": "BSS total cost",
        "ms_total_cost": "MS total cost",
        "-cost_difference": "MS \N{MINUS SIGN} BSS",
    },
    right_minus_left="-cost_difference",
    label=_label,
    extra=(*REJECTED, *decided.EXTRA),
    tooltip=_tooltip,
    marks=REJECTED,
    addressees=("customer_is", "partner"),
)

_COVERAGE = (
    Column("coverage_factor", "Coverage factor", "amount"),
    Column("period_cost", "Period cost", "amount"),
)
_BASIC: dict[str, tuple[Column, ...]] = {
    "bss": (
        Column("invoice_code", "Invoice"),
        Column("start_date", "Start", "date"),
        Column("end_date", "End", "date"),
        Column("quantity", "Quantity", "quantity"),
        Column("unit_cost", "Unit cost", "amount"),
        Column("total_cost", "Total cost", "amount"),
        *_COVERAGE,
    ),
    "ms": (
        Column("type", "Type"),
        Column("charge_type", "Change type"),
        Column("charge_start_date", "Charge start", "date"),
        Column("charge_end_date", "Charge end", "date"),
        Column("quantity", "Quantity", "quantity"),
        Column("subtotal", "Subtotal", "amount"),
        *_COVERAGE,
    ),
}
_DETAILED: dict[str, tuple[Column, ...]] = {
    "bss": (
        Column("invoice_code", "Invoice"),
        Column("invoice_date", "Invoice date", "date"),
        Column("account_id", "Account id"),
        Column("billing_account_id", "Billing account id"),
        Column("bss_subscription_id", "BSS subscription id"),
        Column("product", "Product"),
        Column("start_date", "Start", "date"),
        Column("end_date", "End", "date"),
        Column("quantity", "Quantity", "quantity"),
        Column("unit_cost", "Unit cost", "amount"),
        Column("total_cost", "Total cost", "amount"),
        Column("unit_price", "Unit price", "amount"),
        Column("discount_percent", "Discount %", "percent"),
        Column("final_amount", "Final amount", "amount"),
        Column("currency", "Currency"),
        Column("invoice_type", "Invoice type"),
        Column("invoice_stage", "Stage"),
        Column("invoice_due_date", "Due date", "date"),
    ),
    "ms": (
        Column("type", "Type"),
        Column("product", "Product"),
        Column("invoice_number", "Invoice number"),
        Column("csp_partner", "Partner"),
        Column("subscription_start_date", "Subscription start", "date"),
        Column("subscription_end_date", "Subscription end", "date"),
        Column("charge_type", "Change type"),
        Column("charge_start_date", "Charge start", "date"),
        Column("charge_end_date", "Charge end", "date"),
        Column("quantity", "Quantity", "quantity"),
        Column("unit_price", "Unit price", "amount"),
        Column("subtotal", "Subtotal", "amount"),
        Column("tax", "Tax", "amount"),
        Column("total", "Total", "amount"),
        Column("currency", "Currency"),
    ),
}
_ORIGIN = (
    Column("numerator", "Days in the month", "count"),
    Column("denominator", "Days of the item", "count"),
    Column("coverage_class", "Coverage", "status"),
    *_COVERAGE,
    Column("source_file", "File"),
    Column("source_row", "Row", "count"),
)
SIDES = {"bss": "BSS data", "ms": "MS data"}


def items_query(row: Row, side: str) -> tuple[str, list[Any]]:
    """The largest items of one side of a row, with how many there are and what they add up to."""
    columns = sorted({column.name for column in (*_BASIC[side], *_DETAILED[side], *_ORIGIN)})
    return (
        f"select {', '.join(columns)}, count(*) over () as item_count, sum(period_cost) over () as side_cost "
        "from marts.subscription_reconciliation_items "
        "where billing_month = ? and reconciliation_key = ? and side = ? "
        f"order by abs(period_cost) desc, source_file, source_row limit {_SHOWN_ITEMS}",
        [row["billing_month"], row["reconciliation_key"], side],
    )


def details(context: Context, table: Table, row: Row) -> list[Any]:
    """What the verdict rests on: the row's figures, then the items of both sides."""
    currency = row["currency"] or ""
    difference = None if row["cost_difference"] is None else -row["cost_difference"]
    head = facts(
        {
            "BSS total cost": f"{money(row['bss_total_cost'], currency)} {currency}"
            if row["bss_item_count"]
            else "nothing",
            "MS total cost": f"{money(row['ms_total_cost'], currency)} {currency}"
            if row["ms_item_count"]
            else "nothing",
            "Difference": higher_or_lower("Microsoft", difference, currency),
            "Tolerance": exactly(row["tolerance"]),
            "Explanation": words(row["explanation"]) or "none needed",
            "Partner": row["partner_name"] or row["csp_partner"] or "unknown",
            "Customer": row["customer_name"] or "unknown",
            "Account": row["account_id"] or "unknown",
            "Selection, coverage": f"{row['selection_method']}, {row['coverage_method']}",
            **decided.decision_facts(row, "subscription_reconciliation"),
        }
    )
    items = {side: context.rows(items_query(row, side)) for side in SIDES}
    basic = [_side(side, items[side], currency) for side in SIDES]
    return [head, html.Div(basic, className="side-by-side")]


def detailed(context: Context, _: Table, row: Row) -> list[Any]:
    """Every column of the items of both sides."""
    items = {side: context.rows(items_query(row, side)) for side in SIDES}
    return [
        data_table(f"{SIDES[side]}, detailed", (*_DETAILED[side], *_ORIGIN), items[side])
        for side in SIDES
        if items[side]
    ]


def _side(side: str, items: list[Row], currency: str) -> Any:
    title = SIDES[side]
    if not items:
        return html.Section([html.H3(title), html.P("No item of this side belongs to the month.", className="empty")])
    count, cost = items[0]["item_count"], items[0]["side_cost"]
    note = f"{counted(count, 'item')}, period cost {money(cost, currency)} {currency}"
    if count > len(items):
        note += f"; the {len(items)} with the largest are shown"
    return html.Section([html.H3(title), html.P(note, className="note"), data_table(title, _BASIC[side], items)])


SCREEN = Screen(
    SUBJECTS["subscriptions"],
    (TABLE,),
    details,
    late=Late("explanation = 'late_invoice'", "why", "late_invoice"),
    more=("See detailed invoices", detailed),
    why=lambda _, rows: {row["reconciliation_key"]: words(row["explanation"]) for row in rows},
)
