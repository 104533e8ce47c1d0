"""A workbook: what it is of, totals that are formulas and foot, numbers in the format of their currency."""

import io
import re
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from recon_assets.app import einvoices, subscriptions, usage
from recon_assets.app.pages import Site
from recon_assets.app.screens import Screen
from recon_assets.app.tables import Table
from recon_assets.app.workbook import write_workbook
from recon_assets.lakehouse.published import PublishedStore
from recon_assets_tests.app.conftest import site_in
from recon_assets_tests.app.published import PUBLISHED_FIRST, publish, status, subscription

TABLES = [
    (subscriptions.SCREEN, subscriptions.TABLE, "?month=2025-03&result=missing&result=discrepancies"),
    (usage.SCREEN, usage.METERS, "?month=2025-03"),
    (einvoices.SCREEN, einvoices.DOCUMENTS, "?month=2025-01..2025-03"),
]


def books(site: Site, screen: Screen, table: Table, search: str, path: Path) -> tuple[Any, Any]:
    """The workbook with its formulas, and with the values that stand beside them."""
    write_workbook(site.context(screen, search), table, path)
    content = path.read_bytes()
    return openpyxl.load_workbook(io.BytesIO(content)), openpyxl.load_workbook(io.BytesIO(content), data_only=True)


def evaluate(book: Any, formula: str) -> Decimal:
    """What a spreadsheet makes of the formulas that workbooks have: an independent reading of them."""
    summary = book["Summary"]
    if found := re.fullmatch(r"=SUM\((\w+):(\w+)\)", formula):
        return sum(
            (evaluate(book, str(cell.value)) for (cell,) in summary[f"{found[1]}:{found[2]}"] if cell.value), Decimal(0)
        )
    if found := re.fullmatch(r"=(\w+)-(\w+)", formula):
        right, left = (
            evaluate(book, str(summary[name].value)) if summary[name].value else Decimal(0) for name in found.groups()
        )
        return right - left
    found = re.fullmatch(r"=(?:ROUND\(SUMIFS\((\S+?),|COUNTIFS\()(\S+?),(\S+?),(\S+?),(\$\w+)\)(?:,(\d)\))?", formula)
    assert found is not None, formula
    amounts, statuses, status_cell, currencies, currency_cell, digits = found.groups()

    def column(reference: str) -> list[Any]:
        return [cell.value for (cell,) in book["Rows"][reference.removeprefix("Rows!")]]

    chosen = [
        n
        for n, pair in enumerate(zip(column(statuses), column(currencies), strict=True))
        if pair == (summary[status_cell].value, summary[currency_cell].value)
    ]
    if amounts is None:
        return Decimal(len(chosen))
    values = column(amounts)
    total = sum((Decimal(str(values[n] or 0)) for n in chosen), Decimal(0))
    return total.quantize(Decimal(1).scaleb(-int(digits)), ROUND_HALF_UP)


@pytest.mark.parametrize(("screen", "table", "search"), TABLES, ids=lambda item: getattr(item, "name", None))
def test_totals_are_formulas_over_the_rows_and_are_what_the_screen_shows(
    site: Site, tmp_path: Path, screen: Screen, table: Table, search: str
) -> None:
    book, values = books(site, screen, table, search, tmp_path / "a.xlsx")
    formulas = [cell for row in book["Summary"].iter_rows() for cell in row if str(cell.value).startswith("=")]
    assert len(formulas) >= 6
    for cell in formulas:
        shown = values["Summary"][cell.coordinate].value
        assert evaluate(book, cell.value) == pytest.approx(Decimal(str(shown)), abs=Decimal("0.000001")), (
            cell.coordinate
        )


def test_a_workbook_says_what_it_is_of_and_what_its_columns_mean(site: Site, tmp_path: Path) -> None:
    book, _ = books(site, *TABLES[0], tmp_path / "a.xlsx")
    lines = [tuple(cell for cell in row if cell) for row in book["Summary"].iter_rows(values_only=True)]
    assert ("Months", "2025-03") in lines and ("Filter: Results", "Missing data, Discrepancies") in lines
    assert ("Differences", "Microsoft less BSS") in lines
    meanings = {(row[0], row[1]): row[2] for row in book["Definitions"].iter_rows(values_only=True)}
    assert meanings["Result" if ("Result", "status") in meanings else "Status", "status"].startswith("Verdict")
    assert "more than the tolerance" in meanings[None, "Discrepancy"]


def test_rows_have_a_frozen_heading_filters_widths_and_repeat_it_on_paper(site: Site, tmp_path: Path) -> None:
    book, _ = books(site, *TABLES[0], tmp_path / "a.xlsx")
    rows = book["Rows"]
    assert rows.freeze_panes == "B2" and rows.print_title_rows == "$1:$1"
    assert rows.auto_filter.ref is not None and rows.auto_filter.ref.endswith(str(rows.max_row))
    assert rows.column_dimensions["A"].width > 15


def test_amounts_have_the_decimals_of_their_currency(tmp_path: Path) -> None:
    store = PublishedStore(tmp_path / "published")
    rows = [subscription(n, "2025-03", currency=currency) for n, currency in enumerate(("KWD", "JPY", "MYR"))]
    publish(
        store,
        "subscriptions",
        "2025-03",
        PUBLISHED_FIRST,
        {"subscription_reconciliation": rows, "month_status": [status("subscriptions", "2025-03")]},
    )
    book, _ = books(
        site_in(tmp_path, tmp_path / "published"), subscriptions.SCREEN, subscriptions.TABLE, "", tmp_path / "a.xlsx"
    )
    heading = [cell.value for cell in book["Rows"][1]]
    money, currency = heading.index("BSS total cost"), heading.index("Currency")
    formats = {row[currency].value: row[money].number_format for row in book["Rows"].iter_rows(min_row=2)}
    assert formats == {"KWD": "#,##0.000", "JPY": "#,##0", "MYR": "#,##0.00"}
