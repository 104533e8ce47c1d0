"""What a browser may send: anything of another shape is refused with 400 or 404, and nothing ends in a 500."""

import json
from typing import Any

import pytest
from flask.testing import FlaskClient

from recon_assets.app import issues_page, parts
from recon_assets.app.address import parse_address
from recon_assets.app.bodies import KINDS
from recon_assets.app.pages import Site
from recon_assets.app.server import create_app
from recon_assets.app.subscriptions import SCREEN
from recon_assets.issues.store import Discrepancy
from recon_assets_tests.app.test_server import ORIGIN, page_text

CALLBACKS = "/_dash-update-component"
GRID = {"type": "grid", "table": "subscriptions", "mark": "m"}


@pytest.fixture
def client(site: Site) -> FlaskClient:
    return create_app(site).server.test_client()


def page_body(path: Any = "/subscriptions", search: Any = "", shown: Any = None) -> dict[str, Any]:
    outputs = [("page", "children"), ("details", "children"), ("shown", "data")]
    return {
        "output": "..page.children...details.children...shown.data..",
        "outputs": [{"id": name, "property": prop} for name, prop in outputs],
        "inputs": [{"id": "url", "property": "pathname", "value": path}, {"id": "url", "property": "search", "value": search}],
        "changedPropIds": ["url.pathname"],
        "state": [{"id": "shown", "property": "data", "value": shown}],
    }  # fmt: skip


def grid_body(asked: Any, grid: Any = GRID) -> dict[str, Any]:
    return {
        "output": '{"mark":["MATCH"],"table":["MATCH"],"type":"grid"}.getRowsResponse',
        "outputs": {"id": grid, "property": "getRowsResponse"},
        "inputs": [{"id": grid, "property": "getRowsRequest", "value": asked}],
        "changedPropIds": [f"{json.dumps(grid, sort_keys=True, separators=(',', ':'))}.getRowsRequest"],
        "state": [{"id": "url", "property": "search", "value": ""}, {"id": "shown", "property": "data", "value": None}],
    }


def changed(body: dict[str, Any], **items: Any) -> dict[str, Any]:
    return {**body, **items}


BLOCK = {"startRow": 0, "endRow": 100}
WRONG = {
    "nothing": None,
    "a list": [],
    "an unknown callback": changed(page_body(), output="x.y"),
    "no outputs": {key: value for key, value in page_body().items() if key != "outputs"},
    "other outputs": changed(page_body(), outputs=page_body()["outputs"][:1]),
    "inputs that are a number": changed(page_body(), inputs=1),
    "too few inputs": changed(page_body(), inputs=page_body()["inputs"][:1]),
    "inputs of another component": changed(page_body(), inputs=[{"id": "a", "property": "pathname"}] * 2),
    "a path that is a number": page_body(path=1),
    "a query that is a list": page_body(search=["?month=2025-03"]),
    "a page without its moment": page_body(shown={"page": "/subscriptions"}),
    "a lone surrogate": page_body(search="?text=\ud800"),
    "changed properties that are none": changed(page_body(), changedPropIds=[1]),
    "rows that are a text": grid_body("x"),
    "rows from a text": grid_body({"startRow": "0", "endRow": 100}),
    "rows beyond any": grid_body({"startRow": 10**30, "endRow": 10**30 + 5}),
    "sorting by a list": grid_body({**BLOCK, "sortModel": [{"colId": [], "sort": "asc"}]}),
    "a grid without a mark": grid_body(BLOCK, {"type": "grid", "table": "subscriptions"}),
    "a grid of a table that is none": grid_body(BLOCK, {**GRID, "table": "secrets"}),
    "a grid of a table that is a number": grid_body(BLOCK, {**GRID, "table": 1}),
}  # fmt: skip


@pytest.mark.parametrize("wrong", WRONG)
def test_a_body_of_another_shape_is_refused(client: FlaskClient, wrong: str) -> None:
    assert client.post(CALLBACKS, json=WRONG[wrong], headers=ORIGIN).status_code == 400


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[" * 5_000, b'"\\ud800"'])
def test_a_body_that_is_no_json_is_refused(client: FlaskClient, data: bytes) -> None:
    answer = client.post(CALLBACKS, data=data, headers={**ORIGIN, "Content-Type": "application/json"})
    assert answer.status_code == 400


def test_what_pages_send_is_answered(client: FlaskClient) -> None:
    assert client.post(CALLBACKS, json=page_body(), headers=ORIGIN).status_code == 200
    asked = {**BLOCK, "sortModel": [{"colId": "cost_difference", "sort": "desc"}], "filterModel": {}}
    answer = client.post(CALLBACKS, json=grid_body(asked), headers=ORIGIN)
    assert answer.status_code == 200 and "rowData" in answer.get_data(as_text=True)


def test_every_value_that_a_callback_takes_has_a_kind(site: Site) -> None:
    """A callback with a value of no declared kind would refuse every request of its own page."""
    for callback in create_app(site).callback_map.values():
        for item in (*callback["inputs"], *callback["state"]):
            name = item["id"] if not item["id"].startswith("{") else json.loads(item["id"])["type"]
            assert (name, item["property"]) in KINDS


@pytest.mark.parametrize(
    "path", ["x/y.js", "dash/nothing.js", "plotly/package_data/x", "os/path.py", "dash/dcc/%00.js"]
)
def test_a_component_file_that_is_not_there_is_not_found(client: FlaskClient, path: str) -> None:
    assert client.get(f"/_dash-component-suites/{path}").status_code == 404


@pytest.mark.parametrize("as_of", ["9999-12-31T23:59:59-23:59", "0001-01-01", "2025-13-01", "abc"])
def test_a_time_that_is_none_is_told_on_the_page_and_refused_in_a_download(client: FlaskClient, as_of: str) -> None:
    assert "is not a time" in page_text(client, "/subscriptions", f"?asof={as_of}")
    assert client.get("/download/subscriptions.csv", query_string={"asof": as_of}).status_code == 400


def test_the_address_of_one_issue_stays_when_the_filters_of_the_list_go(client: FlaskClient) -> None:
    """The list's filters leave the page when one of its issues is opened: that is no choice of a reader."""
    output = next(name for name in create_app_callbacks(client) if name.startswith("url.search@"))
    body = {
        "output": output,
        "outputs": {"id": "url", "property": output.removeprefix("url.")},
        "inputs": [[]],
        "changedPropIds": [],
        "state": [[], {"id": "url", "property": "search", "value": "?issue=5"}],
    }
    answer = client.post(CALLBACKS, json=body, headers=ORIGIN)
    assert "search" not in answer.get_data(as_text=True)


def create_app_callbacks(client: FlaskClient) -> list[str]:
    return [callback["output"] for callback in client.get("/_dash-dependencies").get_json()]


def test_what_is_sent_twice_is_one_issue_and_one_comment(site: Site) -> None:
    about = Discrepancy(
        "subscriptions", "subscription_reconciliation", "k" * 64, "2025-03", "sub-1", "discrepancy", None, "USD"
    )
    first, again = (site.issues.report(about, "Late", "", "", "ana", "form-1") for _ in range(2))
    other = site.issues.report(about, "Another", "", "", "ana", "form-1")
    assert first == again != other
    for _ in range(2):
        site.issues.comment(first, "ana", "Asked the partner.", "form-2")
    assert sorted(entry.field for entry in site.issues.history(first)) == ["comment", "issue"]


def test_a_change_that_is_sent_twice_is_no_conflict(site: Site) -> None:
    about = Discrepancy(
        "subscriptions", "subscription_reconciliation", "k" * 64, "2025-03", "sub-1", "discrepancy", None, "USD"
    )
    issue = site.issues.get(site.issues.report(about, "Late", "", "", "ana"))
    for _ in range(2):
        site.issues.change(issue.issue_id, issue.version, "ana", status="investigating")
    assert site.issues.get(issue.issue_id).version == issue.version + 1


def test_names_and_typed_text_keep_their_case() -> None:
    address = parse_address("?product=e5_plan&account=acc_1&result=discrepancies", (SCREEN.tables[0],))
    chips = str(parts.chips(SCREEN.tables[0].filters, address, "/subscriptions"))
    assert "Microsoft product: e5_plan" in chips and "Account id: acc_1" in chips
    assert "Results: Discrepancies" in chips
    assert "Assignee: ana_b" in str(issues_page._chips({"assignee": ("ana_b",)}))
