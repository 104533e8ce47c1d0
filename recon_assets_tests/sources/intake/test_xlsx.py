"""What a sheet says beside its values: found in its bytes, it is what parsing every cell gives."""

import io
import zipfile
from pathlib import Path

import pytest

from recon_assets.sources.intake.formats import foreign_currency, shown_number, zero_pattern
from recon_assets.sources.intake.xlsx import Marks, parse_marks, read_marks, read_package

CASES = Path(__file__).parents[2] / "wild"
WORKBOOKS = sorted(p for p in CASES.rglob("*") if p.suffix.lower() in (".xlsx", ".xlsm") and zipfile.is_zipfile(p))
SHEET = b"""<?xml version="1.0"?><worksheet xmlns="x"><sheetData>
<row r="1"><c r="A1" s="2"/><c r="B1" s="2"><v>7</v></c><c r="C1" t="e"><v>#REF!</v></c><c r="D1" t="s"><v>0</v></c></row>
<row r="3"><c s='2' r='B3' t='n'><v>12</v></c><c r="C3"><f>A1+1</f><v>0</v></c><c r="D3" t="str"><f>x</f><v>t</v></c>
<c r="E3"><f>A1</f></c><c r="F3" s="2" t="e"><v>#N/A</v></c><c r="AA3" s="2"><v>1.5</v></c></row></sheetData></worksheet>"""
FOUND = Marks([(0, 2, "#REF!"), (2, 5, "#N/A")], [(0, 1, "0007"), (2, 1, "0012")], "E3", 1, 1)


def test_errors_numbers_as_shown_and_formulas_are_found() -> None:
    assert read_marks(io.BytesIO(SHEET), {"2": "0000"}) == FOUND == parse_marks(io.BytesIO(SHEET), {"2": "0000"})


def test_numbers_that_are_shown_with_a_foreign_currency_are_told_with_it() -> None:
    patterns = {"2": "[$USD] #,##0.00"}
    marks = read_marks(io.BytesIO(SHEET), patterns)
    assert marks == parse_marks(io.BytesIO(SHEET), patterns)
    assert marks is not None and not marks.shown
    assert marks.currencies == [(0, 1, "USD"), (2, 1, "USD"), (2, 26, "USD")]


@pytest.mark.parametrize(
    ("code", "currency"),
    [
        ("[$USD] #,##0.00", "USD"), ("[$€-2] #,##0.00", "EUR"), ('"S$"#,##0.00;[Red]-"S$"#,##0.00', "SGD"),
        ('"$"#,##0.00', None), ("[$$-409]#,##0.00", None), ("[$RM-43E]#,##0.00", None), ('0.00" USD"', "USD"),
        ('0 "pcs"', None), ("#,##0.00", None), ("[$-409]dd/mm/yyyy", None),
    ],
)  # fmt: skip
def test_a_format_tells_a_currency_that_is_known_and_not_the_ringgit(code: str, currency: str | None) -> None:
    assert foreign_currency(code) == currency


def test_cells_that_do_not_say_where_they_stand_are_left_to_be_parsed() -> None:
    bare = SHEET.replace(b' r="C1"', b"")
    assert read_marks(io.BytesIO(bare), {"2": "0000"}) is None
    assert parse_marks(io.BytesIO(bare), {"2": "0000"}).errors[0] == (0, 2, "#REF!")
    assert read_marks(io.BytesIO(SHEET.decode().encode("utf-16")), {}) is None


@pytest.mark.parametrize("path", WORKBOOKS, ids=lambda path: f"{path.parent.parent.name}-{path.name}")
def test_both_ways_find_the_same_in_every_workbook_of_the_cases(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        package = read_package(archive)
        for part in package.sheets.values():
            content = archive.read(part)
            found = read_marks(io.BytesIO(content), package.patterns)
            assert found in (None, parse_marks(io.BytesIO(content), package.patterns))


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        ("12", "00000", "00012"), ("12.0", "00000", "00012"), ("1E3", "00000", "01000"), ("7", '"INV-"0000', "INV-0007"),
        ("123456", "0000", "123456"), ("1.5", "0000", None), ("-1", "0000", None), ("x", "0000", None),
    ],
)  # fmt: skip
def test_a_number_is_the_identifier_that_its_format_shows(value: str, code: str, shown: str | None) -> None:
    assert zero_pattern(code) is not None and shown_number(value, code) == shown
