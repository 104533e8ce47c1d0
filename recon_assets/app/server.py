"""The app itself: Dash callbacks, download routes, and the server they run in. Decides nothing about numbers."""

import contextlib
import logging
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pandas  # noqa: F401  imported by threads of their own it is seen half made by Dash
from dash import ALL, MATCH, Dash, Input, Output, State, ctx, dcc, html, no_update
from dash.exceptions import DependencyException
from flask import Flask, Response, request, send_file
from werkzeug.exceptions import HTTPException

from recon_assets.app import (
    bodies,
    compare_page,
    decision_callbacks,
    help_page,
    identity,
    issue_callbacks,
    landed,
    pages,
    period_page,
    queries,
    runs_page,
    upload,
)
from recon_assets.app.address import Address, parse_address
from recon_assets.app.answers import answered, editor
from recon_assets.app.downloads import csv_lines
from recon_assets.app.letters import render_letters
from recon_assets.app.pack import pack_name, write_pack
from recon_assets.app.pages import Site
from recon_assets.app.parts import message
from recon_assets.app.printing import render_print
from recon_assets.app.reader import Reader
from recon_assets.app.screens import Context, Screen
from recon_assets.app.settings import AppSettings, load_app_settings
from recon_assets.app.tables import Table
from recon_assets.app.workbook import write_workbook
from recon_assets.clock import Clock, utc_now
from recon_assets.errors import InputError, ReconError
from recon_assets.issues.decisions import open_decisions
from recon_assets.issues.store import SavedView, open_issues
from recon_assets.months import parse_month
from recon_assets.pipeline.marts import published_marts
from recon_assets.settings import Settings, load_settings
from recon_assets.storage import published_for_readers

_log = logging.getLogger("recon.app")
_MAX_BODY = 1_000_000
_REFUSED = (400, 401, 403, 413)
_CALLBACKS = "/_dash-update-component"
_SUITES = "/_dash-component-suites/"
_NO_COMPONENT = (DependencyException, OSError, ValueError)  # what Dash raises of a wrong path

_INDEX = """<!DOCTYPE html>
<html lang="en">
<head>{%metas%}<title>{%title%}</title>{%favicon%}{%css%}</head>
<body>{%app_entry%}<footer>{%config%}{%scripts%}{%renderer%}</footer></body>
</html>"""


def make_site(settings: Settings, app_settings: AppSettings, clock: Clock = utc_now) -> Site:
    reader = Reader(published_for_readers(settings), app_settings.memory_limit)
    return Site(reader, open_issues(settings, clock), open_decisions(settings, clock), settings, app_settings, clock)


def site_of_settings() -> Site:
    """The site that the environment describes."""
    return make_site(load_settings(), load_app_settings())


def create_app(site: Site, host: str = "127.0.0.1") -> Dash:
    """The app with its routes and checks, ready to be served."""
    server = Flask("recon_assets.app")
    server.config["MAX_CONTENT_LENGTH"] = _MAX_BODY
    server.config["TRUSTED_HOSTS"] = identity.allowed_hosts(site.app, site.settings.app_url, host)
    app = Dash(
        "recon_assets.app",
        server=server,
        title="Reconciliation",
        update_title="",
        assets_folder=str(Path(__file__).parent / "assets"),
        suppress_callback_exceptions=True,
        serve_locally=True,
        use_async=False,  # else Dash takes asgiref, which another package brings, for a wish
        add_log_handler=False,
    )
    app.index_string = _INDEX
    app.layout = _layout
    _register_pages(app, site)
    _register_parts(app, site)
    _register_grids(app, site)
    _register_period(app)
    _register_views(app, site)
    _register_runs(app, site)
    issue_callbacks.register(app, site)
    decision_callbacks.register(app, site)
    _register_downloads(server, site)
    upload.register(server, site)
    _register_errors(server)
    identity.guard(server, site.app, site.settings.app_url, app.csp_hashes)
    _guard_bodies(app, server)
    return app


def _guard_bodies(app: Dash, server: Flask) -> None:
    @server.before_request
    def require_shape() -> None:
        if request.path == _CALLBACKS and request.method == "POST":
            bodies.require_shape(request.get_data(), app.callback_map)


def _layout() -> html.Div:
    return html.Div(
        [
            dcc.Location(id="url", refresh="callback-nav"),
            dcc.Store(id="shown"),
            html.A("Skip to the content", href="#content", className="skip"),
            html.Header([html.Span("Reconciliation", className="brand"), html.Nav(id="nav"), html.Span(id="user")]),
            html.Main(
                [dcc.Loading(html.Div(id="page"), delay_show=300, type="dot"), html.Div(id="details")], id="content"
            ),
        ]
    )


def _register_pages(app: Dash, site: Site) -> None:
    @app.callback(
        Output("nav", "children"), Output("user", "children"), Input("url", "pathname"), prevent_initial_call=False
    )
    def navigate_bar(path: str) -> tuple[list[Any], str]:
        user = identity.current_user(site.app)
        role = "editor" if user.is_editor else "viewer"
        return pages.navigation(site, path, user), f"{user.name} ({role})"

    @app.callback(
        Output("page", "children"),
        Output("details", "children"),
        Output("shown", "data"),
        Input("url", "pathname"),
        Input("url", "search"),
        State("shown", "data"),
    )
    def show(path: str, search: str, shown: dict[str, str] | None) -> Any:
        return answered(lambda: _show(site, path, search, shown or {}), lambda text: (text, [], {}))


def _register_parts(app: Dash, site: Site) -> None:
    @app.callback(Output("landed", "children"), Input("landed-look", "data"))
    def look_at_landing(asked: int | None) -> Any:
        """After the overview is there: listing a landing zone takes its time."""
        if not asked:
            return no_update
        user = identity.current_user(site.app)
        return answered(lambda: landed.render(site.platform(), user.is_editor), lambda text: [text])

    @app.callback(
        Output({"type": "amounts", "place": MATCH}, "children"),
        Input({"type": "amounts-open", "place": MATCH}, "n_clicks"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def amounts(clicks: int | None, search: str) -> Any:
        if not clicks:
            return no_update
        name, _, month = ctx.triggered_id["place"].partition(":")
        return answered(lambda: pages.amounts_part(site, name, month, search), lambda text: text)

    @app.callback(
        Output("more", "children"),
        Input("more-open", "n_clicks"),
        State("url", "pathname"),
        State("url", "search"),
        State("shown", "data"),
        prevent_initial_call=True,
    )
    def more(clicks: int | None, path: str, search: str, shown: dict[str, str] | None) -> Any:
        screen = site.screen(path)
        if not clicks or screen is None:
            return no_update
        return answered(
            lambda: pages.more_part(site.context(screen, search, (shown or {}).get("moment"))), lambda text: [text]
        )


def _register_grids(app: Dash, site: Site) -> None:
    @app.callback(
        Output({"type": "grid", "table": MATCH, "mark": MATCH}, "getRowsResponse"),
        Input({"type": "grid", "table": MATCH, "mark": MATCH}, "getRowsRequest"),
        State("url", "search"),
        State("shown", "data"),
        prevent_initial_call=True,
    )
    def rows(asked: dict[str, Any] | None, search: str, shown: dict[str, str] | None) -> Any:
        if not asked:
            return no_update
        screen, table = site.table(ctx.triggered_id["table"])
        context = site.context(screen, search, (shown or {}).get("moment"))
        found = pages.grid_rows(site, context, table, asked)
        complete = len(found) < asked["endRow"] - asked["startRow"]
        return {"rowData": found, "rowCount": asked["startRow"] + len(found) if complete else None}

    @app.callback(
        Output("url", "search"),
        Input({"type": "filter", "name": ALL}, "value"),
        Input({"type": "grid", "table": ALL, "mark": ALL}, "getRowsRequest"),
        Input({"type": "grid", "table": ALL, "mark": ALL}, "selectedRows"),
        Input({"type": "columns", "table": ALL}, "value"),
        State({"type": "filter", "name": ALL}, "id"),
        State({"type": "months", "name": ALL}, "data"),
        State("url", "pathname"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def steer(
        values: list[Any],
        _: Any,
        __: Any,
        ___: Any,
        names: list[dict[str, str]],
        months: list[list[str]],
        path: str,
        search: str,
    ) -> Any:
        screen = site.screen(path)
        if screen is None or not months or not ctx.triggered_id:
            return no_update
        try:
            before = parse_address(search, screen.all_tables)
        except InputError:
            return no_update  # the page says what is wrong with its address
        asked = dict(zip([name["name"] for name in names], values, strict=True))
        after = _steered(site, screen, before, asked, months[0])
        return no_update if after.search == before.search else after.search


def _register_period(app: Dash) -> None:
    @app.callback(
        Output("url", "search", allow_duplicate=True),
        Output("days-answer", "children"),
        Input("days", "value"),
        Input("day-first", "value"),
        Input("day-last", "value"),
        State("days-first", "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def choose_days(days: list[int], first: str | None, last: str | None, begin: str, search: str) -> Any:
        try:
            moved = ctx.triggered_id == "days"
            wanted = (
                period_page.chosen(search, begin, days) if moved else period_page.typed(search, first or "", last or "")
            )
        except InputError as error:
            return no_update, str(error)
        return (no_update if wanted == search else wanted), ""


def _show(site: Site, path: str, search: str, shown: dict[str, str]) -> tuple[Any, Any, Any]:
    path = (path or "/").rstrip("/") or "/"
    user = identity.current_user(site.app)
    if path == "/":
        return pages.overview_page(site, search), [], {}
    if path == runs_page.PATH:
        return runs_page.render(site, search, user), [], {}
    if path == "/compare":
        return compare_page.render(site, search), [], {}
    if path == period_page.PATH:
        return period_page.render(site, search), [], {}
    if path == "/help":
        return help_page.render(), [], {}
    if path == "/issues":
        return issue_callbacks.content(site, search, user), [], {}
    screen = site.screen(path)
    if screen is None:
        raise InputError(f"There is no page {path[:80]}. Choose one above.")
    address = parse_address(search, screen.all_tables)
    kept = f"{path}{address.shown}"
    if shown.get("page") == kept:  # only sorting or selection changed: the grids stay as they are
        context = site.context(screen, search, shown["moment"])
        return no_update, pages.details_part(site, context, user), no_update
    context = site.context(screen, search)
    moment = context.moment.isoformat()
    return (
        pages.screen_page(site, context, user),
        pages.details_part(site, context, user),
        {"page": kept, "moment": moment},
    )


def _steered(site: Site, screen: Screen, before: Address, asked: dict[str, Any], months: list[str]) -> Address:
    """The address after what the reader did: a filter, a column's sorting, or a row."""
    trigger = ctx.triggered_id
    prop = ctx.triggered[0]["prop_id"].rsplit(".", 1)[-1]
    value = ctx.triggered[0]["value"]
    if trigger["type"] == "filter":
        return _filtered(screen, before, asked, months)
    _, table = site.table(trigger["table"])
    if trigger["type"] == "columns":
        return _with_columns(before, table, tuple(value or ()), asked.get("measure"))
    if prop == "selectedRows":
        key = value[0].get("id") if isinstance(value, list) and value else None
        return replace(before, row=(table.name, key)) if key else before
    sort = pages.sort_of(table, value or {})
    if sort is None or sort == before.sorts.get(table.name, table.sort):
        return before
    return replace(before, sorts={**before.sorts, table.name: sort})


def _with_columns(before: Address, table: Table, chosen: tuple[str, ...], measure: str | None) -> Address:
    """The address with these columns, in the order of the table; the usual ones are not written out."""
    usual = tuple(column.name for column in table.shown(measure, ())[1:])
    listed = tuple(column.name for column in table.columns if column.name in chosen)
    others = {name: columns for name, columns in before.columns.items() if name != table.name}
    return replace(before, columns=others if listed in ((), usual) else others | {table.name: listed})


def _filtered(screen: Screen, before: Address, asked: dict[str, Any], months: list[str]) -> Address:
    """The address that the filter controls say; what they show by default is not written out."""
    name = ctx.triggered_id["name"]
    value = asked[name]
    if name == "month":
        first, last = (months[min(max(int(place), 0), len(months) - 1)] for place in value)
        newest = (months[-1], months[-1])
        if (first, last) == (before.months or newest):
            return before
        return replace(before, months=(first, last), row=None)
    if name == "asof":
        return before if (value or None) == before.as_of else replace(before, as_of=value or None, row=None)
    filter_ = next(f for table in screen.tables for f in table.filters if f.name == name)
    chosen = tuple(value) if isinstance(value, list) else ((value,) if value else ())
    if chosen == before.filters.get(name, ()) or (
        filter_.prefer and chosen == filter_.prefer[:1] and name not in before.filters
    ):
        return before
    return before.with_filter(name, chosen)


def _register_views(app: Dash, site: Site) -> None:
    @app.callback(
        Output("view-answer", "children"),
        Input("view-save", "n_clicks"),
        State("view-name", "value"),
        State("url", "pathname"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def save_view(clicks: int | None, name: str, path: str, search: str) -> Any:
        if not clicks:
            return no_update

        def save() -> Any:
            user = editor(site)
            screen = site.screen(path)
            if screen is None:
                raise InputError("Only screens with filters have views.")
            address = replace(parse_address(search, screen.all_tables), row=None)
            view = SavedView(name or "", screen.path, address.search, user.name)
            site.issues.save_view(view)
            link = dcc.Link(name, href=view.path + view.search)
            return html.Div(
                ["Saved: ", link, ". Send its address to share it."], className="message done", role="status"
            )

        return answered(save, lambda text: text)

    @app.callback(
        Output("view-answer", "children", allow_duplicate=True),
        Input({"type": "view-remove", "view": ALL}, "n_clicks"),
        prevent_initial_call=True,
    )
    def remove_view(clicks: list[int | None]) -> Any:
        if not any(clicks):
            return no_update

        def remove() -> Any:
            site.issues.remove_view(ctx.triggered_id["view"], editor(site).name)
            return message(f"The view {ctx.triggered_id['view']} was removed.", "done")

        return answered(remove, lambda text: text)


def _register_runs(app: Dash, site: Site) -> None:
    @app.callback(
        Output("run-answer", "children"),
        Output("url", "search", allow_duplicate=True),
        Input("run-start", "n_clicks"),
        State("run-job", "value"),
        State("run-month", "value"),
        prevent_initial_call=True,
    )
    def start_run(clicks: int | None, job: str, month: str) -> Any:
        if not clicks:
            return no_update, no_update

        def start() -> Any:
            user = editor(site)
            address = runs_page.start(site, job or "", (month or "").strip())
            _log.info("%s started %s of %s: %s", user.name, job, month, address)
            return "", address

        return answered(start, lambda text: (text, no_update))

    @app.callback(
        Output("run-progress", "children"),
        Output("run-poll", "disabled"),
        Input("run-poll", "n_intervals"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def follow_run(_: int | None, search: str) -> Any:
        def follow() -> Any:
            run_id = runs_page.run_of(search)
            if run_id is None:
                return no_update, True
            return runs_page.progress(site, run_id, identity.current_user(site.app))

        return answered(follow, lambda text: (text, False))

    @app.callback(
        Output("run-stopped", "children"),
        Input("run-stop", "n_clicks"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def stop_run(clicks: int | None, search: str) -> Any:
        if not clicks:
            return no_update

        def stop() -> Any:
            user = editor(site)
            runs_page.stop(site, runs_page.run_of(search))
            _log.info("%s stopped %s", user.name, search)
            return message("Dagster was asked to stop the run.", "done")

        return answered(stop, lambda text: text)


def _register_downloads(server: Flask, site: Site) -> None:
    @server.get("/download/<name>.<form>")
    def download(name: str, form: str) -> Response:
        screen, table = site.table(name)
        if form not in ("csv", "xlsx"):
            raise InputError("Downloads are csv or xlsx.")
        context = site.context(screen, request.query_string.decode("utf-8", "replace"))
        first, last = context.months()
        file = f"{table.mart}_{first}{'' if first == last else f'_{last}'}.{form}"
        if form == "xlsx":
            return _workbook(context, table, file)
        restriction = context.restriction(table)
        columns = tuple(column.name for column in published_marts()[table.mart].columns)
        batches = site.reader.stream(
            context.moment, queries.everything(table, restriction, context.sort(table), columns)
        )
        return _csv(batches, file)

    @server.get(f"{period_page.PATH}.csv")
    def period() -> Response:
        file, moment, query = period_page.download(site, request.query_string.decode("utf-8", "replace"))
        return _csv(site.reader.stream(moment, query), file)

    @server.get("/pack/<subject>/<month>.zip")
    def pack(subject: str, month: str) -> Response:
        user = identity.current_user(site.app)
        with _temporary(".zip") as path:
            write_pack(site, subject, parse_month(month), user.name, path)
            return _sent(path, pack_name(subject, month, site.clock()))

    @server.get("/print/<name>")
    def print_view(name: str) -> Response:
        screen, table = site.table(name)
        context = site.context(screen, request.query_string.decode("utf-8", "replace"))
        marks = partial(pages.marked, site, context, table)
        return Response(render_print(context, table, marks), mimetype="text/html")

    @server.get("/letters/<name>")
    def letters(name: str) -> Response:
        user = identity.current_user(site.app)
        screen, table = site.table(name)
        context = site.context(screen, request.query_string.decode("utf-8", "replace"))
        return Response(render_letters(context, table, user.name, pages.links(site)), mimetype="text/html")

    @server.get(identity.HEALTH)
    def health() -> Response:
        try:
            site.reader.reach()
        except ReconError as error:
            _log.error("health: %s", error)
            return Response("The published tables cannot be read.", 503, mimetype="text/plain")
        return Response("ok", mimetype="text/plain")


def _csv(batches: Iterator[list[Any]], file: str) -> Response:
    batches = chain([next(batches)], batches)  # what cannot be read fails here, before an answer has begun
    answer = Response(csv_lines(batches), mimetype="text/csv")
    answer.headers["Content-Disposition"] = f'attachment; filename="{file}"'
    return answer


def _workbook(context: Context, table: Table, file: str) -> Response:
    with _temporary(".xlsx") as path:
        write_workbook(context, table, path)
        return _sent(path, file)


@contextlib.contextmanager
def _temporary(suffix: str) -> Iterator[Path]:
    """A file to write an answer into; it goes when that fails, else with the answer."""
    with tempfile.NamedTemporaryFile(prefix="recon-", suffix=suffix, delete=False) as made:
        path = Path(made.name)
    try:
        yield path
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _sent(path: Path, name: str) -> Response:
    answer = send_file(path, as_attachment=True, download_name=name)
    answer.call_on_close(lambda: path.unlink(missing_ok=True))
    return answer


def _register_errors(server: Flask) -> None:
    """Errors of plain routes and of callbacks outside a page: a sentence, not a traceback."""

    @server.errorhandler(ReconError)
    def expected(error: ReconError) -> Response:
        _log.warning("%s: %s", request.path, error)
        return Response(str(error), 400 if isinstance(error, InputError) else 503, mimetype="text/plain")

    @server.errorhandler(Exception)
    def unexpected(error: Exception) -> Any:
        if request.path.startswith(_SUITES) and isinstance(error, _NO_COMPONENT):
            return Response("There is no such file of a component.", 404, mimetype="text/plain")
        if isinstance(error, HTTPException):
            if error.code in _REFUSED:
                _log.warning("refused %s %s of %s: %s", request.method, request.path, request.remote_addr, error.name)
            return Response(error.description, error.code, mimetype="text/plain")
        _log.error("request %s failed", request.path, exc_info=error)
        return Response("Something went wrong here; the log of the app says what.", 500, mimetype="text/plain")


def serve(host: str, port: int) -> None:
    """Serve the app until it is stopped. InputError when the address would be open to anybody."""
    import waitress

    settings, app_settings = load_settings(), load_app_settings()
    if host not in ("127.0.0.1", "::1", "localhost") and app_settings.identity_header is None:
        raise InputError(
            f"{host} is reachable from other machines, and nobody would say who they are. Put a reverse proxy before "
            "the app and set RECON_APP_IDENTITY_HEADER and RECON_APP_PROXIES, or leave out --host."
        )
    app = create_app(make_site(settings, app_settings), host)
    with contextlib.suppress(KeyboardInterrupt):
        most = _MAX_BODY + app_settings.upload_bytes  # what is larger is refused before it is kept
        waitress.serve(
            app.server, host=host, port=port, threads=app_settings.threads, max_request_body_size=most, ident=None
        )
