"""ERP registers as text records: CSV and XLSX, and the order of day and month that a file's dates are written in."""

import datetime as dt
import re
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import partial
from pathlib import Path
from typing import Any, Literal

from recon_assets.errors import FileProblem
from recon_assets.sources.columns import bind_columns
from recon_assets.sources.delimited import MAX_COLUMNS, heading_text, open_delimited
from recon_assets.sources.stream import Record, RecordTable, Table
from recon_assets.sources.unpack import ARCHIVE_ERRORS, UnpackLimits, is_damage, require_bounded_archive
from recon_assets.sources.values import Dialect

DateOrder = Literal["day_first", "month_first"]
_SPLIT_DATE = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})( \d{1,2}:\d{2}(:\d{2})?)?")
_ENTITIES = tuple(
    mark.encode(coding) for mark in ("<!DOCTYPE", "<!ENTITY") for coding in ("utf-8", "utf-16-le", "utf-16-be")
)
_CHUNK = 1 << 20
_MAX_ROWS = 1 << 20  # of a sheet in Excel


@dataclass(frozen=True)
class RegisterHints:
    """What a register's text leaves open: its folder's month, and the settings for paths (patterns as in a shell)."""

    month: str  # YYYY-MM
    date_orders: dict[str, DateOrder] = field(default_factory=dict)
    decimal_marks: dict[str, Literal[".", ","]] = field(default_factory=dict)

    def date_order(self, file: str) -> DateOrder | None:
        return next((order for pattern, order in self.date_orders.items() if fnmatchcase(file, pattern)), None)

    def decimal_mark(self, file: str) -> Literal[".", ","]:
        return next((mark for pattern, mark in self.decimal_marks.items() if fnmatchcase(file, pattern)), ".")


def open_register(
    source: str, path: Path, file: str, limits: UnpackLimits, hints: RegisterHints
) -> tuple[Table, dict[str, int], Dialect]:
    """The table of one register, the position of each declared column, and how it writes numbers and dates.

    FileProblem when it is unreadable.
    """
    is_workbook = file.lower().endswith(".xlsx")
    table: Table = _open_xlsx(path, file, limits) if is_workbook else open_delimited(path, file, limits)
    bound = bind_columns(source, table.headings, file)
    day_first = _is_day_first(table, bound["document_date"], file, hints)
    return table, bound, Dialect(hints.decimal_mark(file), day_first=day_first)


def _is_day_first(table: Table, position: int, file: str, hints: RegisterHints) -> bool:
    """The order under which more of the dates fall in the folder's month; a tie that matters is a FileProblem."""
    order = hints.date_order(file)
    if order is not None:
        return order == "day_first"
    counts: Counter[str | None] = Counter()
    for block in table.blocks({position}):
        counts.update(block.texts[position].to_pylist())
    inside = {True: 0, False: 0}
    matters = None
    for written, count in counts.items():
        text = (written or "").strip()
        both = {day_first: written_day(text, day_first) for day_first in (True, False)}
        for day_first, day in both.items():
            inside[day_first] += count if day is not None and f"{day:%Y-%m}" == hints.month else 0
        matters = matters or (text if both[True] != both[False] else None)
    if inside[True] == inside[False] and matters is not None:
        raise FileProblem(
            file,
            f"dates such as {matters} can be read day first or month first, and as many fall in {hints.month} either "
            f'way. Say which in RECON_REGISTER_DATE_ORDERS, for example {{"{file}": "day_first"}}',
            column=table.headings[position],
        )
    return inside[True] > inside[False]


def written_day(text: str, day_first: bool) -> dt.date | None:
    """The day of a text such as 31/01/2025 in the order given; None for any other text (ISO dates have one order)."""
    match = _SPLIT_DATE.fullmatch(text)
    if match is None:
        return None
    first, second, year = (int(match[n]) for n in (1, 2, 3))
    day, month = (first, second) if day_first else (second, first)
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def _open_xlsx(path: Path, file: str, limits: UnpackLimits) -> RecordTable:
    """The first sheet with content; its first row that is not empty is the header."""
    _require_harmless(path, file, limits)
    with _workbook(path, file) as workbook:
        for sheet in workbook.worksheets:
            for line, header in _filled_rows(sheet, file):
                headings = [heading_text(text or "") for text in header]
                records = partial(_records, path, file, sheet.title, line, len(headings))
                return RecordTable(headings, records, heading_line=line)
    raise FileProblem(file, "the workbook is empty: not even a header row. Land it again, or remove it")


@contextmanager
def _workbook(path: Path, file: str) -> Iterator[Any]:
    from openpyxl import load_workbook  # half a second to import; only workbooks need it

    try:
        workbook = load_workbook(path, read_only=True, data_only=True, keep_links=False)
    except Exception as error:
        if not is_damage(error):
            raise
        raise _unreadable(file, error) from error
    with closing(workbook):
        yield workbook


def _records(path: Path, file: str, sheet: str, heading_line: int, width: int) -> Iterator[Record]:
    with _workbook(path, file) as workbook:
        below = (row for row in _filled_rows(workbook[sheet], file) if row[0] > heading_line)
        for number, (line, row) in enumerate(below, start=1):
            if len(row) > width:
                text = ",".join(cell or "" for cell in row)
                yield Record((), number, line, f"has values beyond the {width} columns of the header", text)
            else:
                yield Record([*row, *[None] * (width - len(row))], number, line)


def _unreadable(file: str, error: Exception) -> FileProblem:
    return FileProblem(file, f"the workbook cannot be read ({error}); save it again as .xlsx")


def _filled_rows(sheet: Any, file: str) -> Iterator[tuple[int, list[str | None]]]:
    """Rows of a sheet with something in them, as text up to their last value, one at a time: one stray cell may lie a
    million rows down."""
    sheet.reset_dimensions()  # what the sheet says of its size may be wrong
    try:
        for number, cells in enumerate(sheet.iter_rows(), start=1):
            texts = [_cell_text(cell) for cell in cells]
            while texts and texts[-1] is None:
                texts.pop()
            if number > _MAX_ROWS or len(texts) > MAX_COLUMNS:
                raise FileProblem(
                    file,
                    f"has values beyond row {_MAX_ROWS} or column {MAX_COLUMNS}; save it in a sheet of its own",
                    row=number,
                )
            if texts:
                yield number, texts
    except FileProblem:
        raise
    except Exception as error:
        if not is_damage(error):
            raise
        raise _unreadable(file, error) from error


def _cell_text(cell: Any) -> str | None:
    """A cell as text: dates in ISO, numbers as they are shown without format, empty cells and errors as None."""
    value = cell.value
    if value is None or value == "" or cell.data_type == "e":
        return None
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ")
    if isinstance(value, bool | dt.date):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value == int(value) else format(Decimal(repr(value)), "f")
    return str(value)


def _require_harmless(path: Path, file: str, limits: UnpackLimits) -> None:
    """A workbook is a zip of XML: bounded in size, and without document types or entities."""
    try:
        with zipfile.ZipFile(path) as archive:
            require_bounded_archive(archive, path, file, limits)
            for member in archive.infolist():  # all: what a sheet's file is called is up to the workbook
                _require_no_entities(archive, member, file)
    except ARCHIVE_ERRORS as error:
        if not is_damage(error):
            raise
        raise FileProblem(file, f"is not a workbook ({error}); save it again as .xlsx") from error


def _require_no_entities(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: str) -> None:
    overlap = max(map(len, _ENTITIES)) - 1
    before = b""
    with archive.open(member) as part:
        while chunk := part.read(_CHUNK):
            if any(mark in before + chunk for mark in _ENTITIES):
                raise FileProblem(file, f"{member.filename} declares a document type or entities, which are refused")
            before = chunk[-overlap:]
