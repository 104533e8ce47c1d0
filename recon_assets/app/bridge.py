"""Why the export is not the invoice: the statement of the mart invoice_bridge, one for each invoice and currency."""

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

_MOST = 400  # lines; more are a download of their own
_TITLES = {
    "invoice_before_tax": "Invoice before tax",
    "azure_usage_invoiced": "Azure usage as invoiced",
    "invoice_rounding": "Rounding of the invoice",
    "invoice_against_daily_usage": "Invoice against daily usage",
    "billed_daily_usage": "Billed daily usage",
    "cost_export_in_scope": "Cost export, usage",
    "rounding_adjustments": "Rounding adjustments of usage",
    "cost_export": "Cost export, whole",
    "not_comparable_usage": "Not comparable, usage",
    "not_comparable_cost": "Not comparable, export",
}
_GRID = (55, 60)  # positions whose steps are rows of the grid


def bridge_query(context: Context) -> Query:
    """Lines of the chosen months, comparison and invoices."""
    table = context.screen.tables[-1]
    comparison, invoices = (context.chosen(f) for f in table.filters if f.name in ("comparison", "invoice"))
    listed = f"and invoice_number in ({', '.join('?' * len(invoices))}) " if invoices else ""
    first, last = context.months()
    return (
        "select billing_month, invoice_number, currency, position, step, row_kind, amount, line_count, note "
        f"from marts.invoice_bridge where billing_month between ? and ? and comparison = ? {listed}"
        f"order by billing_month desc, invoice_number, currency, position, step limit {_MOST + 1}",
        [first_day(first), first_day(last), comparison[0], *invoices],
    )


def render(context: Context) -> list[Any]:
    """A statement for each invoice and currency, closed until it is wanted."""
    lines = context.rows(bridge_query(context))
    if not lines:
        return []
    found = [_statement(context, list(own)) for _, own in groupby(lines[:_MOST], _invoice)]
    more = "Choose an invoice: not all of them are shown." if len(lines) > _MOST else ""
    note = f"From each invoice to the cost export; every total is the sum of what is above it. {more}"
    content = [html.Summary("Invoice bridge"), html.P(note, className="note"), html.Div(found, className="waterfalls")]
    return [html.Details(content, className="more")]


def _invoice(line: Row) -> tuple[Any, ...]:
    return line["billing_month"], line["invoice_number"], line["currency"]


def _statement(context: Context, lines: list[Row]) -> html.Details:
    month, invoice, currency = _invoice(lines[0])
    drawn = [line for line in lines if line["row_kind"] in ("total", "step")]
    steps = [
        charts.Step(
            _TITLES.get(line["step"]) or words(line["step"]),
            line["amount"] or Decimal(0),
            line["line_count"] or 0,
            context.screen.path + _link(context, line).search,
            line["row_kind"] == "total",
        )
        for line in drawn
    ]
    notes = [html.Li(_aside(line, currency)) for line in lines if line not in drawn]
    title = f"{month:%Y-%m}, invoice {invoice or 'without a number'}, {currency}"
    ends = f"{money(drawn[0]['amount'], currency)} to {money(drawn[-1]['amount'], currency)}" if drawn else "absent"
    table = scrolled(f"Bridge of {title}", charts.waterfall(title, currency, steps, "Lines")) if steps else None
    return html.Details([html.Summary(f"{title}: {ends}"), table, html.Ul(notes) if notes else None])


def _aside(line: Row, currency: str) -> str:
    """A line that is in no total, or a source that is absent."""
    name = _TITLES.get(line["step"]) or words(line["step"])
    if line["row_kind"] == "absent":
        return f"{name}: {line['note'] or 'its source has not landed'}"
    noted = f" ({line['note']})" if line["note"] else ""
    return f"{name}{noted}, beside the statement: {money(line['amount'], currency)} {currency}"


def _link(context: Context, line: Row) -> Address:
    """The rows of the grid behind a step; of the other lines the invoice."""
    month = f"{line['billing_month']:%Y-%m}"
    own = {name: context.address.filters[name] for name in ("comparison",) if name in context.address.filters}
    filters = {**own, "currency": (line["currency"],)}
    if line["invoice_number"]:
        filters["invoice"] = (line["invoice_number"],)
    if line["position"] in _GRID:
        step = "not_comparable" if line["step"].startswith("not_comparable") else line["step"]
        filters["why"] = (step,)
    return Address((month, month), filters, as_of=context.address.as_of)
