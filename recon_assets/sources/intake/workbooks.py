"""Workbooks as grids: what they are is told by their content, whatever their name ends in (spec/intake.md, 3)."""

import io
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from recon_assets.errors import FileProblem
from recon_assets.sources.intake.formats import says_more
from recon_assets.sources.intake.grid import Grid, GridBuilder
from recon_assets.sources.intake.markup import is_markup, read_markup
from recon_assets.sources.intake.ods import read_document
from recon_assets.sources.intake.xlsb import read_binary
from recon_assets.sources.intake.xlsx import (
    MOST_CELLS,
    MOST_ROWS,
    Marks,
    Package,
    glance,
    parse_marks,
    read_marks,
    read_package,
    require_no_entities,
)
from recon_assets.sources.unpack import ARCHIVE_ERRORS, UnpackLimits, is_damage, require_bounded_archive

_ZIP, _OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_MOST_COLUMNS = 1000  # the widest register is far from it
_MOST_MARKUP = 200 << 20
_NOT_CALCULATED = (
    "{place} holds a formula that was never calculated, so the file has no values of it; open it in a spreadsheet "
    "program and save it, then land that"
)
Kind = str


def workbook_kind(path: Path) -> Kind | None:
    """zip (.xlsx, .xlsm, .xlsb, .ods), ole (.xls, or a workbook with a password), markup; None for text."""
    with path.open("rb") as file:
        start = file.read(512)
    if start.startswith(_ZIP):
        return "zip"
    if start.startswith(_OLE):
        return "ole"
    if b"MIME-Version:" in start[:200]:
        return "web archive"
    return "markup" if is_markup(start) else None


def read_workbook(path: Path, file: str, kind: Kind, limits: UnpackLimits) -> list[Grid]:
    """Every sheet with content, hidden ones marked; FileProblem for what cannot be read, with what to do."""
    try:
        match kind:
            case "zip":
                return _read_zip(path, file, limits)
            case "ole":
                return _read_xls(path, file)
            case "markup" if path.stat().st_size <= _MOST_MARKUP:
                return read_markup(path.read_bytes(), file)
    except FileProblem:
        raise
    except Exception as error:
        if not is_damage(error):
            raise
        raise FileProblem(file, f"the workbook cannot be read ({error}); save it again as .xlsx") from error
    raise FileProblem(file, f"is a {kind} of {path.stat().st_size} bytes, which is not read; save it as .xlsx or CSV")


def _read_zip(path: Path, file: str, limits: UnpackLimits) -> list[Grid]:
    with _archive(path, file, limits) as archive:
        names = {name.lower() for name in archive.namelist()}
        if "[content_types].xml" not in names and "content.xml" not in names:
            raise FileProblem(file, "is an archive without a workbook in it; land what it holds by itself")
        if "content.xml" in names:
            document = read_document(archive)
            grids = _calamine_sheets(path, file, lambda name: document.marks.get(name, Marks()))
            return [replace(grid, date_1904=document.date_1904) for grid in grids]
        if any(name.endswith("workbook.bin") for name in names):
            binary = read_binary(archive)
            return list(_calamine_sheets(path, file, lambda name: binary.get(name, Marks())))
        package = read_package(archive)
        return [
            replace(grid, date_1904=package.date_1904)
            for grid in _calamine_sheets(path, file, lambda name: _marks(archive, package, name, file))
        ]


def _archive(path: Path, file: str, limits: UnpackLimits) -> zipfile.ZipFile:
    """The workbook's archive, bounded in size and without entities."""
    try:
        archive = zipfile.ZipFile(path)
        require_bounded_archive(archive, path, file, limits)
        require_no_entities(archive, file)
    except ARCHIVE_ERRORS as error:
        if not is_damage(error):
            raise
        raise FileProblem(file, f"is not a workbook ({error}); save it again as .xlsx") from error
    return archive


def _marks(archive: zipfile.ZipFile, package: Package, name: str, file: str) -> Marks:
    """What the cells of a sheet say beside their values; looked at one by one only where there is something."""
    part = package.sheets.get(name)
    if part is None:
        return Marks()
    with archive.open(part) as stream:
        look = glance(stream)  # type: ignore[arg-type]
    if look.rows > MOST_ROWS or look.columns > _MOST_COLUMNS or look.rows * look.columns > MOST_CELLS:
        raise FileProblem(
            file,
            f"sheet {name} has values as far as row {look.rows}, column {look.columns}: more than {_MOST_COLUMNS} "
            f"columns or {MOST_CELLS:,} cells; delete what lies outside the table, or save it in a workbook of its own",
        )
    if not (look.has_errors or look.has_formulas or package.patterns):
        return Marks()
    with archive.open(part) as stream:
        marks = read_marks(stream, package.patterns)  # type: ignore[arg-type]
    if marks is not None:
        return marks
    with archive.open(part) as stream:
        return parse_marks(stream, package.patterns)  # type: ignore[arg-type]


def _calamine_sheets(path: Path, file: str, marks_of: Callable[[str], Marks]) -> Iterator[Grid]:
    from python_calamine import CalamineWorkbook, PasswordError, SheetTypeEnum, SheetVisibleEnum

    with path.open("rb") as stream:
        try:
            workbook = CalamineWorkbook.from_filelike(stream)
        except PasswordError as error:
            raise _has_password(file) from error
        found = []
        for sheet in workbook.sheets_metadata:
            if sheet.typ == SheetTypeEnum.WorkSheet:
                marks = marks_of(sheet.name)  # before the sheet is read: it says whether it fits into memory
                hidden = sheet.visible != SheetVisibleEnum.Visible
                found.append((sheet.name, hidden, marks))
        _require_results([marks for _, _, marks in found], file)
        for name, hidden, marks in found:
            grid = _sheet_grid(workbook.get_sheet_by_name(name), name, hidden, marks)
            if len(grid):
                if marks.without_result and not hidden:
                    raise FileProblem(file, _NOT_CALCULATED.format(place=f"sheet {name}, cell {marks.without_result}"))
                yield grid


def _require_results(sheets: list[Marks], file: str) -> None:
    """A program that does not calculate stores 0 for every formula (XlsxWriter)."""
    zero, other = sum(m.zero_results for m in sheets), sum(m.other_results for m in sheets)
    if zero and not other:
        raise FileProblem(file, _NOT_CALCULATED.format(place="every formula's value is 0: the workbook"))


def _sheet_grid(sheet: Any, name: str, is_hidden: bool, marks: Marks) -> Grid:
    """The cells of a sheet from A1 on: calamine's rows begin in row 1, but in the first column that is used."""
    builder = GridBuilder()
    builder.extend(sheet.iter_rows())
    columns, typed = builder.columns()
    count = len(columns[0]) if columns else 0
    left = sheet.start[1] if sheet.start else 0
    columns = [pa.nulls(count, pa.string()) for _ in range(left)] + columns
    typed = {position + left: mark for position, mark in typed.items()}
    lines = pa.array(range(1, count + 1), pa.int64())
    told = ((top, bottom, left) for (top, left), (bottom, _) in sheet.merged_cell_ranges or ())
    merged = _merged(marks.merged or told)
    return _with_marks(Grid(name, columns, lines, typed, is_hidden=is_hidden, merged=merged), marks)


def _merged(ranges: Iterable[tuple[int, int, int]]) -> tuple[tuple[int, int, int], ...]:
    """Those of several rows."""
    return tuple(sorted((top, bottom, left) for top, bottom, left in ranges if bottom > top))


def _with_marks(grid: Grid, marks: Marks) -> Grid:
    """The grid with its errors as texts, and numbers as their formats show them."""
    columns = list(grid.columns)
    for position, texts in _by_column(marks.errors).items():
        columns += [pa.nulls(len(grid), pa.string()) for _ in range(position + 1 - len(columns))]
        cells = columns[position].to_pylist()
        for row, text in texts.items():
            cells[row] = text
        columns[position] = pa.array(cells, pa.string())
    return replace(grid, columns=columns, shown=_by_column(marks.shown), currencies=_by_column(marks.currencies))


def _by_column(cells: list[tuple[int, int, str]]) -> dict[int, dict[int, str]]:
    found: dict[int, dict[int, str]] = {}
    for row, column, text in cells:
        found.setdefault(column, {})[row] = text
    return found


def _has_password(file: str) -> FileProblem:
    return FileProblem(file, "the workbook has a password; save it without one, then land that")


def _read_xls(path: Path, file: str) -> list[Grid]:
    """The sheets of an .xls workbook (BIFF), which xlrd reads with its errors and formats."""
    import xlrd

    if path.stat().st_size > _MOST_MARKUP:
        raise FileProblem(file, "is larger than any .xls workbook; save it again as .xlsx")
    content = path.read_bytes()
    is_modern = "Workbook".encode("utf-16-le") not in content and "Book".encode("utf-16-le") not in content
    if "EncryptedPackage".encode("utf-16-le") in content or (is_modern and not file.lower().endswith(".xls")):
        raise _has_password(file)  # .xlsx is a zip unless it is encrypted
    try:
        book = xlrd.open_workbook(str(path), formatting_info=True, logfile=io.StringIO())
    except xlrd.XLRDError as error:
        if "encrypted" in str(error).lower():
            raise _has_password(file) from error
        raise
    grids = [_xls_grid(book, sheet, file) for sheet in book.sheets() if sheet.nrows]
    return [replace(grid, date_1904=book.datemode == 1) for grid in grids]


def _xls_grid(book: Any, sheet: Any, file: str) -> Grid:
    marks = Marks()
    rows = [
        [_xls_cell(book, sheet, row, column, marks) for column in range(sheet.row_len(row))]
        for row in range(sheet.nrows)
    ]
    builder = GridBuilder()
    builder.extend(rows)
    columns, typed = builder.columns()
    lines = pa.array(range(1, len(rows) + 1), pa.int64())
    merged = _merged((top, end - 1, left) for top, end, left, _ in sheet.merged_cells)
    return _with_marks(Grid(sheet.name, columns, lines, typed, is_hidden=sheet.visibility != 0, merged=merged), marks)


def _xls_cell(book: Any, sheet: Any, row: int, column: int, marks: Marks) -> Any:
    """The value of a cell; its error or its number as shown goes to the marks."""
    import xlrd

    cell = sheet.cell(row, column)
    if cell.ctype == xlrd.XL_CELL_ERROR:
        marks.errors.append((row, column, xlrd.error_text_from_code.get(cell.value, "#N/A")))
        return None
    if cell.ctype == xlrd.XL_CELL_DATE:
        return xlrd.xldate_as_datetime(cell.value, book.datemode)
    if cell.ctype == xlrd.XL_CELL_NUMBER:
        code = book.format_map[book.xf_list[cell.xf_index].format_key].format_str
        if says_more(code):
            marks.add_number(row, column, repr(cell.value), code)
    return bool(cell.value) if cell.ctype == xlrd.XL_CELL_BOOLEAN else cell.value
