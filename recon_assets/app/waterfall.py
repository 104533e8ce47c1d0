"""Why one side's total is not the other's: the statement of the chosen months, each step a link to its rows.

Subscriptions and e-invoices read the mart reconciliation_waterfall, usage the part of invoice_bridge between billed
daily usage and the export's usage. Both foot; nothing is added up here but months and invoices.
"""

from dataclasses import replace
from decimal import Decimal
from itertools import groupby
from typing import Any

from dash import html

from recon_assets.app import charts
from recon_assets.app.address import Address
from recon_assets.app.format import money, words
from recon_assets.app.parts import scrolled
from recon_assets.app.queries import Query
from recon_assets.app.screens import Context
from recon_assets.app.tables import Row
from recon_assets.months import first_day

_LEFT = ("left_total", "billed_daily_usage")
_NOT_COMPARABLE = ("not_comparable_left", "not_comparable_right", "not_comparable_usage", "not_comparable_cost")


def statement_query(context: Context) -> Query:
    """Lines of the chosen months by register (of e-invoices), currency and position: amount is right less left."""
    first, last = context.months()
    values: list[Any] = [first_day(first), first_day(last)]
    if context.screen.reconciliation != "usage":
        return (
            "select register_type, currency, position, step, row_kind, sum(amount) as amount, "
            "sum(row_count) as row_count from marts.reconciliation_waterfall "
            "where billing_month between ? and ? and reconciliation = ? group by all order by 1 nulls first, 2, 3, 4",
            [*values, context.screen.reconciliation],
        )
    comparison, invoices = (context.chosen(filter_) for filter_ in _bridge_filters(context))
    listed = f"and invoice_number in ({', '.join('?' * len(invoices))}) " if invoices else ""
    return (
        "select null as register_type, currency, position, step, row_kind, sum(amount) as amount, "
        "sum(line_count) as row_count from marts.invoice_bridge where billing_month between ? and ? "
        f"and position between 50 and 65 and row_kind in ('total', 'step') and comparison = ? {listed}"
        "group by all order by 1 nulls first, 2, 3, 4",
        [*values, comparison[0], *invoices],
    )


def _bridge_filters(context: Context) -> Any:
    table = context.screen.tables[-1]
    return table.filter("comparison"), table.filter("invoice")


def render(context: Context) -> list[Any]:
    """A statement per register and currency with a difference in it; the others have nothing to say."""
    if not context.screen.is_compared or context.screen.own:
        return []
    statements = [list(lines) for _, lines in groupby(context.rows(statement_query(context)), _statement)]
    differing = [lines for lines in statements if _differs(lines)]
    if not differing:
        return []
    longest = max(differing, key=len)
    shown = [_statement_part(context, lines, lines is longest) for lines in differing]
    subject = context.screen.subject
    title = f"From {subject.left.title} to {subject.right.title}"
    note = html.P(f"{title}: every step leads to its rows. Amounts are right less left.", className="note")
    return [html.Div([note, html.Div(shown, className="waterfalls")])]


def _statement(line: Row) -> tuple[str, str]:
    return line["register_type"] or "", line["currency"]


def _differs(lines: list[Row]) -> bool:
    return any(line["row_kind"] == "step" and line["amount"] for line in lines)


def _statement_part(context: Context, lines: list[Row], is_open: bool) -> html.Details:
    register, currency = _statement(lines[0])
    title = f"{words(register)}, {currency}" if register else currency
    steps = [
        charts.Step(
            _title(context, line["step"]),
            line["amount"] or Decimal(0),
            line["row_count"] or 0,
            context.screen.path + link(context, line).search,
            line["row_kind"] == "total",
        )
        for line in lines
    ]
    counted = "Lines" if context.screen.reconciliation == "usage" else "Rows"
    table = scrolled(f"From left to right, {title}", charts.waterfall(title, currency, steps, counted))
    left, right = (money(lines[n]["amount"], currency) for n in (0, -1))
    return html.Details([html.Summary(f"{title}: {left} to {right}"), table], open=is_open)


def _title(context: Context, step: str) -> str:
    subject = context.screen.subject
    if step in ("not_comparable_left", "not_comparable_usage"):
        return f"Not comparable, {subject.left.title}"
    if step in ("not_comparable_right", "not_comparable_cost"):
        return f"Not comparable, {subject.right.title}"
    if step in _LEFT:
        return f"{subject.left.title} in all"
    if step in ("right_total", "cost_export_in_scope"):
        return f"{subject.right.title} in all"
    return words(step)


def link(context: Context, line: Row) -> Address:
    """The address of the rows behind a line."""
    comparison = {name: context.address.filters[name] for name in ("comparison",) if name in context.address.filters}
    filters: dict[str, tuple[str, ...]] = dict(comparison)
    if line["register_type"]:
        filters["register"] = (line["register_type"],)
    if line["step"] in _NOT_COMPARABLE:
        filters |= {"why": ("not_comparable",), "currency": _holding(context, line["currency"])}
    elif line["row_kind"] == "step":
        filters |= {"why": (line["step"],), "currency": (line["currency"],)}
    else:
        filters["currency"] = _holding(context, line["currency"])
    if invoices := context.address.filters.get("invoice"):
        filters["invoice"] = invoices
    return replace(context.address, months=context.months(), filters=filters, row=None)


def _holding(context: Context, currency: str) -> tuple[str, ...]:
    """The currencies of rows that have one side at least in `currency`."""
    filter_ = context.screen.tables[-1].filter("currency")
    assert filter_ is not None
    return tuple(found for found in context.choices(filter_) if currency in found.split("/")) or (currency,)
