"""Pages by their address: which screens there are, and what the page of an address holds."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from dash import dcc, html

from recon_assets.app import (
    decided,
    einvoices,
    files,
    issues_page,
    margin,
    open_items,
    overview,
    queries,
    subscriptions,
    usage,
    waterfall,
)
from recon_assets.app.address import MOST_SORTS, Address, parse_address
from recon_assets.app.decision_forms import bulk_part, pairings, row_form, row_part
from recon_assets.app.format import counted, missing_in_words, words
from recon_assets.app.identity import User
from recon_assets.app.issues_page import Now
from recon_assets.app.parts import (
    badge,
    chips,
    closing_badge,
    closing_note,
    column_chooser,
    dagster_links,
    downloads,
    field,
    filter_bar,
    grid,
    grid_row,
    message,
    row_marks,
    time,
    totals_table,
)
from recon_assets.app.reader import Reader
from recon_assets.app.screens import Context, Screen
from recon_assets.app.settings import AppSettings
from recon_assets.app.tables import Filter, Row, Table
from recon_assets.clock import Clock
from recon_assets.errors import InputError
from recon_assets.issues.decisions import Decision, DecisionStore
from recon_assets.issues.store import LENGTHS, MOST_ASSIGNED, Discrepancy, Issue, IssueStore
from recon_assets.months import parse_month
from recon_assets.platform import Platform
from recon_assets.query import parse_instant
from recon_assets.settings import Settings

_SCREENS = (subscriptions.SCREEN, margin.SCREEN, usage.SCREEN, einvoices.SCREEN, open_items.SCREEN, files.SCREEN)
_TABLES = {table.name: (screen, table) for screen in _SCREENS for table in screen.all_tables}
_TO_DO = (
    "Put a month's files into the landing folder (Help says where each goes; editors can use Upload), have the month "
    "run (editors: Run), then look again."
)
_BLOCK = 1_000  # most rows that one request gets


class NothingPublished(InputError):
    """There is nothing to show at this moment; the text says why."""


@dataclass(frozen=True)
class Site:
    """Everything pages are made from."""

    reader: Reader
    issues: IssueStore
    decisions: DecisionStore
    settings: Settings
    app: AppSettings
    clock: Clock

    def platform(self) -> Platform:
        """What decides and lands, on the same settings and clock."""
        return Platform.from_settings(self.settings, self.clock)

    @property
    def screens(self) -> tuple[Screen, ...]:
        return tuple(s for s in _SCREENS if self.app.show_usage or s is not usage.SCREEN)

    @property
    def reconciliations(self) -> tuple[Screen, ...]:
        return tuple(screen for screen in self.screens if screen.is_compared and screen.own is None)

    def screen(self, path: str | None) -> Screen | None:
        return next((screen for screen in self.screens if screen.path == (path or "").rstrip("/")), None)

    def context(self, screen: Screen, search: str | None, pin: str | None = None) -> Context:
        """The look that an address asks for; `pin` is the moment that the rest of the page shows."""
        address = parse_address(search, screen.all_tables)
        moment = address.moment or (parse_instant(pin) if pin else None)
        published = self.reader.published(moment)
        if published is None or not published.months(screen.publication):
            when = f" at {address.as_of}" if address.as_of else " yet"
            raise NothingPublished(f"Nothing of {screen.title.lower()} was published{when}. {_TO_DO}")
        return Context(self.reader, published, address, screen)

    def table(self, name: str) -> tuple[Screen, Table]:
        """A table and its screen by the table's name; InputError when there is none."""
        screen, table = _TABLES.get(name, (None, None))
        if screen is None or table is None or screen not in self.screens:
            raise InputError(f"There is no table '{name[:40]}'.")
        return screen, table


def overview_page(site: Site, search: str | None) -> list[Any]:
    address = parse_address(search, ())
    published = site.reader.published(address.moment)
    if published is None:
        raise NothingPublished(f"Nothing was published{f' at {address.as_of}' if address.as_of else ' yet'}. {_TO_DO}")
    moment = max(publication.published_at for publication in published.current.values())
    seen = overview.view(
        site.reader,
        published,
        address.as_of,
        site.reconciliations,
        site.issues.open_counts(),
        site.clock(),
        site.settings.dagster_url,
    )
    return [
        html.H1("Overview"),
        _as_of_note(address, "/"),
        html.P(["Newest publication ", time(moment), "."], className="note"),
        *overview.render(seen),
    ]


def amounts_part(site: Site, reconciliation: str, month: str, search: str | None) -> html.Div:
    """What each status of a month of the overview amounts to."""
    screen = next((screen for screen in site.reconciliations if screen.reconciliation == reconciliation), None)
    published = site.reader.published(parse_address(search, ()).moment)
    if screen is None or published is None:
        raise InputError("There is no such month. Reload the page.")
    return overview.amounts_by_status(site.reader, published, screen, parse_month(month))


def screen_page(site: Site, context: Context, user: User) -> list[Any]:
    """Filters, totals and grids of a screen."""
    screen, address = context.screen, context.address
    filters = tuple(f for f in _filters(screen) if not f.is_quiet or f.name in address.filters)
    values = {filter_.name: context.chosen(filter_) for filter_ in filters}
    options = {f.name: context.choices(f) for f in filters if f.kind == "choice" and f.groups is None}
    bar = filter_bar(
        filters,
        values,
        options,
        context.published_months(),
        context.months(),
        context.published.moments(screen.publication),
        address,
    )
    measure = values.get("measure", (None,))[0]
    return [
        html.H1(screen.title),
        html.P(screen.lead, className="note"),
        _as_of_note(address, screen.path),
        bar,
        html.Div([chips(filters, address, screen.path), _views_part(site, screen, user)], className="tools"),
        _month_notes(site, context) if screen.is_compared else None,
        *(
            part
            for n, table in enumerate(screen.tables)
            for part in _table_part(
                context, table, measure, waterfall.render(context) if not n and screen.is_compared else [], user
            )
        ),
        *(screen.below(context) if screen.below else []),
    ]


def _views_part(site: Site, screen: Screen, user: User) -> html.Details:
    """Addresses of this screen that have a name, and a form to name the present one."""
    views = [
        html.Li(
            [
                dcc.Link(view.name, href=view.path + view.search),
                html.Span(f" of {view.owner}", className="note"),
                *([_forget(view.name)] if view.owner == user.name else []),
            ]
        )
        for view in site.issues.views(screen.path)
    ]
    name = dcc.Input(id="view-name", maxLength=LENGTHS["view"], placeholder="for example: open in March", type="text")
    form = [
        field("Name of this view", name),
        html.Button("Save view", id="view-save", className="button"),
        html.Div(id="view-answer"),
    ]
    none = html.P("None yet. A view keeps filters, months, sorting and columns.", className="note")
    return html.Details(
        [html.Summary("Saved views"), html.Ul(views) if views else none, *form], className="chooser", id="views"
    )


def _forget(name: str) -> html.Button:
    return html.Button(
        "Remove", id={"type": "view-remove", "view": name}, className="button small", title=f"Remove the view {name}"
    )


def _filters(screen: Screen) -> tuple[Filter, ...]:
    return tuple({filter_.name: filter_ for table in screen.tables for filter_ in table.filters}.values())


def _as_of_note(address: Address, path: str) -> Any:
    if not address.as_of:
        return None
    now = dcc.Link("Show what is published now", href=path + replace(address, as_of=None).search)
    assert address.moment is not None
    said = ["As it was published at ", time(address.moment), ". ", now]
    return html.Div(said, className="message asof", role="status")


def _month_notes(site: Site, context: Context) -> html.Ul:
    """How far each month can be trusted, and where it was made."""
    first, last = context.months()
    query = (
        "select billing_month, window_status, sources_missing, run_id, published_at from marts.month_status "
        "where reconciliation = ? and strftime(billing_month, '%Y-%m') between ? and ? order by 1 desc limit 12",
        [context.screen.reconciliation, first, last],
    )
    items = []
    for row in context.rows(query):
        month = f"{row['billing_month']:%Y-%m}"
        links = dagster_links(site.settings.dagster_url, context.screen.reconciliation, month, row["run_id"])
        closing = context.published.closings.get((month, context.screen.reconciliation))
        text: list[Any] = [
            f"{month} ",
            badge(row["window_status"]),
            *closing_badge(closing),
            " published ",
            time(row["published_at"]),
            f"{closing_note(closing)}, ",
            links,
            ", ",
            dcc.Link("compare", href=f"/compare?reconciliation={context.screen.reconciliation}&month={month}"),
            ", ",
            html.A("pack to sign off", href=f"/pack/{context.screen.reconciliation}/{month}.zip", download=""),
        ]
        if row["sources_missing"]:
            missing = html.Ul([html.Li(said) for said in missing_in_words(row["sources_missing"])])
            text.append(html.Details([html.Summary("missing files"), missing]))
        items.append(html.Li(text))
    return html.Ul(items, className="month-notes")


def _table_part(
    context: Context, table: Table, measure: str | None, beside: Sequence[Any] = (), user: User | None = None
) -> list[Any]:
    """Totals, with what stands `beside` them, and the grid; for an editor how all its rows are decided."""
    totals = context.rows(queries.totals(table, context.restriction(table)))
    count = sum(row["row_count"] for row in totals)
    heading = html.Div([html.H2(table.title), html.Span(counted(count, "row"), className="note")], className="heading")
    if not count:
        return [heading, message(_why_empty(context), "empty")]
    mark = f"{context.address.shown} {context.moment} {context.address.row if table in context.screen.drill else ''}"
    links = downloads(table, context.pinned(), context.address)
    if table in context.screen.tables:
        links = html.Div([links, column_chooser(table, measure, context.address)], className="tools")
    return [
        heading,
        html.Div([totals_table(table, totals), *beside], className="figures"),
        links,
        *(_all_rows_part(table, count) if user and user.is_editor and table is context.screen.decided else []),
        html.Section(
            grid(table, context.address, context.sort(table), count, measure, mark), **{"aria-label": table.title}
        ),
    ]


def _all_rows_part(table: Table, count: int) -> list[Any]:
    """What an editor can do about all rows of the filter at once."""
    return [bulk_part(table, count), issues_page.assign_form(table.title.lower(), count)]


def _why_empty(context: Context) -> str:
    first, last = context.months()
    published = [m for m in context.published_months() if first <= m <= last]
    if not published:
        return f"No month of {context.span()} is published. The overview says which are, and what has not landed."
    if context.address.filters:
        return f"No row of {context.span()} fits the filters. Clear them to see the month."
    return f"{context.span()} is published, and holds no row."


def details_part(site: Site, context: Context, user: User, done: Any = None) -> list[Any]:
    """What stands behind the selected row, and what was just `done` about it; nothing without one."""
    if context.address.row is None:
        return []
    close = dcc.Link(
        "Close",
        id="row-close",
        href=context.screen.path + replace(context.address, row=None).search,
        className="button",
    )
    selected = context.selected
    if selected is None:
        gone = "The row that this address names is not in these months. A later publication may have removed it."
        return [html.Section([message(gone, "error"), close], className="details")]
    table, row = selected
    head = html.Div([html.H2(table.label(row), tabIndex=-1), badge(row["row_status"])], className="heading")
    head = html.Div([html.Div([*_steps(context, table, row), close], className="steps"), head], className="drawer-head")
    content = [head, *context.screen.details(context, table, row)]
    if context.screen.more is not None:
        summary = html.Summary(context.screen.more[0], id="more-open")
        content.append(html.Details([summary, html.Div(id="more")], className="more"))
    if table is not usage.SUMMARY:
        for drill in context.screen.drill:
            content += _table_part(context, drill, context.chosen(usage.MEASURE)[0])
    return [
        html.Section(
            [*content, *_said_part(site, context, table, row, user, done)],
            className="details",
            **{"aria-label": "Selected row", "data-table": table.name, "data-key": row["reconciliation_key"]},
        )
    ]


def _steps(context: Context, table: Table, row: Row) -> list[Any]:
    """Links to the rows before and after, as the grid has them."""
    found = []
    for step, text, name in ((-1, "Previous", "row-previous"), (1, "Next", "row-next")):
        address = context.beside(table, row, step)
        if address is None:
            found.append(html.Span(text, className="button off", **{"aria-disabled": "true"}))
        else:
            found.append(dcc.Link(text, id=name, href=context.screen.path + address.search, className="button"))
    return found


def more_part(context: Context) -> list[Any]:
    """The details of the selected row that are read when somebody opens them."""
    if context.selected is None or context.screen.more is None:
        return []
    return context.screen.more[1](context, *context.selected)


def _said_part(site: Site, context: Context, table: Table, row: Row, user: User, done: Any) -> list[Any]:
    """What people said about a row: decisions and issues, with the forms to say more."""
    if not context.screen.is_compared:
        return []
    issues = _issues_part(site, table, row, user)
    if table is not context.screen.decided:
        return issues
    subject, key = context.screen.reconciliation, row["reconciliation_key"]
    decisions = site.decisions.history(subject, key=key)
    possible = pairings(context, row) if user.is_editor else []
    others = {k for pairing in possible for k in (pairing.key, pairing.other_key) if k}
    newest = site.decisions.newest(subject, [key, *others - {key}])
    content = row_part(context, row, decisions, newest.get(key), user.is_editor)
    form = [row_form(context, table, row, decisions, newest, possible)] if user.is_editor else []
    return [*content, *form, done, *issues]


def _issues_part(site: Site, table: Table, row: Row, user: User) -> list[Any]:
    found, count = site.issues.find(20, reconciliation_key=row["reconciliation_key"])
    content: list[Any] = [html.H3("Issues")]
    links = [
        html.Li([dcc.Link(f"#{i.issue_id} {i.title}", href=f"/issues?issue={i.issue_id}"), " ", badge(i.status)])
        for i in found
    ]
    content.append(html.Ul(links) if count else html.P("None on this row.", className="note"))
    if user.is_editor:
        status = words(row[table.status])
        content.append(issues_page.report_form(f"{status}: {table.label(row)}"))
    return content


def grid_rows(site: Site, context: Context, table: Table, request: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of a block that a grid asks for."""
    start, end = _bounds(request)
    sort = sort_of(table, request) or context.sort(table)
    rows = context.rows(queries.page(table, context.restriction(table), sort, start, end - start))
    return [grid_row(table, row, text) for row, text in zip(rows, marked(site, context, table, rows), strict=True)]


def marked(site: Site, context: Context, table: Table, rows: list[Row]) -> list[str]:
    """What marks each of these rows: issues, decisions, those of the present that come with the next run too."""
    keys = [row["reconciliation_key"] for row in rows]
    issues = site.issues.open_by_key(keys)
    newest: dict[str, Decision] = {}
    is_decided = table is context.screen.decided
    if is_decided and _is_present(site, context):
        newest = site.decisions.newest(context.screen.reconciliation, keys)
    said = [decided.mark(row, newest.get(key)) if is_decided else "" for key, row in zip(keys, rows, strict=True)]
    return [row_marks(table, row, issues.get(key, 0), text) for key, row, text in zip(keys, rows, said, strict=True)]


def _is_present(site: Site, context: Context) -> bool:
    """Whether a look is of what is published now, be it that its address names the moment."""
    published = site.reader.published() if context.address.as_of else None
    return published is None or published.moment == context.moment


def _bounds(request: dict[str, Any]) -> tuple[int, int]:
    start, end = request.get("startRow"), request.get("endRow")
    if not (isinstance(start, int) and isinstance(end, int) and 0 <= start < end <= start + _BLOCK):
        raise InputError(f"A grid asks for at most {_BLOCK} rows at once.")
    return start, end


def sort_of(table: Table, request: dict[str, Any]) -> str | None:
    """The sorting that a grid asks for, as `-column,column`; None when it asks for none of ours."""
    models = [model for model in request.get("sortModel") or [] if table.column(str(model.get("colId"))) is not None]
    parts = [("-" if model.get("sort") == "desc" else "") + str(model["colId"]) for model in models[:MOST_SORTS]]
    return ",".join(parts) or None


def discrepancy(context: Context) -> Discrepancy:
    """What an issue keeps of the selected row."""
    selected = context.selected
    if selected is None:
        raise InputError("The row is not there any more. Reload the page.")
    table, row = selected
    query = (
        f"select {table.currency} as currency from marts.{table.mart} "
        "where billing_month = ? and reconciliation_key = ?",
        [row["billing_month"], row["reconciliation_key"]],
    )
    return _about(context.screen, table, row, context.rows(query)[0]["currency"])


def require_few(context: Context, table: Table, most: int, what: str) -> None:
    """InputError when the screen's filters leave no row, or more than can be `what` at once."""
    count = sum(row["row_count"] for row in context.rows(queries.totals(table, context.restriction(table))))
    if not 0 < count <= most:
        raise InputError(f"{count:,} rows are shown; from 1 to {most:,} can be {what} at once.")


def discrepancies(context: Context, table: Table) -> list[Discrepancy]:
    """What issues keep of all rows that the screen's filters leave; InputError above what is assigned at once."""
    require_few(context, table, MOST_ASSIGNED, "assigned")
    restriction = context.restriction(table)
    listed = ["*", f"{table.currency} as issue_currency"]
    rows = context.rows(queries.listing(table, restriction, context.sort(table), listed))
    return [_about(context.screen, table, row, row["issue_currency"]) for row in rows]


def _about(screen: Screen, table: Table, row: Row, currency: str | None) -> Discrepancy:
    return Discrepancy(
        screen.reconciliation,
        table.mart,
        row["reconciliation_key"],
        f"{row['billing_month']:%Y-%m}",
        table.label(row),
        row[table.status],
        row[table.difference],
        _currency(table, currency),
    )


def find_discrepancy(site: Site, reconciliation: str, month: str, key: str) -> Discrepancy | None:
    """What an issue keeps of the row with this key, in whichever table of the reconciliation it is."""
    for screen, table in (place for place in _TABLES.values() if place[0].reconciliation == reconciliation):
        address = Address((month, month), row=(table.name, key))
        context = site.context(screen, address.search)
        if context.selected is not None:
            return discrepancy(context)
    return None


def _currency(table: Table, currency: str | None) -> str | None:
    return "MYR" if table.difference.endswith("_myr") else currency


def current_row(site: Site, issue: Issue) -> Now | None:
    """The row of an issue as it is published now; None when it has gone."""
    published = site.reader.published()
    table = table_of(issue)
    place = (issue.about.month, issue.about.reconciliation)
    if published is None or place not in published.current:
        return None
    query = queries.one(table, issue.about.reconciliation_key, issue.about.month, issue.about.month)
    rows = site.reader.rows(published.moment, query)
    at = published.current[place].published_at
    return Now(rows[0][table.status], rows[0][table.difference], at) if rows else None


def table_of(issue: Issue) -> Table:
    return next(table for _, table in _TABLES.values() if table.mart == issue.about.mart)


def row_link(issue: Issue) -> str:
    months = (issue.about.month, issue.about.month)
    address = Address(months, row=(table_of(issue).name, issue.about.reconciliation_key))
    return f"{_TABLES[table_of(issue).name][0].path}{address.search}"


def links(site: Site) -> dict[str, str]:
    """The pages of the navigation: address -> title."""
    screens = {screen.path: screen.title for screen in site.screens}
    return {"/": "Overview", **screens, "/period": "Any days", "/issues": "Issues", "/help": "Help"}


def navigation(site: Site, path: str, user: User) -> list[Any]:
    found: list[Any] = [
        dcc.Link(title, href=href, className="current" if href == path else "") for href, title in links(site).items()
    ]
    # The upload page is no page of Dash: a link that the browser follows by itself.
    run = dcc.Link("Run", href="/run", className="current" if path == "/run" else "")
    return [*found, run, html.A("Upload", href="/upload")] if user.is_editor else found
