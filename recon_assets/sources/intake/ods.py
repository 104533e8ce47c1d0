"""What an OpenDocument sheet says beside its values: errors, numbers as they are shown, merged cells."""

import re
import zipfile
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from recon_assets.sources.intake.numbers import parts_of
from recon_assets.sources.intake.words import known_currency
from recon_assets.sources.intake.xlsx import MOST_ROWS, Marks

_SHOWN = re.compile(r"[^\d.,]*0*\d+[^\d.,]*")


@dataclass
class Document:
    marks: dict[str, Marks] = field(default_factory=dict)  # by sheet
    date_1904: bool = False


def read_document(archive: zipfile.ZipFile) -> Document:
    """The errors, shown numbers and merged cells of every sheet; XMLSyntaxError for a damaged document."""
    document = Document()
    with archive.open("content.xml") as part:
        tags = ("{*}table", "{*}null-date", "{*}table-row")
        row, marks = 0, Marks()
        for event, element in etree.iterparse(part, events=("start", "end"), tag=tags, resolve_entities=False):
            name = etree.QName(element).localname
            if event == "start" and name == "table":
                row, marks = 0, document.marks.setdefault(_attribute(element, "name"), Marks())
            elif name == "null-date":
                document.date_1904 = _attribute(element, "date-value").startswith("1904")
            elif event == "end" and name == "table-row":
                _mark_row(element, row, marks)
                row = min(row + int(_attribute(element, "number-rows-repeated") or 1), MOST_ROWS)
                element.clear()
    return document


def _mark_row(row: Any, number: int, marks: Marks) -> None:
    column = 0
    for cell in row.iterchildren("{*}table-cell", "{*}covered-table-cell"):
        shown = "\n".join("".join(text.itertext()) for text in cell.iterchildren("{*}p"))
        kind = _attribute(cell, "value-type", "urn:org:documentfoundation") or _attribute(cell, "value-type")
        if kind == "error" or (_attribute(cell, "formula") and shown.startswith(("#", "Err:"))):
            marks.errors.append((number, column, shown))
        elif kind == "float" and _is_shown(shown, _attribute(cell, "value")):
            marks.shown.append((number, column, shown))
        elif kind == "currency" and (code := _foreign_currency(shown)) is not None:
            marks.currencies.append((number, column, code))
        if (rows := int(_attribute(cell, "number-rows-spanned") or 1)) > 1:
            marks.merged.append((number, number + rows - 1, column))
        column += int(_attribute(cell, "number-columns-repeated") or 1)


def _is_shown(shown: str, value: str) -> bool:
    """Whether a whole number is shown with leading zeros or with a text before or after it."""
    digits = re.sub(r"\D", "", shown)
    is_whole = value.isdigit() and _SHOWN.fullmatch(shown) is not None
    return is_whole and shown != value and digits.lstrip("0") == value.lstrip("0")


def _foreign_currency(shown: str) -> str | None:
    """The code of the currency that an amount is shown with, where it is a known one and not the ringgit."""
    parts = parts_of(shown)
    code = known_currency(parts.currency) if parts and parts.currency else None
    return None if code == "MYR" else code


def _attribute(element: Any, name: str, namespace: str = "") -> str:
    for key, value in element.attrib.items():
        qualified = etree.QName(key)
        if qualified.localname == name and (qualified.namespace or "").startswith(namespace):
            return str(value)
    return ""
