"""The filtered rows of a table as a workbook that an accountant can work with.

Sheets: Summary (what it is of, and totals as formulas over the rows that foot), Rows (filters, frozen heading, amounts
as numbers in the format of their currency), Definitions (every column and status). Text stays text: only the formulas
written here are formulas.
"""

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from xlsxwriter.utility import xl_col_to_name, xl_rowcol_to_cell

from recon_assets.app import queries
from recon_assets.app.format import words
from recon_assets.app.glossary import term
from recon_assets.app.parts import choice_text, footing, total_title
from recon_assets.app.screens import Context
from recon_assets.app.tables import Column, Row, Table
from recon_assets.currencies import decimals
from recon_assets.errors import InputError
from recon_assets.export import SHEET_ROWS, open_workbook
from recon_assets.pipeline.marts import published_marts

_BATCH = 2_000
_NO_CURRENCY = "(none)"
_STATUS, _CURRENCY = 1, 2  # places of these columns in the sheet Rows
_WIDTHS = {"text": 24, "status": 22, "date": 12, "month": 10, "count": 10, "percent": 12}


@dataclass(frozen=True)
class _Field:
    """A column of the sheet Rows: its title, how a value is written, and the mart's column where it is one."""

    title: str
    kind: str
    sql: str
    name: str
    width: int


def write_workbook(context: Context, table: Table, path: Path) -> int:
    """Write the rows that `context` shows of `table` to `path`; how many. InputError when a sheet cannot hold them."""
    restriction = context.restriction(table)
    totals = context.rows(queries.totals(table, restriction))
    count = sum(int(row["row_count"]) for row in totals)
    if count > SHEET_ROWS:
        raise InputError(f"{count:,} rows are more than a sheet holds. Filter further, or download CSV.")
    fields = _fields(table)
    listed = [f"{table.status} as status_code, {table.currency} as currency_code"]
    listed += [f"{field.sql} as f{n}" for n, field in enumerate(fields)]
    query = queries.listing(table, restriction, context.sort(table), listed)
    batches = context.reader.stream(context.moment, query, _BATCH)
    next(batches)  # what cannot be read fails here
    with open_workbook(path) as (book, _):
        styles = _Styles(book)
        summary, rows, definitions = (book.add_worksheet(name) for name in ("Summary", "Rows", "Definitions"))
        _Summary(summary, table, fields, count, styles).write(context, footing(table, totals))
        _write_rows(rows, batches, fields, count, styles)
        _write_definitions(definitions, table, fields, styles)
    return count


def _fields(table: Table) -> list[_Field]:
    """The columns of the screen in their order, then what else the mart has."""
    first = [
        _Field("Status", "status", table.status, table.status, 22),
        _Field("Currency", "text", table.currency, "currency", 10),
    ]
    told = (table.status, "currency")
    own = [_field(column) for column in table.columns if column.name not in told and column.expression not in told]
    taken = {field.name for field in (*first, *own)}
    others = [
        _Field(
            words(column.name),
            _kind(column.sql_type),
            column.name,
            column.name,
            _WIDTHS.get(_kind(column.sql_type), 16),
        )
        for column in published_marts()[table.mart].columns
        if column.name not in taken and column.sql_type != "boolean"
    ]
    listed = [own[0], *first, *own[1:], *others]
    known = {field.sql for field in listed}
    summed = [_Field(f"{title}, summed", "money", sql, "", 18) for sql, title in table.sums.items() if sql not in known]
    return [*listed, *summed]


def _field(column: Column) -> _Field:
    width = max(_WIDTHS.get(column.kind, 16), len(column.title) + 2, column.width // 8)
    return _Field(column.title, column.kind, column.expression, column.name, width)


def _kind(sql_type: str) -> str:
    if sql_type.startswith("decimal"):
        return "money" if sql_type.endswith(" 3)") else "amount"
    return {"date": "date", "bigint": "count", "integer": "count"}.get(sql_type, "text")


class _Styles:
    """Formats of a workbook, made once each."""

    def __init__(self, book: Any) -> None:
        self._book = book
        self._made: dict[tuple[Any, ...], Any] = {}
        self.title = book.add_format({"bold": True, "font_size": 14})
        self.head = book.add_format(
            {"bold": True, "bg_color": "#EEF1F4", "bottom": 1, "text_wrap": True, "valign": "top"}
        )
        self.wrap = book.add_format({"text_wrap": True, "valign": "top"})
        self.bold = book.add_format({"bold": True})

    def number(self, kind: str, currency: str | None, is_total: bool = False) -> Any:
        """Negative amounts have a minus sign; places are those of the currency, or of the kind."""
        if kind in ("money", "verdict"):
            places = decimals(currency)
            pattern = "#,##0" + ("." + "0" * places if places else "")
        else:
            pattern = {"count": "#,##0", "percent": "0.00", "quantity": "#,##0.######"}.get(kind, "#,##0.00####")
        options = {"num_format": pattern} | ({"bold": True, "top": 1} if is_total else {})
        return self._format(options)

    def date(self, kind: str) -> Any:
        return self._format({"num_format": "yyyy-mm" if kind == "month" else "yyyy-mm-dd"})

    def _format(self, options: Mapping[str, Any]) -> Any:
        key = tuple(sorted(options.items()))
        if key not in self._made:
            self._made[key] = self._book.add_format(dict(options))
        return self._made[key]


def _write_rows(sheet: Any, batches: Iterator[list[Any]], fields: list[_Field], count: int, styles: _Styles) -> None:
    for n, field in enumerate(fields):
        sheet.set_column(n, n, field.width)
        sheet.write_string(0, n, field.title, styles.head)
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, max(count, 1), len(fields) - 1)
    _paper(sheet)
    line = 0
    for batch in batches:
        for _, currency, *values in batch:
            line += 1
            for n, (field, value) in enumerate(zip(fields, values, strict=True)):
                _write_value(sheet, line, n, field, value, currency, styles)


def _write_value(
    sheet: Any, line: int, n: int, field: _Field, value: Any, currency: str | None, styles: _Styles
) -> None:
    if value is None:
        if field.name == "currency":
            sheet.write_string(line, n, _NO_CURRENCY)
    elif isinstance(value, dt.datetime):
        sheet.write_string(line, n, value.astimezone(dt.UTC).strftime("%Y-%m-%d %H:%M:%S UTC"))
    elif isinstance(value, dt.date):
        sheet.write_datetime(line, n, value, styles.date(field.kind))
    elif isinstance(value, Decimal | int):
        sheet.write_number(line, n, value, styles.number(field.kind, currency))
    else:
        sheet.write_string(line, n, words(str(value)) if field.kind == "status" else str(value))


@dataclass(frozen=True)
class _Summary:
    """The sheet Summary: what the workbook is of, and totals per currency as formulas over the sheet Rows.

    Values stand beside the formulas, for programs that calculate none.
    """

    sheet: Any
    table: Table
    fields: list[_Field]
    count: int
    styles: _Styles

    def write(self, context: Context, parts: list[list[Row]]) -> None:
        """`parts`: the lines of each currency and their total."""
        sheet = self.sheet
        sheet.set_column(0, 0, 30)
        sheet.set_column(1, 12, 18)
        _paper(sheet)
        sheet.write_string(0, 0, f"{context.screen.title}: {self.table.title.lower()}", self.styles.title)
        line = 2
        for name, text in said(context, self.table, self.count):
            sheet.write_string(line, 0, name, self.styles.bold)
            sheet.write_string(line, 1, text)
            line += 1
        line += 1
        for n, title in enumerate(["Status", "Currency", "Rows", *self.table.sums.values()]):
            sheet.write_string(line, n, title, self.styles.head)
        for part in parts:
            line = self._write_currency(line + 1, part)

    def _write_currency(self, first: int, part: list[Row]) -> int:
        """Write the lines of a currency from the line `first` on; the next free line."""
        is_compared = self.table.is_compared
        summed = sum((not is_compared or row["sum_2"] is not None) and row["status"] is not None for row in part)
        for line, row in enumerate(part, start=first):
            is_total = row["status"] is None
            title = total_title(self.table) if is_total else words(row["status"])
            self.sheet.write_string(line, 0, title, self.styles.bold if is_total else None)
            self.sheet.write_string(line, 1, row["currency"] or _NO_CURRENCY)
            for column, kind, formula, value in self._sums(line, row):
                style = self.styles.number(kind, row["currency"], is_total)
                if is_total:
                    letter = xl_col_to_name(column)
                    formula = f"=SUM({letter}{first + 1}:{letter}{first + summed})"
                self.sheet.write_formula(line, column, formula, style, float(value))
        return first + len(part)

    def _sums(self, line: int, row: Row) -> Iterator[tuple[int, str, str, Any]]:
        """Column, kind, formula and value of each sum of a line."""
        is_compared = self.table.is_compared
        yield 2, "count", f"=COUNTIFS({self._criteria(line)})", row["row_count"]
        for n, sql in enumerate(self.table.sums):
            if row[f"sum_{n}"] is None:
                continue
            if n == 2 and is_compared:  # right less left of the two as they are shown, so that lines foot
                left, right = (xl_rowcol_to_cell(line, 3 + m) for m in (0, 1))
                formula = f"={right}-{left}"
            else:
                place = next(n for n, field in enumerate(self.fields) if field.sql == sql)
                places = self.table.places(row["currency"])
                formula = f"=ROUND(SUMIFS({self._range(place)},{self._criteria(line)}),{places})"
            yield 3 + n, "money" if is_compared else "count", formula, row[f"sum_{n}"]

    def _criteria(self, line: int) -> str:
        return f"{self._range(_STATUS)},$A{line + 1},{self._range(_CURRENCY)},$B{line + 1}"

    def _range(self, n: int) -> str:
        letter = xl_col_to_name(n)
        return f"Rows!${letter}$2:${letter}${self.count + 1}"


def said(context: Context, table: Table, count: int) -> list[tuple[str, str]]:
    """What a file is of: months, moment, filters, the direction of differences."""
    subject = context.screen.subject
    found = [
        ("Months", context.span()),
        ("As published", f"{context.moment:%Y-%m-%d %H:%M:%S} UTC"),
    ]
    if table.is_compared:
        found.append(("Differences", f"{subject.right.title} less {subject.left.title}"))
    found.append(("Rows", f"{count:,}"))
    return [*found, *([(f"Filter: {title}", text) for title, text in _filters(context, table)] or [("Filter", "none")])]


def _filters(context: Context, table: Table) -> list[tuple[str, str]]:
    filters = [(f, context.chosen(f)) for f in table.filters if f.kind != "view"]
    return [(f.title, ", ".join(choice_text(f, value) for value in values)) for f, values in filters if values]


def filters_said(context: Context, table: Table) -> str:
    """Months and filters in one line, as `2025-03; Results: Missing data`."""
    return "; ".join([context.span(), *(f"{title}: {text}" for title, text in _filters(context, table))])


def _write_definitions(sheet: Any, table: Table, fields: list[_Field], styles: _Styles) -> None:
    for n, (title, width) in enumerate((("Column", 30), ("Name in the published table", 34), ("Meaning", 110))):
        sheet.set_column(n, n, width)
        sheet.write_string(0, n, title, styles.head)
    sheet.freeze_panes(1, 0)
    _paper(sheet)
    line = 1
    for field in fields:
        found = term(table.mart, field.name)
        sheet.write_string(line, 0, field.title, styles.wrap)
        sheet.write_string(line, 1, field.name if found else "", styles.wrap)
        sheet.write_string(line, 2, found.text if found else f"Computed: {field.title}.", styles.wrap)
        line += 1
        for code, text in (found.values if found else {}).items():
            sheet.write_string(line, 1, words(code), styles.wrap)
            sheet.write_string(line, 2, text, styles.wrap)
            line += 1


def _paper(sheet: Any) -> None:
    sheet.set_landscape()
    sheet.set_paper(9)
    sheet.fit_to_pages(1, 0)
    sheet.repeat_rows(0)
    sheet.set_footer("&L&F&CPage &P of &N&R&A")
