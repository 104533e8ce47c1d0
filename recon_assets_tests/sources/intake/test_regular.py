"""Delimited texts: the rows that Arrow reads are those that Python's csv module reads one by one."""

from pathlib import Path
from typing import Any

import pytest

from recon_assets.errors import FileProblem
from recon_assets.sources.intake import texts
from recon_assets.sources.intake.texts import read_text
from recon_assets.sources.unpack import UnpackLimits

ROWS = ["Number,Name,Total", *(f"INV-{n},Contoso,1.50" for n in range(4))]
BESIDE = {
    "a row like the others": "INV-9,Fabrikam,2.50",
    "a quoted field": 'INV-9,"Fabrikam, Inc.",2.50',
    "a quote in a field": 'INV-9,"6"" nails",2.50',
    "a break in a field": 'INV-9,"Fabrikam\nInc.",2.50',
    "a quote that is out of place": 'INV-9,6" nails,2.50',
    "text behind a quoted field": 'INV-9,"Fabrikam" Inc.,2.50',
    "a quote that is never closed": 'INV-9,"Fabrikam,2.50',
    "empty fields": "INV-9,,",
    "quoted nothing": 'INV-9,"",2.50',
    "fields of blanks": "INV-9,  ,\t",
    "a field of wide blanks": "INV-9,\u3000,2.50",
    "a field of marks that Python takes for blanks": "INV-9,\x1c,2.50",
    "letters that are no ASCII": "\u9673\u8a18,\u9673,2.50",
    "blanks around": " INV-9 , Fabrikam , 2.50 ",
    "too few fields": "INV-9,Fabrikam",
    "too many fields": "INV-9,Fabrikam,2.50,x",
    "nothing": "",
    "blanks alone": "   ",
    "delimiters alone": ",,",
    "a drawn line": "---,----,===",
    "a drawn line with nothing before": ",----,",
    "a drawn line in one field": "---------",
    "dashes in a row": "---,Fabrikam,2.50",
    "a return alone": "INV-9,Fabrikam\rInc.,2.50",
    "a return at the end": "INV-9,Fabrikam,2.50\r",
    "a mark of the byte order": "\ufeffINV-9,Fabrikam,2.50",
    "a mark of the byte order in a field": "INV-9,Fabri\ufeffkam,2.50",
    "a zero byte": "INV-9,Fabri\0kam,2.50",
    "bytes that are no UTF-8": "INV-9,Fabri\udcffkam,2.50",
    "other delimiters": "INV-9;Fabrikam;2.50",
}


@pytest.mark.parametrize("end", ["\n", "\r\n"], ids=["line feeds", "returns and line feeds"])
@pytest.mark.parametrize("row", BESIDE.values(), ids=BESIDE)
def test_a_list_is_read_alike_by_arrow_and_row_by_row(
    row: str, end: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(end.join([*ROWS, row, "INV-10,Contoso,1.50", ""]).encode("utf-8", "surrogateescape"))
    monkeypatch.setattr(texts, "_BY_HAND", 2)
    fast = told(path)
    monkeypatch.setattr(texts, "regular_rows", lambda *given: None)
    assert fast == told(path)


def test_rows_as_programs_write_them_are_read_by_arrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "list.csv"
    path.write_text("\n".join([*ROWS, BESIDE["a break in a field"], BESIDE["a quote in a field"]]), encoding="utf-8")
    monkeypatch.setattr(texts, "_BY_HAND", 1)
    monkeypatch.setattr(texts._Rows, "_kept", lambda self, fields, begins: kept(self, fields, begins))
    rows = told(path)["rows"]
    assert [line for line, *_ in rows] == [1, 2, 3, 4, 5, 6, 8]
    assert rows[-2][3] == "Fabrikam\nInc." and rows[-1][3] == '6" nails'


def kept(rows: Any, fields: list[str], begins: int) -> list[str]:
    """The heading; whatever is read by hand behind it fails the test."""
    assert begins == 1, fields
    rows.lines.append(begins)
    rows.widths.append(len(fields))
    return fields


def told(path: Path) -> dict[str, Any]:
    """Lines, widths and fields of the rows, and those that cannot be read; or why none can."""
    try:
        grid = read_text(path, path.name, UnpackLimits()).grid
    except FileProblem as problem:
        return {"problem": str(problem)}
    assert grid.widths is not None
    columns = [column.to_pylist() for column in grid.columns]
    rows = list(zip(grid.lines.to_pylist(), grid.widths.to_pylist(), *columns, strict=True))
    return {"rows": rows, "problems": grid.problems, "delimiter": grid.delimiter}
