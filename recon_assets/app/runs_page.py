"""Running a month from the browser: what is started is a run of Dagster, shown with its steps, checks and log."""

import re
from typing import Any
from urllib.parse import parse_qsl

from dash import dcc, html

from recon_assets.app.dagster_api import FROM_FILES, JOBS, DagsterApi, Run
from recon_assets.app.format import RECONCILIATIONS, words
from recon_assets.app.identity import User
from recon_assets.app.pages import Site
from recon_assets.app.parts import badge, field, message, scrolled
from recon_assets.errors import InputError
from recon_assets.months import is_month

PATH = "/run"
_RUN = re.compile(r"[0-9a-f-]{36}")
_TITLES = {"everything": "Load and reconcile everything of the month", "load_raw": "Load the month's files only"}
_MS = 2_000


def run_of(search: str | None) -> str | None:
    """The run that an address shows."""
    asked = dict(parse_qsl((search or "").removeprefix("?")))
    if not asked.keys() <= {"run", "month", "job"}:
        raise InputError("A page of runs shows one run, or starts one for a month.")
    if "run" in asked and not _RUN.fullmatch(asked["run"]):
        raise InputError(f"'{asked['run'][:40]}' is no id of a run.")
    return asked.get("run")


def render(site: Site, search: str | None, user: User) -> list[Any]:
    run_id = run_of(search)
    if run_id is not None:
        poll = dcc.Interval(id="run-poll", interval=_MS)
        return [html.H1("Run"), poll, html.Div(progress(site, run_id, user)[0], id="run-progress")]
    if not user.is_editor:
        return [html.H1("Run a month"), message(f"{user.name} may read, not run. Ask for the editor's role.", "empty")]
    asked = dict(parse_qsl((search or "").removeprefix("?")))
    month, job = asked.get("month", ""), asked.get("job", JOBS[0])
    options = [{"label": _title(name), "value": name} for name in JOBS]
    what = dcc.Dropdown(id="run-job", options=options, value=job if job in JOBS else JOBS[0], clearable=False)
    form = [
        field("Month, YYYY-MM", dcc.Input(id="run-month", value=month, maxLength=7, type="text")),
        field("What", what),
        html.Button("Run", id="run-start", className="button"),
        html.Div(id="run-answer"),
    ]
    note = (
        "Dagster runs it, as it runs what is scheduled. What readers see changes when the month's checks have passed."
    )
    return [
        html.H1("Run a month"),
        html.P(note, className="note"),
        html.Div(html.Div(form, className="form"), className="report"),
    ]


def _title(job: str) -> str:
    if job in FROM_FILES:
        return f"Load and reconcile {RECONCILIATIONS[FROM_FILES[job]]}"
    return _TITLES.get(job) or f"Reconcile {RECONCILIATIONS[job]} only, of what is loaded"


def start(site: Site, job: str, month: str) -> str:
    """Start a run; the address that shows it."""
    if not is_month(month):
        raise InputError(f"'{month[:40]}' is not a month. Write it as YYYY-MM, for example 2025-03.")
    return f"?run={DagsterApi(site.settings.dagster_url).start(job, month)}"


def stop(site: Site, run_id: str | None) -> None:
    if run_id is None:
        raise InputError("The address names no run.")
    DagsterApi(site.settings.dagster_url).stop(run_id)


def progress(site: Site, run_id: str, user: User) -> tuple[list[Any], bool]:
    """How far a run is, and whether it has ended."""
    run = DagsterApi(site.settings.dagster_url).look(run_id)
    return _shown(site, run, user), run.is_ended


def _shown(site: Site, run: Run, user: User) -> list[Any]:
    head = [html.H2(f"{words(run.job)} {run.month}".strip()), badge(run.status.lower())]
    links = [html.A("in Dagster", href=f"{site.settings.dagster_url}/runs/{run.run_id}")]
    subject = FROM_FILES.get(run.job, run.job)
    if subject in RECONCILIATIONS and run.month:
        links.append(dcc.Link("the month", href=f"/{subject}?month={run.month}"))
    stop = []
    if not run.is_ended and user.is_editor:
        stop = [html.Button("Stop the run", id="run-stop", className="button")]
    done = sum(step.status in ("SUCCESS", "SKIPPED") for step in run.steps)
    said = f"{done} of {len(run.steps)} steps are done" if run.steps else "No step has begun"
    return [
        html.Div([*head, *stop], className="heading"),
        html.P([f"{said}. See it ", *(part for link in links for part in (link, " "))], className="note"),
        html.Div(id="run-stopped"),
        _steps(run),
        *_checks(run),
        html.H3("Log"),
        html.Pre("\n".join(run.log) or "Nothing yet.", className="record", tabIndex=0),
    ]


def _steps(run: Run) -> html.Div:
    head = html.Thead(html.Tr([html.Th(text, scope="col") for text in ("Step", "Status", "Seconds")]))
    rows = [
        html.Tr(
            [
                html.Td(step.name),
                html.Td(badge(step.status.lower()) if step.status else "waits"),
                html.Td("" if step.seconds is None else f"{step.seconds:.1f}", className="number"),
            ]
        )
        for step in run.steps
    ]
    return scrolled("Steps", html.Table([head, html.Tbody(rows)], className="data"))


def _checks(run: Run) -> list[Any]:
    if not run.checks:
        return []
    failed = [check for check in run.checks if not check.is_passed]
    passed = len(run.checks) - len(failed)
    items = [
        html.Li(
            [
                badge("failure"),
                f" {check.name} of {check.asset}",
                " (blocks the publication)" if check.is_blocking else "",
            ]
        )
        for check in failed
    ]
    return [html.H3(f"Checks: {passed} passed, {len(failed)} failed"), html.Ul(items)]
