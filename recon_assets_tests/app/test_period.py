"""Subscriptions over any days: the page of the slider says what `recon period` says. spec/bridge.md, 7."""

import csv
import io
from decimal import Decimal
from typing import Any

import pytest

from recon_assets.app import period_page
from recon_assets.app.pages import Site
from recon_assets.app.server import create_app
from recon_assets.errors import InputError
from recon_assets_tests.app.callbacks import press
from recon_assets_tests.app.test_overview import links, text_of

MARCH = "?from=2025-03-01&to=2025-03-31"


def lines(site: Site, search: str) -> list[dict[str, Any]]:
    asked = period_page.parse_asked(search)
    published = site.reader.published()
    assert asked.period is not None and published is not None
    query = period_page.verdicts_query(asked.period, published.months("subscriptions"), asked.status)
    return site.reader.rows(published.moment, query)


def test_a_whole_month_is_the_month_and_half_of_it_has_half_the_cost(site: Site) -> None:
    whole, half = lines(site, MARCH), lines(site, "?from=2025-03-01&to=2025-03-15")
    for found, part in ((whole, 1), (half, 2)):
        (row,) = (line for line in found if line["part"] == "row")
        assert (row["ms_subscription_id"], row["status"]) == ("sub-9001", "discrepancy")
        assert row["bss_total_cost"] == Decimal("1234.50") / part
        (total,) = (line for line in found if line["part"] == "total")
        assert (total["row_count"], total["sum_2"]) == (1, row["right_minus_left"])


def test_the_page_says_its_days_and_which_months_are_not_published(site: Site) -> None:
    text = text_of(period_page.render(site, "?from=2025-03-10&to=2025-04-09"))
    assert "Days: 2025-03-10 to 2025-04-09" in text and "in no sum: 2025-04" in text
    assert "in no sum" not in text_of(period_page.render(site, MARCH))


def test_moving_the_slider_names_days_and_keeps_what_else_is_asked(site: Site) -> None:
    after = period_page.chosen("?from=2025-03-01&to=2025-03-31&status=match", "2024-04-01", [343, 373])
    assert after == "?from=2025-03-10&to=2025-04-09&status=match"


def test_days_that_are_written_name_the_period_and_others_are_answered_with_a_sentence(site: Site) -> None:
    client = create_app(site).server.test_client()
    days = {"days": [343, 373], "days_first": "2024-04-01", "day_first": "2025-03-10"}
    assert "from=2025-03-10&to=2025-03-12" in press(
        client, "day-last", f"/period{MARCH}", **days, day_last="2025-03-12"
    )
    assert "'12.3.' is not a day" in press(client, "day-last", f"/period{MARCH}", **days, day_last="12.3.")


def test_a_row_leads_to_its_items_of_these_days_and_these_to_the_rows_of_the_months(site: Site) -> None:
    half = "?from=2025-03-01&to=2025-03-15"
    (href,) = [href for _, href in links(period_page.render(site, half)) if "subscription=" in href]
    page = period_page.render(site, href.removeprefix("/period"))
    assert "Items of sub-9001" in text_of(page) and "617.25" in text_of(page)
    assert "/subscriptions?month=2025-03&q=sub-9001" in dict(links(page)).values()
    asked = period_page.parse_asked(half)
    published = site.reader.published()
    assert asked.period is not None and published is not None
    query = period_page.items_query(asked.period, published.months("subscriptions"), "sub-9001")
    items = site.reader.rows(published.moment, query)
    (row,) = (line for line in lines(site, half) if line["part"] == "row")
    assert sum(i["part_cost"] for i in items if i["side"] == "bss") == row["bss_total_cost"]


def test_a_period_is_downloaded_whole(site: Site) -> None:
    answer = create_app(site).server.test_client().get(f"/period.csv{MARCH}")
    assert "subscriptions_2025-03-01_2025-03-31.csv" in answer.headers["Content-Disposition"]
    (row,) = csv.DictReader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff")))
    assert (row["ms_subscription_id"], row["bss_total_cost"]) == ("sub-9001", "1234.500")


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ("?from=2025-03-01", "a first and a last day"),
        ("?from=2025-03-01&to=2025-02-01", "before it begins"),
        ("?from=2024-03-01&to=2025-04-01", "at most 12 months"),
        (f"{MARCH}&status=x", "is no result"),
        (f"{MARCH}&colour=red", "a first and a last day"),
        ("?from=2020-03-01&to=2020-04-01", "is published"),
    ],
)
def test_a_bad_period_is_answered_with_a_sentence(site: Site, search: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        period_page.render(site, search)
