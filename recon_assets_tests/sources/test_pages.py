"""JSON pages of the BSS API: exact numbers, summary lines, copies of an invoice, and pages that are broken."""

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from recon_assets.platform import Platform
from recon_assets.sources.loading import Load
from recon_assets_tests.landed import json_invoice, json_item, land, land_pages, table_rows, utc

PAGE = "bss/invoices/2025-01/page-1.json"


def load_text(platform: Platform, text: str) -> Load:
    land(platform.settings.landing, PAGE, text)
    return platform.load("bss_invoices", "2025-01")


def load_pages(platform: Platform, *invoices: Any) -> Load:
    land_pages(platform.settings.landing, "2025-01", *invoices)
    return platform.load("bss_invoices", "2025-01")


def loaded(platform: Platform, table: str = "rows") -> list[dict[str, Any]]:
    return table_rows(platform.raw, "bss_invoices", "2025-01", table)


def test_an_item_becomes_a_row_with_the_values_of_its_invoice(platform: Platform) -> None:
    load_pages(platform, json_invoice(json_item(startDate="2025-01-05T00:00:00Z")))
    (row,) = loaded(platform)
    assert row["invoice_code"] == "INV-1"
    assert row["invoice_id"] == "1"
    assert row["invoice_date"] == dt.date(2025, 1, 10)
    assert row["account_id"] == "0032"
    assert row["bss_subscription_id"] == "77"
    assert row["ms_subscription_id"] == "sub-1"
    assert row["start_date"] == dt.date(2025, 1, 5)
    assert row["updated_at"] == utc("2025-01-10 08:00")
    assert row["total_cost"] is None, "the item's total is the sales amount"
    assert (row["source_file"], row["source_row"], row["subscription_count"]) == (PAGE, 1, 1)


@pytest.mark.parametrize("written", ["0.1", "1234567890.123456789012", "-3.87", "1e-12", "1.10", "12345678901"])
def test_numbers_are_read_as_they_are_written_never_as_floats(written: str, platform: Platform) -> None:
    text = json.dumps({"data": [json_invoice(json_item(unitCost="HERE"))]}).replace('"HERE"', written)
    load_text(platform, text)
    assert loaded(platform)[0]["unit_cost"] == Decimal(written)


def test_the_rows_of_a_page_are_counted_over_all_its_invoices(platform: Platform) -> None:
    bad = json_item(startDate="31/01/2023")
    load_pages(platform, json_invoice(json_item(), json_item()), json_invoice(bad, json_item(), id=2))
    assert [(row["source_row"], row["invoice_ordinal"]) for row in loaded(platform)] == [(1, 1), (2, 1), (4, 2)]
    (rejected,) = loaded(platform, "quarantine")
    assert (rejected["source_row"], rejected["column_name"]) == (3, "items.startDate")
    assert rejected["value"] == "31/01/2023"


def test_a_line_of_several_subscriptions_names_none(platform: Platform) -> None:
    both = [{"id": 1, "externalId": "a"}, {"id": 2, "externalId": "b"}]
    load_pages(platform, json_invoice(json_item(subscriptions=both), json_item(subscriptions=[]), json_item()))
    assert [(row["subscription_count"], row["ms_subscription_id"]) for row in loaded(platform)] == [
        (2, None), (0, None), (1, "sub-1"),
    ]  # fmt: skip


@pytest.mark.parametrize("missing", [{"subscriptions": None}, {"product": None}, {"discount": None}])
def test_an_item_may_lack_what_is_not_needed(missing: dict[str, Any], platform: Platform) -> None:
    assert load_pages(platform, json_invoice(json_item(**missing))).outcome == "loaded"
    assert len(loaded(platform)) == 1


def test_every_copy_of_an_invoice_is_kept_even_one_without_items(platform: Platform) -> None:
    older = json_invoice(json_item(), updatedAt="2025-01-11T08:00:00+08:00")
    load_pages(platform, older, json_invoice(updatedAt="2025-01-12T00:00:00.5Z"), json_invoice(id=None))
    copies = loaded(platform, "invoice_copies")
    assert [(row["invoice_id"], row["invoice_ordinal"], row["updated_at"]) for row in copies] == [
        ("1", 1, utc("2025-01-11")), ("1", 2, utc("2025-01-12 00:00:00.500")),
    ]  # fmt: skip
    assert {row["source_file"] for row in copies} == {PAGE}


def test_ids_are_the_same_as_number_and_as_text(platform: Platform) -> None:
    load_pages(platform, json_invoice(json_item()), json_invoice(json_item(), id="1"))
    assert {row["invoice_id"] for row in loaded(platform, "invoice_copies")} == {"1"}


@pytest.mark.parametrize("items", [None, "none", {"a": 1}])
def test_an_invoice_without_a_list_of_items_is_rejected(items: Any, platform: Platform) -> None:
    load_pages(platform, json_invoice(items=items), json_invoice(json_item(), id=2))
    (rejected,) = loaded(platform, "quarantine")
    assert rejected["reason"] == "the invoice has no list 'items'; fetch it with include=items"
    assert [row["source_row"] for row in loaded(platform)] == [2]


@pytest.mark.parametrize("subscriptions", [{"id": 1}, {"id": 1, "externalId": "x"}, "sub-1", 5, True])
def test_an_item_whose_subscriptions_are_no_list_is_rejected(subscriptions: Any, platform: Platform) -> None:
    assert load_pages(platform, json_invoice(json_item(subscriptions=subscriptions), json_item())).outcome == "loaded"
    (rejected,) = loaded(platform, "quarantine")
    assert rejected["reason"] == "the item's 'subscriptions' is not a list"
    assert [row["source_row"] for row in loaded(platform)] == [2]


def test_an_item_that_is_no_object_is_rejected(platform: Platform) -> None:
    load_pages(platform, json_invoice(5, json_item()))  # type: ignore[arg-type]
    (rejected,) = loaded(platform, "quarantine")
    assert (rejected["source_row"], rejected["reason"]) == (1, "the invoice item is not an object")


@pytest.mark.parametrize(
    "invoice",
    [
        json_invoice(json_item(description="\ud83d")), json_invoice(json_item(), id="\ud83d"),
        json_invoice(json_item(), updatedAt="\ud83d"), json_invoice(json_item(unitCost="\udc80")),
    ],
    ids=["description", "id", "updatedAt", "unitCost"],
)  # fmt: skip
def test_half_a_character_is_rejected_not_crashed_on(invoice: dict[str, Any], platform: Platform) -> None:
    assert load_pages(platform, json_invoice(json_item(), id=2), invoice).outcome == "loaded"
    assert [row["source_row"] for row in loaded(platform, "quarantine")] == [2]
    assert [row["source_row"] for row in loaded(platform)] == [1]


@pytest.mark.parametrize("updated", ["yesterday", "2025-13-01T00:00:00Z"])
def test_an_update_that_is_no_instant_rejects_the_line(updated: str, platform: Platform) -> None:
    load_pages(platform, json_invoice(json_item(), updatedAt=updated))
    (rejected,) = loaded(platform, "quarantine")
    assert (rejected["column_name"], rejected["value"]) == ("updatedAt", updated)


def test_an_empty_page_is_a_present_month_of_no_rows(platform: Platform) -> None:
    assert load_pages(platform).outcome == "loaded"
    assert loaded(platform) == loaded(platform, "invoice_copies") == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('{"data": [{"id": 1', "is not valid JSON"),
        ("", "is not valid JSON"),
        ("[]", "is not a page of the BSS API: it has no list 'data'"),
        ('{"data": {}}', "is not a page of the BSS API: it has no list 'data'"),
        ('{"error": "unauthorized"}', "is not a page of the BSS API: it has no list 'data'"),
        ("[" * 100_000, "is not a page of the BSS API"),
    ],
    ids=["cut off", "empty", "a list", "data is no list", "an error answer", "nested without end"],
)
def test_a_broken_page_fails_the_month_and_is_named(text: str, problem: str, platform: Platform) -> None:
    load = load_text(platform, text)
    assert load.outcome == "failed"
    assert load.problems[0].startswith(f"{PAGE}: {problem}")


def test_a_page_may_be_compressed(platform: Platform, landing: Path) -> None:
    land(landing, "bss/invoices/2025-01/page-1.json.gz", json.dumps({"data": [json_invoice(json_item())]}))
    assert platform.load("bss_invoices", "2025-01").outcome == "loaded"
    assert loaded(platform)[0]["source_file"].endswith(".json.gz")
