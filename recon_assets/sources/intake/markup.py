"""Tables of HTML and XML Spreadsheet 2003, which programs save under the endings of workbooks."""

from typing import Any

import pyarrow as pa
from lxml import etree, html

from recon_assets.errors import FileProblem
from recon_assets.sources.intake.grid import ERROR_VALUES, Grid, GridBuilder

_MOST_SPAN = 1000
_XML_SPREADSHEET = b"urn:schemas-microsoft-com:office:spreadsheet"


def is_markup(start: bytes) -> bool:
    """Whether a file begins as HTML or XML, by its first bytes."""
    text = start.decode("utf-16", "ignore") if start[:2] in (b"\xff\xfe", b"\xfe\xff") else start.decode("latin-1")
    text = text.lstrip("\ufeff\xef\xbb\xbf \t\r\n\x00").lower()
    return text.startswith(
        ("<html", "<table", "<!doctype", "<?xml", "<head", "<meta", "<style", "<body", "<div", "<!--")
    )


def read_markup(content: bytes, file: str) -> list[Grid]:
    """Every table of rows in the file; FileProblem when there is none."""
    if _XML_SPREADSHEET in content[:10_000]:
        return _spreadsheet_2003(content, file)
    if b"<!ENTITY" in content:
        raise FileProblem(file, "declares entities, which are refused; save it again as .xlsx or CSV")
    parser = html.HTMLParser(encoding=_encoding(content), no_network=True, huge_tree=False)
    root = html.document_fromstring(content, parser=parser)
    tables = [t for t in root.iter("table") if next(t.iterdescendants("table"), None) is None]  # not those for layout
    grids = [_grid(_name(n, tables), [_html_row(row) for row in t.iter("tr")]) for n, t in enumerate(tables, start=1)]
    if not grids:
        raise FileProblem(file, "holds a web page without a table; export the list again, as CSV or .xlsx")
    return grids


def _name(number: int, tables: list[Any]) -> str | None:
    return None if len(tables) == 1 else f"table {number}"


def _encoding(content: bytes) -> str | None:
    """UTF-8 where the bytes are that; otherwise lxml believes what the page says."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "utf-16"
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return "utf-8"


def _html_row(row: Any) -> list[str | None]:
    cells: list[str | None] = []
    for cell in row.iterchildren("td", "th"):
        text = " ".join("".join(cell.itertext()).split())
        span = cell.get("colspan", "1")
        width = min(int(span), _MOST_SPAN) if span.isdigit() and int(span) else 1
        cells += [text or None, *[None] * (width - 1)]
    return cells


def _grid(name: str | None, rows: list[list[str | None]], is_hidden: bool = False) -> Grid:
    builder = GridBuilder()
    builder.extend(rows)
    columns, _ = builder.columns()
    return Grid(name, columns, pa.array(range(1, len(rows) + 1), pa.int64()), is_hidden=is_hidden)


def _spreadsheet_2003(content: bytes, file: str) -> list[Grid]:
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise FileProblem(
            file, "declares a document type or entities, which are refused; save it again as .xlsx or CSV"
        )
    try:
        root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, no_network=True))
    except etree.XMLSyntaxError as error:
        raise FileProblem(file, f"the XML cannot be read ({error}); save it again as .xlsx") from error
    grids = []
    for sheet in root.iter("{*}Worksheet"):
        hidden = sheet.findtext("{*}WorksheetOptions/{*}Visible") in ("SheetHidden", "SheetVeryHidden")
        grids.append(_grid(_attribute(sheet, "Name"), _rows_2003(sheet), hidden))
    return grids


def _rows_2003(sheet: Any) -> list[list[str | None]]:
    rows: list[list[str | None]] = []
    for row in sheet.iterfind("{*}Table/{*}Row"):
        index = int(_attribute(row, "Index") or len(rows) + 1)
        rows += [[] for _ in range(min(index, 1 << 20) - 1 - len(rows))]
        cells: list[str | None] = []
        for cell in row.iterfind("{*}Cell"):
            at = int(_attribute(cell, "Index") or len(cells) + 1)
            cells += [None] * (min(at, 1 << 14) - 1 - len(cells))
            cells.append(_cell_2003(cell))
        rows.append(cells)
    return rows


def _cell_2003(cell: Any) -> str | None:
    data = cell.find("{*}Data")
    if data is None:
        return None
    text = "".join(data.itertext()).strip()
    if _attribute(data, "Type") == "DateTime":
        return text.removesuffix(".000").removesuffix("T00:00:00").replace("T", " ")
    return "#N/A" if _attribute(data, "Type") == "Error" and text not in ERROR_VALUES else text or None


def _attribute(element: Any, name: str) -> str | None:
    return next((value for key, value in element.attrib.items() if etree.QName(key).localname == name), None)
