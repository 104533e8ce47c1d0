"""Instants as they are written: each with its time, in UTC, or rejected; never the midnight of its day."""

import datetime as dt
from pathlib import Path

import pyarrow as pa
import pytest

from recon_assets.sources.values import Dialect, Values, connect
from recon_assets_tests.landed import land, platform_in, table_rows

HALF_PAST_FOUR = dt.datetime(2025, 1, 31, 16, 30)
INSTANTS = {
    "2025-01-31T16:30Z": HALF_PAST_FOUR, "2025-01-31T16:30:00Z": HALF_PAST_FOUR, "2025-01-31T16:30:00z": HALF_PAST_FOUR,
    "2025-01-31T16:30+00:00": HALF_PAST_FOUR, "2025-02-01T00:30+08:00": HALF_PAST_FOUR,
    "2025-02-01T00:30:00+0800": HALF_PAST_FOUR, "2025-02-01T00:30:00+08": HALF_PAST_FOUR,
    "2025-02-01 00:30:00 +08:00": HALF_PAST_FOUR, "2025-01-31 16:30:00 Z": HALF_PAST_FOUR,
    "20250131T163000Z": HALF_PAST_FOUR, "20250131T1630": HALF_PAST_FOUR, "20250201T003000+0800": HALF_PAST_FOUR,
    "2025-01-31 16:30": HALF_PAST_FOUR, "1/31/2025 16:30": HALF_PAST_FOUR, "1/31/2025 4:30 PM": HALF_PAST_FOUR,
    "1/31/2025 4:30:00 p.m.": HALF_PAST_FOUR, "2025/01/31 16:30:00": HALF_PAST_FOUR,
    "2025-01-31T16:30:00,123Z": HALF_PAST_FOUR.replace(microsecond=123000),
    "2025-01-31T16:30:00.1234567Z": HALF_PAST_FOUR.replace(microsecond=123456),
    "1/31/2025 12:00 AM": dt.datetime(2025, 1, 31), "1/31/2025 12:00 PM": dt.datetime(2025, 1, 31, 12),
    "2025-01-31": dt.datetime(2025, 1, 31),
    "2025-01-31T25:30Z": None, "2025-01-31T16:60Z": None, "2025-01-31T16Z": None, "2025-01-31T16:30:00+99:00": None,
    "2025-01-31 13:30 PM": None, "2025-01-31T16.30": None, "2025-01-31 noon": None, "31/01/2025 16:30": None,
}  # fmt: skip


def test_an_instant_keeps_its_time_or_is_none() -> None:
    found = Values(connect()).instants(pa.array(list(INSTANTS)), Dialect()).to_pylist()
    assert dict(zip(INSTANTS, found, strict=True)) == INSTANTS


def test_an_instant_that_names_no_zone_is_in_that_of_its_source() -> None:
    texts = pa.array(["2025-02-01 00:30", "31/01/2025 16:30Z"])
    found = Values(connect()).instants(texts, Dialect(day_first=True, zone_minutes=480)).to_pylist()
    assert found == [HALF_PAST_FOUR, HALF_PAST_FOUR]


def test_a_time_that_cannot_be_read_rejects_its_document(tmp_path: Path) -> None:
    """It was taken for the midnight of its day: another date in Malaysia, sometimes another month."""
    header = (
        "Supplier TIN,Buyer TIN,Document Number,Document Type,Currency Code,Total Excluding Tax,Total Tax Amount,"
        "Total Including Tax,Total Payable Amount,Issued At,Status"
    )
    lines = [
        f"C1,C2,INV-{n},01,MYR,1,0,1,1,{text},Valid" for n, text in enumerate(["2025-01-31T20:00Z", "2025-01-31 25:61"])
    ]
    platform = platform_in(tmp_path)
    land(platform.settings.landing, "einvoice/issued/2025-02/a.csv", "\n".join([header, *lines]))
    assert platform.load("einvoices", "2025-02").problems == []
    (row,) = table_rows(platform.raw, "einvoices", "2025-02")
    assert row["issued_at"] == dt.datetime(2025, 1, 31, 20)
    (rejected,) = table_rows(platform.raw, "einvoices", "2025-02", "quarantine")
    assert (rejected["column_name"], rejected["value"], rejected["source_line"]) == ("Issued At", "2025-01-31 25:61", 3)


@pytest.mark.parametrize("number", ["5e+-7", "1e00000005", "1e", "0x1"])
@pytest.mark.parametrize("count", [1, 300_000])
def test_what_is_no_number_is_none_beside_however_many_others(number: str, count: int) -> None:
    """Beyond 4 MB another converter took these."""
    texts = pa.array(["1.5"] * count + [number])
    assert Values(connect()).numbers(texts, Dialect(".")).null_count == 1
