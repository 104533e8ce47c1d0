"""Runs from the browser: what Dagster is asked, what is shown of its answers, who may start and stop."""

import json
from typing import Any

import httpx
import pytest
from dagster_graphql.schema import create_schema
from graphql import parse, validate

from recon_assets.app import dagster_api, runs_page
from recon_assets.app.dagster_api import DagsterApi
from recon_assets.app.identity import User
from recon_assets.app.pages import Site
from recon_assets.definitions import build_definitions
from recon_assets.errors import InputError, ReconError
from recon_assets_tests.app.test_overview import text_of

RUN = "0b8e6f8e-6b7c-4b62-9f6c-0d0c6f0f4c11"
EDITOR = User("ana", True)


def answering(asked: list[dict[str, Any]], *answers: Any) -> DagsterApi:
    """Dagster as it answers one question after the other; what was asked goes to `asked`."""
    left = list(answers)

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(json.loads(request.content))
        given = left.pop(0)
        return given if isinstance(given, httpx.Response) else httpx.Response(200, json={"data": given})

    return DagsterApi("http://dagster:3000", httpx.MockTransport(answer))


def page_of(status: str, events: list[dict[str, Any]], more: bool = False) -> dict[str, Any]:
    run = {
        "__typename": "Run", "runId": RUN, "status": status, "jobName": "usage", "startTime": 1.0, "endTime": None,
        "tags": [{"key": "dagster/partition", "value": "2025-03"}],
        "stepStats": [{"stepKey": "build", "status": "SUCCESS", "startTime": 1.0, "endTime": 3.5},
                      {"stepKey": "publish", "status": None, "startTime": None, "endTime": None}],
    }  # fmt: skip
    log = {"__typename": "EventConnection", "cursor": "c", "hasMore": more, "events": events}
    return {"runOrError": run, "logsForRun": log}


def event(text: str, **more: Any) -> dict[str, Any]:
    return {
        "__typename": "LogMessageEvent",
        "message": text,
        "timestamp": "1743660000000",
        "level": "INFO",
        "stepKey": "build",
        **more,
    }


@pytest.mark.parametrize("query", [dagster_api.START, dagster_api.STOP, dagster_api.LOOK])
def test_what_is_asked_is_what_this_dagster_answers(query: str) -> None:
    assert validate(create_schema().graphql_schema, parse(query)) == []


def test_the_jobs_that_are_offered_are_those_of_the_code_location() -> None:
    known = {job.name for job in build_definitions().jobs or []}
    assert set(dagster_api.JOBS) <= known


def test_a_run_is_started_by_its_job_for_one_month() -> None:
    asked: list[dict[str, Any]] = []
    api = answering(asked, {"launchRun": {"__typename": "LaunchRunSuccess", "run": {"runId": RUN}}})
    assert api.start("usage", "2025-03") == RUN
    params = asked[0]["variables"]["params"]
    assert params["selector"]["jobName"] == "usage"
    assert {"key": "dagster/partition", "value": "2025-03"} in params["executionMetadata"]["tags"]


def test_steps_checks_and_the_end_of_the_log_are_shown_over_several_pages(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = {
        "evaluation": {
            "checkName": "totals_agree",
            "success": False,
            "severity": "ERROR",
            "assetKey": {"path": ["marts", "a"]},
        }
    }
    asked: list[dict[str, Any]] = []
    api = answering(
        asked,
        page_of("STARTED", [event("begins")], more=True),
        page_of("STARTED", [event("line\nbreak"), event("", **failed)]),
    )
    monkeypatch.setattr(runs_page, "DagsterApi", lambda url: api)
    content, is_ended = runs_page.progress(site, RUN, EDITOR)
    text = text_of(content)
    assert not is_ended and asked[1]["variables"]["cursor"] == "c"
    assert "1 of 2 steps are done" in text and "2.5" in text and "waits" in text
    assert "0 passed, 1 failed" in text and "totals_agree of marts/a (blocks the publication)" in text
    assert "begins" in text and "line break" in text and "Stop the run" in text


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.Response(502, text="bad gateway"), "does not answer"),
        (httpx.Response(200, json={"errors": [{"message": "no"}]}), "not as expected"),
        ({"launchRun": {"__typename": "PythonError", "message": "no such partition"}}, "no such partition"),
        ({"launchRun": {"__typename": "RunConfigValidationInvalid", "errors": [{"message": "bad"}]}}, "bad"),
    ],
)
def test_what_stands_in_the_way_is_said(answer: Any, said: str) -> None:
    with pytest.raises(ReconError, match=said):
        answering([], answer).start("usage", "2025-03")


def test_only_known_jobs_and_months_are_run(site: Site) -> None:
    for job, month, said in (("rm", "2025-03", "nothing that can be run"), ("usage", "2025-3", "is not a month")):
        with pytest.raises(InputError, match=said):
            runs_page.start(site, job, month)
    with pytest.raises(InputError, match="is no id of a run"):
        runs_page.run_of("?run=../../etc")


def test_viewers_neither_see_the_form_nor_start_a_run(site: Site) -> None:
    viewer = User("ben", False)
    assert "may read, not run" in text_of(runs_page.render(site, "", viewer))
    assert "Reconcile Usage only" in str(runs_page.render(site, "", EDITOR))
    asked = str(runs_page.render(site, "?month=2025-03&job=load_and_reconcile_usage", EDITOR))
    assert "value='load_and_reconcile_usage'" in asked and "value='2025-03'" in asked


def test_without_dagster_it_is_said_where_it_was_looked_for() -> None:
    with pytest.raises(ReconError, match=r"does not answer at http://127\.0\.0\.1:9"):
        DagsterApi("http://127.0.0.1:9").start("usage", "2025-03")
