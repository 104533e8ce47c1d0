"""The screens of the issues: the list, and one issue with its discrepancy then and now, its history and its forms."""

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from secrets import token_hex
from typing import Any
from urllib.parse import parse_qsl, urlencode

from dash import dcc, html

from recon_assets.app.decision_forms import history
from recon_assets.app.format import RECONCILIATIONS, counted, exactly, instant, words
from recon_assets.app.identity import User
from recon_assets.app.parts import badge, facts, field, message, scrolled
from recon_assets.catalogue import right_less_left
from recon_assets.errors import InputError
from recon_assets.issues.decisions import DecisionStore
from recon_assets.issues.store import LENGTHS, MOST_ASSIGNED, STATUSES, Entry, Issue, IssueStore
from recon_assets.months import is_month

PAGE_SIZE = 50
_CHOICES = {"status": STATUSES, "reconciliation": tuple(RECONCILIATIONS)}
_TEXTS = ("month", "assignee", "text", "page", "issue")
_FIELDS = {
    "status": "Status",
    "reconciliation": "Reconciliation",
    "month": "Month",
    "assignee": "Assignee",
    "text": "Words",
}


@dataclass(frozen=True)
class Now:
    """The row of an issue as it is published at present."""

    status: str | None
    difference: Decimal | None
    published_at: dt.datetime


Lookup = Callable[[Issue], Now | None]
RowLink = Callable[[Issue], str]


def parse_issues(search: str | None) -> dict[str, tuple[str, ...]]:
    """What the query of the issues page asks for; InputError says what is wrong with it."""
    asked: dict[str, tuple[str, ...]] = {}
    for name, value in parse_qsl((search or "").removeprefix("?")):
        if name not in (*_CHOICES, *_TEXTS) or len(value) > 200:
            raise InputError(f"'{name[:40]}' with this value is nothing issues can be filtered by.")
        if name in _CHOICES and value not in _CHOICES[name]:
            raise InputError(f"'{value[:40]}' is no {name}. Choose {' or '.join(_CHOICES[name])}.")
        if name in ("page", "issue") and not (value.isascii() and value.isdigit() and 0 < int(value) < 10**9):
            raise InputError(f"'{value[:40]}' is not a number of a{'n issue' if name == 'issue' else ' page'}.")
        if name == "month" and not is_month(value):
            raise InputError(f"'{value[:40]}' is not a month. Write it as YYYY-MM, for example 2025-03.")
        asked[name] = (*asked.get(name, ()), value)
    return asked


def issues_search(asked: Mapping[str, tuple[str, ...]]) -> str:
    pairs = [(name, value) for name in sorted(asked) for value in asked[name] if value]
    return f"?{urlencode(pairs)}" if pairs else ""


def render_list(store: IssueStore, asked: Mapping[str, tuple[str, ...]]) -> list[Any]:
    page = int(asked.get("page", ("1",))[0])
    found, count = store.find(PAGE_SIZE, (page - 1) * PAGE_SIZE, **_conditions(asked))
    chosen = {name: values for name, values in asked.items() if name not in ("page", "issue")}
    content: list[Any] = [html.H1("Issues"), _filters(chosen), _chips(chosen)]
    if not found:
        reason = (
            "No issue fits these filters."
            if chosen
            else "No issue has been reported yet. Select a row of a reconciliation to report one."
        )
        return [*content, message(reason, "empty")]
    return [*content, html.P(counted(count, "issue"), className="note"), _list(found), _pages(chosen, page, count)]


def _conditions(asked: Mapping[str, tuple[str, ...]]) -> dict[str, Any]:
    found: dict[str, Any] = {name: asked[name] for name in _CHOICES if name in asked}
    if "month" in asked:
        found["billing_month"] = tuple(dt.date.fromisoformat(f"{month}-01") for month in asked["month"])
    if "assignee" in asked:
        found["assignee"] = asked["assignee"][-1]
    return found | ({"text": asked["text"][-1]} if "text" in asked else {})


def _filters(chosen: Mapping[str, tuple[str, ...]]) -> html.Div:
    controls = []
    for name, title in _FIELDS.items():
        identity = {"type": "issue-filter", "name": name}
        if name in _CHOICES:
            options = [{"label": words(value), "value": value} for value in _CHOICES[name]]
            control: Any = dcc.Dropdown(
                id=identity,
                options=options,
                value=list(chosen.get(name, ())),
                multi=True,
                debounce=True,
                placeholder="All",
            )
        else:
            value = chosen.get(name, ("",))[-1]
            control = dcc.Input(id=identity, value=value, debounce=True, type="search", maxLength=200)
        controls.append(field(title, control))
    return html.Div(controls, className="filters", role="search", **{"aria-label": "Filters"})


def _chips(chosen: Mapping[str, tuple[str, ...]]) -> html.Div:
    if not chosen:
        return html.Div("No filter is set.", className="chips note")
    texts = [
        html.Span(f"{_FIELDS[name]}: {', '.join(_shown(name, value) for value in values)}", className="chip")
        for name, values in chosen.items()
    ]
    return html.Div([*texts, dcc.Link("Clear all filters", href="/issues", className="clear")], className="chips")


def _list(found: list[Issue]) -> html.Div:
    titles = ("Issue", "Title", "Status", "Reconciliation", "Month", "About", "Assignee", "Reporter", "Updated")
    rows = [
        html.Tr(
            [
                html.Td(dcc.Link(f"#{issue.issue_id}", href=f"/issues?issue={issue.issue_id}")),
                html.Td(dcc.Link(issue.title, href=f"/issues?issue={issue.issue_id}"), className="wide"),
                html.Td(badge(issue.status)),
                html.Td(RECONCILIATIONS[issue.about.reconciliation]),
                html.Td(issue.about.month),
                html.Td(issue.about.subject, className="wide"),
                html.Td(issue.assignee or "nobody"),
                html.Td(issue.reporter),
                html.Td(instant(issue.updated_at)),
            ]
        )
        for issue in found
    ]
    head = html.Thead(html.Tr([html.Th(title, scope="col") for title in titles]))
    return scrolled("Issues", html.Table([head, html.Tbody(rows)], className="data"))


def _pages(chosen: Mapping[str, tuple[str, ...]], page: int, count: int) -> html.Nav:
    last = (count + PAGE_SIZE - 1) // PAGE_SIZE
    links: list[Any] = [
        dcc.Link(text, href="/issues" + issues_search({**chosen, "page": (str(number),)}))
        for text, number in (("Newer", page - 1), ("Older", page + 1))
        if 1 <= number <= last
    ]
    return html.Nav([f"Page {page} of {last} ", *links], className="pages", **{"aria-label": "Pages"})


def render_issue(
    store: IssueStore, decisions: DecisionStore, issue_id: int, user: User, lookup: Lookup, row_link: RowLink
) -> list[Any]:
    issue = store.get(issue_id)
    about = issue.about
    return [
        html.P(dcc.Link("All issues", href="/issues")),
        html.H1([f"#{issue.issue_id} {issue.title} ", badge(issue.status)]),
        facts(
            {
                "About": dcc.Link(about.subject, href=row_link(issue)),
                "Reconciliation": f"{RECONCILIATIONS[about.reconciliation]}, {about.month}",
                "Reported by": f"{issue.reporter}, {instant(issue.created_at)}",
                "Assignee": issue.assignee or "nobody",
            }
        ),
        html.P(issue.description or "No description.", className="description"),
        html.H2("The discrepancy then and now"),
        _then_and_now(issue, lookup(issue)),
        html.H2("Decisions about the row"),
        history(decisions.history(about.reconciliation, key=about.reconciliation_key)),
        html.H2("Comments and changes"),
        _history(store.history(issue_id)),
        *(_forms(issue) if user.is_editor else [message("You may read issues, not change them.", "note")]),
    ]


def _then_and_now(issue: Issue, now: Now | None) -> html.Div:
    currency = issue.about.currency or ""
    rows = [
        ("When reported", issue.about.status, issue.about.difference, instant(issue.created_at)),
        ("Now", now.status, now.difference, f"published {instant(now.published_at)}") if now else None,
    ]
    body = [
        html.Tr(
            [
                html.Th(when, scope="row"),
                html.Td(badge(status)),
                html.Td(_difference(right_less_left(issue.about.mart, difference), currency), className="number"),
                html.Td(at),
            ]
        )
        for when, status, difference, at in (row for row in rows if row is not None)
    ]
    if now is None:
        gone = "gone: the newest publication has no such row"
        body.append(html.Tr([html.Th("Now", scope="row"), html.Td(gone, colSpan=3)]))
    head = html.Tr(
        [
            html.Th(title, scope="col", className="number" if title == "Difference" else "text")
            for title in ("", "Status", "Difference", "As of")
        ]
    )
    return scrolled("Then and now", html.Table([html.Thead(head), html.Tbody(body)], className="data"))


def _difference(value: Decimal | None, currency: str) -> str:
    return "not comparable" if value is None else f"{exactly(value)} {currency}"


def _history(entries: list[Entry]) -> html.Ol:
    return html.Ol([html.Li(_entry(entry)) for entry in entries], className="history")


def _entry(entry: Entry) -> list[Any]:
    who = html.Span(f"{entry.who}, {instant(entry.at)}", className="note")
    if entry.field == "comment":
        return [who, html.P(entry.value_to, className="description")]
    if entry.field == "issue":
        return [who, html.P("reported the issue")]
    before, after = (_shown(entry.field, value or "") or "nobody" for value in (entry.value_from, entry.value_to))
    return [who, html.P(f"{words(entry.field)}: {before} to {after}")]


def _shown(name: str, value: str) -> str:
    """A code in words; what a person typed, as it was typed."""
    return words(value) if name in _CHOICES else value


def _forms(issue: Issue) -> list[Any]:
    status = dcc.Dropdown(
        id="issue-status",
        options=[{"label": words(s), "value": s} for s in STATUSES],
        value=issue.status,
        clearable=False,
    )
    assignee = dcc.Input(id="issue-assignee", value=issue.assignee, maxLength=LENGTHS["assignee"])
    comment = dcc.Textarea(id="issue-comment", maxLength=LENGTHS["comment"], rows=3)
    return [
        dcc.Store(id="issue-read", data={"id": issue.issue_id, "version": issue.version, "form": token_hex(8)}),
        html.H2("Change"),
        html.Div(
            [
                field("Status", status),
                field("Assignee", assignee),
                html.Button("Save", id="issue-save", className="button"),
            ],
            className="filters",
        ),
        field("Comment", comment, wide=True),
        html.Button("Add comment", id="issue-add", className="button"),
        html.Div(id="issue-answer"),
    ]


def assign_form(title: str, count: int) -> html.Details:
    """The form that has all rows of a filter looked after by one person."""
    summary = html.Summary(f"Assign all {title} shown")
    if count > MOST_ASSIGNED:
        told = f"{count:,} rows are more than the {MOST_ASSIGNED:,} that can be assigned at once. Filter further."
        return html.Details([summary, html.P(told)], className="report chooser", id="assign")
    fields = [
        ("Assignee", dcc.Input(id="assign-assignee", value="", maxLength=LENGTHS["assignee"])),
        ("Title", dcc.Input(id="assign-title", value="", maxLength=LENGTHS["title"])),
        ("Description", dcc.Textarea(id="assign-description", value="", maxLength=LENGTHS["description"], rows=2)),
    ]
    controls = [field(name, control) for name, control in fields]
    told = "Open issues of these rows go to the assignee; a row without one gets a new issue with this title."
    button = html.Button(f"Assign all {count:,} rows", id="assign-send", className="button")
    return html.Details(
        [
            summary,
            html.P(told, className="note"),
            dcc.Store(id="assign-count", data=count),
            html.Div([*controls, button], className="form"),
            html.Div(id="assign-answer"),
        ],
        className="report chooser",
        id="assign",
    )


def report_form(title: str) -> html.Details:
    """The form that reports the selected row."""
    fields = [
        ("Title", dcc.Input(id="report-title", value=title[: LENGTHS["title"]], maxLength=LENGTHS["title"])),
        ("Assignee", dcc.Input(id="report-assignee", value="", maxLength=LENGTHS["assignee"])),
        ("Description", dcc.Textarea(id="report-description", value="", maxLength=LENGTHS["description"], rows=3)),
    ]
    controls = [field(name, control, wide=True) for name, control in fields]
    return html.Details(
        [
            html.Summary("Report an issue"),
            dcc.Store(id="report-form", data=token_hex(8)),
            html.Div([*controls, html.Button("Report", id="report-send", className="button")], className="form"),
            html.Div(id="report-answer"),
        ],
        className="report",
    )
