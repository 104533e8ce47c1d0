"""Pages, totals, choices and drill-downs of the screens are SQL, and say what the published rows say."""

from decimal import Decimal

import pytest

from recon_assets.app import einvoices, margin, pages, queries, subscriptions, usage
from recon_assets.app.pages import NothingPublished, Site
from recon_assets.app.screens import Context, Screen
from recon_assets.app.tables import Table
from recon_assets.errors import InputError
from recon_assets_tests.app.published import PLAIN, PUBLISHED_FIRST, SCRIPT, key

MARCH = "?month=2025-03"


def look(site: Site, screen: Screen, search: str) -> Context:
    return site.context(screen, search)


def rows_of(context: Context, table: Table, start: int = 0, end: int = 1000) -> list[dict[str, object]]:
    query = queries.page(table, context.restriction(table), context.sort(table), start, end - start)
    return context.rows(query)


def count_of(context: Context, table: Table) -> int:
    return sum(row["row_count"] for row in context.rows(queries.totals(table, context.restriction(table))))


def test_pages_follow_each_other_without_repeating_or_losing_a_row(site: Site) -> None:
    context = look(site, subscriptions.SCREEN, MARCH)
    one_by_one = [
        row["reconciliation_key"]
        for start in range(0, PLAIN + 3, 50)
        for row in rows_of(context, subscriptions.TABLE, start, start + 50)
    ]
    assert len(one_by_one) == len(set(one_by_one)) == PLAIN + 3
    assert one_by_one == [row["reconciliation_key"] for row in rows_of(context, subscriptions.TABLE)]


def test_a_difference_is_sorted_by_its_size_and_what_has_none_comes_last(site: Site) -> None:
    found = rows_of(look(site, subscriptions.SCREEN, MARCH), subscriptions.TABLE)
    assert [row["cost_difference"] for row in found[:2]] == [Decimal("-99.75"), Decimal("-70.00")]
    assert found[-1]["cost_difference"] is None


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("&result=discrepancies", 1),
        ("&result=missing", 2),
        ("&result=missing&result=discrepancies", 3),
        ("&partner=partner-2", 2),  # with the row of which nobody knows the partner
        ("&partner=partner-1", PLAIN + 2),
        ("&open=open", 1),
        ("&open=decided", 1),
        ("&type=Legacy", 1),
        ("&subscription=SUB-000", 10),
        ("&account=A3&billing_account=B1", 11),
        ("&subscription=%25", 0),
        ("&product=Seats", PLAIN + 1),
    ],
)
def test_filters_restrict_rows_and_totals_alike(site: Site, search: str, expected: int) -> None:
    context = look(site, subscriptions.SCREEN, MARCH + search)
    assert len(rows_of(context, subscriptions.TABLE)) == count_of(context, subscriptions.TABLE) == expected


@pytest.mark.parametrize(
    ("below", "expected"), [("", 5), ("&below=10", 2), ("&below=1.000000", 1), ("&below=-60.5", 0)]
)
def test_margins_below_a_percentage_are_those_that_have_one(site: Site, below: str, expected: int) -> None:
    context = look(site, margin.SCREEN, MARCH + below)
    assert len(rows_of(context, margin.TABLE)) == count_of(context, margin.TABLE) == expected


def test_totals_are_of_the_whole_filtered_set_and_never_mix_currencies(site: Site) -> None:
    context = look(site, subscriptions.SCREEN, "?month=2025-01..2025-03")
    totals = context.rows(queries.totals(subscriptions.TABLE, context.restriction(subscriptions.TABLE)))
    assert {row["currency"] for row in totals} == {"MYR", "MYR/USD"}
    matches = next(row for row in totals if row["status"] == "match")
    assert matches["row_count"] == 3 * PLAIN
    assert matches["sum_0"] == 3 * sum(Decimal(100 + n) for n in range(PLAIN))
    assert isinstance(matches["sum_0"], Decimal)


def test_as_of_shows_the_month_as_it_was_published_then(site: Site) -> None:
    then = look(site, subscriptions.SCREEN, f"{MARCH}&asof=2025-04-08&result=discrepancies")
    now = look(site, subscriptions.SCREEN, f"{MARCH}&result=discrepancies")
    assert [row["cost_difference"] for row in rows_of(then, subscriptions.TABLE)] == [Decimal("-12.50")]
    assert [row["cost_difference"] for row in rows_of(now, subscriptions.TABLE)] == [Decimal("-99.75")]


def test_before_the_first_publication_there_is_a_reason_instead_of_zeros(site: Site) -> None:
    with pytest.raises(NothingPublished, match=r"Nothing of subscriptions was published at 2025-04-01"):
        look(site, subscriptions.SCREEN, f"{MARCH}&asof=2025-04-01")


def test_an_address_that_is_pinned_keeps_its_moment(site: Site) -> None:
    pinned = look(site, subscriptions.SCREEN, MARCH).pinned()
    assert pinned.as_of == "2025-04-09T06:00:00+00:00"
    assert look(site, subscriptions.SCREEN, pinned.search).moment > PUBLISHED_FIRST


def test_usage_is_compared_with_actual_cost_unless_told_otherwise(site: Site) -> None:
    assert count_of(look(site, usage.SCREEN, MARCH), usage.METERS) == 2
    assert count_of(look(site, usage.SCREEN, f"{MARCH}&comparison=amortized_cost"), usage.METERS) == 1


def test_the_variations_of_a_meter_add_up_to_it(site: Site) -> None:
    meter = key("grid", "2025-03", "actual_cost", "Disk reads")
    context = look(site, usage.SCREEN, f"{MARCH}&row=meters:{meter}")
    totals = context.rows(queries.totals(usage.VARIATIONS, context.restriction(usage.VARIATIONS)))
    assert sum(row["row_count"] for row in totals) == 30
    assert sum(row["sum_2"] for row in totals) == Decimal("3.25")


def test_a_selected_variation_keeps_its_siblings_in_sight(site: Site) -> None:
    meter = key("grid", "2025-03", "actual_cost", "Disk reads")
    context = look(site, usage.SCREEN, f"{MARCH}&row=variations:{key('day', meter, 5)}")
    assert count_of(context, usage.VARIATIONS) == 30


def test_a_document_is_found_by_any_of_its_numbers_and_tins(site: Site) -> None:
    assert count_of(look(site, einvoices.SCREEN, f"{MARCH}&tin=c222"), einvoices.DOCUMENTS) == 3
    assert count_of(look(site, einvoices.SCREEN, f"{MARCH}&number=0003"), einvoices.DOCUMENTS) == 1
    assert count_of(look(site, einvoices.SCREEN, f"{MARCH}&bucket=Mismatch"), einvoices.DOCUMENTS) == 1


def test_a_document_is_found_by_the_name_of_its_parties(site: Site) -> None:
    found = [
        count_of(look(site, einvoices.SCREEN, f"{MARCH}&party={name}"), einvoices.DOCUMENTS)
        for name in ("buyer+2", "own", "nobody")
    ]
    assert found == [1, 3, 0]


def test_values_of_a_request_are_never_part_of_the_sql(site: Site) -> None:
    context = look(site, subscriptions.SCREEN, f"{MARCH}&subscription=';drop&partner=x' or 1=1 --")
    sql, values = queries.page(subscriptions.TABLE, context.restriction(subscriptions.TABLE), None, 0, 10)
    assert "drop" not in sql and "1=1" not in sql
    assert {"';drop", "x' or 1=1 --"} <= set(values)
    assert rows_of(context, subscriptions.TABLE) == []


@pytest.mark.parametrize(
    ("search", "said"),
    [
        ("?month=2025-13", "is not a month"),
        ("?month=2025-03..2025-01", "ends before it starts"),
        ("?colour=red", "nothing this page can be filtered by"),
        ("?result=fine", "is no choice for results"),
        ("?sort=subscriptions:secret", "can be sorted by"),
        ("?sort=subscriptions:" + ",".join(["product"] * 5), "can be sorted by"),
        ("?cols=subscriptions:product,secret", "columns that this page does not have"),
        ("?row=subscriptions:abc", "names no row"),
        ("?asof=yesterday", "is not a time"),
        ("?account=" + "x" * 300, "longer than 200"),
        ("?account=a%00b", "not plain text"),
        ("?" + "&".join(["account=a"] * 2), "2 times"),
    ],
)
def test_a_bad_address_is_answered_with_a_sentence(site: Site, search: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        look(site, subscriptions.SCREEN, search)


def test_a_margin_is_only_compared_with_a_number(site: Site) -> None:
    with pytest.raises(InputError, match="is no number for margin below %"):
        look(site, margin.SCREEN, "?below=1e9")


@pytest.mark.parametrize(
    "asked", [{"startRow": 0, "endRow": 5000}, {"startRow": -1, "endRow": 10}, {"startRow": "0"}, {}]
)
def test_a_grid_gets_a_bounded_block_of_rows(site: Site, asked: dict[str, object]) -> None:
    with pytest.raises(InputError, match="at most 1000 rows"):
        pages.grid_rows(site, look(site, subscriptions.SCREEN, MARCH), subscriptions.TABLE, asked)


def test_rows_of_a_grid_are_text_with_separators_and_the_exact_digits(site: Site) -> None:
    context = look(site, subscriptions.SCREEN, f"{MARCH}&result=discrepancies")
    row = pages.grid_rows(site, context, subscriptions.TABLE, {"startRow": 0, "endRow": 100})[0]
    assert (row["bss_total_cost"], row["cost_difference"], row["status"]) == (
        "1,234.50",
        "\N{MINUS SIGN}99.75",
        "Discrepancy",
    )
    assert row["product"] == SCRIPT  # React shows text as text
    assert "Microsoft is lower by 99.75 MYR, tolerance 1" in row["tooltip"]


def test_a_row_of_which_a_record_was_rejected_is_marked(site: Site) -> None:
    context = look(site, subscriptions.SCREEN, f"{MARCH}&result=missing")
    rows = pages.grid_rows(site, context, subscriptions.TABLE, {"startRow": 0, "endRow": 100})
    assert {row["said"]: row["marks"] for row in rows} == {
        "Missing at Microsoft": "Ignore, has rejected records", "Not comparable": "",
    }  # fmt: skip


@pytest.mark.parametrize("sort", ["-cost_difference", "explanation,-ms_subscription_id", "-bss_total_cost,product"])
def test_next_and_previous_walk_the_rows_as_the_grid_has_them(site: Site, sort: str) -> None:
    """Rows without a value come last, also on the way back; the last one has no next."""
    search = f"{MARCH}&q=sub-90&sort=subscriptions:{sort}"
    rows = [
        str(row["reconciliation_key"]) for row in rows_of(look(site, subscriptions.SCREEN, search), subscriptions.TABLE)
    ]
    assert len(rows) == 3

    def step(place: int, way: int) -> str | None:
        context = look(site, subscriptions.SCREEN, f"{search}&row=subscriptions:{rows[place]}")
        assert context.selected is not None
        address = context.beside(*context.selected, way)
        return address.row[1] if address and address.row else None

    assert [step(n, 1) for n in range(3)] == [*rows[1:], None]
    assert [step(n, -1) for n in range(3)] == [None, *rows[:-1]]


def test_rows_are_sorted_by_several_columns_and_the_address_keeps_them(site: Site) -> None:
    context = look(site, subscriptions.SCREEN, f"{MARCH}&sort=subscriptions:account_id,-ms_subscription_id")
    found = rows_of(context, subscriptions.TABLE)
    assert [str(row["account_id"]) for row in found] == sorted(str(row["account_id"]) for row in found)
    first = [str(row["ms_subscription_id"]) for row in found if row["account_id"] == "A0"]
    assert first == sorted(first, reverse=True)
    assert context.address.search.endswith("sort=subscriptions:account_id,-ms_subscription_id")
    asked = {"sortModel": [{"colId": "product", "sort": "asc"}, {"colId": "currency", "sort": "desc"}]}
    assert pages.sort_of(subscriptions.TABLE, asked) == "product,-currency"


def test_columns_are_chosen_in_the_address_and_the_first_stays(site: Site) -> None:
    chosen = look(site, subscriptions.SCREEN, f"{MARCH}&cols=subscriptions:account_id,product").address.columns
    shown = subscriptions.TABLE.shown(None, chosen["subscriptions"])
    assert [column.name for column in shown] == ["customer", "product", "account_id"]
    assert "account_id" not in [column.name for column in subscriptions.TABLE.shown(None, ())]


def test_one_search_looks_into_names_and_ids(site: Site) -> None:
    assert count_of(look(site, subscriptions.SCREEN, f"{MARCH}&q=SUB-9001"), subscriptions.TABLE) == 1
    assert count_of(look(site, usage.SCREEN, f"{MARCH}&q=disk"), usage.METERS) == 1
    assert count_of(look(site, usage.SCREEN, f"{MARCH}&q=contoso"), usage.METERS) == 1
    assert count_of(look(site, usage.SCREEN, f"{MARCH}&customer=fabri"), usage.METERS) == 1
    assert count_of(look(site, einvoices.SCREEN, f"{MARCH}&q=inv-0003"), einvoices.DOCUMENTS) == 1


def test_a_row_is_marked_with_its_open_issues(site: Site) -> None:
    context = look(site, subscriptions.SCREEN, f"{MARCH}&result=discrepancies")
    asked = {"startRow": 0, "endRow": 10}
    assert pages.grid_rows(site, context, subscriptions.TABLE, asked)[0]["marks"] == "Stale"
    about = pages.find_discrepancy(site, "subscriptions", "2025-03", key("subscription", "2025-03", "sub-9001"))
    assert about is not None
    number = site.issues.report(about, "Why?", "", "", "ana")
    assert pages.grid_rows(site, context, subscriptions.TABLE, asked)[0]["marks"] == "1 issue, Stale"
    site.issues.change(number, 1, "ana", status="resolved")
    assert pages.grid_rows(site, context, subscriptions.TABLE, asked)[0]["marks"] == "Stale"
