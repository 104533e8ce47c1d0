"""Binary workbooks: what the records of a sheet say beside its values."""

import io
import struct
import zipfile

from recon_assets.sources.intake.xlsb import read_binary, records, sheet_marks
from recon_assets.sources.intake.xlsx import Marks

RELATIONS = (
    '<Relationships xmlns="r"><Relationship Id="rId1" Type="x/worksheet" Target="worksheets/sheet1.bin"/>'
    '<Relationship Id="rId2" Type="x/styles" Target="styles.bin"/></Relationships>'
)


def record(kind: int, content: bytes = b"") -> bytes:
    head = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    size = len(content)
    return head + (bytes([size]) if size < 128 else bytes([size & 0x7F | 0x80, size >> 7])) + content


def cell(kind: int, column: int, value: bytes, style: int = 0) -> bytes:
    return record(kind, struct.pack("<II", column, style) + value)


def text(value: str) -> bytes:
    return struct.pack("<I", len(value)) + value.encode("utf-16-le")


SHEET = b"".join([
    record(0, struct.pack("<I", 4) + b"\0" * 200), cell(3, 1, b"\x2a"), cell(11, 2, b"\x17\0\0"), cell(2, 3, struct.pack("<i", 12 << 2 | 2), 1),
    record(0, struct.pack("<I", 9)), cell(5, 3, struct.pack("<d", 7), 1), cell(9, 4, struct.pack("<d", 0)), cell(9, 5, struct.pack("<d", 2)),
    cell(2, 6, struct.pack("<i", 1234 << 2 | 3), 1),
])  # fmt: skip


def test_errors_results_of_formulas_and_numbers_as_shown_are_found() -> None:
    assert sheet_marks(SHEET, {1: "00000"}) == Marks(
        [(4, 1, "#N/A"), (4, 2, "#REF!")], [(4, 3, "00012"), (9, 3, "00007")], None, 1, 2
    )


def test_numbers_that_are_shown_with_a_foreign_currency_are_told_with_it() -> None:
    marks = sheet_marks(SHEET, {1: "[$USD] #,##0.00"})
    assert marks.currencies == [(4, 3, "USD"), (9, 3, "USD"), (9, 6, "USD")] and not marks.shown


def test_sheets_and_formats_are_found_by_the_records_of_the_workbook() -> None:
    styles = [
        record(44, struct.pack("<H", 164) + text("00000")), record(617), record(47, struct.pack("<HH", 0, 0)),
        record(47, struct.pack("<HH", 0, 164)), record(618), record(47, struct.pack("<HH", 0, 164)),
    ]  # fmt: skip
    book = record(156, struct.pack("<II", 0, 1) + text("rId1") + text("Register"))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("xl/workbook.bin", book)
        archive.writestr("xl/_rels/workbook.bin.rels", RELATIONS)
        archive.writestr("xl/styles.bin", b"".join(styles))
        archive.writestr("xl/worksheets/sheet1.bin", SHEET)
    with zipfile.ZipFile(packed) as archive:
        assert read_binary(archive) == {"Register": sheet_marks(SHEET, {1: "00000"})}


def test_merged_cells_are_told_by_their_first_and_last_row_and_their_column() -> None:
    sheet = record(0, struct.pack("<I", 1)) + record(177) + record(176, struct.pack("<IIII", 1, 3, 2, 2)) + record(178)
    assert sheet_marks(sheet, {}).merged == [(1, 3, 2)]


def test_records_have_types_and_sizes_of_more_than_one_byte() -> None:
    assert list(records(record(617, b"x" * 300) + record(3, b"y"))) == [(617, b"x" * 300), (3, b"y")]
