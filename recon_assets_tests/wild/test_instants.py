"""Times and dates as people's programs write them: single files, each landed where it belongs."""

import datetime as dt
import shutil
from pathlib import Path
from typing import Any

import pytest

from recon_assets_tests.landed import platform_in, table_rows

FOLDER = Path(__file__).parent / "instants"
FOLDERS = {
    "einvoices": "einvoice/issued/2025-02",  # late in UTC, it is February in Malaysia
    "ms_recon_nce": "partner_center/reconciliation/2025-01/nce",
    "azure_cost_export": "cost_management/focus_cost/2025-01",
}


def loaded(home: Path, name: str, source: str) -> list[dict[str, Any]]:
    target = home / "landing" / FOLDERS[source] / name
    target.parent.mkdir(parents=True)
    shutil.copyfile(FOLDER / name, target)
    (month,) = (part for part in FOLDERS[source].split("/") if part.startswith("2025"))
    load = platform_in(home).load(source, month)
    assert load.raw_month is not None and load.raw_month.quarantined == 0, load.problems
    return table_rows(platform_in(home).raw, source, month)


@pytest.mark.parametrize(
    ("name", "count", "issued"),
    [
        ("einvoice_no_seconds.csv", 4, "2025-01-31 16:30"),
        ("ubl_A.json", 1, "2025-01-31 16:30"),
        ("ubl_B.json", 1, "2025-01-31 16:30"),
        ("q34_issue_time_without_seconds.json", 1, "2025-01-31 20:00"),
        ("q34_issued_at_us.csv", 6, "2025-01-31 20:00"),
    ],
)
def test_every_way_to_write_an_instant_is_read_with_its_time(
    tmp_path: Path, name: str, count: int, issued: str
) -> None:
    rows = loaded(tmp_path, name, "einvoices")
    assert [row["issued_at"] for row in rows] == [dt.datetime.fromisoformat(issued)] * count


# 5/1/2025 is the first of May: Microsoft writes the month first.
@pytest.mark.parametrize(
    ("name", "days"),
    [
        ("nce_times.csv", ["01-05"] * 6 + ["05-01"] + ["01-05"] * 2),
        ("q31_nce_dates_with_am_pm.csv", ["01-01"] * 3),
    ],
)
def test_every_charge_has_its_day(tmp_path: Path, name: str, days: list[str]) -> None:
    rows = loaded(tmp_path, name, "ms_recon_nce")
    assert [f"{row['charge_start_date']:%m-%d}" for row in rows] == days


@pytest.mark.parametrize(
    ("name", "days"),
    [("focus_times.csv", [5] * 9), ("q26_focus_adjustment_without_quantity.csv", [5, 31, 31])],
)
def test_every_cost_line_has_its_day(tmp_path: Path, name: str, days: list[int]) -> None:
    rows = loaded(tmp_path, name, "azure_cost_export")
    assert [row["usage_date"] for row in rows] == [dt.date(2025, 1, day) for day in days]
