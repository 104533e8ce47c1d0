"""Closed months in the app: readers see the publication that was closed, and who closed or reopened it and why."""

import datetime as dt
import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Literal

import pytest

from recon_assets.app import pages, queries, subscriptions
from recon_assets.app.identity import User
from recon_assets.app.pages import Site
from recon_assets.lakehouse.log import Closing
from recon_assets.storage import published_store
from recon_assets_tests.app.conftest import site_in
from recon_assets_tests.app.published import PUBLISHED_AGAIN, PUBLISHED_FIRST

MARCH = "2025-03"
SEARCH = f"?month={MARCH}&result=discrepancies"
FIRST, AGAIN = Decimal("-12.50"), Decimal("-99.75")  # Microsoft less BSS in the two publications of March


@pytest.fixture
def here(published: Path, tmp_path: Path) -> Site:
    """A site over published months that the test may close."""
    shutil.copytree(published, tmp_path / "published")
    return site_in(tmp_path, tmp_path / "published")


def record(site: Site, action: Literal["close", "reopen"], days: int, reason: str = "") -> None:
    """March was closed or reopened at its first publication, some days after the second one."""
    store = published_store(site.settings)
    first = next(p for p in store.publications() if (p.month, p.reconciliation) == (MARCH, "subscriptions"))
    assert first.published_at < PUBLISHED_AGAIN
    at = PUBLISHED_AGAIN + dt.timedelta(days=days)
    store.record_closing(Closing(MARCH, "subscriptions", action, at, "anna", reason, first.run_id, first.published_at))


def differences(site: Site, search: str = SEARCH) -> list[Decimal]:
    context = site.context(subscriptions.SCREEN, search)
    query = queries.page(subscriptions.TABLE, context.restriction(subscriptions.TABLE), "product", 0, 10)
    return [row["cost_difference"] for row in context.rows(query)]


def texts(site: Site) -> dict[str, str]:
    """The overview and the page of March as they go to the browser."""
    context = site.context(subscriptions.SCREEN, SEARCH)
    made = {"overview": pages.overview_page(site, ""), "month": pages.screen_page(site, context, User("anna", True))}
    return {
        name: json.dumps(content, default=lambda part: part.to_plotly_json(), ensure_ascii=False)
        for name, content in made.items()
    }


def test_the_publication_that_was_closed_is_shown_until_the_month_is_reopened(here: Site) -> None:
    """The bug this fixes: the app took the newest publication, and kept it when nothing was published since."""
    assert differences(here) == [AGAIN]
    record(here, "close", days=1)
    assert differences(here) == [FIRST]
    record(here, "reopen", days=2)
    assert differences(here) == [AGAIN]


def test_a_month_as_of_a_time_before_it_was_closed_is_the_one_of_then(here: Site) -> None:
    record(here, "close", days=1)
    assert differences(here, f"{SEARCH}&asof=2025-04-09T12:00") == [AGAIN]
    assert differences(here, f"{SEARCH}&asof=2025-04-08") == [FIRST]
    published = here.reader.published(PUBLISHED_FIRST + dt.timedelta(hours=1))
    assert published is not None
    assert published.closings == {}


def test_overview_and_month_say_who_closed_it_and_when(here: Site) -> None:
    assert not any("closed by anna" in text.lower() for text in texts(here).values())
    record(here, "close", days=1)
    shown = texts(here)
    assert shown["overview"].count("Closed by anna at 2025-04-10 06:00 UTC") == 1
    assert "2025-04-07 06:02 UTC" in shown["month"] and ", closed by anna at 2025-04-10 06:00 UTC" in shown["month"]


def test_a_reopened_month_says_why_and_is_not_marked_closed(here: Site) -> None:
    record(here, "close", days=1)
    record(here, "reopen", days=2, reason="invoice 4711 came late")
    shown = texts(here)
    assert "Closed by" not in shown["overview"] + shown["month"]
    assert "reopened by anna at 2025-04-11 06:00 UTC: invoice 4711 came late" in shown["month"]
