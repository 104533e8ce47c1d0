"""The marts of a build against the independent oracle, over random landing trees and every pair of methods."""

from typing import Any

import pytest

from recon_assets.catalogue import normalize_heading
from recon_assets_tests.dbt.conftest import RANDOM_MONTHS, BuildOf, Built
from recon_assets_tests.footing import rounded, statement_sums, summed
from recon_assets_tests.landed import same_value
from recon_assets_tests.oracle.subscriptions import COVERAGE_METHODS, SELECTION_METHODS, OracleResult, reconcile
from recon_assets_tests.search import guarded_by

Rows = list[dict[str, Any]]
Keyed = dict[tuple[Any, ...], dict[str, Any]]

VERDICT_KEY = ("billing_month", "ms_subscription_id")
ITEM_KEY = ("billing_month", "side", "source_file", "source_row")
REJECTED_KEY = ("source", "month", "source_file", "source_row")
# The oracle's name of a column -> the mart's.
RENAMED = {"sign": "cost_sign"}
# What the marts have beside it: lineage, settings, what the publication fills in, a side's own words of the source.
ONLY_IN_MARTS = {
    "published_at", "run_id", "tolerance", "selection_method", "coverage_method",
    "source", "product_type", "csp_partner", "partner_name", "customer_name", "publisher_name", "offer_type",
    "ms_product_type", "product_family",
    # what people decided (einvoices/test_decisions.py)
    "decision", "decision_state", "decision_reason", "decided_by", "decided_at", "decided_status", "decided_difference",
    "is_open",
}  # fmt: skip
# Headings of the JSON pages -> those of the CSV, which the oracle names.
CSV_HEADINGS = {
    "items.startDate": "Start Date", "items.endDate": "End Date", "items.unitCost": "Unit Cost",
    "items.quantity": "Qty", "date": "Invoice Date",
}  # fmt: skip

# Every pair of methods meets the first tree, and two of them each of the others.
built_by_every_method = pytest.mark.parametrize(
    ("seed", "selection_method", "coverage_method"),
    guarded_by([(1, "overlap", "thirty_360"), (1, "touch", "days_over_30"), (2, "overlap", "thirty_360")], of=[
        *((1, selection, coverage) for selection in SELECTION_METHODS for coverage in COVERAGE_METHODS),
        (2, "overlap", "thirty_360"), (2, "touch", "days_over_30"),
        (3, "overlap", "thirty_360"), (3, "touch", "thirty_360"), (3, "overlap", "days_over_30"),
    ]),
)  # fmt: skip


def keyed(rows: Rows, key: tuple[str, ...]) -> Keyed:
    found = {tuple(row[name] for name in key): row for row in rows}
    assert len(found) == len(rows), f"{key} is not unique"
    return found


def oracle_of(built: Built) -> OracleResult:
    settings = built.platform.settings
    return reconcile(
        settings.landing,
        built.build.months,
        selection_method=settings.selection_method,
        coverage_method=settings.coverage_method,
    )


def mart_rows(built: Built, mart: str) -> Rows:
    """Rows of the months that would be published."""
    return built.rows(
        f"select mart.* from marts.{mart} as mart "
        "inner join marts.month_status using (billing_month) where window_status <> 'incomplete'"
    )


def differences(ours: Keyed, theirs: Keyed) -> dict[tuple[Any, ...], Any]:
    """Rows that only one has, and the columns in which the others differ."""
    found: dict[tuple[Any, ...], Any] = dict.fromkeys(ours.keys() - theirs.keys(), "only in the mart")
    found |= dict.fromkeys(theirs.keys() - ours.keys(), "only in the oracle")
    for key in ours.keys() & theirs.keys():
        wrong = {
            name: (ours[key][RENAMED.get(name, name)], value)
            for name, value in theirs[key].items()
            if RENAMED.get(name, name) in ours[key] and not same_value(ours[key][RENAMED.get(name, name)], value)
        }
        if wrong:
            found[key] = wrong
    return found


@built_by_every_method
def test_a_build_equals_the_oracle(
    seed: int, selection_method: str, coverage_method: str, random_build: BuildOf
) -> None:
    built = random_build(seed, selection_method, coverage_method)
    oracle = oracle_of(built)
    verdicts = keyed(mart_rows(built, "subscription_reconciliation"), VERDICT_KEY)
    items = keyed(mart_rows(built, "subscription_reconciliation_items"), ITEM_KEY)
    assert differences(verdicts, keyed(oracle.reconciliation, VERDICT_KEY)) == {}
    assert differences(items, keyed(oracle.items, ITEM_KEY)) == {}
    statuses = built.rows("select strftime(billing_month, '%Y-%m') as month, window_status from marts.month_status")
    assert {row["month"]: row["window_status"] for row in statuses} == oracle.window_status
    assert [check for check in built.build.checks if not check.passed] == []


@built_by_every_method
def test_the_statement_leads_from_the_platforms_total_to_microsofts(
    seed: int, selection_method: str, coverage_method: str, random_build: BuildOf
) -> None:
    built = random_build(seed, selection_method, coverage_method)
    costs = summed(
        ((r["billing_month"], None, r["currency"], r["ms_subscription_id"], r["side"]), r["period_cost"])
        for r in built.rows("from marts.subscription_reconciliation_items")
    )
    sides = {key: rounded(amount, key[2]) for key, amount in costs.items()}
    verdicts = keyed(built.rows("from marts.subscription_reconciliation"), VERDICT_KEY)

    def step(key: tuple[Any, ...]) -> str:
        row = verdicts[key[0], key[3]]
        if row["status"] == "not_comparable":
            return "not_comparable_left" if key[4] == "bss" else "not_comparable_right"
        return {"match": "within_tolerance", "discrepancy": row["explanation"]}.get(row["status"]) or row["status"]

    left, right, steps = statement_sums(
        built.rows("from marts.reconciliation_waterfall where reconciliation = 'subscriptions'")
    )
    assert left == summed((key[:3], amount) for key, amount in sides.items() if key[4] == "bss")
    assert right == summed((key[:3], amount) for key, amount in sides.items() if key[4] == "ms")
    assert steps == summed(
        ((*key[:3], step(key)), amount if key[4] == "ms" else -amount) for key, amount in sides.items()
    )


def test_the_random_trees_reach_every_status_and_explanation(random_build: BuildOf) -> None:
    reached = {
        (row["status"], row["explanation"])
        for seed in RANDOM_MONTHS
        for row in mart_rows(random_build(seed), "subscription_reconciliation")
    }
    assert {status for status, _ in reached} == {
        "match", "discrepancy", "missing_in_ms", "missing_in_bss", "not_comparable",
    }  # fmt: skip
    assert {explanation for _, explanation in reached} >= {
        None, "missing_side", "before_history", "currency", "late_invoice", "quantity", "unit_cost", "tax_or_credit",
        "unexplained",
    }  # fmt: skip


def test_mart_and_oracle_have_the_same_columns(random_build: BuildOf) -> None:
    built = random_build(1)
    oracle = oracle_of(built)
    for mart, rows in (
        ("subscription_reconciliation", oracle.reconciliation),
        ("subscription_reconciliation_items", oracle.items),
    ):
        theirs = {RENAMED.get(name, name) for row in rows for name in row}
        assert theirs ^ set(mart_rows(built, mart)[0]) <= ONLY_IN_MARTS


@pytest.mark.parametrize("seed", RANDOM_MONTHS)
def test_the_same_rows_are_rejected_as_by_the_oracle(seed: int, random_build: BuildOf) -> None:
    built = random_build(seed)
    ours = keyed(built.rows("from raw.quarantined_rows"), REJECTED_KEY)
    theirs = keyed(oracle_of(built).quarantined, REJECTED_KEY)
    assert ours.keys() == theirs.keys()
    assert ours, "no tree without rejected rows proves anything"
    for key, row in ours.items():
        if "neither a total cost" in row["reason"]:
            continue  # a rule over two columns: which of them is named is a choice
        heading = str(CSV_HEADINGS.get(row["column_name"], row["column_name"]))
        assert normalize_heading(heading) == normalize_heading(theirs[key]["column_name"])


def test_an_item_of_either_side_carries_the_columns_of_its_source_only(random_build: BuildOf) -> None:
    built = random_build(1)
    wrong = built.rows("""
        from marts.subscription_reconciliation_items
        where (side = 'bss' and (subtotal is not null or charge_type is not null or total_cost is null))
            or (side = 'ms' and (total_cost is not null or invoice_type is not null or subtotal is null))
    """)
    assert wrong == []
