"""The generator of sample landing files: deterministic, complete in its variants, honest about what it planted."""

import csv
import gzip
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from recon_assets.errors import InputError
from recon_assets.months import month_range
from recon_assets.sample import write_sample

SIX_MONTHS = month_range("2024-11", "2025-04")
RECONCILIATION = "partner_center/reconciliation"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    write_sample(folder / "landing", SIX_MONTHS)
    return folder


@pytest.fixture(scope="module")
def expected(home: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((home / "expected.json").read_text(encoding="utf-8"))
    return content


def contents(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def unpacked(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def rows_of(path: Path) -> list[list[str]]:
    """The cells of a delimited sample file, header first, whatever its encoding and delimiter."""
    content = unpacked(path)
    text = content.decode("utf-16" if content[:2] == b"\xff\xfe" else "utf-8-sig")
    delimiter = next(mark for mark in "\t;," if mark in text.splitlines()[0])
    return list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))


def reconciliation_files(home: Path, kind: str) -> list[Path]:
    folder = home / "landing" / RECONCILIATION
    return [path for path in sorted(folder.iterdir()) if f"_msrecon_{kind}" in path.name.lower()]


def named_for(home: Path, month_name: str, kind: str) -> list[Path]:
    return [path for path in reconciliation_files(home, kind) if path.name.lower().startswith(month_name)]


def test_the_same_seed_gives_the_same_bytes(tmp_path: Path, home: Path) -> None:
    write_sample(tmp_path / "landing", SIX_MONTHS)
    assert contents(tmp_path) == contents(home)


def test_another_seed_gives_other_subscriptions(tmp_path: Path, home: Path, expected: dict[str, Any]) -> None:
    other = write_sample(tmp_path / "landing", SIX_MONTHS, seed=8)
    assert {row["ms_subscription_id"] for row in other["subscriptions"]["planted"]} & {
        row["ms_subscription_id"] for row in expected["subscriptions"]["planted"]
    } == {"unassigned"}
    assert contents(tmp_path).keys() == contents(home).keys()


def test_scale_adds_plain_subscriptions_and_plants_nothing_more(tmp_path: Path, expected: dict[str, Any]) -> None:
    scaled = write_sample(tmp_path / "landing", SIX_MONTHS, scale=3)["subscriptions"]
    small = expected["subscriptions"]
    assert scaled["planted"] == small["planted"]
    assert scaled["quarantined"] == small["quarantined"]
    for month in SIX_MONTHS:
        assert Counter(scaled["statuses"][month]) - Counter(small["statuses"][month]) == Counter(match=120)


def test_expected_json_lies_beside_the_landing_zone_and_is_what_is_returned(tmp_path: Path) -> None:
    returned = write_sample(tmp_path / "landing", ["2025-01", "2025-02"], seed=3)
    assert json.loads((tmp_path / "expected.json").read_text(encoding="utf-8")) == returned
    assert (returned["seed"], returned["scale"], returned["months"]) == (3, 1, ["2025-01", "2025-02"])
    assert not list((tmp_path / "landing").rglob("expected.json"))


def test_every_status_and_explanation_of_the_specification_is_planted(expected: dict[str, Any]) -> None:
    planted = expected["subscriptions"]["planted"]
    assert {(row["status"], row["explanation"]) for row in planted} == {
        ("match", None),
        ("discrepancy", "late_invoice"),
        ("discrepancy", "quantity"),
        ("discrepancy", "unit_cost"),
        ("discrepancy", "tax_or_credit"),
        ("discrepancy", "unexplained"),
        ("missing_in_ms", "missing_side"),
        ("missing_in_bss", "missing_side"),
        ("missing_in_ms", "before_history"),
        ("missing_in_bss", "before_history"),
        ("not_comparable", "currency"),
    }


def test_three_months_are_enough_for_every_status_and_explanation(tmp_path: Path, expected: dict[str, Any]) -> None:
    short = write_sample(tmp_path / "landing", SIX_MONTHS[:3])["subscriptions"]["planted"]
    verdicts = {(row["status"], row["explanation"]) for row in expected["subscriptions"]["planted"]}
    assert {(row["status"], row["explanation"]) for row in short} == verdicts


@pytest.mark.parametrize("difference", ["1.00", "-0.99", "1.01"])
def test_the_edge_of_the_tolerance_is_planted_on_both_sides(expected: dict[str, Any], difference: str) -> None:
    statuses = {row["status"] for row in expected["subscriptions"]["planted"] if row["cost_difference"] == difference}
    assert statuses == {"discrepancy" if difference == "1.01" else "match"}


def test_the_rows_that_are_named_are_all_that_is_no_match(expected: dict[str, Any]) -> None:
    named = Counter((row["billing_month"], row["status"]) for row in expected["subscriptions"]["planted"])
    for month, statuses in expected["subscriptions"]["statuses"].items():
        for status in statuses.keys() - {"match"}:
            assert named[month, status] == statuses[status]


def test_a_month_is_named_at_most_once_per_subscription(expected: dict[str, Any]) -> None:
    named = Counter((row["billing_month"], row["ms_subscription_id"]) for row in expected["subscriptions"]["planted"])
    assert set(named.values()) == {1}


@pytest.mark.parametrize("count", [1, 2])
def test_short_samples_plant_what_needs_no_other_month(tmp_path: Path, count: int) -> None:
    planted = write_sample(tmp_path / "landing", SIX_MONTHS[:count])["subscriptions"]["planted"]
    explanations = {row["explanation"] for row in planted}
    assert {"quantity", "unit_cost", "tax_or_credit", "unexplained", "before_history", "currency"} <= explanations
    assert ("late_invoice" in explanations) == (count > 1)


def test_at_most_one_row_per_source_and_month_is_bad(expected: dict[str, Any]) -> None:
    quarantined = expected["subscriptions"]["quarantined"]
    bad = Counter((row["source"], row["month"]) for row in quarantined)
    assert set(bad.values()) == {1}
    assert len({(row["source"], row["what"]) for row in quarantined}) == 9


def test_a_quarantined_row_stands_where_it_is_named(home: Path, expected: dict[str, Any]) -> None:
    for row in expected["subscriptions"]["quarantined"]:
        header, *rows = rows_of(home / "landing" / row["source_file"])
        cell = rows[row["source_row"] - 1][header.index(row["column_name"])]
        if "starts after" not in row["what"]:
            assert cell in ("31/31/2023", "see contract")


def test_file_names_carry_the_month_after_the_billing_month_in_every_case(home: Path) -> None:
    names = {path.name for path in reconciliation_files(home, "nce")}
    assert {
        "DECEMBER2024_MSRECON_NCE.csv",
        "January2025_MSRECON_NCE.csv.gz",
        "february2025_MSRECON_nce_1.csv",
        "february2025_MSRECON_nce_2.csv",
        "MARCH2025_MSRECON_NCE.csv",
        "MARCH2025_MSRECON_NCE_copy.csv",
    } <= names


def test_every_header_of_microsoft_is_there(home: Path) -> None:
    assert {len(rows_of(path)[0]) for path in reconciliation_files(home, "nce")} == {46, 47}
    assert {len(rows_of(path)[0]) for path in reconciliation_files(home, "legacy")} == {27, 28}
    headings = {name for path in reconciliation_files(home, "nce") for name in rows_of(path)[0]}
    assert {"Tier2MpnId", "ResellerMPNID"} <= headings


def test_every_encoding_delimiter_and_line_end_is_there(home: Path) -> None:
    files = [unpacked(path) for path in (home / "landing").rglob("*.csv*")]
    assert {content[:2] for content in files} >= {b"\xff\xfe", b"\xef\xbb", b"Pa", b"In"}
    texts = [content.decode("utf-16" if content[:2] == b"\xff\xfe" else "utf-8-sig") for content in files]
    first_lines = [text.split("\n", 1)[0] for text in texts]
    assert {next(mark for mark in "\t;," if mark in line) for line in first_lines} == {"\t", ";", ","}
    assert {line.endswith("\r") for line in first_lines} == {True, False}


def test_every_spelling_of_dates_and_numbers_is_there(home: Path) -> None:
    cells = {cell for path in (home / "landing").rglob("*.csv*") for row in rows_of(path)[1:] for cell in row}
    assert {"2024-12-01", "11/01/2024", "2/1/2025 0:00", "2/28/2025 23:59", "2025-01-31T23:59:59Z"} <= cells
    assert "0.00E+00" in cells
    assert any(cell.replace(",", "").isdigit() and cell[-3:-2] == "," for cell in cells)


def test_one_month_has_no_legacy_file_and_one_only_its_header(home: Path) -> None:
    assert not named_for(home, "february2025", "legacy")
    (header_only,) = named_for(home, "march2025", "legacy")
    assert len(rows_of(header_only)) == 1


def test_an_identical_file_is_there_twice(home: Path) -> None:
    first, second = named_for(home, "march2025", "nce")
    assert first.read_bytes() == second.read_bytes()


def test_bss_invoices_come_as_several_pages_and_as_csv(home: Path) -> None:
    for month in SIX_MONTHS:
        folder = home / "landing" / "bss" / "invoices" / month
        pages = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("page-*.json"))]
        assert len(pages) > 1
        assert {page["paging"]["totalPages"] for page in pages} == {len(pages)}
        assert {page["paging"]["totalRecords"] for page in pages} == {sum(len(page["data"]) for page in pages)}
        assert list(folder.glob("*.csv"))


@pytest.mark.parametrize("months", [[], ["2025-1"], ["2025-01", "2025-03"], ["2025-02", "2025-01"]])
def test_months_that_do_not_follow_each_other_are_refused(tmp_path: Path, months: list[str]) -> None:
    with pytest.raises(InputError):
        write_sample(tmp_path / "landing", months)


def test_a_scale_below_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError):
        write_sample(tmp_path / "landing", ["2025-01"], scale=0)
