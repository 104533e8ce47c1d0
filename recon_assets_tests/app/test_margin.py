"""The screen of the margin: sales less Microsoft's cost, and the filter for margins that are too small."""

from decimal import Decimal
from pathlib import Path

import pytest

from recon_assets.app import margin, queries
from recon_assets.app.pages import Site
from recon_assets.app.parts import footing
from recon_assets.app.server import create_app
from recon_assets.errors import InputError
from recon_assets.lakehouse.published import PublishedStore
from recon_assets_tests.app.conftest import site_in
from recon_assets_tests.app.published import PUBLISHED_FIRST, Row, key, publish, status
from recon_assets_tests.app.test_overview import links, text_of

MARCH = "?month=2025-03"


def line(number: int, sales: str, cost: str, **changes: object) -> Row:
    made = Decimal(sales) - Decimal(cost)
    percent = 100 * made / abs(Decimal(sales)) if Decimal(sales) else None
    row: Row = {
        "reconciliation_key": key("margin", number), "ms_subscription_id": f"sub-{number}", "currency": "MYR",
        "customer_name": f"Customer {number}", "product": "Seats", "product_family": "seats", "sales": Decimal(sales),
        "ms_cost": Decimal(cost), "bss_cost": Decimal(cost), "margin": made, "margin_percent": percent, "status": "match",
        "bss_item_count": 1, "ms_item_count": 1, "unpriced_item_count": 0,
    }  # fmt: skip
    return row | changes


@pytest.fixture
def own(tmp_path: Path) -> Site:
    rows = [
        line(1, "100", "80"),
        line(2, "100", "97"),
        line(3, "50", "60"),
        line(4, "0", "5", margin=None, margin_percent=None),
    ]
    marts = {"subscription_margin": rows, "month_status": [status("subscriptions", "2025-03")]}
    publish(PublishedStore(tmp_path / "published"), "subscriptions", "2025-03", PUBLISHED_FIRST, marts)
    return site_in(tmp_path / "home", tmp_path / "published")


def found(site: Site, search: str) -> list[str]:
    context = site.context(margin.SCREEN, search)
    table = margin.TABLE
    return [row["customer"] for row in context.rows(queries.page(table, context.restriction(table), None, 0, 10))]


def test_margins_below_a_limit_are_found_smallest_first(own: Site) -> None:
    assert found(own, f"{MARCH}&below=5") == ["Customer 3", "Customer 2"]
    assert found(own, f"{MARCH}&below=-5.5") == ["Customer 3"]
    assert found(own, f"{MARCH}&outcome=no_margin") == ["Customer 4"]


@pytest.mark.parametrize("value", ["five", "1e3", "\u0665", "--1", "1.2.3"])
def test_a_limit_that_is_no_number_is_refused(own: Site, value: str) -> None:
    with pytest.raises(InputError, match="is no number for margin below"):
        found(own, f"{MARCH}&below={value}")


def test_totals_are_sales_less_cost_of_what_has_a_margin(own: Site) -> None:
    context = own.context(margin.SCREEN, MARCH)
    (lines,) = footing(margin.TABLE, context.rows(queries.totals(margin.TABLE, context.restriction(margin.TABLE))))
    total = next(row for row in lines if row["status"] is None)
    assert (total["row_count"], total["sum_0"], total["sum_1"], total["sum_2"]) == (
        4,  # one of them without a price
        Decimal(237),
        Decimal(250),
        Decimal(13),
    )


def test_a_margin_leads_to_its_reconciliation_and_is_downloaded(own: Site) -> None:
    context = own.context(margin.SCREEN, f"{MARCH}&row=margin:{key('margin', 3)}")
    assert context.selected is not None
    part = margin.details(context, *context.selected)
    assert "\N{MINUS SIGN}10.00 MYR" in text_of(part) and "\N{MINUS SIGN}20.00 %" in text_of(part)
    assert dict(links(part))["Its reconciliation"] == "/subscriptions?month=2025-03&subscription=sub-3"
    client = create_app(own).server.test_client()
    assert client.get(f"/download/margin.xlsx{MARCH}").status_code == 200
    assert "Without a margin" in client.get(f"/print/margin{MARCH}").get_data(as_text=True)
