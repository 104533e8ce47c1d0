"""The overview: what to do today, how the differences went, every month, and what the newest publication changed."""

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from dash import dcc, html

from recon_assets.app import charts, queries
from recon_assets.app.address import Address
from recon_assets.app.format import RECONCILIATIONS, Tone, counted, missing_in_words, money, share, tone, words
from recon_assets.app.parts import badge, closing_badge, dagster_links, data_table, message, scrolled, time
from recon_assets.app.queries import Query
from recon_assets.app.reader import Published, Reader
from recon_assets.app.screens import Context, Screen
from recon_assets.app.tables import Column, Row
from recon_assets.lakehouse.log import Closing
from recon_assets.months import first_day

_MONTHS = 24
_TONES: tuple[Tone, ...] = ("good", "info", "warn", "bad")
_AGREES: tuple[Tone, ...] = ("good", "info")


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
        "select billing_month, reconciliation, window_status, sources_missing, checks_failed, published_at, run_id "
        "from marts.month_status",
        [],
    )


def intake_query(first: str, last: str) -> Query:
    """What became of the landed files of these months, by reconciliation and month."""
    return (
        "select billing_month, reconciliation, sum(rejected_count) as rejected, sum(ignored_count) as ignored, "
        "count(*) filter (where set_aside is not null or taken_as = 'nothing') as unread "
        "from marts.intake_files where billing_month between ? and ? group by all",
        [first_day(first), first_day(last)],
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
    screen: Screen
    status: Row
    summary: list[Row]
    intake: Row | None
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

    def agreeing(self, currency: str) -> tuple[int, int]:
        """Rows in a currency that agree, and all of them."""
        rows = [row for row in self.summary if row["currency"] == currency]
        agree = sum(row["row_count"] for row in rows if tone(row["status"]) in _AGREES)
        return agree, sum(row["row_count"] for row in rows)


@dataclass(frozen=True)
class View:
    """The overview of one moment: the screens there are, their months, and what the links carry."""

    reader: Reader
    published: Published
    screens: list[Screen]
    months: list[str]  # ascending
    cells: Mapping[tuple[str, str], Cell]
    as_of: str | None
    open_issues: Mapping[tuple[str, str], int]
    now: dt.datetime
    dagster_url: str

    def link(self, screen: Screen, months: tuple[str, str], **filters: Iterable[str]) -> str:
        chosen = {name: tuple(values) for name, values in filters.items()}
        return screen.path + Address(months, chosen, as_of=self.as_of).search

    def span(self, screen: Screen) -> tuple[str, str] | None:
        """First and last month of a screen that are shown; None without any."""
        own = [month for month in self.months if (month, screen.reconciliation) in self.cells]
        return (own[0], own[-1]) if own else None

    def of(self, screen: Screen) -> list[Cell]:
        return [cell for (_, name), cell in sorted(self.cells.items()) if name == screen.reconciliation]


def view(
    reader: Reader,
    published: Published,
    as_of: str | None,
    screens: tuple[Screen, ...],
    open_issues: Mapping[tuple[str, str], int],
    now: dt.datetime,
    dagster_url: str,
) -> View:
    """The newest months of every reconciliation as they were published at a moment."""
    names = {screen.reconciliation: screen for screen in screens}
    months = sorted({month for month, name in published.current if name in names})[-_MONTHS:]
    summary: dict[tuple[str, str], list[Row]] = {}
    for row in reader.rows(published.moment, summary_query()):
        summary.setdefault(_place(row), []).append(row)
    intake = {_place(row): row for row in reader.rows(published.moment, intake_query(months[0], months[-1]))}
    cells = {
        place: Cell(
            place[0], names[place[1]], row, summary.get(place, []), intake.get(place), published.closings.get(place)
        )
        for row in reader.rows(published.moment, status_query())
        if (place := _place(row))[1] in names and place[0] in months
    }
    return View(reader, published, list(screens), months, cells, as_of, open_issues, now, dagster_url)


def _place(row: Row) -> tuple[str, str]:
    return f"{row['billing_month']:%Y-%m}", row["reconciliation"]


def render(seen: View) -> list[Any]:
    return [
        html.H2("What to look at"),
        html.P(_months_said(seen), className="note"),
        _attention(seen),
        html.Div([_intake(seen, screen) for screen in seen.screens if seen.span(screen)], className="cards"),
        *([] if seen.as_of else [dcc.Store(id="landed-look", data=1), html.Section(id="landed", className="landed")]),
        html.H2("Differences over the months"),
        *_trends(seen),
        html.H2("Months"),
        _legend(),
        _matrix(seen),
        html.H2("What the last publications changed"),
        _changes(seen),
    ]


def _months_said(seen: View) -> str:
    first, last = seen.months[0], seen.months[-1]
    return f"{first} to {last}, in each currency by itself. Every number leads to its rows."


def _attention(seen: View) -> html.Div:
    """Per subject and currency: how much agrees, what is at risk, what was decided, what is late."""
    titles = (
        "Reconciliation", "Currency", "Match rate", "Open rows", "Money at risk", "Not comparable", "Decided", "Late"
    )  # fmt: skip
    head = [html.Th(title, scope="col", className="text" if n < 2 else "number") for n, title in enumerate(titles)]
    rows = [row for screen in seen.screens for row in _attention_rows(seen, screen)]
    table = html.Table([html.Thead(html.Tr(head)), html.Tbody(rows)], className="data attention")
    return scrolled("What to look at", table)


def _attention_rows(seen: View, screen: Screen) -> list[html.Tr]:
    months = seen.span(screen)
    if months is None:
        return []
    context = Context(seen.reader, seen.published, Address(months, as_of=seen.as_of), screen)
    table = screen.tables[-1]
    condition = screen.late.condition if screen.late else None
    found = context.rows(queries.attention(table, context.restriction(table), condition))
    currencies = sorted({row["currency"] or "" for row in found})
    rows = []
    for n, currency in enumerate(currencies):
        lines = [row for row in found if (row["currency"] or "") == currency]
        first = html.Th(screen.title, scope="rowgroup", rowSpan=len(currencies))
        rows.append(html.Tr([*([first] if not n else []), *_attention_cells(seen, screen, months, currency, lines)]))
    return rows


def _attention_cells(
    seen: View, screen: Screen, months: tuple[str, str], currency: str, lines: list[Row]
) -> list[html.Td]:
    own = {"currency": [currency]} if currency else {}
    agreeing = [line for line in lines if tone(line["status"]) in _AGREES]
    open_lines = [line for line in lines if tone(line["status"]) not in _AGREES]
    compared = [line for line in open_lines if line["compared_count"]]
    others = [line for line in open_lines if not line["compared_count"]]
    total, late = sum(line["row_count"] for line in lines), sum(line["late_count"] for line in lines)
    at_risk = sum((line["at_risk"] for line in compared), Decimal(0))
    decided, amount = sum(line["decided_count"] for line in lines), money(at_risk, currency)

    def to(some: list[Row], text: str, decided: str | None = None) -> Any:
        statuses = sorted({line["status"] for line in some})
        chosen = {"open": [decided]} if decided and any(line["decided_count"] for line in some) else {}
        return dcc.Link(text, href=seen.link(screen, months, **own, **chosen, **{screen.verdict: statuses}))

    def left(some: list[Row]) -> int:
        return sum(line["row_count"] - line["decided_count"] for line in some)

    late_link = ""
    if screen.late:
        href = seen.link(screen, months, **own, **{screen.late.filter: [screen.late.value]})
        late_link = dcc.Link(f"{late:,}", href=href) if late else "0"
    cells = [
        to(agreeing, share(sum(line["row_count"] for line in agreeing), total)) if agreeing else "0%",
        to(open_lines, f"{left(open_lines):,}", "open") if left(open_lines) else "0",
        to(compared, f"{amount} {currency}".strip(), "open") if left(compared) else amount,
        to(others, f"{left(others):,}", "open") if left(others) else "0",
        to(lines, f"{decided:,}", "decided") if decided else "0",
        late_link,
    ]
    return [html.Td(currency), *(html.Td(cell, className="number") for cell in cells)]


def _intake(seen: View, screen: Screen) -> html.Section:
    """What of a reconciliation's files did not become rows, what is missing, and which issues are open."""
    months = seen.span(screen)
    assert months is not None
    cells = seen.of(screen)
    counts = {name: sum((cell.intake or {}).get(name) or 0 for cell in cells) for name in _INTAKE}
    items = [
        html.Li(dcc.Link(f"{count:,} {_INTAKE[name][count != 1]}", href=_files_link(seen, screen, months, name)))
        for name, count in counts.items()
    ]
    issues = sum(seen.open_issues.get((cell.month, screen.reconciliation), 0) for cell in cells)
    href = f"/issues?reconciliation={screen.reconciliation}&status=open&status=investigating"
    items.append(html.Li(dcc.Link(f"{issues} open issue{'' if issues == 1 else 's'}", href=href)))
    return html.Section([html.H3(screen.title), html.Ul(items), *_missing(cells)], className="card")


_INTAKE = {
    "rejected": ("record was rejected", "records were rejected"),
    "ignored": ("row was ignored (titles, totals, footers)", "rows were ignored (titles, totals, footers)"),
    "unread": ("file was set aside", "files were set aside"),
}


def _files_link(seen: View, screen: Screen, months: tuple[str, str], kind: str) -> str:
    outcomes = {"unread": ("set_aside", "not_read"), "ignored": ("partly_ignored", "partly_rejected"), "rejected": ()}
    filters = {"reconciliation": (screen.reconciliation,), "outcome": outcomes[kind]}
    chosen = {name: values for name, values in filters.items() if values}
    return "/files" + Address(months, chosen, as_of=seen.as_of).search


def _missing(cells: list[Cell]) -> list[Any]:
    """What the newest months still wait for; what is not needed is left to the months below."""
    said = missing_in_words("; ".join(cell.status["sources_missing"] or "" for cell in cells))
    waited = [text for text in said if "not needed" not in text]
    if not waited:
        return [html.P("Nothing that is needed is missing.", className="note")]
    return [html.P("Not landed yet:", className="note"), html.Ul([html.Li(text) for text in waited])]


def _legend() -> html.Div:
    shades = {"good": "agrees", "info": "agrees nearly", "warn": "missing or not comparable", "bad": "differs"}
    return html.Div([html.Span(text, className=f"badge {shade}") for shade, text in shades.items()], className="legend")


def _matrix(seen: View) -> html.Div:
    head = [html.Th("Month", scope="col"), *(html.Th(screen.title, scope="col") for screen in seen.screens)]
    rows = [
        html.Tr(
            [html.Th(month, scope="row")]
            + [html.Td(_cell(seen, seen.cells.get((month, screen.reconciliation)))) for screen in seen.screens]
        )
        for month in reversed(seen.months)
    ]
    return scrolled("Months", html.Table([html.Thead(html.Tr(head)), html.Tbody(rows)], className="data months"))


def _cell(seen: View, cell: Cell | None) -> list[Any]:
    if cell is None:
        return [html.Span("not published", className="note")]
    status, counts = cell.status, cell.counts()
    total, months = sum(counts.values()), (cell.month, cell.month)
    issues = seen.open_issues.get((cell.month, cell.screen.reconciliation), 0)
    content: list[Any] = [
        html.Div(
            [
                dcc.Link(counted(total, "row"), href=seen.link(cell.screen, months)),
                " ",
                badge(status["window_status"]),
                *closing_badge(cell.closing),
            ],
            className="cell-head",
        ),
        _bar(seen, cell, counts),
        html.Div([_count(seen, cell, code, count) for code, count in _ordered(counts)], className="counts"),
        html.Div([_direction(cell.screen), *_amounts(seen, cell)], className="differences"),
        _amounts_to_open(cell),
        html.Div(
            [
                f"published {_age(status['published_at'], seen.now)}, ",
                dagster_links(seen.dagster_url, cell.screen.reconciliation, cell.month, status["run_id"]),
            ],
            className="note",
        ),
    ]
    if issues:
        name = cell.screen.reconciliation
        href = f"/issues?month={cell.month}&reconciliation={name}&status=open&status=investigating"
        content.append(dcc.Link(f"{issues} open issue{'s' if issues > 1 else ''}", href=href))
    if cell.intake and cell.intake["rejected"]:
        content.append(html.Div(f"not loaded: {cell.intake['rejected']:,}", className="note"))
    if status["sources_missing"]:
        missing = html.Ul([html.Li(text) for text in missing_in_words(status["sources_missing"])])
        content.append(html.Details([html.Summary("Missing files"), missing], className="note"))
    return content


def _ordered(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (_TONES.index(tone(item[0])), item[0]))


def _of_status(seen: View, cell: Cell, code: str) -> str:
    return seen.link(cell.screen, (cell.month, cell.month), **{cell.screen.verdict: [code]})


def _bar(seen: View, cell: Cell, counts: Mapping[str, int]) -> html.Div:
    """Rows per status as a bar; the words below say the same, and are what the keyboard reaches."""
    parts = [
        html.A(
            href=_of_status(seen, cell, code),
            className=f"part {tone(code)}",
            style={"flexGrow": count},
            title=f"{count:,} {words(code)}",
            tabIndex=-1,
        )
        for code, count in _ordered(counts)
        if count
    ]
    return html.Div(parts, className="bar", **{"aria-hidden": "true"})


def _count(seen: View, cell: Cell, code: str, count: int) -> dcc.Link:
    return dcc.Link(f"{count:,} {words(code)}", href=_of_status(seen, cell, code), className=f"badge {tone(code)}")


def _direction(screen: Screen) -> str:
    return f"{screen.subject.right.title} \N{MINUS SIGN} {screen.subject.left.title}"


def _amounts(seen: View, cell: Cell) -> list[Any]:
    months = (cell.month, cell.month)
    return [
        dcc.Link(
            f"{money(amount, currency)} {currency}",
            href=seen.link(cell.screen, months, **({"currency": [currency]} if currency else {})),
            className="number",
        )
        for currency, amount in sorted(cell.differences().items(), key=lambda item: item[0] or "")
    ]


def _amounts_to_open(cell: Cell) -> html.Details:
    """A place that `amounts_by_status` fills once it is opened: of two years it would be most of the page."""
    place = f"{cell.screen.reconciliation}:{cell.month}"
    summary = html.Summary("Amounts by status", id={"type": "amounts-open", "place": place})
    return html.Details([summary, html.Div(id={"type": "amounts", "place": place})])


def amounts_by_status(reader: Reader, published: Published, screen: Screen, month: str) -> html.Div:
    """What each status of a month amounts to, in each currency."""
    sql, _ = summary_query()
    own = "select * from (" + sql + ") where billing_month = ? and reconciliation = ? order by all"
    rows = reader.rows(published.moment, (own, [first_day(month), screen.reconciliation]))
    subject = screen.subject
    columns = (
        Column("status", "Status", "status"),
        Column("currency", "Currency"),
        Column("row_count", "Rows", "count"),
        *(
            Column(f"{name}_amount", side.title, "money")
            for name, side in (("left", subject.left), ("right", subject.right))
        ),
        Column("difference", _direction(screen), "money"),
    )
    return data_table(f"Amounts of {screen.reconciliation} {month}", columns, rows)


def _age(published_at: dt.datetime, now: dt.datetime) -> str:
    """How long ago, in the largest unit that fits."""
    seconds = max(0, int((now - published_at).total_seconds()))
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"


def _trends(seen: View) -> list[Any]:
    """Per reconciliation and currency the signed difference of each month, and how much of it agrees."""
    found = []
    for screen in seen.screens:
        cells = seen.of(screen)
        amounts = {cell.month: cell.differences() for cell in cells}
        for currency in sorted({name for own in amounts.values() for name, amount in own.items() if amount}):
            found.append(_trend(seen, screen, currency, {cell.month: cell for cell in cells}))
    if not found:
        return [message("No month holds a difference.", "empty")]
    colours = {"over": "right is higher", "under": "right is lower"}
    return [charts.legend(colours), html.Div(found, className="trends")]


def _trend(seen: View, screen: Screen, currency: str, cells: Mapping[str, Cell]) -> html.Figure:
    points = []
    for month in seen.months:
        cell = cells.get(month)
        value = cell.differences().get(currency) if cell else None
        rate = share(*cell.agreeing(currency)) if cell else ""
        href = seen.link(screen, (month, month), currency=[currency])
        points.append(charts.Point(month[2:], value, href, rate))
    return charts.columns(f"{screen.title}, {currency}: {_direction(screen)}; match rate below", currency, points)


def _changes(seen: View) -> html.Div:
    names = {screen.reconciliation: screen for screen in seen.screens}
    changes = [
        row for row in seen.reader.rows(seen.published.moment, changes_query()) if row["reconciliation"] in names
    ]
    if not changes:
        return message("Nothing: no month has been published again with other results.", "empty")
    titles = ("Month", "Reconciliation", "Change", "From", "To", "Rows", "Published")
    head = [html.Th(title, scope="col", className="number" if n == 5 else "text") for n, title in enumerate(titles)]
    rows = [_change(seen, names[row["reconciliation"]], row) for row in changes]
    return scrolled("Changes", html.Table([html.Thead(html.Tr(head)), html.Tbody(rows)], className="data"))


def _change(seen: View, screen: Screen, row: Row) -> html.Tr:
    month = f"{row['billing_month']:%Y-%m}"
    filters = {"change": [row["change"]]} | ({"was": [row["status_from"]]} if row["status_from"] else {})
    if row["status_to"]:
        filters[screen.verdict] = [row["status_to"]]
    count = counted(row["row_count"], "row")
    href = seen.link(screen, (month, month), **filters)
    return html.Tr(
        [
            html.Td(dcc.Link(month, href=seen.link(screen, (month, month)))),
            html.Td(RECONCILIATIONS[row["reconciliation"]]),
            html.Td(words(row["change"])),
            html.Td(badge(row["status_from"]) if row["status_from"] else ""),
            html.Td(badge(row["status_to"]) if row["status_to"] else ""),
            html.Td(count if row["change"] == "gone" else dcc.Link(count, href=href), className="number"),
            html.Td(time(row["published_at"])),
        ]
    )
