"""Callbacks that decide: about the selected row, and about all rows of a filter once their count is confirmed."""

import logging
from dataclasses import dataclass, replace
from typing import Any

from dash import Dash, Input, Output, State, no_update

from recon_assets.app import decided, decision_forms, pages, queries
from recon_assets.app.answers import PLACE, answered, decided_place, editor, require_same_count
from recon_assets.app.pages import Site
from recon_assets.app.screens import Context
from recon_assets.app.tables import Table
from recon_assets.app.workbook import filters_said
from recon_assets.errors import InputError
from recon_assets.issues.decisions import MOST_AT_ONCE, Decision
from recon_assets.pipeline.deciding import decide

_log = logging.getLogger("recon.app")
_FORM = ("action", "reason", "until")
_NOTHING = "Nothing is decided on this page."


def _form(name: str) -> tuple[State, ...]:
    return tuple(State(f"{name}-{field}", "value") for field in _FORM)


@dataclass(frozen=True)
class Chosen:
    """The rows of a filter, each once, and what was decided about them since they were published."""

    keys: tuple[str, ...]
    where: str
    newest: dict[str, Decision]
    since: tuple[Decision, ...]


def chosen_rows(site: Site, context: Context, table: Table) -> Chosen:
    """All rows that the screen's filters leave; InputError above what can be decided at once."""
    pages.require_few(context, table, MOST_AT_ONCE, "decided")
    listed = ["reconciliation_key", f"{decided.COLUMN.expression} as decision", *decided.EXTRA]
    query = queries.listing(table, context.restriction(table), None, listed)
    rows = {row["reconciliation_key"]: row for row in context.rows(query)}
    newest = site.decisions.newest(context.screen.reconciliation, rows)
    since = tuple(d for key, d in newest.items() if decided.comes_with_next_run(rows[key]["decision"], rows[key], d))
    address = replace(context.address, months=context.months(), row=None, sorts={}, columns={})
    return Chosen(tuple(rows), context.screen.path + address.search, newest, since)


def register(app: Dash, site: Site) -> None:
    """The callbacks of the forms in `decision_forms`."""
    _register_row(app, site)
    _register_question(app, site)
    _register_confirmation(app, site)


def _register_row(app: Dash, site: Site) -> None:
    @app.callback(
        Output("details", "children", allow_duplicate=True),
        Output("decide-answer", "children"),
        Input("decide-send", "n_clicks"),
        *_form("decide"),
        State("decide-seen", "data"),
        *PLACE,
        prevent_initial_call=True,
    )
    def decide_row(
        clicks: int | None,
        action: str | None,
        reason: str | None,
        until: str | None,
        seen: dict[str, int] | None,
        path: str,
        search: str,
        shown: dict[str, str] | None,
    ) -> Any:
        if not clicks:
            return no_update, no_update

        def act() -> Any:
            user = editor(site)
            context, table = decided_place(site, path, search, shown, _NOTHING)
            selected = context.selected
            if selected is None or selected[0] is not table:
                raise InputError("The row is not there any more. Reload the page.")
            choices = decision_forms.choices_of(context, selected[1], action, reason, until, seen or {})
            numbers = decide(site.platform(), context.screen.reconciliation, choices, user.name)
            _log.info("%s: %s of %s", user.name, action, ", ".join(choices))
            return pages.details_part(site, context, user, decision_forms.done(numbers)), ""

        return answered(act, lambda text: (no_update, text))


def _register_question(app: Dash, site: Site) -> None:
    @app.callback(
        Output("bulk-answer", "children"),
        Input("bulk-ask", "n_clicks"),
        *_form("bulk"),
        *PLACE,
        prevent_initial_call=True,
    )
    def ask(
        clicks: int | None,
        action: str | None,
        reason: str | None,
        until: str | None,
        path: str,
        search: str,
        shown: dict[str, str] | None,
    ) -> Any:
        if not clicks:
            return no_update

        def act() -> Any:
            editor(site)
            verdict = decision_forms.verdict_of(action, reason, until)
            context, table = decided_place(site, path, search, shown, _NOTHING)
            found = chosen_rows(site, context, table)
            return decision_forms.question(verdict.action, len(found.keys), filters_said(context, table), found.since)

        return answered(act, lambda text: text)


def _register_confirmation(app: Dash, site: Site) -> None:
    @app.callback(
        Output("bulk-answer", "children", allow_duplicate=True),
        Input("bulk-confirm", "n_clicks"),
        *_form("bulk"),
        State("bulk-asked", "data"),
        *PLACE,
        prevent_initial_call=True,
    )
    def confirm(
        clicks: int | None,
        action: str | None,
        reason: str | None,
        until: str | None,
        asked: dict[str, int],
        path: str,
        search: str,
        shown: dict[str, str] | None,
    ) -> Any:
        if not clicks:
            return no_update

        def act() -> Any:
            user = editor(site)
            verdict = decision_forms.verdict_of(action, reason, until)
            context, table = decided_place(site, path, search, shown, _NOTHING)
            found = chosen_rows(site, context, table)
            require_same_count(len(found.keys), asked["count"])
            known = {key: d.decision_id for key, d in found.newest.items() if d.decision_id <= asked["newest"]}
            choices = {key: replace(verdict, after=known.get(key)) for key in found.keys}
            numbers = decide(site.platform(), context.screen.reconciliation, choices, user.name, found.where)
            _log.info("%s: %s of %d rows of %s", user.name, action, len(numbers), found.where)
            return decision_forms.done(numbers)

        return answered(act, lambda text: text)
