"""Every warning of a load says what to do."""

import re
from pathlib import Path

import recon_assets
from recon_assets.catalogue import SOURCES
from recon_assets.lakehouse.raw import LoadedFile, LoadedTable
from recon_assets.lakehouse.remedies import REMEDIES

PACKAGE = Path(recon_assets.__file__).parent / "sources"
GIVEN = r'(?:warnings\["|_warn\(facts, "|warnings \|= \{"|\{")([a-z]+_[a-z_]+)"(?:\]|:|,)'


def test_every_code_of_a_warning_has_a_remedy() -> None:
    lines = [line for path in PACKAGE.rglob("*.py") for line in path.read_text(encoding="utf-8").splitlines()]
    given = {code for line in lines if "warn" in line for code in re.findall(GIVEN, line)}
    declared = {name for source in SOURCES.values() for name in source.row_warnings}
    assert {"tax_derived", "error_cells", "date_outside_month", "unread_sheets"} <= given
    assert (
        given | declared | {"stage_not_issued", "type_of_no_credit", "shared_records", "same_file", "same_lines"}
        <= REMEDIES.keys()
    )


def test_a_warning_is_told_with_what_is_known_and_what_to_do() -> None:
    notes = ["repeated_numbers: 4 rows of 2 documents, 10.00 including tax", "document_date: day_first"]
    tables = [LoadedTable("", bound={"exchange_rate": "Rate"}, notes=notes)]
    warnings = {"repeated_numbers": 4, "date_outside_month": 1200, "Rate": 2, "a run has no rows of 2025-01-03": 1}
    file = LoadedFile("a.csv", "", 0, "", 5, 0, warnings=warnings, tables=tables, outside_month={"MYR": "12.50"})
    repeated, outside, rate, lacking = file.warned
    assert repeated.startswith("repeated_numbers: 4 (4 rows of 2 documents, 10.00 including tax); if rows are items")
    assert outside.startswith("date_outside_month: 1,200 (12.50 MYR); land them in") and "month_from" in outside
    assert rate == "Rate: 2; cells could not be read and count as empty: correct them in the file, or leave them so"
    assert lacking == "a run has no rows of 2025-01-03: 1"
