"""ERP registers as text records: CSV and XLSX, and the order of day and month that a file's dates are written in."""

import datetime as dt
import re
import zipfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Literal

import pyarrow.compute as pc
import pyarrow.parquet as pq

from recon_assets.errors import FileProblem
from recon_assets.sources.columns import bind_columns
from recon_assets.sources.records import Record, Records, read_csv, write_records
from recon_assets.sources.unpack import UnpackLimits, require_bounded_archive

DateOrder = Literal["day_first", "month_first"]
_SPLIT_DATE = re.compile(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})( \d{1,2}:\d{2}(:\d{2})?)?")
_ENTITIES = tuple(
    mark.encode(coding) for mark in ("<!DOCTYPE", "<!ENTITY") for coding in ("utf-8", "utf-16-le", "utf-16-be")
)
_CHUNK = 1 << 20
_SHEET_ROWS = 1_048_576  # of Excel
MAX_CELLS = 30_000_000  # a sheet that is full to the last row and 28 columns wide


@dataclass(frozen=True)
class RegisterHints:
    """What a register's text leaves open: its folder's month, and the settings for paths (patterns as in a shell)."""

    month: str  # YYYY-MM
    date_orders: dict[str, DateOrder] = field(default_factory=dict)
    decimal_marks: dict[str, Literal[".", ","]] = field(default_factory=dict)

    def date_order(self, file: str) -> DateOrder | None:
        return next((order for pattern, order in self.date_orders.items() if fnmatchcase(file, pattern)), None)

    def decimal_mark(self, file: str) -> str:
        return next((mark for pattern, mark in self.decimal_marks.items() if fnmatchcase(file, pattern)), ".")


def read_register(
    source: str, path: Path, file: str, limits: UnpackLimits, target: Path, hints: RegisterHints
) -> tuple[Records, dict[str, int]]:
    """Text records of one register and the position of each declared column; FileProblem when it is unreadable."""
    records = (
        _read_xlsx(path, file, limits, target)
        if file.lower().endswith(".xlsx")
        else read_csv(path, file, limits, target)
    )
    bound = bind_columns(source, records.headings, file)
    day_first = _is_day_first(records, bound["document_date"], file, hints)
    return replace(records, day_first=day_first, decimal_mark=hints.decimal_mark(file)), bound


def _is_day_first(records: Records, position: int, file: str, hints: RegisterHints) -> bool:
    """The order under which more of the dates fall in the folder's month; a tie that matters is a FileProblem."""
    order = hints.date_order(file)
    if order is not None:
        return order == "day_first"
    counts = pc.value_counts(pq.read_table(records.path, columns=[f"c{position}"]).column(0)).to_pylist()
    inside = {True: 0, False: 0}
    matters = None
    for item in counts:
        text = (item["values"] or "").strip()
        both = {day_first: written_day(text, day_first) for day_first in (True, False)}
        for day_first, day in both.items():
            inside[day_first] += item["counts"] if day is not None and f"{day:%Y-%m}" == hints.month else 0
        matters = matters or (text if both[True] != both[False] else None)
    if inside[True] == inside[False] and matters is not None:
        raise FileProblem(
            file,
            f"dates such as {matters} can be read day first or month first, and as many fall in {hints.month} either "
            f'way. Say which in RECON_REGISTER_DATE_ORDERS, for example {{"{file}": "day_first"}}',
            column=records.headings[position],
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


def _read_xlsx(path: Path, file: str, limits: UnpackLimits, target: Path) -> Records:
    """The first sheet with content; its first row that is not empty is the header."""
    import openpyxl  # only workbooks need it

    _require_harmless(path, file, limits)
    with _damage(file):
        book = openpyxl.load_workbook(path, read_only=True, data_only=True, keep_links=False)
    with closing(book):
        for sheet in book.worksheets:
            filled = (row for row in _rows(sheet, file) if any(text is not None for text in row))
            header = next(filled, None)
            if header is not None:
                width = max(n for n, text in enumerate(header, start=1) if text is not None)
                headings = [(text or "").strip() for text in header[:width]]
                return Records(target, headings, True, write_records(target, width, _shaped(filled, width)))
    raise FileProblem(file, "the workbook is empty: not even a header row. Land it again, or remove it")


@contextmanager
def _damage(file: str) -> Iterator[None]:
    """What openpyxl raises on a damaged workbook, which may be anything, as a FileProblem."""
    try:
        yield
    except FileProblem:
        raise
    except Exception as error:
        raise FileProblem(file, f"the workbook cannot be read ({error}); save it again as .xlsx") from error


def _rows(sheet: Any, file: str) -> Iterator[list[str | None]]:
    """The sheet's rows one by one; FileProblem when its cells are too many, be they written or skipped over.

    A cell far to the right or below costs its file a few bytes, and a reader everything before it.
    """
    sheet.reset_dimensions()  # what the file says of its size need not be so
    cells = 0
    with _damage(file):
        for number, row in enumerate(sheet.rows, start=1):
            cells += len(row)
            if number > _SHEET_ROWS or cells > MAX_CELLS:
                raise FileProblem(
                    file,
                    f"a sheet spans more than {_SHEET_ROWS} rows or {MAX_CELLS} cells; delete the rows and columns "
                    "outside of the register, or land it as CSV",
                )
            yield [None if cell.value is None else _cell_text(_cell_value(cell)) for cell in row]


def _shaped(rows: Iterator[list[str | None]], width: int) -> Iterator[Record]:
    for row in rows:
        beyond = any(text is not None for text in row[width:])
        cells = row[:width] + [None] * (width - len(row))
        yield cells, f"has values beyond the {width} columns of the header" if beyond else None


def _cell_value(cell: Any) -> Any:
    """A cell's value; a number without decimals as an int, errors such as #N/A as none."""
    if cell.data_type == "e":
        return None
    if cell.data_type == "n" and isinstance(cell.value, float) and cell.value.is_integer():
        return int(cell.value)
    return cell.value


def _cell_text(value: Any) -> str | None:
    """A cell as text: dates in ISO, numbers as they are shown without format, empty cells as None."""
    if value is None or value == "":
        return None
    if isinstance(value, dt.datetime):
        return value.date().isoformat() if value.time() == dt.time() else value.isoformat(sep=" ")
    if isinstance(value, bool | dt.date):
        return str(value)
    if isinstance(value, float):
        return None if value != value else format(Decimal(repr(value)), "f")
    return str(value)


def _require_harmless(path: Path, file: str, limits: UnpackLimits) -> None:
    """A workbook is a zip of XML: bounded in size, and without document types or entities."""
    try:
        with zipfile.ZipFile(path) as archive:
            require_bounded_archive(archive, path, file, limits)
            for member in archive.infolist():  # all: what a sheet's file is called is up to the workbook
                _require_no_entities(archive, member, file)
    except (zipfile.BadZipFile, OSError, NotImplementedError, RuntimeError) as error:
        raise FileProblem(file, f"is not a workbook ({error}); save it again as .xlsx") from error


def _require_no_entities(archive: zipfile.ZipFile, member: zipfile.ZipInfo, file: str) -> None:
    overlap = max(map(len, _ENTITIES)) - 1
    before = b""
    with archive.open(member) as part:
        while chunk := part.read(_CHUNK):
            if any(mark in before + chunk for mark in _ENTITIES):
                raise FileProblem(file, f"{member.filename} declares a document type or entities, which are refused")
            before = chunk[-overlap:]
