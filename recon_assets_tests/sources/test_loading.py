"""Loading a month: whole, repeatable, and never at the cost of the month that was there before."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from recon_assets.catalogue import SOURCES
from recon_assets.landing.discovery import discover
from recon_assets.landing.store import FolderStore, LandedFile
from recon_assets.platform import Platform
from recon_assets.sources.loading import load_month
from recon_assets_tests.landed import (
    NOW,
    bss_line,
    delimited,
    json_invoice,
    json_item,
    land,
    land_bss,
    land_nce,
    land_pages,
    nce_line,
    table_rows,
)

SOURCE, MONTH = "ms_recon_nce", "2025-01"
BAD = [nce_line(Subtotal="n/a")] * 3


def rows(platform: Platform, source: str = SOURCE) -> list[dict[str, Any]]:
    return table_rows(platform.raw, source, MONTH)


def commit_of(platform: Platform) -> bytes:
    return (platform.raw.month_folder(SOURCE, MONTH) / "month.json").read_bytes()


def test_every_row_can_be_traced_to_the_line_it_came_from(platform: Platform, landing: Path) -> None:
    file = land_nce(landing, MONTH, [nce_line(), nce_line(Subtotal="20")])
    load = platform.load(SOURCE, MONTH)
    assert load.raw_month is not None
    for number, row in enumerate(rows(platform), start=1):
        assert (row["source_file"], row["source_row"]) == (file, number)
        assert row["content_hash"] == load.raw_month.files[0].content_hash
        assert row["loaded_at"] == NOW.replace(tzinfo=None)
        assert f"{row['billing_month']}" == "2025-01-01"


def test_loading_twice_gives_the_same_rows(platform: Platform, landing: Path) -> None:
    land_bss(landing, MONTH, [bss_line(), bss_line(Qty="x"), bss_line(Product="last")])
    land_pages(landing, MONTH, json_invoice(json_item()))
    first = platform.load("bss_invoices", MONTH).raw_month
    before = rows(platform, "bss_invoices")
    second = load_month(
        "bss_invoices", MONTH, discover(platform.landing, "bss_invoices")[MONTH], platform.landing, platform.raw,
        platform.settings, lambda: NOW.replace(day=2),
    ).raw_month  # fmt: skip
    assert first and second and first.load_id != second.load_id
    assert [row | {"loaded_at": NOW.replace(tzinfo=None)} for row in rows(platform, "bss_invoices")] == before
    assert {row["loaded_at"].day for row in rows(platform, "bss_invoices")} == {2}


def test_the_same_content_twice_in_a_month_is_loaded_once(platform: Platform, landing: Path) -> None:
    land_nce(landing, MONTH, [nce_line()], "_a.csv")
    land_nce(landing, MONTH, [nce_line()], "_b.csv")
    load = platform.load(SOURCE, MONTH)
    assert load.raw_month is not None and load.raw_month.rows == len(rows(platform)) == 1
    first, second = load.raw_month.files
    assert (first.duplicate_of, second.duplicate_of) == (None, first.path)


def test_the_same_content_in_two_months_is_loaded_in_both(platform: Platform, landing: Path) -> None:
    for month in ("2025-01", "2025-02"):
        land_nce(landing, month, [nce_line()])
        assert platform.load(SOURCE, month).raw_month.rows == 1  # type: ignore[union-attr]


def test_a_month_over_the_limit_leaves_the_earlier_one_as_it_was(platform: Platform, landing: Path) -> None:
    land_nce(landing, MONTH, [nce_line()])
    platform.load(SOURCE, MONTH)
    before, kept = commit_of(platform), rows(platform)
    land_nce(landing, MONTH, BAD)
    assert platform.load(SOURCE, MONTH).outcome == "failed"
    assert (commit_of(platform), rows(platform)) == (before, kept)
    failed = platform.raw.read_failed(SOURCE, MONTH)
    assert failed is not None and "3 of 3 rows were rejected" in failed.problems[0]


def test_a_failed_load_leaves_nothing_but_what_it_rejected(platform: Platform, landing: Path) -> None:
    land_nce(landing, MONTH, BAD)
    platform.load(SOURCE, MONTH)
    left = sorted(path.name for path in platform.raw.month_folder(SOURCE, MONTH).iterdir())
    assert left == ["failed", "failed.json"]
    rejected = platform.raw.rejected_files(SOURCE, MONTH)
    assert len(rejected) == 1
    assert duckdb.read_parquet(str(rejected[0])).project("source_row").fetchall()


def test_a_corrected_file_replaces_the_month_and_clears_the_failure(platform: Platform, landing: Path) -> None:
    land_nce(landing, MONTH, BAD)
    platform.load(SOURCE, MONTH)
    land_nce(landing, MONTH, [nce_line(Subtotal="11"), nce_line(Subtotal="12")])
    assert platform.load(SOURCE, MONTH).outcome == "loaded"
    assert [int(row["subtotal"]) for row in rows(platform)] == [11, 12]
    assert platform.raw.read_failed(SOURCE, MONTH) is None


def test_a_month_is_replaced_whole(platform: Platform, landing: Path) -> None:
    land_nce(landing, MONTH, [nce_line()], "_1.csv")
    second = land_nce(landing, MONTH, [nce_line(Subtotal="2")], "_2.csv")
    platform.load(SOURCE, MONTH)
    (landing / second).unlink()
    platform.load(SOURCE, MONTH)
    assert [int(row["subtotal"]) for row in rows(platform)] == [10]


def test_a_month_whose_files_are_all_gone_is_absent(platform: Platform, landing: Path) -> None:
    file = land_nce(landing, MONTH, [nce_line()])
    platform.load(SOURCE, MONTH)
    (landing / file).unlink()
    assert platform.load(SOURCE, MONTH).outcome == "retired"
    assert platform.raw.months(SOURCE) == []


class ReplacedWhileRead(FolderStore):
    """A store in which somebody replaces each file as soon as it is open."""

    @contextmanager
    def open_local(self, file: LandedFile) -> Iterator[Path]:
        with super().open_local(file) as path:
            yield path
            path.write_bytes(path.read_bytes() + b"\r\n")


def test_a_file_that_is_replaced_while_it_is_read_fails_the_load(platform: Platform, landing: Path) -> None:
    land_nce(landing, MONTH, [nce_line()])
    files = discover(platform.landing, SOURCE)[MONTH]
    store = ReplacedWhileRead(landing)
    load = load_month(SOURCE, MONTH, files, store, platform.raw, platform.settings, platform.clock)
    assert load.outcome == "failed"
    assert "the file changed while it was being read" in load.problems[0]


def test_what_breaks_the_contract_is_not_committed(
    platform: Platform, landing: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Without its rule the reader lets the row through: the contract is the second lock on the same door.
    monkeypatch.setitem(SOURCES, SOURCE, dataclasses.replace(SOURCES[SOURCE], row_rules=()))
    land_nce(landing, MONTH, [nce_line(ChargeStartDate="2025-02-01")])
    load = platform.load(SOURCE, MONTH)
    assert load.outcome == "failed"
    assert load.problems == [f"{SOURCE} {MONTH}: column {SOURCE} {MONTH}: charge_start_date_not_after_charge_end_date"]


def warned(platform: Platform, source: str, month: str, code: str) -> dict[str, str]:
    """By file the warning of that code."""
    load = platform.load(source, month)
    assert load.raw_month is not None, load.problems
    found = ((f.path, text) for f in load.raw_month.files for text in f.warned)
    return {path: text for path, text in found if text.startswith(f"{code}:")}


def test_a_list_landed_beside_its_correction_is_told(platform: Platform, landing: Path) -> None:
    """Every cost was corrected, so no record is in both."""
    lines = [nce_line(SubscriptionId=name) for name in ("s1", "s2")]
    folder = f"partner_center/reconciliation/{MONTH}/nce"
    for name, cost in (("a.csv", "10"), ("b.csv", "12")):
        corrected = [line | {"Subtotal": cost} for line in lines]
        land(landing, f"{folder}/{name}", delimited(corrected, list(nce_line())))
    (text,) = warned(platform, SOURCE, MONTH, "same_lines").values()
    assert text.startswith(f"same_lines: 2 (2 with {folder}/a.csv)") and "additive = true" in text


def test_other_lines_of_the_same_subscriptions_are_not_the_same(platform: Platform, landing: Path) -> None:
    for name, kind in (("a.csv", "renew"), ("b.csv", "addQuantity")):
        lines = [nce_line(SubscriptionId=each, ChargeType=kind) for each in ("s1", "s2")]
        land(landing, f"partner_center/reconciliation/{MONTH}/nce/{name}", delimited(lines, list(nce_line())))
    assert warned(platform, SOURCE, MONTH, "same_lines") == {}


def test_a_list_of_the_platform_beside_pages_of_the_same_invoices_is_told(platform: Platform, landing: Path) -> None:
    land_pages(landing, MONTH, json_invoice(json_item()))
    land_pages(landing, MONTH, json_invoice(json_item(), id=2, code="INV-2"), name="page-2.json")
    path = land_bss(landing, MONTH, [bss_line(Invoice_Stage="Paid"), bss_line(Invoice_Code="INV-2")])
    told = warned(platform, "bss_invoices", MONTH, "same_lines")
    assert told.keys() == {path} and told[path].startswith("same_lines: 2 (2 with pages of the API)")


def test_a_reconciliation_file_that_counts_in_two_months_is_told(platform: Platform, landing: Path) -> None:
    first, second = (land_nce(landing, month, [nce_line()]) for month in ("2025-01", "2025-02"))
    assert warned(platform, SOURCE, "2025-01", "same_file") == {}
    told = warned(platform, SOURCE, "2025-02", "same_file")
    assert told.keys() == {second} and told[second].startswith(f"same_file: 1 (as {first})")


def test_a_json_list_where_lines_are_read_is_no_month_without_rows(platform: Platform, landing: Path) -> None:
    """Its one line is one rejected record, and a month of other sources may lose one."""
    line = {name[0].lower() + name[1:]: value for name, value in nce_line().items()}
    land(landing, f"partner_center/reconciliation/{MONTH}/nce/a.json", json.dumps([line]))
    load = platform.load(SOURCE, MONTH)
    assert load.outcome == "failed"
    assert "every record of" in load.problems[0] and "JSON Lines are read: every record an object" in load.problems[0]
