"""What the app answers over HTTP: who may ask, from where, and what a download holds."""

import csv
import http.client
import io
import json
import shutil
import stat
import threading
import time
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import waitress
from flask.testing import FlaskClient

from recon_assets.app.downloads import csv_lines
from recon_assets.app.pages import Site
from recon_assets.app.server import create_app, serve
from recon_assets.app.settings import load_app_settings
from recon_assets.errors import InputError
from recon_assets.logs import log_to_stderr
from recon_assets_tests.app.conftest import site_in
from recon_assets_tests.app.published import FORMULA, PLAIN, key

MARCH = "month=2025-03"
ORIGIN = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
PROXIED = {"identity_header": "X-User", "proxies": ["10.0.0.0/8"], "editors": ["ana"]}


@pytest.fixture
def client(site: Site) -> FlaskClient:
    return create_app(site).server.test_client()


@pytest.fixture
def proxied(published: Path, tmp_path: Path) -> FlaskClient:
    return create_app(site_in(tmp_path, published, **PROXIED)).server.test_client()


def update(client: FlaskClient, headers: dict[str, str], path: str = "/", search: str = "", **environ: str) -> Any:
    """The request that fills a page."""
    body = {
        "output": "..page.children...details.children...shown.data..",
        "outputs": [{"id": name, "property": prop} for name, prop in (("page", "children"), ("details", "children"), ("shown", "data"))],
        "inputs": [{"id": "url", "property": "pathname", "value": path}, {"id": "url", "property": "search", "value": search}],
        "changedPropIds": ["url.pathname"],
        "state": [{"id": "shown", "property": "data", "value": None}],
    }  # fmt: skip
    return client.post("/_dash-update-component", json=body, headers=headers, environ_overrides=environ)


def page_text(client: FlaskClient, path: str, search: str = "") -> str:
    answer = update(client, ORIGIN, path, search)
    assert answer.status_code == 200
    return json.dumps(answer.get_json()["response"]["page"]["children"], ensure_ascii=False)


def test_every_answer_carries_the_security_headers_and_no_inline_script_is_allowed(client: FlaskClient) -> None:
    headers = client.get("/").headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'" and policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in policy["script-src"]
    assert headers["X-Content-Type-Options"] == "nosniff" and headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost", "Sec-Fetch-Site": "cross-site"},
    ],
)
def test_requests_of_other_sites_are_refused(client: FlaskClient, headers: dict[str, str]) -> None:
    assert update(client, headers).status_code == 403
    assert update(client, ORIGIN).status_code == 200


def test_another_name_that_leads_here_is_refused(client: FlaskClient) -> None:
    assert client.get("/", headers={"Host": "evil.example"}).status_code == 400
    assert client.get("/", headers={"Host": "127.0.0.1:8050"}).status_code == 200


@pytest.mark.parametrize(
    ("address", "user", "expected"),
    [
        ("10.1.2.3", "ana", 200),
        ("::ffff:10.1.2.3", "ana", 200),
        ("10.1.2.3", "", 401),
        ("10.1.2.3", "ana, ben", 401),
        ("192.168.1.1", "ana", 403),
        ("127.0.0.1", "ana", 403),
    ],
)
def test_identity_is_believed_from_the_proxy_alone(
    proxied: FlaskClient, address: str, user: str, expected: int
) -> None:
    answer = proxied.get("/", headers={"X-User": user}, environ_overrides={"REMOTE_ADDR": address})
    assert answer.status_code == expected


def test_a_header_spelled_with_underscores_is_nobodys_name(published: Path, tmp_path: Path) -> None:
    """WSGI spells `X-User` and `X_User` alike: a proxy that removes the first alone must not be enough to be somebody."""
    site = site_in(tmp_path, published, **{**PROXIED, "proxies": ["127.0.0.1/32"]})
    server = waitress.create_server(create_app(site).server, host="127.0.0.1", port=0)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    answers = {}
    for header in ("X-User", "X_User"):
        connection = http.client.HTTPConnection("127.0.0.1", server.effective_port, timeout=30)
        connection.request("GET", "/issues", headers={header: "ana"})
        answers[header] = connection.getresponse().status
        connection.close()
    server.close()
    server.task_dispatcher.shutdown()
    thread.join(10)
    assert answers == {"X-User": 200, "X_User": 401}


@pytest.mark.parametrize(
    ("headers", "address", "path"),
    [
        ({"X-User": "ana"}, "192.168.1.1", "/"),
        ({}, "10.1.2.3", "/"),
        ({"X-User": "ana"}, "192.168.1.1", "/a%0A2025-01-01 00:00:00 WARNING recon.app: b"),
    ],
)
def test_what_is_refused_is_in_the_log_as_one_record(
    proxied: FlaskClient, headers: dict[str, str], address: str, path: str, capsys: pytest.CaptureFixture[str]
) -> None:
    log_to_stderr("text")
    assert proxied.get(path, headers=headers, environ_overrides={"REMOTE_ADDR": address}).status_code in (401, 403)
    said = capsys.readouterr().err
    assert f" of {address}: " in said and "refused GET /" in said
    assert len([line for line in said.splitlines() if line[:2] == "20"]) == 1


def test_health_is_said_to_everybody_and_says_nothing_else(published: Path, tmp_path: Path) -> None:
    stranger = {"REMOTE_ADDR": "192.168.1.1"}
    healthy = create_app(site_in(tmp_path, published, **PROXIED)).server.test_client()
    answer = healthy.get("/healthz", environ_overrides=stranger)
    assert (answer.status_code, answer.get_data(as_text=True)) == (200, "ok")
    assert healthy.get("/healthz/", environ_overrides=stranger).status_code == 403

    broken = tmp_path / "published"
    broken.write_text("no folder", encoding="utf-8")
    ill = create_app(site_in(tmp_path / "home", broken, **PROXIED)).server.test_client()
    answer = ill.get("/healthz", environ_overrides=stranger)
    assert (answer.status_code, answer.get_data(as_text=True)) == (503, "The published tables cannot be read.")


def test_health_reads_no_log_of_publications(published: Path, tmp_path: Path) -> None:
    """It is asked every few seconds: a log that is long, broken or unreadable must cost it nothing."""
    broken = tmp_path / "published"
    shutil.copytree(published, broken)
    shutil.rmtree(broken / "publications")
    (broken / "publications").write_text("no table", encoding="utf-8")
    client = create_app(site_in(tmp_path / "home", broken)).server.test_client()
    assert client.get("/healthz").status_code == 200
    assert "The published tables cannot be read" in page_text(client, "/")
    seconds = time.process_time()
    for _ in range(20):
        assert client.get("/healthz").status_code == 200
    assert time.process_time() - seconds < 1


@pytest.mark.parametrize(("user", "said"), [("ana", "needs a title"), ("ben", "may read, not change")])
def test_viewers_read_and_editors_report(proxied: FlaskClient, user: str, said: str) -> None:
    state = [("report-title", "value", ""), ("report-description", "value", ""), ("report-assignee", "value", ""),
             ("report-form", "data", "f1"), ("url", "pathname", "/subscriptions"), ("url", "search", _any_row(proxied)), ("shown", "data", None)]  # fmt: skip
    body = {
        "output": "report-answer.children",
        "outputs": {"id": "report-answer", "property": "children"},
        "inputs": [{"id": "report-send", "property": "n_clicks", "value": 1}],
        "changedPropIds": ["report-send.n_clicks"],
        "state": [{"id": name, "property": prop, "value": value} for name, prop, value in state],
    }
    answer = proxied.post(
        "/_dash-update-component",
        json=body,
        headers={**ORIGIN, "X-User": user},
        environ_overrides={"REMOTE_ADDR": "10.0.0.1"},
    )
    assert said in answer.get_data(as_text=True)


def _any_row(client: FlaskClient) -> str:
    answer = client.get(
        f"/download/subscriptions.csv?{MARCH}&result=discrepancies", headers={"X-User": "ana"}, environ_overrides={"REMOTE_ADDR": "10.0.0.1"}
    )  # fmt: skip
    row = next(csv.DictReader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
    return f"?{MARCH}&row=subscriptions:{row['reconciliation_key']}"


def saved(client: FlaskClient, name: str, user: str, search: str = f"?{MARCH}&result=missing") -> str:
    state = [("view-name", "value", name), ("url", "pathname", "/subscriptions"), ("url", "search", search)]
    body = {
        "output": "view-answer.children",
        "outputs": {"id": "view-answer", "property": "children"},
        "inputs": [{"id": "view-save", "property": "n_clicks", "value": 1}],
        "changedPropIds": ["view-save.n_clicks"],
        "state": [{"id": place, "property": prop, "value": value} for place, prop, value in state],
    }
    headers, environ = {**ORIGIN, "X-User": user}, {"REMOTE_ADDR": "10.0.0.1"}
    return client.post("/_dash-update-component", json=body, headers=headers, environ_overrides=environ).get_data(True)


def test_a_view_has_a_name_that_everybody_sees_and_only_its_owner_changes(published: Path, tmp_path: Path) -> None:
    site = site_in(tmp_path, published, **{**PROXIED, "editors": ["ana", "eva"]})
    client = create_app(site).server.test_client()
    assert "Saved: " in saved(
        client, "Missing in March", "ana", f"?{MARCH}&result=missing&row=subscriptions:{'a' * 64}"
    )
    assert "is a view of ana" in saved(client, "Missing in March", "eva")
    assert "needs a name" in saved(client, " ", "ana")
    assert "may read, not change" in saved(client, "Mine", "ben")
    (view,) = site.issues.views("/subscriptions")
    assert (view.search, view.owner) == (f"?{MARCH}&result=missing", "ana")
    site.issues.remove_view("Missing in March", "eva")
    assert site.issues.views("/subscriptions") == [view]
    site.issues.remove_view("Missing in March", "ana")
    assert site.issues.views("/subscriptions") == []


def test_a_csv_holds_the_filtered_set_and_no_formula(client: FlaskClient) -> None:
    answer = client.get(f"/download/subscriptions.csv?{MARCH}")
    rows = list(csv.DictReader(io.StringIO(answer.get_data(as_text=True).lstrip("\ufeff"))))
    assert len(rows) == PLAIN + 3
    assert [row["product"] for row in rows if row["ms_subscription_id"] == "sub-9002"] == [f"'{FORMULA}"]
    filtered = client.get(f"/download/subscriptions.csv?{MARCH}&result=missing").get_data(as_text=True)
    assert len(filtered.splitlines()) == 3  # the heading, a side that is missing, and what cannot be compared
    assert "attachment" in answer.headers["Content-Disposition"]


@pytest.mark.parametrize("sign", ["=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20"])
def test_no_sign_that_begins_a_formula_begins_a_cell(sign: str) -> None:
    content = b"".join(csv_lines(iter([["a"], [[f"{sign}1+1"]]])))
    assert list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))) == [["a"], [f"'{sign}1+1"]]


def test_what_queries_spill_is_readable_by_the_apps_user_alone(published: Path, tmp_path: Path) -> None:
    site = site_in(tmp_path, published)
    assert (
        create_app(site).server.test_client().get(f"/download/subscription_reconciliation.csv?{MARCH}").status_code
        < 500
    )
    moment = site.reader.published()
    assert moment is not None
    (row,) = site.reader.rows(moment.moment, ("select current_setting('temp_directory') as folder", []))
    assert stat.S_IMODE(Path(row["folder"]).stat().st_mode) == 0o700


def test_negative_numbers_stay_numbers_in_a_csv(client: FlaskClient) -> None:
    text = client.get(f"/download/meters.csv?{MARCH}&sort=meters:amount_variation").get_data(as_text=True)
    assert ",'-" not in text and "3.250000000000" in text


def test_an_xlsx_holds_text_as_text_and_numbers_as_numbers(client: FlaskClient) -> None:
    answer = client.get(f"/download/subscriptions.xlsx?{MARCH}&result=missing&result=discrepancies")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.get_data()))["Rows"]
    rows = list(sheet.iter_rows(values_only=True))
    columns = {name: n for n, name in enumerate(rows[0])}
    found = {row[columns["Subscription id"]]: row for row in rows[1:]}
    assert found["sub-9002"][columns["Product"]] == FORMULA
    assert sheet.cell(2, columns["Product"] + 1).data_type == "s"
    assert found["sub-9001"][columns["MS \N{MINUS SIGN} BSS"]] == -99.75


def test_a_print_view_has_all_filtered_rows_their_totals_and_no_script(client: FlaskClient) -> None:
    answer = client.get(f"/print/subscriptions?{MARCH}")
    text = answer.get_data(as_text=True)
    assert (answer.status_code, text.count("<tr>") > PLAIN) == (200, True)
    assert "&lt;img src=x onerror=alert(1)&gt;" in text and "<img" not in text and "<script" not in text
    assert "All that compare" in text and "more than the tolerance" in text
    assert "thead { display: table-header-group; }" in text
    filtered = client.get(f"/print/subscriptions?{MARCH}&result=discrepancies&cols=subscriptions:cost_difference")
    said = filtered.get_data(as_text=True)
    assert "Filter: Results" in said and "\N{MINUS SIGN}99.75" in said and "sub-9001" not in said


def test_more_rows_than_can_be_printed_are_refused_with_what_to_do(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recon_assets.app.printing.MOST_ROWS", 200)
    answer = client.get(f"/print/subscriptions?{MARCH}")
    assert (answer.status_code, "Filter further" in answer.get_data(as_text=True)) == (400, True)


def test_the_download_of_a_drill_down_is_that_of_the_selected_row(client: FlaskClient) -> None:
    meters = client.get(f"/download/meters.csv?{MARCH}").get_data(as_text=True).lstrip("\ufeff")
    meter = next(csv.DictReader(io.StringIO(meters)))["reconciliation_key"]
    variations = client.get(f"/download/variations.csv?{MARCH}&row=meters:{meter}").get_data(as_text=True)
    assert len(variations.splitlines()) == 31


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/download/subscriptions.csv?month=2025-3", 400, "is not a month"),
        ("/download/secrets.csv", 400, "There is no table"),
        ("/download/subscriptions.exe", 400, "csv or xlsx"),
        ("/nowhere/else/../../etc", 200, ""),
    ],
)
def test_a_bad_address_gets_a_sentence(client: FlaskClient, path: str, status: int, said: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert said in answer.get_data(as_text=True) and "Traceback" not in answer.get_data(as_text=True)


def test_the_usage_area_hides_when_it_is_switched_off(published: Path, tmp_path: Path) -> None:
    client = create_app(site_in(tmp_path, published, show_usage=False)).server.test_client()
    assert "There is no page /usage" in page_text(client, "/usage")
    assert client.get(f"/download/meters.csv?{MARCH}").status_code == 400
    assert "Usage" not in page_text(client, "/")


def test_details_of_a_row_tell_what_was_decided_and_what_has_changed_since(client: FlaskClient) -> None:
    row = key("subscription", "2025-03", "sub-9001")
    answer = update(client, ORIGIN, "/subscriptions", f"?{MARCH}&row=subscriptions:{row}").get_json()["response"]
    text = json.dumps(answer["details"]["children"], ensure_ascii=False)
    for said in (
        "Accept by ana, 2025-04-08 09:00 UTC",
        "rounding agreed",
        "Stale",
        "Discrepancy, difference \N{MINUS SIGN}9.5",
    ):
        assert said in text


def test_a_page_shows_what_is_missing_of_a_month_and_where_it_was_made(client: FlaskClient) -> None:
    text = page_text(client, "/subscriptions", f"?{MARCH}")
    assert "Microsoft's legacy reconciliation file of April 2025" in text and "Provisional" in text
    assert "http://127.0.0.1:3000/runs/run-2" in text
    assert "http://127.0.0.1:3000/assets/published/subscriptions?view=partitions&partition=2025-03" in text


def test_the_overview_shows_what_the_newest_publication_changed(client: FlaskClient) -> None:
    text = page_text(client, "/")
    assert "Changed" in text and "2025-04-09 06:00 UTC" in text and "243 rows" in text


def test_a_month_that_is_not_published_says_so_and_shows_no_zeros(client: FlaskClient) -> None:
    text = page_text(client, "/subscriptions", "?month=2024-12")
    assert "No month of 2024-12 is published" in text


def test_a_storage_fault_says_so_and_shows_no_zeros(published: Path, tmp_path: Path) -> None:
    broken = tmp_path / "published"
    shutil.copytree(published, broken)
    for file in (broken / "subscription_reconciliation").rglob("*.parquet"):
        file.unlink()
    client = create_app(site_in(tmp_path / "home", broken)).server.test_client()
    for path in ("/", "/subscriptions"):
        text = page_text(client, path)
        assert "The published tables cannot be read" in text and "message error" in text and "rows" not in text
    assert client.get(f"/download/subscriptions.csv?{MARCH}").status_code == 503


def test_without_anything_published_the_page_says_what_to_do(tmp_path: Path) -> None:
    client = create_app(site_in(tmp_path, tmp_path / "published")).server.test_client()
    assert "Nothing was published yet" in page_text(client, "/")
    text = page_text(client, "/subscriptions")
    assert "Nothing of subscriptions was published yet" in text and "Help says where" in text


def test_the_app_is_not_opened_to_other_machines_without_identities() -> None:
    with pytest.raises(InputError, match="RECON_APP_IDENTITY_HEADER"):
        serve("0.0.0.0", 8050)


def test_a_header_without_proxies_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECON_APP_IDENTITY_HEADER", "X-User")
    with pytest.raises(InputError, match="belong together"):
        load_app_settings()
    monkeypatch.setenv("SHOW_RECONCILIATION_REPORTING", "perhaps")
    with pytest.raises(InputError, match="SHOW_RECONCILIATION_REPORTING"):
        load_app_settings()
