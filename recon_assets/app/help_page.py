"""The help: how the screens are used, where files go, and every status, explanation and tolerance in words."""

from typing import Any

from dash import html

from recon_assets.app.format import words
from recon_assets.app.glossary import term
from recon_assets.app.parts import badge, scrolled
from recon_assets.catalogue import SOURCES, SUBJECTS

_USES = (
    "Every number on the overview leads to its rows. Every filter, sorting, column and opened row is in the address: "
    "send it, and the other sees the same.",
    "Click a row, or go to it with the arrow keys and press Enter: its details open beside the grid. Next and Previous "
    "walk the rows as they are sorted; Esc closes.",
    "Click a heading to sort; hold Shift and click further ones to sort by several columns. Columns chooses which.",
    "Differences are right less left on every screen: Microsoft less BSS, export less usage, e-invoice less register.",
    "Editors decide: about a row in its details, about all rows of a filter above the grid. A decision holds while the "
    "row stays as it was; the next run of the month shows it, until then the row is marked.",
    "Letters has, for each customer, supplier or partner, what differs as text to copy and a workbook to attach.",
    "Editors land files with Upload and have a month loaded, reconciled and published with Run; Dagster runs it.",
    "CSV, XLSX and Print hold all filtered rows, not only those in sight. A pack to sign off is a month whole.",
    "As published shows a month as it was at an earlier time. Saved views give an address a name that everybody sees.",
)
_TERMS = (
    ("Months", (("month_status", "window_status"),)),
    (
        "Subscriptions",
        tuple(("subscription_reconciliation", name) for name in ("status", "explanation", "tolerance")),
    ),
    ("Usage", tuple(("usage_cost_reconciliation", name) for name in ("status", "explanation", "tolerance"))),
    (
        "E-invoices",
        (
            *(("einvoice_reconciliation", name) for name in ("bucket", "reason", "pass", "flags", "due_state")),
            ("einvoice_candidates", "obstacle"),
            ("open_items", "step"),
        ),
    ),
    ("Decisions", tuple(("subscription_reconciliation", name) for name in ("decision", "decision_state"))),
)
_STATUSES = ("status", "bucket", "window_status")


def render() -> list[Any]:
    terms = [part for title, columns in _TERMS for part in (html.H3(title), *(_term(*column) for column in columns))]
    return [
        html.H1("Help"),
        html.H2("How the screens are used"),
        html.Ul([html.Li(text) for text in _USES]),
        html.H2("What the words mean"),
        *terms,
        html.H2("Where files go"),
        html.P("Below the landing folder. Files keep their names; what is wrong with one is said on the screen Files."),
        *(_places(subject.title, subject.sources) for subject in SUBJECTS.values()),
    ]


def _term(mart: str, column: str) -> html.Section:
    found = term(mart, column)
    assert found is not None, f"{mart} has no column {column}"
    listed = [
        html.Div([html.Dt(badge(code) if column in _STATUSES else words(code)), html.Dd(text)])
        for code, text in found.values.items()
    ]
    return html.Section([html.H4(words(column)), html.P(found.text), html.Dl(listed, className="terms")])


def _places(title: str, sources: tuple[str, ...]) -> html.Div:
    head = html.Thead(html.Tr([html.Th(text, scope="col") for text in ("Source", "Folder", "What it holds")]))
    rows = [
        html.Tr(
            [
                html.Td(SOURCES[name].title or name),
                html.Td(html.Code(SOURCES[name].prefix)),
                html.Td(SOURCES[name].description),
            ]
        )
        for name in sources
    ]
    return scrolled(f"Where files of {title} go", html.Table([head, html.Tbody(rows)], className="data"))
