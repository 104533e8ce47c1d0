"""Two publications of a month side by side: what changed in its rows and totals, and which files did.

Both are read at the versions that the log names; the comparison is one SQL join over their files.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlencode

from dash import dcc, html

from recon_assets.app.address import Address
from recon_assets.app.format import instant, money, words
from recon_assets.app.pages import Site
from recon_assets.app.parts import badge, message, scrolled, time
from recon_assets.app.queries import Query
from recon_assets.app.screens import Screen
from recon_assets.app.tables import Row, Table
from recon_assets.errors import InputError
from recon_assets.lakehouse.log import Publication
from recon_assets.months import first_day, parse_month
from recon_assets.query import parse_instant

_MOST = 200


@dataclass(frozen=True)
class Pair:
    """Two publications of one month of a reconciliation, the earlier one first."""

    screen: Screen
    before: Publication
    after: Publication

    @property
    def table(self) -> Table:
        return self.screen.tables[-1]


def link(reconciliation: str, month: str, before: dt.datetime | None = None, after: dt.datetime | None = None) -> str:
    pairs = {"reconciliation": reconciliation, "month": month}
    pairs |= {name: at.isoformat() for name, at in (("before", before), ("after", after)) if at}
    return f"/compare?{urlencode(pairs)}"


def changed_query(pair: Pair, before: str, after: str) -> Query:
    """Rows that are new, gone or changed, largest first, with how many there are; `before`, `after` are relations."""
    table = pair.table

    def side(relation: str) -> str:
        return (
            f"select reconciliation_key, {table.status} as status, {table.right_minus_left} as difference, "
            f"{table.currency} as currency, {table.columns[0].expression} as name from ({relation})"
        )

    return (
        f"with a as ({side(before)}), b as ({side(after)}), joined as ("
        "select coalesce(b.reconciliation_key, a.reconciliation_key) as reconciliation_key, "
        "case when a.reconciliation_key is null then 'new' when b.reconciliation_key is null then 'gone' "
        "when a.status is distinct from b.status or a.difference is distinct from b.difference then 'changed' "
        "else 'same' end as change, coalesce(b.name, a.name) as name, coalesce(b.currency, a.currency) as currency, "
        "a.status as status_before, b.status as status_after, a.difference as difference_before, "
        "b.difference as difference_after from a full join b on a.reconciliation_key = b.reconciliation_key) "
        "select *, count(*) over (partition by change) as how_many from joined where change <> 'same' "
        "order by abs(coalesce(difference_after, 0) - coalesce(difference_before, 0)) desc, reconciliation_key "
        f"limit {_MOST}",
        [],
    )


def totals_query(pair: Pair, before: str, after: str) -> Query:
    """Per status and currency the rows and differences of both."""
    table = pair.table

    def side(relation: str) -> str:
        return (
            f"select {table.status} as status, {table.currency} as currency, count(*) as row_count, "
            f"sum({table.right_minus_left}) as difference from ({relation}) group by all"
        )

    return (
        f"with a as ({side(before)}), b as ({side(after)}) select coalesce(b.status, a.status) as status, "
        "coalesce(b.currency, a.currency) as currency, a.row_count as rows_before, b.row_count as rows_after, "
        "a.difference as difference_before, b.difference as difference_after from a full join b "
        "on a.status = b.status and a.currency is not distinct from b.currency order by 2, 1",
        [],
    )


def files_query(before: str, after: str) -> Query:
    """Landed files that were read in one of them alone, or of which something else became."""
    fields = "source_file, row_count, rejected_count, set_aside"
    return (
        f"with a as (select {fields} from ({before})), b as (select {fields} from ({after})) "
        "select coalesce(b.source_file, a.source_file) as source_file, a.row_count as rows_before, "
        "b.row_count as rows_after, a.rejected_count as rejected_before, b.rejected_count as rejected_after, "
        "case when a.source_file is null then 'new' when b.source_file is null then 'gone' else 'changed' end "
        "as change "
        "from a full join b on a.source_file = b.source_file where a.source_file is null or b.source_file is null "
        "or a.row_count <> b.row_count or a.rejected_count <> b.rejected_count "
        f"or a.set_aside is distinct from b.set_aside order by 1 limit {_MOST}",
        [],
    )


def render(site: Site, search: str | None) -> list[Any]:
    asked = dict(parse_qsl((search or "").removeprefix("?")))
    if not asked.keys() <= {"reconciliation", "month", "before", "after"}:
        raise InputError("A comparison is of a reconciliation, a month, and two moments.")
    screen = next((s for s in site.reconciliations if s.reconciliation == asked.get("reconciliation")), None)
    if screen is None:
        raise InputError("Choose a month on the overview, then 'compare'.")
    month = parse_month(asked.get("month", ""))
    found = site.reader.publications(screen.reconciliation, month)
    head = [html.H1(f"{screen.title} {month}: publications"), _publications(screen, month, found)]
    if len(found) < 2:
        return [*head, message("The month was published once: there is nothing to compare it with.", "empty")]
    before = _at(found[:-1], asked.get("before"), found[-2])
    after = _at(found, asked.get("after"), found[-1])
    if before.published_at >= after.published_at:
        raise InputError("The first of the two publications must be the earlier one.")
    return [*head, *_comparison(site, Pair(screen, before, after), month)]


def _at(found: list[Publication], text: str | None, default: Publication) -> Publication:
    """The publication that readers saw at a moment."""
    if text is None:
        return default
    seen = [publication for publication in found if publication.published_at <= parse_instant(text)]
    if not seen:
        raise InputError(f"Nothing of the month was published at {text[:40]}.")
    return seen[-1]


def _publications(screen: Screen, month: str, found: list[Publication]) -> html.Div:
    head = html.Thead(html.Tr([html.Th(text, scope="col") for text in ("Published", "Run", "Compare", "Rows")]))
    rows = []
    for n, publication in reversed(list(enumerate(found))):
        before = found[n - 1].published_at if n else None
        own = dcc.Link("with the one before", href=link(screen.reconciliation, month, before, publication.published_at))
        shown = Address((month, month), as_of=publication.published_at.isoformat())
        rows.append(
            html.Tr(
                [
                    html.Td(time(publication.published_at)),
                    html.Td(publication.run_id),
                    html.Td(own if n else "the first"),
                    html.Td(dcc.Link("as they were", href=screen.path + shown.search)),
                ]
            )
        )
    return scrolled("Publications", html.Table([head, html.Tbody(rows)], className="data"))


def _comparison(site: Site, pair: Pair, month: str) -> list[Any]:
    reader = site.reader
    rows = [reader.relation(pair.table.mart, publication) for publication in (pair.before, pair.after)]
    files = [
        f"select * from ({reader.relation('intake_files', publication)}) "
        f"where reconciliation = '{pair.screen.reconciliation}' and billing_month = date '{first_day(month)}'"
        for publication in (pair.before, pair.after)
    ]
    both = (pair.before, pair.after)
    changed = reader.rows_of(both, changed_query(pair, *rows))
    totals = reader.rows_of(both, totals_query(pair, *rows))
    touched = reader.rows_of(both, files_query(*files))
    said = f"{instant(pair.before.published_at)} against {instant(pair.after.published_at)}"
    return [
        html.H2(said),
        _totals(totals),
        html.H2("Rows"),
        _changed(pair, month, changed),
        html.H2("Files"),
        _files(touched),
    ]


def _totals(totals: list[Row]) -> html.Div:
    titles = ("Status", "Currency", "Rows before", "Rows after", "Difference before", "Difference after")
    head = [html.Th(text, scope="col", className="text" if n < 2 else "number") for n, text in enumerate(titles)]
    rows = []
    for row in totals:
        counts = [f"{row[name] or 0:,}" for name in ("rows_before", "rows_after")]
        amounts = [money(row[f"difference_{when}"], row["currency"]) for when in ("before", "after")]
        cells = [html.Td(text, className="number") for text in (*counts, *amounts)]
        rows.append(html.Tr([html.Td(badge(row["status"])), html.Td(row["currency"]), *cells]))
    return scrolled(
        "Totals of both", html.Table([html.Thead(html.Tr(head)), html.Tbody(rows)], className="data"), "fit"
    )


def _changed(pair: Pair, month: str, changed: list[Row]) -> Any:
    if not changed:
        return message("No row differs in status or difference.", "empty")
    counts = {row["change"]: row["how_many"] for row in changed}
    said = ", ".join(f"{count:,} {change}" for change, count in sorted(counts.items()))
    titles = (pair.table.columns[0].title, "Change", "Before", "After", "Difference before", "Difference after")
    head = [html.Th(text, scope="col", className="text" if n < 4 else "number") for n, text in enumerate(titles)]
    rows = []
    for row in changed:
        when = pair.before if row["change"] == "gone" else pair.after
        address = Address(
            (month, month), row=(pair.table.name, row["reconciliation_key"]), as_of=when.published_at.isoformat()
        )
        statuses = [badge(row[name]) if row[name] else "" for name in ("status_before", "status_after")]
        amounts = [money(row[f"difference_{name}"], row["currency"]) for name in ("before", "after")]
        rows.append(
            html.Tr(
                [
                    html.Td(dcc.Link(row["name"] or "without a name", href=pair.screen.path + address.search)),
                    html.Td(words(row["change"])),
                    *(html.Td(status) for status in statuses),
                    *(html.Td(f"{text} {row['currency'] or ''}", className="number") for text in amounts),
                ]
            )
        )
    table = html.Table([html.Thead(html.Tr(head)), html.Tbody(rows)], className="data")
    shown = "" if sum(counts.values()) <= _MOST else f"; the {_MOST} that changed most are shown"
    return html.Div([html.P(f"{said}{shown}.", className="note"), scrolled("Changed rows", table)])


def _files(touched: list[Row]) -> Any:
    if not touched:
        text = "The same files, read alike: what changed is due to other months' files, rules, settings or decisions."
        return message(text, "empty")
    titles = ("File", "Change", "Rows before", "Rows after", "Rejected before", "Rejected after")
    head = [html.Th(text, scope="col", className="text" if n < 2 else "number") for n, text in enumerate(titles)]
    names = ("rows_before", "rows_after", "rejected_before", "rejected_after")
    rows = [
        html.Tr(
            [
                html.Td(row["source_file"], className="wide"),
                html.Td(words(row["change"])),
                *(html.Td("" if row[name] is None else f"{row[name]:,}", className="number") for name in names),
            ]
        )
        for row in touched
    ]
    return scrolled("Files", html.Table([html.Thead(html.Tr(head)), html.Tbody(rows)], className="data"))
