"""What a sheet of a binary workbook (.xlsb) says beside its values: errors, results of formulas, numbers as shown,
merged cells.

Its parts are records of a type, a size and bytes (MS-XLSB, 2.1.4); python-calamine reads the values, and gives error
cells as empty.
"""

import struct
import zipfile
from collections.abc import Iterator

from recon_assets.sources.intake.formats import says_more
from recon_assets.sources.intake.xlsx import Marks, relations

_ROW, _RK, _ERROR, _REAL, _FORMULA_TEXT, _FORMULA_NUMBER, _FORMULA_BOOL, _FORMULA_ERROR = 0, 2, 3, 5, 8, 9, 10, 11
_MERGED = 176
_FORMAT, _CELL_FORMAT, _SHEET, _BEGIN_CELL_FORMATS, _END_CELL_FORMATS = 44, 47, 156, 617, 618
_ERRORS = {
    0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A",
    0x2B: "#GETTING_DATA",
}  # fmt: skip


def records(content: bytes) -> Iterator[tuple[int, bytes]]:
    """Type and bytes of each record; struct.error or IndexError for a part that breaks off."""
    at = 0
    while at < len(content):
        kind = content[at]
        at += 1
        if kind & 0x80:
            kind = kind & 0x7F | content[at] << 7
            at += 1
        size = shift = 0
        while True:
            byte = content[at]
            at += 1
            size |= (byte & 0x7F) << shift
            shift += 7
            if not byte & 0x80:
                break
        yield kind, content[at : at + size]
        at += size


def _text(content: bytes, at: int) -> tuple[str, int]:
    """A counted text in UTF-16, and where it ends."""
    (length,) = struct.unpack_from("<I", content, at)
    end = at + 4 + 2 * length
    return content[at + 4 : end].decode("utf-16-le"), end


def read_binary(archive: zipfile.ZipFile) -> dict[str, Marks]:
    """What each sheet says, by its name."""
    names = {name.lower(): name for name in archive.namelist()}
    book = next(name for lower, name in names.items() if lower.endswith("workbook.bin"))
    folder, _, leaf = book.rpartition("/")
    targets = relations(archive, names.get(f"{folder}/_rels/{leaf}.rels".lower(), ""), folder)
    styles = next((names.get(t.lower(), "") for kind, t in targets.values() if kind.endswith("/styles")), "")
    patterns = _patterns(archive.read(styles)) if styles else {}
    found = {}
    for kind, content in records(archive.read(book)):
        if kind == _SHEET:
            identity, end = _text(content, 8)
            part = names.get(targets.get(identity, ("", ""))[1].lower())
            if part is not None:
                found[_text(content, end)[0]] = sheet_marks(archive.read(part), patterns)
    return found


def _patterns(content: bytes) -> dict[int, str]:
    """Index of a cell style -> its number format, for formats that say more than the number."""
    codes: dict[int, str] = {}
    patterns: dict[int, str] = {}
    style = -1
    for kind, record in records(content):
        if kind == _FORMAT:
            codes[struct.unpack_from("<H", record)[0]] = _text(record, 2)[0]
        elif kind in (_BEGIN_CELL_FORMATS, _END_CELL_FORMATS):
            style = 0 if kind == _BEGIN_CELL_FORMATS else -1
        elif kind == _CELL_FORMAT and style >= 0:
            code = codes.get(struct.unpack_from("<H", record, 2)[0], "")
            patterns |= {style: code} if says_more(code) else {}
            style += 1
    return patterns


def sheet_marks(content: bytes, patterns: dict[int, str]) -> Marks:
    """What the cells of one sheet say beside their values."""
    marks, row = Marks(), 0
    for kind, record in records(content):
        if kind == _ROW:
            (row,) = struct.unpack_from("<I", record)
        elif kind == _MERGED:
            marks.merged.append(struct.unpack_from("<III", record))  # the last column does not matter
        elif kind in (_ERROR, _FORMULA_ERROR):
            (column,) = struct.unpack_from("<I", record)
            marks.errors.append((row, column, _ERRORS.get(record[8], "#N/A")))
        elif kind in (_RK, _REAL, _FORMULA_NUMBER):
            column, style = struct.unpack_from("<II", record)
            value = _rk(record[8:12]) if kind == _RK else struct.unpack_from("<d", record, 8)[0]
            if code := patterns.get(style & 0xFFFFFF):
                marks.add_number(row, column, repr(value), code)
            if kind == _FORMULA_NUMBER:
                marks.zero_results += value == 0
                marks.other_results += value != 0
        marks.other_results += kind in (_FORMULA_TEXT, _FORMULA_BOOL, _FORMULA_ERROR)
    return marks


def _rk(content: bytes) -> float:
    """A number in four bytes: a whole one or the upper half of a double, perhaps a hundred times too large."""
    (number,) = struct.unpack("<i", content)
    value = float(number >> 2) if number & 2 else struct.unpack("<d", b"\0\0\0\0" + struct.pack("<i", number & ~3))[0]
    return value / 100 if number & 1 else value
