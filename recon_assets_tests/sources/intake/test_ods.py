"""OpenDocument sheets: what they say beside their values."""

import io
import zipfile

from recon_assets.sources.intake.ods import read_document

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


def test_merged_cells_are_told_by_their_first_and_last_row_and_their_column() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("content.xml", CONTENT)
    with zipfile.ZipFile(packed) as archive:
        assert read_document(archive).marks["Sales"].merged == [(2, 4, 2)]
