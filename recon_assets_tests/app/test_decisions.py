"""Deciding in the app: the selected row, all rows of a filter, pairs; who may, who is told what, what is seen where."""

import datetime as dt
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from dash import dcc
from flask.testing import FlaskClient

from recon_assets.app import decided, decision_forms, einvoices, pages, subscriptions
from recon_assets.app.identity import User
from recon_assets.app.issue_callbacks import content
from recon_assets.app.pages import Site
from recon_assets.app.server import create_app
from recon_assets.lakehouse.log import Closing
from recon_assets.storage import published_store
from recon_assets_tests.app.callbacks import press
from recon_assets_tests.app.conftest import site_in
from recon_assets_tests.app.published import PLAIN, PUBLISHED_AGAIN, PUBLISHED_FIRST, key
from recon_assets_tests.app.test_overview import text_of

MARCH = "month=2025-03"
DIFFERING = key("subscription", "2025-03", "sub-9001")
IGNORED = key("subscription", "2025-03", "sub-9002")
MISMATCH, MISSING = key("einvoice", "2025-03", 2), key("einvoice", "2025-03", 3)
ROW = f"/subscriptions?{MARCH}&row=subscriptions:{DIFFERING}"
PROXIED = {"identity_header": "X-User", "proxies": ["10.0.0.0/8"], "editors": ["ana", "eva"]}
EDITOR = User("ana", True)
FROM_ANA: Any = {"headers": {"X-User": "ana"}, "environ_overrides": {"REMOTE_ADDR": "10.0.0.1"}}


@pytest.fixture
def shared(published: Path, tmp_path: Path) -> Site:
    """A site with two editors, ana and eva."""
    return site_in(tmp_path, published, **PROXIED)


@pytest.fixture
def client(shared: Site) -> FlaskClient:
    return create_app(shared).server.test_client()


def decide(client: FlaskClient, address: str, action: str, reason: str = "", user: str = "ana", **more: Any) -> str:
    values = {"decide_action": action, "decide_reason": reason, "decide_until": "", "decide_seen": {}} | more
    return press(client, "decide-send", address, user, **values)


def bulk(
    client: FlaskClient, button: str, address: str, action: str, reason: str, user: str = "ana", **more: Any
) -> str:
    values = {"bulk_action": action, "bulk_reason": reason, "bulk_until": ""} | more
    return press(client, button, address, user, **values)


def made(site: Site) -> list[tuple[str, str, str, str]]:
    return [(d.row.key, d.action, d.reason, d.by) for d in site.decisions.history()]


def drawer(site: Site, address: str, user: User = EDITOR) -> str:
    path, _, search = address.partition("?")
    screen = site.screen(path)
    assert screen is not None
    return text_of(pages.details_part(site, site.context(screen, f"?{search}"), user))


def marks(site: Site, search: str = f"?{MARCH}&q=sub-90") -> dict[str, str]:
    context = site.context(subscriptions.SCREEN, search)
    rows = pages.grid_rows(site, context, subscriptions.TABLE, {"startRow": 0, "endRow": 10})
    return {row["id"]: row["marks"] for row in rows}


def test_a_row_is_decided_and_its_drawer_and_grid_tell_it_at_once(client: FlaskClient, shared: Site) -> None:
    answer = decide(client, ROW, "accept", "credit promised")
    assert made(shared) == [(DIFFERING, "accept", "credit promised", "ana")]
    assert "Kept as decision 1" in answer and "credit promised" in answer
    said = drawer(shared, ROW)
    assert "Accept: credit promised" in said and "The next run of 2025-03 shows the newest decision" in said
    assert marks(shared)[DIFFERING] == "Accept, next run"
    assert marks(shared)[IGNORED] == "Ignore, has rejected records"  # as published
    assert marks(shared, f"?{MARCH}&q=sub-90&asof=2025-04-08")[DIFFERING] == "Stale"  # as it was seen then
    assert marks(shared, f"?{MARCH}&q=sub-90&asof=2025-04-10")[DIFFERING] == "Accept, next run"  # what is seen now
    printed = client.get(f"/print/subscriptions?{MARCH}&q=sub-90&asof=2025-04-10", **FROM_ANA).get_data(as_text=True)
    assert ">Marks<" in printed and "Accept, next run" in printed
    decide(client, ROW, "clear", "by mistake")
    assert made(shared)[-1][1] == "clear" and marks(shared)[DIFFERING] == "Clear, next run"


@pytest.mark.parametrize(
    ("action", "reason", "more", "said"),
    [
        ("accept", "", {}, "To accept a row needs a reason"),
        ("pending", "waits", {}, "needs the day until which it waits"),
        ("pending", "waits", {"decide_until": "soon"}, "'soon' is no day"),
        ("pair:x:y", "x", {}, "Choose a decision first"),
        ("clear", "x", {}, "no decision that could be taken back"),
        (None, "x", {}, "Choose a decision first"),
    ],
)
def test_what_cannot_be_decided_is_said_beside_the_form(
    client: FlaskClient, shared: Site, action: str, reason: str, more: dict[str, str], said: str
) -> None:
    assert said in decide(client, ROW, action, reason, **more)
    assert made(shared) == []


def test_viewers_see_decisions_and_make_none(client: FlaskClient, shared: Site) -> None:
    assert "may read, not change" in decide(client, ROW, "accept", "x", user="ben")
    address = f"/subscriptions?{MARCH}&result=missing"
    assert "may read, not change" in bulk(client, "bulk-ask", address, "ignore", "x", "ben")
    asked = {"count": 2, "newest": 0}
    assert "may read, not change" in bulk(client, "bulk-confirm", address, "ignore", "x", "ben", bulk_asked=asked)
    assert made(shared) == []
    decide(client, ROW, "accept", "credit promised")
    said = drawer(shared, ROW, User("ben", False))
    assert "credit promised" in said and "Reason" not in said
    context = shared.context(subscriptions.SCREEN, f"?{MARCH}")
    assert "Decide about" not in text_of(pages.screen_page(shared, context, User("ben", False)))
    assert "Decide about all 243 rows" in text_of(pages.screen_page(shared, context, EDITOR))


def test_of_two_people_the_second_is_told_what_the_first_decided(client: FlaskClient, shared: Site) -> None:
    decide(client, ROW, "accept", "credit promised")
    told = decide(client, ROW, "ignore", "not ours", user="eva")
    assert "was decided meanwhile" in told and "accept by ana" in told and len(made(shared)) == 1
    seen = {DIFFERING: 1}  # what the form carries once the row was opened again
    decide(client, ROW, "ignore", "not ours", user="eva", decide_seen=seen)
    assert [(action, by) for _, action, _, by in made(shared)] == [("accept", "ana"), ("ignore", "eva")]


def test_the_form_carries_the_newest_decision_that_its_reader_sees(client: FlaskClient, shared: Site) -> None:
    decide(client, ROW, "accept", "credit promised")
    context = shared.context(subscriptions.SCREEN, ROW.partition("?")[2])
    assert stores(pages.details_part(shared, context, EDITOR))["decide-seen"] == {DIFFERING: 1}


def stores(part: Any) -> dict[str, Any]:
    """What forms keep in the browser, by id."""
    if isinstance(part, list | tuple):
        return {name: data for item in part for name, data in stores(item).items()}
    own = {part.id: part.data} if isinstance(part, dcc.Store) else {}
    return own | stores(getattr(part, "children", None) or [])


def test_above_the_limit_the_form_offers_approval_to_a_second_person(published: Path, tmp_path: Path) -> None:
    site = site_in(tmp_path, published, **PROXIED)
    site = replace(site, settings=site.settings.model_copy(update={"approval_above": {"MYR": 99}}))
    client = create_app(site).server.test_client()
    assert "Approve" not in str(
        pages.details_part(site, site.context(subscriptions.SCREEN, ROW.partition("?")[2]), EDITOR)
    )
    decide(client, ROW, "accept", "credit promised")
    assert "Approve" in str(pages.details_part(site, site.context(subscriptions.SCREEN, ROW.partition("?")[2]), EDITOR))
    assert "above the limit: needs approval" in drawer(site, ROW)
    assert "is your own" in decide(client, ROW, "approve")
    decide(client, ROW, "approve", user="eva")
    assert made(site)[-1][1:] == ("approve", "", "eva")


def test_all_rows_of_a_filter_are_decided_once_their_count_is_confirmed(client: FlaskClient, shared: Site) -> None:
    address = f"/subscriptions?{MARCH}&result=missing"
    asked = bulk(client, "bulk-ask", address, "ignore", "test tenants")
    assert "Ignore all 2 rows of 2025-03; Results: Missing data?" in asked and made(shared) == []
    other = bulk(client, "bulk-confirm", address, "ignore", "test tenants", bulk_asked={"count": 3, "newest": 0})
    assert "2 rows are shown now, not 3" in other and made(shared) == []
    done = bulk(client, "bulk-confirm", address, "ignore", "test tenants", bulk_asked={"count": 2, "newest": 0})
    assert "Kept 2 decisions" in done
    assert {d.chosen_by for d in shared.decisions.history()} == {"/subscriptions?month=2025-03&result=missing"}
    assert "with all rows of /subscriptions?month=2025-03" in drawer(
        shared, f"/subscriptions?{MARCH}&row=subscriptions:{IGNORED}"
    )


def test_a_row_of_the_filter_that_cannot_take_the_decision_holds_all_back(client: FlaskClient, shared: Site) -> None:
    address, asked = f"/subscriptions?{MARCH}", {"count": PLAIN + 3, "newest": 0}
    said = bulk(client, "bulk-confirm", address, "accept", "agreed", bulk_asked=asked)
    assert "is match: there is nothing to accept" in said and made(shared) == []


def test_who_decides_about_many_is_told_of_what_others_decided_since(client: FlaskClient, shared: Site) -> None:
    decide(client, f"/subscriptions?{MARCH}&row=subscriptions:{IGNORED}", "pending", "asked", decide_until="2025-09-01")
    address = f"/subscriptions?{MARCH}&result=missing"
    assert "1 of them were decided since they were published, by ana" in bulk(
        client, "bulk-ask", address, "ignore", "x", "eva"
    )
    told = bulk(client, "bulk-confirm", address, "ignore", "x", "eva", bulk_asked={"count": 2, "newest": 0})
    assert "was decided meanwhile" in told and len(made(shared)) == 1
    bulk(client, "bulk-confirm", address, "ignore", "x", "eva", bulk_asked={"count": 2, "newest": 1})
    assert len(made(shared)) == 3


def test_an_unpaired_document_is_paired_with_a_candidate_and_a_pair_is_parted(
    client: FlaskClient, shared: Site
) -> None:
    address = f"/einvoices?{MARCH}&row=documents:{MISSING}"
    context = shared.context(einvoices.SCREEN, address.partition("?")[2])
    (pairing,) = decision_forms.pairings(context, context.selected[1])  # type: ignore[index]
    assert (pairing.text, pairing.key, pairing.other_key) == ("Pair with E-invoice INV-0003-A", MISSING, MISMATCH)
    decide(client, address, f"pair:{MISSING}:{MISMATCH}", "a typing error")
    decide(client, f"/einvoices?{MARCH}&row=documents:{MISMATCH}", "unpair", "not theirs")
    assert [(row, action) for row, action, _, _ in made(shared)] == [(MISSING, "pair"), (MISMATCH, "unpair")]
    (paired, _) = shared.decisions.history()
    assert (paired.row.documents["register_document_number"], paired.other_key) == ("INV-0003", MISMATCH)
    assert paired.row.documents["einvoice_uuid"] == "UUID2"


def test_a_closed_month_takes_verdicts_and_tells_why_it_takes_no_pair(published: Path, tmp_path: Path) -> None:
    shutil.copytree(published, tmp_path / "published")
    site = site_in(tmp_path, tmp_path / "published")
    at, first = PUBLISHED_FIRST + dt.timedelta(days=1), PUBLISHED_FIRST + dt.timedelta(minutes=2)
    published_store(site.settings).record_closing(
        Closing("2025-03", "einvoices", "close", at, "ana", "", "run-1", first)
    )
    client = create_app(site).server.test_client()
    address = f"/einvoices?{MARCH}&row=documents:{MISMATCH}"
    values = {"decide_reason": "not theirs", "decide_until": "", "decide_seen": {}}
    assert "2025-03 is closed: its pairs stay" in press(
        client, "decide-send", address, decide_action="unpair", **values
    )
    assert "Kept as decision 1" in press(client, "decide-send", address, decide_action="ignore", **values)
    assert "2025-03 is closed: its numbers stay as they were published" in drawer(site, address)


def test_decisions_and_issues_of_a_row_are_seen_together(client: FlaskClient, shared: Site) -> None:
    decide(client, ROW, "pending", "asked the partner", decide_until="2025-09-01")
    about = pages.discrepancy(shared.context(subscriptions.SCREEN, ROW.partition("?")[2]))
    number = shared.issues.report(about, "Unit cost", "", "", "ana")
    said = drawer(shared, ROW)
    assert said.index("Pending until 2025-09-01: asked the partner") < said.index("#1 Unit cost")
    assert "Pending until 2025-09-01: asked the partner" in text_of(content(shared, f"?issue={number}", EDITOR))


@pytest.mark.parametrize(
    ("shown", "action", "decided_by", "at", "expected"),
    [
        (None, "accept", None, 1, True),
        ("accept", "accept", "ana", 0, False),
        ("accept", "ignore", "ana", 1, True),
        (None, "clear", None, 1, False),
        ("stale", "clear", "ana", 1, True),
        ("awaiting_approval", "approve", "ana", 1, True),
        ("accept", "approve", "ana", 1, False),
        ("accept", "unpair", "ana", 1, False),
        (None, "unpair", None, 3, True),
    ],
)
def test_a_row_says_whether_its_newest_decision_comes_with_the_next_run(
    shared: Site, client: FlaskClient, shown: str | None, action: str, decided_by: str | None, at: int, expected: bool
) -> None:
    decide(client, ROW, "accept", "x")
    (newest,) = shared.decisions.history()
    days = [PUBLISHED_AGAIN + dt.timedelta(days=n) for n in range(4)]
    row = {"decided_by": decided_by, "decided_at": days[0] if decided_by else None, "published_at": days[2]}
    newest = replace(newest, action=action, by="ana", at=days[at].replace(tzinfo=None))
    assert decided.comes_with_next_run(shown, row, newest) is expected


def test_all_rows_of_a_filter_are_assigned_while_they_are_as_many_as_was_said(
    client: FlaskClient, shared: Site
) -> None:
    address = f"/subscriptions?{MARCH}&result=missing"
    values: dict[str, Any] = {"assign_assignee": "dora", "assign_title": "Ask them", "assign_description": ""}
    for user, count, said in (("ben", 2, "may read, not change"), ("ana", 3, "2 rows are shown now, not 3")):
        assert said in press(client, "assign-send", address, user, assign_count=count, **values)
    assert shared.issues.find(None)[1] == 0
    done = press(client, "assign-send", address, "ana", assign_count=2, **values)
    assert "2 new issues and 0 open ones are dora's now" in done
    found, _ = shared.issues.find(None, assignee="dora")
    assert {issue.about.reconciliation_key for issue in found} >= {IGNORED} and len(found) == 2
    assert {issue.about.difference for issue in found if issue.about.reconciliation_key == IGNORED} == {70}
    assert marks(shared)[IGNORED] == "1 issue, Ignore, has rejected records"


def test_many_decisions_above_the_limit_are_approved_at_once_by_a_second_person(
    published: Path, tmp_path: Path
) -> None:
    site = site_in(tmp_path, published, **PROXIED)
    site = replace(site, settings=site.settings.model_copy(update={"approval_above": {"MYR": 50}}))
    client = create_app(site).server.test_client()
    address = f"/subscriptions?{MARCH}&status=discrepancy&status=missing_in_ms"
    bulk(client, "bulk-confirm", address, "ignore", "test tenants", bulk_asked={"count": 2, "newest": 0})
    asked = {"count": 2, "newest": 2}
    assert "is your own" in bulk(client, "bulk-confirm", address, "approve", "", bulk_asked=asked)
    bulk(client, "bulk-confirm", address, "approve", "", "eva", bulk_asked=asked)
    assert [(action, by) for _, action, _, by in made(site)] == 2 * [("ignore", "ana")] + 2 * [("approve", "eva")]
