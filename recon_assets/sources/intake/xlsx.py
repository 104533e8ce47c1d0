"""What a sheet of an XLSX file says beside its values: errors, formulas without results, numbers shown by a format.

python-calamine reads the values; it gives empty texts for errors and knows no formats (docs/decisions.md). A sheet is
looked at cell by cell only when its bytes show that it has any of these.
"""

import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from lxml import etree

from recon_assets.errors import FileProblem
from recon_assets.sources.intake.formats import foreign_currency, says_more, shown_number

_CHUNK = 1 << 20
_OVERLAP = 4096
_ENTITIES = tuple(
    mark.encode(coding) for mark in ("<!DOCTYPE", "<!ENTITY") for coding in ("utf-8", "utf-16-le", "utf-16-be")
)
_HAS_ERROR = re.compile(rb"""\st\s*=\s*["']e["']""")
_HAS_FORMULA = re.compile(rb"<(?:\w+:)?f[\s>/]")
_ROW = re.compile(rb"""<(?:\w+:)?row\b[^>]*?\sr\s*=\s*["'](\d+)["']""")
_FAR_COLUMN = re.compile(rb"""\sr\s*=\s*["']([A-Z]{2,})\d""")  # beyond Z
_ATTRIBUTE = re.compile(rb"""\s([a-z]+)\s*=\s*["']([^"']*)["']""")
_VALUE = re.compile(rb"<(?:\w+:)?v(?:\s[^>]*)?>([^<]*)<")
# Cells with a body that have a wanted style, an error or a formula.
_CELL_OF = (
    rb"""<(?:\w+:)?c(?=\s)(?:(?=[^>]*\s(?:s\s*=\s*["'](?:%(styles)b)["']|t\s*=\s*["']e["']))|"""
    rb"""(?=[^>]*>\s*<(?:\w+:)?f[\s>/]))([^>]*[^>/])>(.*?)</(?:\w+:)?c>"""
)
_REFERENCE = re.compile(r"([A-Z]+)(\d+)")
MOST_ROWS = 1 << 20  # of a sheet in Excel
MOST_CELLS = 40_000_000  # a sheet is held in memory from its first to its last used cell


@dataclass
class Marks:
    """What was found in one sheet; rows and columns are 0-based."""

    errors: list[tuple[int, int, str]] = field(default_factory=list)
    shown: list[tuple[int, int, str]] = field(default_factory=list)
    without_result: str | None = None  # the first formula that has none, as A1
    zero_results: int = 0
    other_results: int = 0
    merged: list[tuple[int, int, int]] = field(default_factory=list)  # first row, last row, column; of formats that
    # calamine does not tell them of
    currencies: list[tuple[int, int, str]] = field(default_factory=list)  # that numbers are shown with

    def add_number(self, row: int, column: int, value: str, code: str) -> None:
        """Note what the format of a number says beside it."""
        if (currency := foreign_currency(code)) is not None:
            self.currencies.append((row, column, currency))
        elif (text := shown_number(value, code)) is not None:
            self.shown.append((row, column, text))


@dataclass(frozen=True)
class Look:
    """What the bytes of a sheet show at a glance."""

    has_errors: bool
    has_formulas: bool
    rows: int
    columns: int  # 26 where none lies beyond Z


def require_no_entities(archive: zipfile.ZipFile, file: str) -> None:
    """FileProblem for a part that declares a document type: entities can make a small file endless."""
    for member in archive.infolist():
        before = b""
        with archive.open(member) as part:
            while chunk := part.read(_CHUNK):
                if any(mark in before + chunk for mark in _ENTITIES):
                    raise FileProblem(
                        file,
                        f"{member.filename} declares a document type or entities, which are refused; save it again",
                    )
                before = chunk[-24:]


def glance(part: BinaryIO) -> Look:
    """Whether a sheet has errors or formulas, and how far its cells reach."""
    before, errors, formulas, last_row = b"", False, False, 0
    columns: set[bytes] = set()
    while chunk := part.read(_CHUNK):
        text = before + chunk
        errors = errors or _HAS_ERROR.search(text) is not None
        formulas = formulas or _HAS_FORMULA.search(text) is not None
        columns.update(_FAR_COLUMN.findall(text))
        last_row = max(last_row, max(map(int, _ROW.findall(text)), default=0))
        before = text[-_OVERLAP:]
    return Look(errors, formulas, last_row, max((_column_index(c.decode()) + 1 for c in columns), default=26))


def _column_index(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - 64
    return number - 1


def _local(element: Any) -> str:
    return str(etree.QName(element).localname)


def _tree(archive: zipfile.ZipFile, name: str) -> Any:
    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    with archive.open(name) as part:
        return etree.parse(part, parser).getroot()


@dataclass(frozen=True)
class Package:
    """The parts of a workbook: sheet name -> part, telling number formats by style, the date system."""

    sheets: dict[str, str]
    patterns: dict[str, str]
    date_1904: bool


def read_package(archive: zipfile.ZipFile) -> Package:
    """Where each sheet is, and which styles tell more than numbers. KeyError, XMLSyntaxError for a damaged package."""
    names = {name.lower(): name for name in archive.namelist()}
    base = _target(archive, "_rels/.rels", "", "/officeDocument") or "xl/workbook.xml"
    workbook = _tree(archive, names.get(base.lower(), base))
    folder, leaf = posixpath.split(base)
    targets = relations(archive, names.get(f"{folder}/_rels/{leaf}.rels".lower(), ""), folder)
    sheets, is_1904 = {}, False
    for element in workbook.iter("{*}sheet", "{*}workbookPr"):
        if _local(element) == "workbookPr":
            is_1904 = element.get("date1904", "0") in ("1", "true")
        else:
            identity = next((v for k, v in element.attrib.items() if k.endswith("}id")), "")
            target = targets.get(identity, ("", ""))[1]
            if target.lower() in names:
                sheets[element.get("name", "")] = names[target.lower()]
    styles = next((t for kind, t in targets.values() if kind.endswith("/styles")), "")
    return Package(sheets, _patterns(archive, names.get(styles.lower(), "")), is_1904)


def _target(archive: zipfile.ZipFile, rels: str, folder: str, kind: str) -> str | None:
    found = relations(archive, rels if rels in archive.namelist() else "", folder)
    return next((target for type_, target in found.values() if type_.endswith(kind)), None)


def relations(archive: zipfile.ZipFile, name: str, folder: str) -> dict[str, tuple[str, str]]:
    """Relation id -> (type, part)."""
    if not name:
        return {}
    found = {}
    for element in _tree(archive, name).iter("{*}Relationship"):
        target = element.get("Target", "")
        path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
        found[element.get("Id", "")] = (element.get("Type", ""), path)
    return found


def _patterns(archive: zipfile.ZipFile, name: str) -> dict[str, str]:
    """Index of a cell style -> its number format, for formats that say more than the number."""
    if not name:
        return {}
    root = _tree(archive, name)
    codes = {e.get("numFmtId"): e.get("formatCode", "") for e in root.iter("{*}numFmt")}
    telling = {identity: code for identity, code in codes.items() if says_more(code)}
    cells = next(root.iter("{*}cellXfs"), None)
    styles = enumerate(cells) if cells is not None else ()
    return {str(n): telling[xf.get("numFmtId")] for n, xf in styles if xf.get("numFmtId") in telling}


def read_marks(part: BinaryIO, patterns: dict[str, str]) -> Marks | None:
    """What the cells of one sheet say beside their values; None for a sheet whose cells do not say where they stand.

    Found in the bytes, which takes a tenth of the time of parsing every cell; a sheet in UTF-16 is not looked at so.
    """
    wanted = b"|".join(re.escape(style.encode()) for style in patterns) or b"none"
    cells = re.compile(_CELL_OF % {b"styles": wanted}, re.DOTALL)
    marks = Marks()
    rest = b""
    while chunk := part.read(_CHUNK):
        text = rest + chunk
        if text.startswith((b"\xff\xfe", b"\xfe\xff")):
            return None
        end = text.rfind(b"row>") + 4
        if end < 4:
            rest = text
            continue
        rest = text[end:]
        for attributes, body in cells.findall(text, 0, end):
            if not _mark(marks, attributes, body, patterns):
                return None
    return marks


def _mark(marks: Marks, attributes: bytes, body: bytes, patterns: dict[str, str]) -> bool:
    """Note what a cell says; False for one that does not say where it stands."""
    said = {name.decode(): value.decode() for name, value in _ATTRIBUTE.findall(attributes)}
    place = _REFERENCE.fullmatch(said.get("r", ""))
    if place is None:
        return False
    found = _VALUE.search(body)
    value = found[1].decode() if found else None
    _note(
        marks, int(place[2]) - 1, _column_index(place[1]), said, value, patterns, _HAS_FORMULA.search(body) is not None
    )
    return True


def parse_marks(part: BinaryIO, patterns: dict[str, str]) -> Marks:
    """As `read_marks`, by parsing every cell."""
    marks = Marks()
    for row, column, cell in _cells(part):
        _note(marks, row, column, cell.attrib, cell.findtext("{*}v"), patterns, cell.find("{*}f") is not None)
    return marks


def _note(
    marks: Marks, row: int, column: int, said: Mapping[str, str], value: str | None, patterns: dict[str, str],
    has_formula: bool,
) -> None:  # fmt: skip
    kind = said.get("t", "n")
    if kind == "e":
        marks.errors.append((row, column, (value or "#N/A").strip()))
    elif value and kind == "n" and said.get("s") in patterns:
        marks.add_number(row, column, value, patterns[said["s"]])
    if has_formula:
        _count_formula(marks, kind, value, row, column)


def _count_formula(marks: Marks, kind: str, value: str | None, row: int, column: int) -> None:
    if not value and kind != "str":
        marks.without_result = marks.without_result or f"{_letters(column)}{row + 1}"
    elif kind == "n" and float(value or 0) == 0:
        marks.zero_results += 1
    else:
        marks.other_results += 1


def _letters(column: int) -> str:
    text = ""
    number = column + 1
    while number:
        number, rest = divmod(number - 1, 26)
        text = chr(65 + rest) + text
    return text


def _cells(part: BinaryIO) -> Iterator[tuple[int, int, Any]]:
    """Cells with their places; a cell or row without a reference follows the one before."""
    row, column = -1, -1
    events = etree.iterparse(
        part, events=("start", "end"), tag=("{*}row", "{*}c"), resolve_entities=False, no_network=True
    )
    for event, element in events:
        if _local(element) == "row":
            if event == "start":
                row, column = int(element.get("r", row + 2)) - 1, -1
            else:
                element.clear()
                while element.getprevious() is not None:
                    del element.getparent()[0]
        elif event == "end":
            place = _REFERENCE.fullmatch(element.get("r", ""))
            column = _column_index(place[1]) if place else column + 1
            yield row, column, element
