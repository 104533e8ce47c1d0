"""Registers of an ERP as it exports them: CSV in several spellings, and XLSX with Excel's own dates and texts.

What is booked belongs to the scenario.
"""

import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

from recon_assets.sample.delimited import TextLayout, columns, write_delimited
from recon_assets.sample.einvoices.documents import NOTES, Quarantined, RegisterRow

HEADER = columns(
    "supplier_tin,buyer_tin,document_number,document_type,document_date,currency_code,original_document_number,"
    "total_excluding_tax,total_tax_amount,total_including_tax,total_payable_amount,total_discount_value,"
    "total_charge_amount,exchange_rate,consolidated_einvoice_number,row_reference"  # without names, as older files
)
SPOKEN_HEADER = columns(
    "Supplier TIN,Buyer TIN,Invoice Number,Document Type,Invoice Date,Currency,Original Invoice Number,"
    "Total Excl. Tax,Tax Amount,Total Incl. Tax,Payable Amount,Discount,Charge,Exchange Rate,"
    "Consolidated EInvoice Number,Row Reference,Supplier Name,Buyer Name"
)
_SHEET = "Register"
_DATES = ("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y")
_LAYOUTS = (
    TextLayout(),
    TextLayout("utf-8-sig", newline="\r\n"),
    TextLayout("utf-16", "\t", "\r\n"),
    TextLayout(is_gzipped=True),
)


def write_register(landing: Path, kind: str, month: str, at: int, rows: Sequence[RegisterRow]) -> list[Quarantined]:
    """Writes one month of the sales or purchase register; the rows that a reader must set aside."""
    folder = f"erp/{kind}_register/{month}"
    header = SPOKEN_HEADER if at % 2 else HEADER
    if kind == "purchase" and at % 2:
        _write_workbook(landing / folder / "register.xlsx", header, rows)
        name = f"register.xlsx#{_SHEET}"  # rows of a workbook are known by their sheet
    else:
        layout = _LAYOUTS[at % len(_LAYOUTS)]
        name = f"register{layout.suffix}"
        date_format = _DATES[at % len(_DATES)]
        write_delimited(
            landing / folder / name,
            layout,
            header,
            ([_plain(v) for v in _cells(r, date_format)[: len(header)]] for r in rows),
        )
    return [
        Quarantined(f"erp_{kind}_register", month, f"{folder}/{name}", place, "a date that is none")
        for place, row in enumerate(rows, start=1)
        if row.bad_date is not None
    ]


def _cells(row: RegisterRow, date_format: str) -> list[str | Decimal | None]:
    deed = row.deed
    sign = -1 if deed.type in NOTES else 1
    return [
        *deed.tins, deed.number, deed.type, row.bad_date or deed.day.strftime(date_format), deed.currency,
        deed.original,
        *(sign * amount for amount in deed.amounts), deed.rate, row.consolidated, row.reference, *deed.names,
    ]  # fmt: skip


def _plain(value: str | Decimal | None) -> str:
    if isinstance(value, Decimal):
        return f"{value:,.2f}" if value.as_tuple().exponent == -2 else format(value, "f")
    return value or ""


def _write_workbook(path: Path, header: Sequence[str], rows: Sequence[RegisterRow]) -> None:
    """Dates are Excel's, amounts are numbers in one half of the rows and texts in the other."""
    import xlsxwriter  # only samples with a workbook need it

    path.parent.mkdir(parents=True, exist_ok=True)
    with xlsxwriter.Workbook(str(path)) as workbook:
        workbook.set_properties({"created": dt.datetime(2025, 1, 1)})  # noqa: DTZ001  Excel knows no zones
        day_format = workbook.add_format({"num_format": "dd/mm/yyyy"})
        sheet = workbook.add_worksheet(_SHEET)
        sheet.write_row(0, 0, header)
        for place, row in enumerate(rows, start=1):
            for column, value in enumerate(_cells(row, "%Y-%m-%d")[: len(header)]):
                if column == 4 and row.bad_date is None:
                    sheet.write_datetime(place, column, dt.datetime.combine(row.deed.day, dt.time()), day_format)
                elif isinstance(value, Decimal) and place % 2:
                    sheet.write_number(place, column, float(value))
                elif value is not None:
                    sheet.write_string(place, column, _plain(value))
