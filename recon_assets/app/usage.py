"""The screen of the usage reconciliation: summary, meters, and the variations behind a meter by day and resource."""

from dataclasses import replace
from typing import Any

from dash import dcc, html

from recon_assets.app import bridge, decided
from recon_assets.app.format import exactly, number, words
from recon_assets.app.parts import data_table, facts, message
from recon_assets.app.queries import Query, Restriction
from recon_assets.app.screens import Context, Screen
from recon_assets.app.tables import CHANGED, REJECTED, Column, Filter, Row, Table
from recon_assets.catalogue import SUBJECTS
from recon_assets.months import first_day

NOTHING = "none"


def _where(row: Row) -> str:
    return f"invoice {row['invoice_number']}, subscription {row['azure_subscription_id'] or NOTHING}"


def _summary_label(row: Row) -> str:
    return f"Usage of {_where(row)}"


def _meter_label(row: Row) -> str:
    return f"{row['meter_name'] or row['meter_id'] or 'No meter'}, {_where(row)}"


def _variation_label(row: Row) -> str:
    return f"{_meter_label(row)}, {row['usage_date']}, {row['resource_id'] or 'no resource'}"


def _tooltip(row: Row) -> str:
    lines = [
        f"Billed usage {exactly(row['usage_amount'])} {row['currency']}, {exactly(row['usage_quantity'])} units",
        f"Cost export {exactly(row['cost_amount'])} {row['currency']}, {exactly(row['cost_quantity'])} units",
        f"Amount variation {exactly(row['amount_variation']) or 'not comparable'}",
        f"Quantity variation {exactly(row['quantity_variation']) or 'not comparable'}",
    ]
    return "\n".join(lines + ([words(row["explanation"])] if row["explanation"] else []))


# The step of the bridge that a row is in, as invoice_bridge has it.
_WHY = (
    "case when status = 'matched' then 'within_tolerance' when status = 'not_comparable' then status "
    "else coalesce(explanation, status) end"
)

MEASURE = Filter("measure", "By", "", "view", {"amount": (), "quantity": ()}, prefer=("amount",))
_FILTERS = (
    Filter(
        "comparison",
        "Compare billed usage with",
        "comparison",
        prefer=("actual_cost", "amortized_cost", "focus"),
        is_code=True,
    ),
    MEASURE,
    Filter("invoice", "Invoice", "invoice_number"),
    Filter("customer", "Customer", "customer_name", "text"),
    Filter("subscription", "Azure subscription", f"coalesce(azure_subscription_id, '{NOTHING}')", "text"),
    Filter("status", "Status", "status", is_code=True),
    Filter("why", "Why", _WHY, is_code=True),
    Filter("currency", "Currency", "currency"),
    *CHANGED,
)
_SEARCH = Filter(
    "q",
    "Search",
    "concat_ws(' ', meter_name, meter_category, meter_subcategory, meter_region, meter_id, invoice_number, "
    "azure_subscription_id, customer_name)",
    "text",
)
_IDENTITY = (
    Column("invoice_number", "Invoice", width=125),
    Column("customer_name", "Customer", width=150),
    Column("azure_subscription_id", "Subscription", width=280),
    Column("billing_month", "Billing cycle", "month", 110),
)
_MORE = (
    Column("rounding_adjustment_amount", "Rounding adjustments", "amount", is_optional=True),
    Column("tolerance", "Tolerance", "amount", is_optional=True),
    Column("price_basis", "Prices", "status", is_optional=True),
    Column("usage_line_count", "Billed lines", "count", is_optional=True),
    Column("cost_line_count", "Export lines", "count", is_optional=True),
)
_METER = (
    Column("meter_name", "Meter", width=200),
    Column("meter_category", "Category", width=130),
    Column("meter_subcategory", "Subcategory", width=130),
    Column("meter_region", "Region", width=100),
)
_DAY = (
    Column("usage_date", "Date", "date", 100),
    Column("resource", "Resource", width=180, sql="regexp_extract(resource_id, '[^/]*$')"),
)
_RESOURCE = (Column("resource_id", "Resource id", width=300),)
_STATUS = (Column("status", "Status", "status", 175),)
_COMPARED = (
    Column(
        "amount_variation",
        "Export \N{MINUS SIGN} usage",
        "amount",
        125,
        order="abs(amount_variation)",
        measure="amount",
    ),
    Column("amount_variation_percent", "Variation %", "percent", 100, measure="amount"),
    Column(
        "quantity_variation",
        "Export \N{MINUS SIGN} usage",
        "quantity",
        125,
        order="abs(quantity_variation)",
        measure="quantity",
    ),
    Column("usage_amount", "Billed usage", "amount", 115, measure="amount"),
    Column("cost_amount", "Cost export", "amount", 115, measure="amount"),
    Column("usage_quantity", "Billed quantity", "quantity", 125, measure="quantity"),
    Column("cost_quantity", "Export quantity", "quantity", 125, measure="quantity"),
    Column("currency", "Currency", width=85),
)
_EXPLANATION = (Column("explanation", "Explanation", "status", 150),)
_SUMS = {
    "usage_amount": "Billed usage",
    "cost_amount": "Cost export",
    "amount_variation": "Export \N{MINUS SIGN} usage",
    "rounding_adjustment_amount": "Rounding adjustments",
}


def _table(
    name: str, title: str, mart: str, columns: tuple[Column, ...], label: Any, filters: tuple[Filter, ...] = _FILTERS
) -> Table:
    return Table(
        name,
        title,
        mart,
        columns,
        filters,
        "-amount_variation",
        _SUMS,
        "amount_variation",
        label,
        extra=tuple(
            name
            for name in ("usage_amount", "cost_amount", "usage_quantity", "cost_quantity", "explanation", *REJECTED)
            if name not in [column.name for column in columns]
        )
        + (decided.EXTRA if decided.COLUMN in columns else ()),
        tooltip=_tooltip,
        marks=REJECTED,
    )


METERS = _table(
    "meters",
    "Meters",
    "usage_cost_reconciliation",
    (
        _METER[0],
        *_STATUS,
        *_COMPARED,
        *_EXPLANATION,
        decided.COLUMN,
        *_METER[1:],
        *_IDENTITY,
        Column("meter_id", "Meter id", width=280, is_optional=True),
        *_MORE,
        Column("lost_credit_amount", "Lost partner credit", "amount", is_optional=True),
        Column("promotion_amount", "Promotions", "amount", is_optional=True),
    ),
    _meter_label,
    # Decisions are about meters: neither summary nor variations have a step of them.
    (_SEARCH, *(replace(f, column=decided.step(_WHY)) if f.name == "why" else f for f in _FILTERS)),
)
SUMMARY = _table("summary", "Summary", "usage_cost_summary", (*_IDENTITY, *_STATUS, *_COMPARED, *_MORE), _summary_label)
VARIATIONS = _table(
    "variations",
    "Variations",
    "usage_cost_variations",
    (*_DAY, *_STATUS, *_COMPARED, *_EXPLANATION, *_RESOURCE),
    _variation_label,
)


_OF_METER = ("comparison", "invoice_number", "azure_subscription_id", "currency", "meter_id")


def meter_query(key: str, first: str, last: str) -> Query:
    """The row of the meters grid that a variation is behind."""
    days = [first_day(first), first_day(last)]
    return (
        "select meters.* from marts.usage_cost_reconciliation as meters "
        "join marts.usage_cost_variations as variations "
        "on meters.reconciliation_key = variations.grid_reconciliation_key "
        "where variations.reconciliation_key = ? and variations.billing_month between ? and ? "
        "and meters.billing_month between ? and ?",
        [key, *days, *days],
    )


def restrict(context: Context, table: Table) -> dict[str, Any] | None:
    """Variations are those of the selected meter; its grain is named so that DuckDB can skip what is elsewhere."""
    if table is not VARIATIONS:
        return None
    selected = context.selected
    meter = _meter_of(context, *selected) if selected else None
    if meter is None:
        return {"grid_reconciliation_key": ""}
    grain = {name: meter[name] for name in ("billing_month", *_OF_METER)}
    return {**grain, "grid_reconciliation_key": meter["reconciliation_key"]}


def _meter_of(context: Context, table: Table, row: Row) -> Row | None:
    if table is METERS:
        return row
    if table is SUMMARY:
        return None
    found = context.rows(meter_query(row["reconciliation_key"], *context.months()))
    return found[0] if found else None


def details(context: Context, table: Table, row: Row) -> list[Any]:
    """The exact figures of a row; of a summary row the way to its meters."""
    currency = row["currency"]
    content: list[Any] = [
        facts(
            {
                "Billed usage": f"{exactly(row['usage_amount'])} {currency}",
                "Cost export": f"{exactly(row['cost_amount'])} {currency}",
                "Variation": f"{exactly(row['amount_variation']) or 'not comparable'} {currency}",
                "Billed quantity": exactly(row["usage_quantity"]),
                "Export quantity": exactly(row["cost_quantity"]),
                "Quantity variation": exactly(row["quantity_variation"]) or "not comparable",
                "Rounding adjustments": exactly(row["rounding_adjustment_amount"]),
                "Lines": f"{number(row['usage_line_count'], 0)} billed, {number(row['cost_line_count'], 0)} exported",
                "Tolerance": f"{exactly(row['tolerance'])} {currency}",
                "Explanation": words(row["explanation"]) or "none",
                **(decided.decision_facts(row, table.mart) if table is METERS else {}),
            }
        )
    ]
    if row["price_basis"] == "retail":
        content.append(message("This export may show retail rates: compare quantities rather than amounts.", "note"))
    if table is SUMMARY:
        content.append(_meters_link(context, row))
    else:
        content.append(
            html.P(
                "Time zones, late usage and differing spellings of resources can make days disagree "
                "where the meter agrees.",
                className="note",
            )
        )
    return content


def _meters_link(context: Context, row: Row) -> Any:
    address = context.address.with_filter("invoice", (row["invoice_number"],))
    address = address.with_filter("subscription", (row["azure_subscription_id"] or NOTHING,))
    return dcc.Link(
        "Show only the meters of this invoice and subscription", href=f"/usage{address.search}", className="button"
    )


def out_of_scope_query(restriction: Restriction, comparison: str) -> Query:
    """What the exports charge that is no consumption, per charge type and currency."""
    return (
        "select charge_type, publisher_type, currency, sum(cost_amount) as cost_amount, "
        "sum(cost_line_count) as cost_line_count from marts.usage_cost_out_of_scope "
        "where billing_month between ? and ? and comparison = ? group by all "
        "order by abs(sum(cost_amount)) desc limit 50",
        [first_day(restriction.first), first_day(restriction.last), comparison],
    )


OUT_OF_SCOPE = (
    Column("charge_type", "Charge type"),
    Column("publisher_type", "Publisher type"),
    Column("currency", "Currency"),
    Column("cost_amount", "Cost", "amount"),
    Column("cost_line_count", "Lines", "count"),
)


def below(context: Context) -> list[Any]:
    """The bridge of each invoice, and charges outside the comparison: they are never part of a difference."""
    comparison = context.chosen(_FILTERS[0])[0]
    rows = context.rows(out_of_scope_query(context.restriction(METERS), comparison))
    if not rows:
        return bridge.render(context)
    table = data_table("Out of scope", OUT_OF_SCOPE, rows)
    charges = html.Details([html.Summary("Charges that are not compared (no consumption)"), table], className="more")
    return [*bridge.render(context), charges]


SCREEN = Screen(
    SUBJECTS["usage"],
    (SUMMARY, METERS),
    details,
    (VARIATIONS,),
    restrict,
    below,
)
