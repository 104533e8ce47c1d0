"""The sample of registers and e-invoices: what is planted is exactly what the reconciliation finds."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from recon_assets.sample import write_sample
from recon_assets_tests.einvoices.built import Built, Home

MONTHS = ["2025-01", "2025-02", "2025-03"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return Home.at(tmp_path_factory.mktemp("sample"))


@pytest.fixture(scope="module")
def expected(home: Home) -> dict[str, Any]:
    return dict(write_sample(home.landing, MONTHS)["einvoices"])


@pytest.fixture(scope="module")
def built(home: Home, expected: dict[str, Any]) -> Built:
    return home.build(*MONTHS)


def test_every_bucket_and_reason_is_planted(expected: dict[str, Any]) -> None:
    assert {row["bucket"] for row in expected["planted"]} == {
        "Exact", "Suggested", "Low", "Medium", "High", "Mismatch",
        "Missing in EInv", "Missing in Sales", "Missing in Purchase",
    }  # fmt: skip
    reasons = {row["reason"] for row in expected["planted"]}
    assert reasons == {None, "duplicate", "cancelled", "invalid", "submitted", "fx_missing"}


def test_the_reconciliation_finds_exactly_what_is_planted(built: Built, expected: dict[str, Any]) -> None:
    found = {
        (f"{r['billing_month']:%Y-%m}", r["register_row_reference"], r["uuid"]): r for r in built.mart()
    }  # fmt: skip
    counts = {month: Counter(r["bucket"] for (m, _, _), r in found.items() if m == month) for month in MONTHS}
    assert counts == expected["buckets"]
    for row in expected["planted"]:
        ours = found[row["billing_month"], row["row_reference"], row["uuid"]]
        assert {name: ours[name] for name in ("register_type", "bucket", "reason")} == {
            name: row[name] for name in ("register_type", "bucket", "reason")
        }, row["what"]


def test_names_of_both_parties_stand_beside_their_numbers_where_files_have_them(built: Built) -> None:
    pairs = [row for row in built.mart() if row["pass"] == "key" and row["register_type"] == "sales"]
    documents = [row for row in pairs if row["einvoice_supplier_name"] is not None]  # a list has no names
    assert {row["einvoice_supplier_name"] for row in documents} == {"Syarikat Contoh Sdn. Bhd."}
    assert all(row["einvoice_buyer_name"].endswith(f"{row['einvoice_buyer_tin'][-4:]} Enterprise") for row in documents)
    # Of the register's files every other one has names; those without are read as before.
    named = {row["billing_month"] for row in pairs if row["register_buyer_name"] is not None}
    unnamed = {row["billing_month"] for row in pairs if row["register_buyer_name"] is None}
    assert named and unnamed and not named & unnamed
    both = [row for row in documents if row["register_buyer_name"] is not None and row["n_id"] == 0]
    assert both and all(row["register_buyer_name"] == row["einvoice_buyer_name"] for row in both)


def test_what_is_quarantined_is_what_is_named(built: Built, expected: dict[str, Any]) -> None:
    rows = built.rows("select source, month, source_file, source_row from raw.quarantined_rows")
    named = [
        {key: row[key] for key in ("source", "month", "source_file", "source_row")} for row in expected["quarantined"]
    ]
    assert sorted(rows, key=str) == sorted(named, key=str)


def test_the_same_arguments_write_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_sample(tmp_path / name / "landing", MONTHS[:2])
    files = [sorted((tmp_path / name).rglob("*.*")) for name in ("a", "b")]
    assert [path.read_bytes() for path in files[0] if path.is_file()] == [
        p.read_bytes() for p in files[1] if p.is_file()
    ]
