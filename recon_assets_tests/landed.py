"""Small landing files for tests: lines with sensible defaults, and writers for the formats that land."""

import csv
import datetime as dt
import gzip
import io
import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from recon_assets.catalogue import SOURCES
from recon_assets.lakehouse.raw import RawStore
from recon_assets.landing.discovery import discover
from recon_assets.months import MONTH_NAMES, add_months
from recon_assets.platform import Platform
from recon_assets.settings import Settings
from recon_assets.sources.loading import Load

NOW = dt.datetime(2025, 7, 1, 6, 0, tzinfo=dt.UTC)
Line = dict[str, str]


def utc(text: str) -> dt.datetime:
    """An instant as DuckDB returns a TIMESTAMP: in UTC, without saying so."""
    return dt.datetime.fromisoformat(text)


def settings_in(home: Path, **changes: Any) -> Settings:
    return Settings(home=home, _env_file=None, **changes)  # type: ignore[call-arg]


def platform_in(home: Path, **changes: Any) -> Platform:
    """A platform with its own home and landing zone, at a fixed instant."""
    settings = settings_in(home, **changes)
    settings.landing.mkdir(parents=True, exist_ok=True)
    return Platform.from_settings(settings, lambda: NOW)


def bss_line(**changes: str) -> Line:
    """A CSV invoice line of January 2025; keyword arguments replace columns, `_` standing for a blank."""
    line = {
        "Invoice Code": "INV-1", "Invoice Date": "2025-01-10", "Invoice Type": "debit", "Invoice Stage": "Sent",
        "Invoice Due Date": "2025-02-10", "Account ID": "0032", "Billing Account ID": "B1", "BSS Subscription ID": "S1",
        "MS Subscription ID": "sub-1", "Product Type": "NCE", "Product": "Seats", "Start Date": "2025-01-01",
        "End Date": "2025-01-31", "Qty": "1", "Unit Cost": "10", "Total Cost": "", "Unit Price": "12", "Disc. %": "0",
        "Final Amount": "12", "Currency": "MYR",
    }  # fmt: skip
    return line | {name.replace("_", " "): value for name, value in changes.items()}


def nce_line(**changes: str) -> Line:
    """A line of Microsoft's NCE file that charges January 2025."""
    line = {
        "PartnerId": "partner-1", "InvoiceNumber": "G1", "ProductName": "Microsoft seats", "ChargeType": "renew",
        "UnitPrice": "10", "Quantity": "1", "Subtotal": "10", "TaxTotal": "0", "Total": "10", "Currency": "MYR",
        "SubscriptionId": "sub-1", "ChargeStartDate": "2025-01-01", "ChargeEndDate": "2025-01-31",
    }  # fmt: skip
    return line | changes


def legacy_line(**changes: str) -> Line:
    line = {
        "PartnerId": "partner-1", "SyndicationPartnerSubscriptionNumber": "sub-1", "OfferName": "Legacy seats",
        "ChargeStartDate": "2025-01-01", "ChargeEndDate": "2025-01-31", "ChargeType": "Cycle fee", "UnitPrice": "10",
        "Quantity": "1", "Subtotal": "10", "Tax": "0", "TotalForCustomer": "10", "Currency": "MYR",
    }  # fmt: skip
    return line | changes


def json_item(**changes: Any) -> dict[str, Any]:
    item = {
        "product": {"id": 1, "code": "P", "name": "Seats", "type": "NCE"}, "description": "line",
        "subscriptions": [{"id": 77, "externalId": "sub-1"}], "startDate": "2025-01-01", "endDate": "2025-01-31",
        "quantity": 1, "unitPrice": 12, "unitCost": 10, "discount": {"value": 0}, "total": 12,
    }  # fmt: skip
    return item | changes


def json_invoice(*items: dict[str, Any], **changes: Any) -> dict[str, Any]:
    invoice = {
        "id": 1, "code": "INV-1", "date": "2025-01-10", "createdAt": "2025-01-10T08:00:00Z", "dueDate": "2025-02-10",
        "type": {"type": "debit"}, "status": {"type": "Sent"}, "account": {"id": "0032"}, "billingTo": {"id": "B1"},
        "currency": "MYR", "updatedAt": "2025-01-10T08:00:00Z", "items": list(items),
    }  # fmt: skip
    return invoice | changes


def delimited(
    lines: Sequence[Line], headings: Sequence[str], delimiter: str = ",", newline: str = "\r\n", encoding: str = "utf-8"
) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter, lineterminator=newline)
    writer.writerow(headings)
    writer.writerows([line.get(heading, "") for heading in headings] for line in lines)
    return out.getvalue().encode(encoding)


def land(landing: Path, path: str, content: bytes | str) -> Path:
    target = landing / path
    target.parent.mkdir(parents=True, exist_ok=True)
    packed = gzip.compress if path.endswith(".gz") else bytes
    target.write_bytes(packed(content.encode("utf-8") if isinstance(content, str) else content))
    return target


def land_bss(landing: Path, month: str, lines: Sequence[Line], name: str = "a.csv", **how: str) -> str:
    path = f"bss/invoices/{month}/{name}"
    land(landing, path, delimited(lines, list(bss_line()), **how))
    return path


def land_pages(landing: Path, month: str, *invoices: dict[str, Any], name: str = "page-1.json") -> str:
    path = f"bss/invoices/{month}/{name}"
    paging = {"page": 0, "size": 500, "totalPages": 1, "totalRecords": len(invoices)}
    land(landing, path, json.dumps({"data": list(invoices), "paging": paging, "links": []}))
    return path


def microsoft_name(month: str, kind: str, suffix: str = ".csv") -> str:
    """Path of the reconciliation file that holds `month`: it is named after the month that follows."""
    named = add_months(month, 1)
    return f"partner_center/reconciliation/{MONTH_NAMES[int(named[5:]) - 1].upper()}{named[:4]}_MSRECON_{kind}{suffix}"


def land_nce(landing: Path, month: str, lines: Sequence[Line], suffix: str = ".csv", **how: str) -> str:
    path = microsoft_name(month, "NCE", suffix)
    headings = dict.fromkeys(name for line in (nce_line(), *lines) for name in line)
    land(landing, path, delimited(lines, list(headings), **how))
    return path


def land_legacy(landing: Path, month: str, lines: Sequence[Line], suffix: str = ".csv", **how: str) -> str:
    path = microsoft_name(month, "Legacy", suffix)
    land(landing, path, delimited(lines, list(legacy_line()), **how))
    return path


def load_all(platform: Platform) -> dict[tuple[str, str], Load]:
    """Load every landed month of every source."""
    return {
        (source, month): platform.load(source, month)
        for source in SOURCES
        for month in discover(platform.landing, source)
    }


def table_rows(raw: RawStore, source: str, month: str, table: str = "rows") -> list[dict[str, Any]]:
    """Rows of a committed raw month, in order of file and row; [] without any."""
    committed = raw.read(source, month)
    assert committed is not None, f"{source} {month} is not loaded"
    files = [str(raw.root / file) for file in committed.tables[table]]
    order = "source_file, source_row" if table in ("rows", "quarantine") else "all"
    with duckdb.connect() as connection:
        return as_dicts(connection.execute(f"select * from read_parquet({files}) order by {order}"))


def as_dicts(result: duckdb.DuckDBPyConnection) -> list[dict[str, Any]]:
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def same_value(left: Any, right: Any) -> bool:
    """Equality of published values: a cost that was rounded to 6 decimals equals the one it was rounded from."""
    if isinstance(left, Decimal) and isinstance(right, Decimal):
        return left == right or abs(left - right) <= Decimal("0.0000005")
    return bool(left == right)
