"""Callbacks about issues: the list's filters, reporting one about the selected row, and changing one."""

from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx, dcc, html, no_update

from recon_assets.app import identity, issues_page, pages
from recon_assets.app.answers import PLACE, answered, decided_place, editor, require_same_count
from recon_assets.app.pages import Site
from recon_assets.errors import InputError


def content(site: Site, search: str, user: identity.User) -> list[Any]:
    """The page of the issues that an address asks for: the list, or one of them."""
    asked = issues_page.parse_issues(search)
    if "issue" in asked:
        number = int(asked["issue"][-1])
        return issues_page.render_issue(
            site.issues, site.decisions, number, user, lambda issue: pages.current_row(site, issue), pages.row_link
        )
    return issues_page.render_list(site.issues, asked)


def register(app: Dash, site: Site) -> None:
    """The callbacks of the forms about issues."""
    _register_filters(app)
    _register_report(app, site)
    _register_assignment(app, site)
    _register_change(app, site)


def _register_filters(app: Dash) -> None:
    @app.callback(
        Output("url", "search", allow_duplicate=True),
        Input({"type": "issue-filter", "name": ALL}, "value"),
        State({"type": "issue-filter", "name": ALL}, "id"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def filter_issues(values: list[Any], names: list[dict[str, str]], search: str) -> Any:
        if not names:  # the page of one issue has no filters, and its address stays
            return no_update
        chosen = {
            name["name"]: tuple(value) if isinstance(value, list) else (value or "",)
            for name, value in zip(names, values, strict=True)
        }
        try:
            before = issues_page.parse_issues(search)
        except InputError:
            return no_update
        wanted = issues_page.issues_search(chosen)
        return no_update if wanted == issues_page.issues_search(_without_page(before)) else wanted


def _register_report(app: Dash, site: Site) -> None:
    @app.callback(
        Output("report-answer", "children"),
        Input("report-send", "n_clicks"),
        State("report-title", "value"),
        State("report-description", "value"),
        State("report-assignee", "value"),
        State("report-form", "data"),
        *PLACE,
        prevent_initial_call=True,
    )
    def report(
        clicks: int | None,
        title: str,
        text: str,
        assignee: str,
        form: str,
        path: str,
        search: str,
        shown: dict[str, str] | None,
    ) -> Any:
        if not clicks:
            return no_update

        def send() -> Any:
            user = editor(site)
            screen = site.screen(path)
            if screen is None:
                raise InputError("Select a row first.")
            about = pages.discrepancy(site.context(screen, search, (shown or {}).get("moment")))
            number = site.issues.report(about, title or "", text or "", assignee or "", user.name, form)
            link = dcc.Link(f"issue #{number}", href=f"/issues?issue={number}")
            return html.Div(["Reported as ", link, "."], className="message done", role="status")

        return answered(send, lambda text: text)


def _register_assignment(app: Dash, site: Site) -> None:
    @app.callback(
        Output("assign-answer", "children"),
        Input("assign-send", "n_clicks"),
        State("assign-assignee", "value"),
        State("assign-title", "value"),
        State("assign-description", "value"),
        State("assign-count", "data"),
        *PLACE,
        prevent_initial_call=True,
    )
    def assign(
        clicks: int | None,
        assignee: str | None,
        title: str | None,
        text: str | None,
        count: int,
        path: str,
        search: str,
        shown: dict[str, str] | None,
    ) -> Any:
        if not clicks:
            return no_update

        def send() -> Any:
            user = editor(site)
            context, table = decided_place(site, path, search, shown, "Nothing is assigned on this page.")
            rows = pages.discrepancies(context, table)
            require_same_count(len(rows), count)
            old, new = site.issues.assign(rows, title or "", text or "", assignee or "", user.name)
            link = dcc.Link("their issues", href="/issues" + issues_page.issues_search({"assignee": (assignee or "",)}))
            said = f"{new:,} new issues and {old:,} open ones are {assignee}'s now: "
            return html.Div([said, link, "."], className="message done", role="status", **{"data-decided": said})

        return answered(send, lambda text: text)


def _register_change(app: Dash, site: Site) -> None:
    @app.callback(
        Output("issue-answer", "children"),
        Output("page", "children", allow_duplicate=True),
        Input("issue-save", "n_clicks"),
        Input("issue-add", "n_clicks"),
        State("issue-status", "value"),
        State("issue-assignee", "value"),
        State("issue-comment", "value"),
        State("issue-read", "data"),
        prevent_initial_call=True,
    )
    def change(
        saved: int | None, added: int | None, status: str, assignee: str, comment: str, read: dict[str, Any]
    ) -> Any:
        if not (saved if ctx.triggered_id == "issue-save" else added):
            return no_update, no_update

        def act() -> Any:
            user = editor(site)
            if ctx.triggered_id == "issue-save":
                site.issues.change(read["id"], read["version"], user.name, status=status, assignee=assignee or "")
            else:
                site.issues.comment(read["id"], user.name, comment or "", read["form"])
            return no_update, content(site, f"?issue={read['id']}", user)

        return answered(act, lambda text: (text, no_update))


def _without_page(asked: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    return {name: values for name, values in asked.items() if name != "page"}
