"""Invoices of the billing platform (BSS): pages of its API v3 and the CSV export (spec/sources.md).

What is invoiced belongs to the scenario; text encodings and number styles belong to `delimited`.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from itertools import islice
from pathlib import Path

from recon_assets.sample.delimited import TextLayout, columns, write_delimited
from recon_assets.sample.records import BssInvoice, BssLine, Quarantined, to_cents

HEADER = columns(
    "Invoice Code,Invoice Date,Invoice Type,Invoice Stage,Invoice Due Date,Account ID,Billing Account ID,"
    "BSS Subscription ID,MS Subscription ID,Product Type,Product,Start Date,End Date,Qty,Unit Cost,Total Cost,"
    "Unit Price,Disc. %,Final Amount,Currency"
)
UNDERSCORED_HEADER = tuple(name.upper().replace(" ", "_") + " " for name in HEADER)

CSV_VARIANTS = (
    TextLayout(),
    TextLayout("utf-8-sig", ";", "\r\n", "us", has_decimal_comma=True),
    TextLayout("utf-16", "\t", "\r\n", "us_time"),
    TextLayout("utf-8-sig", dates="iso_time"),
    TextLayout(delimiter=";", dates="us_time", has_scientific_zero=True),
    TextLayout(delimiter="\t", newline="\r\n", dates="us"),
)
UNDERSCORED = 3
COPIED = 4
MARGIN = Decimal("1.15")
DISCOUNT_PERCENT = Decimal("5")


def folder_of(month: str) -> str:
    return f"bss/invoices/{month}"


def write_pages(landing: Path, month: str, invoices: Iterable[BssInvoice], total: int, size: int) -> None:
    """Writes `total` invoices as pages of `size`, `page-0001.json` and so on; one page is in memory at a time."""
    _write_pages(landing / folder_of(month), "page", iter(invoices), total, size, has_times=int(month[5:]) % 2 == 0)


def write_updates(landing: Path, month: str, invoices: Sequence[BssInvoice]) -> None:
    """Writes the pages a later fetch brought: other copies of invoices that `write_pages` wrote."""
    if invoices:
        _write_pages(landing / folder_of(month), "update", iter(invoices), len(invoices), 20, has_times=False)


def _write_pages(
    folder: Path, stem: str, invoices: Iterator[BssInvoice], total: int, size: int, has_times: bool
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    pages = max(1, -(-total // size))
    for page in range(1, pages + 1):
        document = {
            "data": [_invoice_json(invoice, has_times) for invoice in islice(invoices, size)],
            "paging": {"page": page, "size": size, "totalPages": pages, "totalRecords": total},
            "links": _links(page, pages, size),
        }
        text = json.dumps(document, default=float, ensure_ascii=False)
        (folder / f"{stem}-{page:04d}.json").write_bytes(text.encode("utf-8"))


def _links(page: int, pages: int, size: int) -> dict[str, str | None]:
    def link(index: int) -> str | None:
        return f"/api/invoices?pageIndex={index}&pageSize={size}" if 1 <= index <= pages else None

    return {"self": link(page), "prev": link(page - 1), "next": link(page + 1)}


def _invoice_json(invoice: BssInvoice, has_times: bool) -> dict[str, object]:
    created = invoice.created_on or invoice.day
    account = {"id": invoice.account.account_id, "name": invoice.account.name}
    return {
        "id": invoice.invoice_id,
        "code": invoice.code,
        "date": invoice.stamp or invoice.day.isoformat(),
        "createdAt": f"{created.isoformat()}T06:15:00Z",
        "updatedAt": invoice.updated_at or f"{invoice.day.isoformat()}T06:15:00Z",
        "dueDate": _due(invoice).isoformat(),
        "type": {"type": invoice.invoice_type},
        "status": {"type": invoice.stage},
        "account": account,
        "billingTo": {"id": invoice.account.billing_account_id, "name": invoice.account.name},
        "currency": invoice.currency,
        "items": [_line_json(line, has_times) for line in invoice.lines],
    }


def _line_json(line: BssLine, has_times: bool) -> dict[str, object]:
    """`total` is the sales amount, never the cost (spec/subscription_reconciliation.md, precise rule 9)."""
    charge, product = line.charge, line.product
    unit_price = _unit_price(charge.unit_cost)
    return {
        "product": {"id": product.code, "code": product.code, "name": product.name, "type": product.product_type},
        "description": product.name,
        "subscriptions": [
            {"id": f"{line.bss_subscription_id}{'-' * bool(position)}{position or ''}", "externalId": external_id}
            for position, external_id in enumerate(line.ms_subscription_ids)
        ],
        "startDate": _json_day(charge.start, "T00:00:00Z" if has_times else ""),
        "endDate": _json_day(charge.end, "T23:59:59Z" if has_times else ""),
        "quantity": charge.quantity,
        "unitPrice": unit_price,
        "unitCost": charge.unit_cost,
        "discount": {"value": DISCOUNT_PERCENT},
        "total": _final_amount(unit_price, charge.quantity),
    }


@lru_cache(maxsize=4096)
def _json_day(day: date | None, time: str) -> str | None:
    return None if day is None else day.isoformat() + time


@lru_cache(maxsize=4096)
def _unit_price(unit_cost: Decimal) -> Decimal:
    return to_cents(unit_cost * MARGIN)


@lru_cache(maxsize=4096)
def _final_amount(unit_price: Decimal, quantity: Decimal) -> Decimal:
    return to_cents(unit_price * quantity * (100 - DISCOUNT_PERCENT) / 100)


def _due(invoice: BssInvoice) -> date:
    return invoice.day + timedelta(days=30)


def write_csv(landing: Path, month: str, index: int, invoices: Iterable[BssInvoice]) -> list[Quarantined]:
    """Writes the CSV export of the sample's month number `index`; returns the rows a reader must set aside."""
    position = index % len(CSV_VARIANTS)
    text = CSV_VARIANTS[position]
    name = f"invoices_{month}.csv"
    path = landing / folder_of(month) / name
    header = UNDERSCORED_HEADER if position == UNDERSCORED else HEADER
    set_aside: list[Quarantined] = []
    write_delimited(path, text, header, _csv_rows(invoices, text, month, f"{folder_of(month)}/{name}", set_aside))
    if position == COPIED:
        shutil.copyfile(path, path.with_name(f"invoices_{month}_copy.csv"))
    return set_aside


def _csv_rows(
    invoices: Iterable[BssInvoice], text: TextLayout, month: str, source_file: str, set_aside: list[Quarantined]
) -> Iterator[list[str]]:
    number = 0
    for invoice in invoices:
        for line in invoice.lines:
            number += 1
            cells = _csv_cells(invoice, line, text)
            if line.corruption is not None:
                wrong = line.corruption
                if wrong.text is not None:
                    cells[HEADER.index(wrong.column)] = wrong.text
                set_aside.append(Quarantined("bss_invoices", month, source_file, number, wrong.column, wrong.what))
            yield cells


def _csv_cells(invoice: BssInvoice, line: BssLine, text: TextLayout) -> list[str]:
    charge = line.charge
    unit_price = _unit_price(charge.unit_cost)
    return [
        invoice.code,
        text.start(invoice.day),
        invoice.invoice_type,
        invoice.stage,
        text.start(_due(invoice)),
        invoice.account.account_id,
        invoice.account.billing_account_id,
        line.bss_subscription_id,
        "".join(line.ms_subscription_ids),
        line.product.product_type,
        line.product.name,
        text.start(charge.start),
        text.end(charge.end),
        text.number(charge.quantity),
        text.number(charge.unit_cost),
        text.number(charge.amount) if invoice.has_total_cost else "",
        text.number(unit_price),
        text.number(DISCOUNT_PERCENT),
        text.number(_final_amount(unit_price, charge.quantity)),
        invoice.currency,
    ]
