"""Text files as people save them."""

from pathlib import Path

import pytest

from recon_assets.errors import FileProblem
from recon_assets.sources.intake.texts import TextTable, read_text
from recon_assets.sources.unpack import UnpackLimits

HEADING = "Number,Name,Total"


def read(folder: Path, content: str | bytes, encoding: str = "utf-8") -> TextTable:
    path = folder / "list.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return read_text(path, path.name, UnpackLimits())


@pytest.mark.parametrize(
    ("name", "encoding", "told"),
    [
        ("Café Mélaka", "utf-8", None),
        ("Café Mélaka", "utf-8-sig", None),
        ("Café Mélaka", "utf-16", None),
        ("陈氏贸易", "utf-16-le", None),
        ("Cafe", "utf-16-be", None),
        ("Café Mélaka", "cp1252", "Windows-1252"),
        ("Müller – Söhne", "cp1252", "Windows-1252"),
        ("陈氏贸易有限公司", "gb18030", "GB18030"),
        ("陳記貿易有限公司", "big5", "Big5"),
    ],
)
def test_a_text_is_read_in_the_encoding_it_is_in(tmp_path: Path, name: str, encoding: str, told: str | None) -> None:
    lines = "".join(f"INV-{n},{name},1.50\n" for n in range(30))
    table = read(tmp_path, f"{HEADING}\n{lines}", encoding)
    assert table.grid.row(1) == ["INV-0", name, "1.50"] and table.encoding.assumed == told


def test_a_few_damaged_bytes_in_utf_8_spoil_their_record_only(tmp_path: Path) -> None:
    good = "".join(f"INV-{n},Café Mélaka Sdn Bhd,1.50\n" for n in range(20)).encode()
    table = read(tmp_path, HEADING.encode() + b"\n" + good + b"INV-X,Caf\xff,1.50\n")
    assert table.encoding.name == "utf-8-sig" and list(table.grid.problems) == [21]


def test_a_byte_order_mark_is_no_part_of_any_field(tmp_path: Path) -> None:
    table = read(tmp_path, f"\ufeff{HEADING}\n\ufeffINV-1,A,1\n")
    assert table.grid.row(0)[0] == "Number" and table.grid.row(1)[0] == "INV-1"


@pytest.mark.parametrize("ends", ["\n", "\r\n", "\r"])
def test_lines_end_as_they_like(tmp_path: Path, ends: str) -> None:
    table = read(tmp_path, ends.join([HEADING, "INV-1,A,1", "INV-2,B,2"]))
    assert table.grid.lines.to_pylist() == [1, 2, 3] and table.grid.row(2) == ["INV-2", "B", "2"]


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_the_one_that_the_heading_has(tmp_path: Path, mark: str) -> None:
    table = read(tmp_path, f"{HEADING.replace(',', mark)}\nINV-1{mark}A{mark}1\n")
    assert table.delimiter == mark and table.grid.row(1) == ["INV-1", "A", "1"]


def test_a_line_for_spreadsheets_names_the_delimiter_and_is_no_record(tmp_path: Path) -> None:
    table = read(tmp_path, 'sep=;\nNumber;Name, first and last;Total\nINV-1;A, B, C, D;"1,5"\n')
    assert table.delimiter == ";" and table.grid.lines.to_pylist() == [2, 3] and table.grid.row(1)[1] == "A, B, C, D"


def test_the_type_line_of_powershell_is_no_record(tmp_path: Path) -> None:
    table = read(
        tmp_path, f'#TYPE Selected.System.Object\n"{HEADING.replace(",", chr(34) + "," + chr(34))}"\n"1","A","2"\n'
    )
    assert table.grid.row(0) == ["Number", "Name", "Total"] and table.grid.lines.to_pylist() == [2, 3]


def test_a_record_over_several_lines_stands_where_it_begins(tmp_path: Path) -> None:
    table = read(tmp_path, f'{HEADING}\nINV-1,"A\nB",1\nINV-2,C,2\n')
    assert table.grid.lines.to_pylist() == [1, 2, 4]


def test_a_quote_that_is_never_closed_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="line 3 is never closed"):
        read(tmp_path, f'{HEADING}\nINV-1,A,1\n"INV-2,A,1\n')


def test_an_empty_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="the file is empty"):
        read(tmp_path, "\n\n")
