"""OpenDocument sheets: what they say beside their values."""

import io
import zipfile

from recon_assets.sources.intake.ods import read_document
from recon_assets.sources.intake.xlsx import Marks

NAMES = (
    'xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"'
)
CELL = '<table:table-cell office:value-type="string"><text:p>x</text:p></table:table-cell>'
CONTENT = f"""<office:document-content {NAMES}><office:body><office:spreadsheet><table:table table:name="Sales">
<table:table-row table:number-rows-repeated="2">{CELL}</table:table-row>
<table:table-row><table:table-cell table:number-columns-repeated="2"/>
<table:table-cell table:number-rows-spanned="3" table:number-columns-spanned="1" office:value-type="string"><text:p>INV-1</text:p></table:table-cell>
</table:table-row></table:table></office:spreadsheet></office:body></office:document-content>"""


def marks_of(content: str) -> Marks:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("content.xml", content)
    with zipfile.ZipFile(packed) as archive:
        return read_document(archive).marks["Sales"]


def test_merged_cells_are_told_by_their_first_and_last_row_and_their_column() -> None:
    assert marks_of(CONTENT).merged == [(2, 4, 2)]


def test_an_amount_that_is_shown_with_a_foreign_currency_is_told_with_it() -> None:
    """LibreOffice says USD of every amount in a format with $, whatever its currency."""
    shown = ("USD 1,000.00", "1.000,00 €", "$1,000.00", "RM 1,000.00")
    cells = "".join(
        f'<table:table-cell office:value-type="currency" office:currency="USD"><text:p>{text}</text:p></table:table-cell>'
        for text in shown
    )
    content = CONTENT.replace(CELL, cells).replace(' table:number-rows-repeated="2"', "")
    assert marks_of(content).currencies == [(0, 0, "USD"), (0, 1, "EUR")]
