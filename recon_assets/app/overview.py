"""The overview: months down, reconciliations across; the trend of differences; what the newest publication changed."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dash import dcc, html

from recon_assets.app.format import RECONCILIATIONS, Tone, instant, money, tone, words
from recon_assets.app.parts import badge, closing_badge, dagster_links, data_table, message, scrolled
from recon_assets.app.queries import Query
from recon_assets.app.reader import Published, Reader
from recon_assets.app.tables import Column, Row
from recon_assets.catalogue import SUBJECTS
from recon_assets.lakehouse.log import Closing

_MONTHS = 24
_TONES: tuple[Tone, ...] = ("good", "info", "warn", "bad")


def summary_query() -> Query:
    """Rows and amounts of every month, reconciliation, status and currency; the difference is right - left."""
    return (
        "select billing_month, reconciliation, status, currency, row_count, left_amount, right_amount, "
        "case when difference is not null then right_amount - left_amount end as difference "
        "from marts.reconciliation_summary order by all",
        [],
    )


def status_query() -> Query:
    return (
        "select billing_month, reconciliation, window_status, sources_missing, checks_failed, "
        "left_rows_quarantined + right_rows_quarantined as quarantined, published_at, run_id from marts.month_status",
        [],
    )


def changes_query() -> Query:
    """What each month's newest publication changed, by reconciliation and kind of change.

    Rows of all its tables count; differences are not added up: they are in several currencies and of several grains.
    """
    return (
        "select billing_month, reconciliation, change, status_from, status_to, count(*) as row_count, "
        "max(published_at) as published_at from marts.reconciliation_changes group by all "
        "order by max(published_at) desc, billing_month desc, row_count desc limit 60",
        [],
    )


@dataclass(frozen=True)
class Cell:
    """One month of one reconciliation."""

    month: str
    reconciliation: str
    status: Row
    summary: list[Row]
    closing: Closing | None = None

    def counts(self) -> dict[str, int]:
        """Rows by status."""
        found: dict[str, int] = {}
        for row in self.summary:
            found[row["status"]] = found.get(row["status"], 0) + row["row_count"]
        return found

    def differences(self) -> dict[str, Decimal]:
        """Sum of the differences by currency, of what can be compared."""
        found: dict[str, Decimal] = {}
        for row in self.summary:
            if row["difference"] is not None:
                found[row["currency"]] = found.get(row["currency"], Decimal(0)) + row["difference"]
        return found


def cells(reader: Reader, published: Published) -> dict[tuple[str, str], Cell]:
    """Every published month of every reconciliation."""
    statuses = reader.rows(published.moment, status_query())
    summary: dict[tuple[str, str], list[Row]] = {}
    for row in reader.rows(published.moment, summary_query()):
        summary.setdefault(_place(row), []).append(row)
    return {
        place: Cell(*place, row, summary.get(place, []), published.closings.get(place))
        for row in statuses
        if (place := _place(row))
    }


def _place(row: Row) -> tuple[str, str]:
    return f"{row['billing_month']:%Y-%m}", row["reconciliation"]


def render(
    reader: Reader,
    published: Published,
    as_of: str | None,
    subjects: list[str],
    open_issues: Mapping[tuple[str, str], int],
    now: dt.datetime,
    dagster_url: str,
) -> list[Any]:
    found = cells(reader, published)
    months = sorted({month for month, _ in found}, reverse=True)[:_MONTHS]
    changes = [row for row in reader.rows(published.moment, changes_query()) if row["reconciliation"] in subjects]
    return [
        html.H2("Months"),
        _legend(),
        _matrix(found, months, subjects, as_of, open_issues, now, dagster_url),
        html.H2("Differences over the months"),
        *_trends(found, list(reversed(months)), subjects),
        html.H2("What the last publications changed"),
        _changes(changes, subjects, as_of),
    ]


def _legend() -> html.Div:
    shades = {"good": "agrees", "info": "agrees nearly", "warn": "missing or not comparable", "bad": "differs"}
    return html.Div([html.Span(text, className=f"badge {shade}") for shade, text in shades.items()], className="legend")


def _matrix(
    found: Mapping[tuple[str, str], Cell],
    months: list[str],
    subjects: list[str],
    as_of: str | None,
    open_issues: Mapping[tuple[str, str], int],
    now: dt.datetime,
    dagster_url: str,
) -> html.Div:
    head = [html.Th("Month", scope="col"), *(html.Th(RECONCILIATIONS[subject], scope="col") for subject in subjects)]
    rows = [
        html.Tr(
            [html.Th(month, scope="row")]
            + [
                html.Td(
                    _cell(found.get((month, subject)), as_of, open_issues.get((month, subject), 0), now, dagster_url)
                )
                for subject in subjects
            ]
        )
        for month in months
    ]
    return scrolled("Months", html.Table([html.Thead(html.Tr(head)), html.Tbody(rows)], className="data months"))


def _cell(cell: Cell | None, as_of: str | None, issues: int, now: dt.datetime, dagster_url: str) -> list[Any]:
    if cell is None:
        return [html.Span("not published", className="note")]
    status, counts = cell.status, cell.counts()
    total = sum(counts.values())
    link = f"/{cell.reconciliation}?month={cell.month}" + (f"&asof={as_of}" if as_of else "")
    content: list[Any] = [
        html.Div(
            [dcc.Link(f"{total:,} rows", href=link), " ", badge(status["window_status"]), *closing_badge(cell.closing)],
            className="cell-head",
        ),
        _bar(counts, total),
        html.Div([_count(code, count) for code, count in _ordered(counts)], className="counts"),
        html.Div([_direction(cell), *_amounts(cell)], className="differences"),
        html.Details([html.Summary("Amounts by status"), _amounts_by_status(cell)]),
        html.Div(
            [
                f"published {_age(status['published_at'], now)}, ",
                dagster_links(dagster_url, cell.reconciliation, cell.month, status["run_id"]),
            ],
            className="note",
            title=instant(status["published_at"]),
        ),
    ]
    if issues:
        href = f"/issues?month={cell.month}&reconciliation={cell.reconciliation}&status=open&status=investigating"
        content.append(dcc.Link(f"{issues} open issue{'s' if issues > 1 else ''}", href=href))
    if status["quarantined"]:
        content.append(html.Div(f"{status['quarantined']:,} records could not be loaded", className="note"))
    if status["sources_missing"]:
        missing = html.Details([html.Summary("Missing sources"), html.P(status["sources_missing"])], className="note")
        content.append(missing)
    return content


def _ordered(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (_TONES.index(tone(item[0])), item[0]))


def _bar(counts: Mapping[str, int], total: int) -> html.Div:
    """Rows per status as a bar; the words below say the same."""
    parts = [
        html.Div(className=f"part {tone(code)}", style={"flexGrow": count})
        for code, count in _ordered(counts)
        if count and total
    ]
    return html.Div(parts, className="bar", **{"aria-hidden": "true"})


def _count(code: str, count: int) -> html.Span:
    return html.Span(f"{count:,} {words(code)}", className=f"badge {tone(code)}")


def _direction(cell: Cell) -> str:
    subject = SUBJECTS[cell.reconciliation]
    return f"{subject.right.title} \N{MINUS SIGN} {subject.left.title}"


def _amounts(cell: Cell) -> list[Any]:
    return [
        html.Span(f"{money(amount, currency)} {currency}", className="number")
        for currency, amount in sorted(cell.differences().items())
    ]


def _amounts_by_status(cell: Cell) -> html.Div:
    subject = SUBJECTS[cell.reconciliation]
    columns = (
        Column("status", "Status", "status"),
        Column("currency", "Currency"),
        Column("row_count", "Rows", "count"),
        *(
            Column(f"{name}_amount", side.title, "money")
            for name, side in (("left", subject.left), ("right", subject.right))
        ),
        Column("difference", _direction(cell), "money"),
    )
    return data_table(f"Amounts of {cell.reconciliation} {cell.month}", columns, cell.summary)


def _age(published_at: dt.datetime, now: dt.datetime) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = max(0, int((now - published_at).total_seconds()))
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def _trends(found: Mapping[tuple[str, str], Cell], months: list[str], subjects: list[str]) -> list[Any]:
    """Per reconciliation and currency the absolute differences of each month, as columns."""
    charts = []
    for subject in subjects:
        series: dict[str, dict[str, Decimal]] = {}
        for month in months:
            if (month, subject) in found:
                for currency, amount in _absolute(found[month, subject]).items():
                    series.setdefault(currency, {})[month] = amount
        charts += [
            _trend(subject, currency, values, months)
            for currency, values in sorted(series.items())
            if any(values.values())
        ]
    return [html.Div(charts, className="trends")] if charts else [message("No month holds a difference.", "empty")]


def _absolute(cell: Cell) -> dict[str, Decimal]:
    """Differences of each status added up without their signs: what is over does not hide what is under."""
    found: dict[str, Decimal] = {}
    for row in cell.summary:
        if row["difference"] is not None:
            found[row["currency"]] = found.get(row["currency"], Decimal(0)) + abs(row["difference"])
    return found


def _trend(subject: str, currency: str, values: Mapping[str, Decimal], months: list[str]) -> html.Figure:
    most = max(values.values())
    columns = [_column(month, values.get(month), most, currency) for month in months]
    caption = f"{RECONCILIATIONS[subject]}, {currency}"
    said = "; ".join(f"{month} {money(values[month], currency)}" for month in months if month in values)
    return html.Figure(
        [
            html.Figcaption([caption, html.Span(f"highest {money(most, currency)}", className="note")]),
            html.Div(columns, className="columns", role="img", **{"aria-label": f"{caption}: {said}"}),
        ],
        className="trend",
    )


def _column(month: str, value: Decimal | None, most: Decimal, currency: str) -> html.Div:
    height = float(100 * value / most) if value else 0
    text = "not published" if value is None else money(value, currency)
    return html.Div(
        [html.Div(className="fill", style={"height": f"{height:.1f}%"}), html.Div(month[2:], className="tick")],
        className="column",
        title=f"{month}: {text}",
    )


def _changes(changes: list[Row], subjects: list[str], as_of: str | None) -> html.Div:
    if not changes:
        return message("Nothing: no month has been published again with other results.", "empty")
    titles = ("Month", "Reconciliation", "Change", "From", "To", "Rows", "Published")
    head = [html.Th(title, scope="col", className="number" if n == 5 else "text") for n, title in enumerate(titles)]
    rows = [_change(row, as_of) for row in changes]
    return scrolled("Changes", html.Table([html.Thead(html.Tr(head)), html.Tbody(rows)], className="data"))


def _change(row: Row, as_of: str | None) -> html.Tr:
    month = f"{row['billing_month']:%Y-%m}"
    href = f"/{row['reconciliation']}?month={month}" + (f"&asof={as_of}" if as_of else "")
    return html.Tr(
        [
            html.Td(dcc.Link(month, href=href)),
            html.Td(RECONCILIATIONS[row["reconciliation"]]),
            html.Td(words(row["change"])),
            html.Td(badge(row["status_from"]) if row["status_from"] else ""),
            html.Td(badge(row["status_to"]) if row["status_to"] else ""),
            html.Td(f"{row['row_count']:,}", className="number"),
            html.Td(instant(row["published_at"])),
        ]
    )
