"""Two publications of a month side by side, each read at the versions that the log names."""

from decimal import Decimal
from pathlib import Path

import pytest

from recon_assets.app import compare_page
from recon_assets.app.pages import Site
from recon_assets.errors import InputError
from recon_assets.lakehouse.published import PublishedStore
from recon_assets_tests.app.conftest import site_in
from recon_assets_tests.app.published import (
    PUBLISHED_AGAIN,
    PUBLISHED_FIRST,
    intake,
    key,
    publish,
    subscription,
    subscriptions,
)
from recon_assets_tests.app.test_overview import links, text_of

MARCH = "?reconciliation=subscriptions&month=2025-03"


def test_a_row_that_changed_is_shown_as_it_was_and_as_it_is(site: Site) -> None:
    page = compare_page.render(site, MARCH)
    text = text_of(page)
    assert "1 changed" in text and "\N{MINUS SIGN}12.50 MYR" in text and "\N{MINUS SIGN}99.75 MYR" in text
    (href,) = [href for _, href in links(page) if "row=" in href]
    assert key("subscription", "2025-03", "sub-9001") in href and href.startswith("/subscriptions?month=2025-03")
    assert "The same files, read alike" in text


def test_new_and_gone_rows_and_files_are_told(tmp_path: Path) -> None:
    store = PublishedStore(tmp_path / "published")
    first, second = subscriptions("2025-03"), subscriptions("2025-03")
    second["subscription_reconciliation"] = [*first["subscription_reconciliation"][1:], subscription(7000, "2025-03")]
    second["intake_files"] = [first["intake_files"][0] | {"row_count": 241}, intake("bss_invoices", "bss/c.csv", 1)]
    publish(store, "subscriptions", "2025-03", PUBLISHED_FIRST, first)
    publish(store, "subscriptions", "2025-03", PUBLISHED_AGAIN, second, "run-2")
    text = text_of(compare_page.render(site_in(tmp_path / "home", tmp_path / "published"), MARCH))
    assert "1 gone, 1 new" in text
    assert "bss/c.csvNew" in text and "b.csvGone" in text and "a.csvChanged240241" in text


def test_a_month_that_was_published_once_says_so(site: Site) -> None:
    assert "published once" in text_of(compare_page.render(site, "?reconciliation=usage&month=2025-03"))


def test_amounts_are_of_both_moments(site: Site) -> None:
    pair = compare_page.Pair(site.reconciliations[0], *site.reader.publications("subscriptions", "2025-03"))
    relations = [site.reader.relation(pair.table.mart, publication) for publication in (pair.before, pair.after)]
    rows = site.reader.rows_of((pair.before, pair.after), compare_page.totals_query(pair, *relations))
    found = {row["status"]: (row["difference_before"], row["difference_after"]) for row in rows}
    assert found["discrepancy"] == (Decimal("-12.50"), Decimal("-99.75"))


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ("?month=2025-03", "Choose a month"),
        ("?reconciliation=subscriptions&month=x", "is not a month"),
        (f"{MARCH}&before=2020-01-01", "Nothing of the month was published"),
        (f"{MARCH}&before=2025-04-08&after=2025-04-08", "must be the earlier one"),
        (f"{MARCH}&colour=red", "two moments"),
    ],
)
def test_a_bad_comparison_is_answered_with_a_sentence(site: Site, search: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        compare_page.render(site, search)
