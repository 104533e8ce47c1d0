"""Rows that somebody wants to hear of, in words."""

from decimal import Decimal
from pathlib import Path

import pytest

from recon_assets.lakehouse.published import PublishedStore
from recon_assets.notices.discrepancies import large_discrepancies
from recon_assets_tests.app.published import publish, subscription
from recon_assets_tests.landed import NOW


@pytest.mark.parametrize(
    ("currency", "told"), [("KWD", "12,345.502 KWD"), ("JPY", "12,346 JPY"), ("MYR", "12,345.50 MYR")]
)
def test_a_difference_is_told_with_the_decimals_of_its_currency(currency: str, told: str, tmp_path: Path) -> None:
    row = subscription(1, "2025-01", currency=currency, cost_difference=Decimal("12345.502"), status="discrepancy")
    store = PublishedStore(tmp_path)
    publish(store, "subscriptions", "2025-01", NOW, {"subscription_reconciliation": [row]})
    (fact,) = large_discrepancies(store, "subscriptions", "2025-01", Decimal(1))
    assert fact.text == f"2025-01 subscriptions: sub-0001 differs by {told}"
