"""Pages of the BSS API v3 as text records: one record per invoice item, numbers as they are written."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from recon_assets.errors import FileProblem
from recon_assets.sources.stream import Record, RecordTable, spelled_out
from recon_assets.sources.unpack import UnpackLimits, open_text

# Declared column -> path in the invoice, or in the item, of spec/sources.md.
_INVOICE_PATHS = {
    "invoice_id": "id",
    "invoice_code": "code",
    "invoice_date": "date",
    "created_at": "createdAt",
    "updated_at": "updatedAt",
    "invoice_due_date": "dueDate",
    "invoice_type": "type.type",
    "invoice_stage": "status.type",
    "account_id": "account.id",
    "account_name": "account.name",
    "billing_account_id": "billingTo.id",
    "currency": "currency",
}
_ITEM_PATHS = {
    "product_type": "product.type",
    "product": "product.name",
    "description": "description",
    "start_date": "startDate",
    "end_date": "endDate",
    "quantity": "quantity",
    "unit_price": "unitPrice",
    "unit_cost": "unitCost",
    "discount_percent": "discount.value",
    "final_amount": "total",
}
_SUBSCRIPTION_PATHS = {"bss_subscription_id": "id", "ms_subscription_id": "externalId"}
_COUNTS = ("invoice_ordinal", "subscription_count")

MAX_PAGE = 128 << 20  # characters: a page is in memory as a whole; one of 500 invoices has a few million

BOUND = {
    name: position for position, name in enumerate([*_INVOICE_PATHS, *_ITEM_PATHS, *_SUBSCRIPTION_PATHS, *_COUNTS])
}
_HEADINGS = [
    *_INVOICE_PATHS.values(),
    *(f"items.{path}" for path in _ITEM_PATHS.values()),
    *(f"items.subscriptions.{path}" for path in _SUBSCRIPTION_PATHS.values()),
    *_COUNTS,
]


def open_bss_page(path: Path, file: str, limits: UnpackLimits) -> tuple[RecordTable, list[dict[str, str]]]:
    """The items of one page `{data: [invoice], ...}` as a table; FileProblem when it is not such a page.

    Beside it one row per invoice of the page, items or none: they decide which copy is newest.
    """
    invoices = _invoices(path, file, limits)
    try:
        records = list(_item_records(invoices))
    except RecursionError as error:
        raise FileProblem(file, "is not a page of the BSS API: it is nested too deeply; fetch it again") from error
    copies = [
        {
            "invoice_id": spelled_out(_text(_at(invoice, "id")) or ""),
            "invoice_ordinal": str(n),
            "updated_at": spelled_out(_text(_at(invoice, "updatedAt")) or ""),
        }
        for n, invoice in enumerate(invoices, start=1)
        if _at(invoice, "id") is not None
    ]
    return RecordTable(_HEADINGS, lambda: iter(records)), copies


def _invoices(path: Path, file: str, limits: UnpackLimits) -> list[Any]:
    with open_text(path, file, limits) as text:
        try:
            content = text.read(MAX_PAGE + 1)
            if len(content) > MAX_PAGE:
                raise FileProblem(file, f"is larger than {MAX_PAGE} characters; fetch smaller pages")
            page = json.loads(content, parse_float=str, parse_int=str, parse_constant=str)
        except json.JSONDecodeError as error:
            raise FileProblem(
                file, f"is not valid JSON ({error.msg}, line {error.lineno}); it may be cut off, fetch it again"
            ) from error
        except (RecursionError, UnicodeDecodeError) as error:
            raise FileProblem(file, f"is not a page of the BSS API ({error}); fetch it again") from error
    if not isinstance(page, dict) or not isinstance(page.get("data"), list):
        raise FileProblem(file, "is not a page of the BSS API: it has no list 'data'; fetch it again")
    return list(page["data"])


def _item_records(invoices: list[Any]) -> Iterator[Record]:
    number = 0
    for ordinal, invoice in enumerate(invoices, start=1):
        items = invoice.get("items") if isinstance(invoice, dict) else None
        if not isinstance(items, list):
            number += 1
            problem = "the invoice has no list 'items'; fetch it with include=items"
            yield Record((), number, problem=problem, text=json.dumps(invoice))
            continue
        for item in items:
            number += 1
            wrong = _item_problem(item)
            if wrong is None:
                yield Record(_fields(invoice, item, ordinal), number)
            else:
                yield Record((), number, problem=wrong, text=json.dumps(item))


def _item_problem(item: Any) -> str | None:
    if not isinstance(item, dict):
        return "the invoice item is not an object"
    if not isinstance(item.get("subscriptions") or [], list):
        return "the item's 'subscriptions' is not a list"
    return None


def _fields(invoice: dict[str, Any], item: dict[str, Any], ordinal: int) -> list[str | None]:
    subscriptions = item.get("subscriptions") or []
    only = subscriptions[0] if len(subscriptions) == 1 else {}
    return [
        *(_text(_at(invoice, path)) for path in _INVOICE_PATHS.values()),
        *(_text(_at(item, path)) for path in _ITEM_PATHS.values()),
        *(_text(_at(only, path)) for path in _SUBSCRIPTION_PATHS.values()),
        str(ordinal),
        str(len(subscriptions)),
    ]


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _text(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)
