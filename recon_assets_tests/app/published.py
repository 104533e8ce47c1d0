"""Published months made of rows written here: what the app's tests look at. No build, so every value is known."""

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from recon_assets.catalogue.marts import Mart
from recon_assets.lakehouse.log import MartVersion, Publication
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.months import first_day
from recon_assets.pipeline.marts import CHANGES, marts_of

Row = dict[str, Any]
PLAIN = 240  # subscriptions that match, more than two blocks of a grid
FORMULA = '=HYPERLINK("http://other.example","pay")'
SCRIPT = "<img src=x onerror=alert(1)>"
PUBLISHED_FIRST = dt.datetime(2025, 4, 7, 6, tzinfo=dt.UTC)
PUBLISHED_AGAIN = dt.datetime(2025, 4, 9, 6, tzinfo=dt.UTC)
MONTHS = ("2025-01", "2025-02", "2025-03")


def key(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


def publish(
    store: PublishedStore,
    subject: str,
    month: str,
    at: dt.datetime,
    marts: Mapping[str, list[Row]],
    run_id: str = "run-1",
) -> Publication:
    """Publish a month of a subject; columns that a row does not name are null."""
    common = {"billing_month": first_day(month), "reconciliation": subject, "run_id": run_id,
              "published_at": at}  # fmt: skip
    versions: dict[str, MartVersion] = {}
    for mart in [*marts_of(subject), CHANGES]:
        rows = [common | row for row in marts.get(mart.name, [])]
        with duckdb.connect() as connection:
            versions[mart.name] = store.commit_month(
                store.write_month(mart, month, subject, connection, _sql(connection, mart, rows))
            )
    publication = Publication(month, subject, run_id, at, versions)
    store.record(publication)
    return publication


def _sql(connection: duckdb.DuckDBPyConnection, mart: Mart, rows: list[Row]) -> str:
    columns = ", ".join(f"cast({c.name} as {c.sql_type}) as {c.name}" for c in mart.columns)
    given = pa.Table.from_pylist([{c.name: row.get(c.name) for c in mart.columns} for row in rows or [{}]])
    connection.register("given", given)
    return f"select {columns} from given limit {len(rows)}"


def subscription(number: int, month: str, **changes: Any) -> Row:
    """A matching subscription row."""
    name = f"sub-{number:04d}"
    cost = Decimal(100 + number)
    row: Row = {
        "ms_subscription_id": name, "reconciliation_key": key("subscription", month, name), "csp_partner": "partner-1",
        "product_type": "NCE", "ms_product_type": "NCE", "offer_type": "NCE", "account_id": f"A{number % 7}", "billing_account_id": f"B{number % 3}",
        "product": "Seats", "currency": "MYR", "bss_total_cost": cost, "ms_total_cost": cost,
        "cost_difference": Decimal(0), "tolerance": Decimal(1), "status": "match", "symbol": "ok", "bss_item_count": 1,
        "ms_item_count": 1, "selection_method": "overlap", "coverage_method": "thirty_360",
    }  # fmt: skip
    return row | changes


def subscriptions(month: str, discrepancy: str = "12.50") -> dict[str, list[Row]]:
    """PLAIN matches, one discrepancy of that amount, one side missing, one not comparable, hostile names."""
    differs = subscription(
        9001, month, product=SCRIPT, bss_total_cost=Decimal("1234.50"),
        ms_total_cost=Decimal("1234.50") - Decimal(discrepancy), cost_difference=Decimal(discrepancy),
        status="discrepancy", explanation="unit_cost", csp_partner="partner-2", product_type="Legacy", ms_product_type="Legacy",
        is_open=True, decision="accept", decision_state="stale", decision_reason="rounding agreed", decided_by="ana",
        decided_at=dt.datetime(2025, 4, 8, 9, tzinfo=dt.UTC), decided_status="discrepancy", decided_difference=Decimal("9.5"),
    )  # fmt: skip
    missing = subscription(
        9002, month, product=FORMULA, ms_total_cost=None, ms_item_count=0, bss_total_cost=Decimal(70),
        cost_difference=Decimal(70), status="missing_in_ms", explanation="missing_side",
        has_rejected_records=True, csp_partner=None,
        is_open=False, decision="ignore", decision_state="holds", decision_reason="test tenant", decided_by="ben",
        decided_at=dt.datetime(2025, 4, 8, 9, tzinfo=dt.UTC),
    )  # fmt: skip
    mixed = subscription(9003, month, currency="MYR/USD", cost_difference=None, status="not_comparable")
    rows = [*(subscription(n, month) for n in range(PLAIN)), differs, missing, mixed]
    return {
        "subscription_reconciliation": rows,
        "subscription_margin": [
            margin(1, month, "120", "100"),
            margin(2, month, "100", "99"),
            margin(3, month, "50", "80"),
            margin(4, month, "0", "10"),
            margin(5, month, "120", "100", margin=None, margin_percent=None, unpriced_item_count=2),
        ],
        "subscription_reconciliation_items": [_bss_item(differs, month), _ms_item(differs, month)],
        "reconciliation_summary": summary(
            "subscriptions", month, rows, "bss_total_cost", "ms_total_cost", "cost_difference"
        ),
        "reconciliation_waterfall": _statement(
            "subscriptions",
            month,
            None,
            [
                (10, "left_total", sum(row["bss_total_cost"] for row in rows), PLAIN + 3),
                (40, "unit_cost", -Decimal(discrepancy), 1),
                (50, "within_tolerance", Decimal(0), PLAIN),
                (55, "ignored", Decimal(-70), 1),
                (60, "not_comparable_left", -mixed["bss_total_cost"], 1),
                (90, "right_total", sum(row["ms_total_cost"] or 0 for row in rows[:-1]), PLAIN + 3),
            ],
        ),
        "intake_files": [
            intake("bss_invoices", f"bss/invoices/{month}/a.csv", 240, rejected=1, ignored=2),
            intake("bss_invoices", f"bss/invoices/{month}/b.csv", 0, set_aside="repeats a.csv"),
        ],
        "quarantined_rows": [
            {
                "reconciliation_key": key("rejected", month),
                "source": "bss_invoices",
                "month": month,
                "source_row": 17,
                "source_line": 18,
                "source_file": f"bss/invoices/{month}/a.csv",
                "column_name": "Start Date",
                "value": "31/31/2025",
                "reason": "is not a date",
                "raw_row": "sub-7,31/31/2025",
            }
        ],
        "month_status": [status("subscriptions", month)],
    }


def margin(number: int, month: str, sales: str, cost: str, **changes: Any) -> Row:
    """A row of the margin of `subscription(number, month)`."""
    name = f"sub-{number:04d}"
    gained = Decimal(sales) - Decimal(cost)
    percent = round(100 * gained / Decimal(sales), 6) if Decimal(sales) else None
    row: Row = {
        "ms_subscription_id": name, "reconciliation_key": key("margin", month, name), "customer_name": f"Customer {number}",
        "csp_partner": "partner-1", "product_family": "seats", "currency": "MYR", "sales": Decimal(sales),
        "bss_cost": Decimal(cost), "ms_cost": Decimal(cost), "margin": gained, "margin_percent": percent,
        "status": "match", "unpriced_item_count": 0,
    }  # fmt: skip
    return row | changes


def _bss_item(row: Row, month: str) -> Row:
    return {
        "source_month": first_day(month), "reconciliation_key": row["reconciliation_key"], "side": "bss", "cost_sign": 1,
        "ms_subscription_id": row["ms_subscription_id"], "currency": "MYR", "source": "bss_invoices",
        "invoice_code": "INV-77", "start_date": first_day(month), "end_date": dt.date(2025, 3, 30), "quantity": Decimal(3),
        "unit_cost": Decimal("411.5"), "total_cost": row["bss_total_cost"], "coverage_factor": Decimal(1),
        "period_cost": row["bss_total_cost"], "coverage_class": "inside", "source_file": "bss/a.csv", "source_row": 1,
        "numerator": 30, "denominator": 30,
    }  # fmt: skip


def _ms_item(row: Row, month: str) -> Row:
    return {
        "source_month": first_day(month), "reconciliation_key": row["reconciliation_key"], "side": "ms", "type": "NCE",
        "cost_sign": 1,
        "ms_subscription_id": row["ms_subscription_id"], "currency": "MYR", "source": "ms_recon_nce",
        "charge_type": "renew", "charge_start_date": first_day(month), "charge_end_date": dt.date(2025, 3, 30),
        "quantity": Decimal(3), "numerator": 30, "denominator": 30, "coverage_class": "inside",
        "subtotal": row["ms_total_cost"], "coverage_factor": Decimal(1), "period_cost": row["ms_total_cost"],
        "source_file": "ms/a.csv", "source_row": 4,
    }  # fmt: skip


def usage(month: str) -> dict[str, list[Row]]:
    """Two meters against actual cost (one of them mismatched by two of its days) and one against amortized cost."""
    grid, days = [], []
    for comparison, meter, variation in (
        ("actual_cost", "Disk reads", Decimal("3.25")),
        ("actual_cost", "Compute hours", Decimal(0)),
        ("amortized_cost", "Compute hours", Decimal(0)),
    ):
        grid_key = key("grid", month, comparison, meter)
        verdict = "mismatched" if variation else "matched"
        row = _usage_amounts(comparison, Decimal("1000.125"), variation, verdict) | {
            "meter_id": meter.lower(), "meter_name": meter, "meter_category": "Storage", "meter_subcategory": "Tiered",
            "meter_region": "EU West", "reconciliation_key": grid_key,
        }  # fmt: skip
        grid.append(row | {"customer_name": "Contoso" if variation else "Fabrikam"})
        for day in range(1, 31):
            part = variation / 2 if day in (5, 6) else Decimal(0)
            days.append(
                row
                | _usage_amounts(comparison, Decimal("10.5"), part, "mismatched" if part else "matched")
                | {
                    "usage_date": first_day(month).replace(day=day)
                    if not month.endswith("02")
                    else dt.date(2025, 2, min(day, 28)),
                    "resource_id": f"/subscriptions/azure-1/vm-{day}",
                    "reconciliation_key": key("day", grid_key, day),
                    "grid_reconciliation_key": grid_key,
                }
            )
    total = _usage_amounts("actual_cost", Decimal("2000.25"), Decimal("3.25"), "mismatched")
    return {
        "usage_cost_summary": [total | {"reconciliation_key": key("usage summary", month)}],
        "usage_cost_reconciliation": grid,
        "usage_cost_variations": days,
        "reconciliation_summary": summary(
            "usage", month, [row for row in grid if row["comparison"] == "actual_cost"], "usage_amount", "cost_amount", "amount_variation"
        ),
        "invoice_bridge": [
            {"comparison": "actual_cost", "invoice_number": "G1", "currency": "USD", "position": position, "step": step,
             "row_kind": "step" if position == 60 else "total", "amount": amount, "line_count": 1,
             "reconciliation_key": key("bridge", month, step)}
            for position, step, amount in (
                (50, "billed_daily_usage", Decimal("2000.25")), (60, "price", Decimal("3.25")),
                (60, "within_tolerance", Decimal(0)), (65, "cost_export_in_scope", Decimal("2003.50")),
            )
        ],
        "month_status": [status("usage", month)],
    }  # fmt: skip


def _usage_amounts(comparison: str, amount: Decimal, variation: Decimal, verdict: str) -> Row:
    return {
        "comparison": comparison, "invoice_number": "G1", "azure_subscription_id": "azure-1", "currency": "USD",
        "price_basis": "partner", "usage_quantity": Decimal(5), "cost_quantity": Decimal(5), "quantity_variation": Decimal(0),
        "usage_amount": amount, "cost_amount": amount + variation, "amount_variation": variation,
        "amount_variation_percent": round(100 * variation / amount, 12), "rounding_adjustment_amount": Decimal(0),
        "usage_line_count": 1, "cost_line_count": 1, "tolerance": Decimal("0.01"), "status": verdict,
        "explanation": "price" if verdict == "mismatched" else None,
    }  # fmt: skip


def einvoices(month: str) -> dict[str, list[Row]]:
    """One exact pair, one mismatch with a differing tax, one document without an e-invoice and its candidate."""
    exact, differs = _pair(month, 1, "Exact", "Match", Decimal(0)), _pair(month, 2, "Mismatch", "Mismatch", Decimal(20))
    missing = _pair(month, 3, "Missing in EInv", "Missing", None)
    missing = {
        name: None if name.startswith("einvoice_") or name in ("uuid", "pass") else value
        for name, value in missing.items()
    }
    candidate = {
        "reconciliation_key": missing["reconciliation_key"], "register_type": "sales", "bucket": "Missing in EInv",
        "side": "register", "candidate_rank": 1, "candidate_document_number": "INV-0003-A", "obstacle": "outside_window",
        "candidate_source_file": "einvoice/a.json", "candidate_source_row": 2,
        "n_id": 1, "n_amt": 0, "differing_fields": "document_number",
    }  # fmt: skip
    rows = [exact, differs, missing]
    return {
        "einvoice_reconciliation": rows,
        "einvoice_field_differences": [_field(differs, "total_tax_amount", "60.00", "80.00", Decimal(-20)),
                                       _field(differs, "document_number", "INV-0002", "INV-0002", None)],
        "einvoice_candidates": [candidate],
        "open_items": [_open_item(month, n, step) for n, step in enumerate(("opening", "new", "decided", "closing"), start=1)],
        "reconciliation_summary": summary(
            "einvoices", month, rows, "register_total_including_tax", "einvoice_total_including_tax", "max_difference_myr",
            "bucket", "register_currency_code",
        ),
        "reconciliation_waterfall": _statement("einvoices", month, "sales", [
            (10, "left_total", Decimal(3180), 3), (20, "Missing in EInv", Decimal(-1060), 1), (40, "Mismatch", Decimal(0), 1),
            (50, "Exact", Decimal(0), 1), (90, "right_total", Decimal(2120), 3),
        ]),
        "month_status": [status("einvoices", month)],
    }  # fmt: skip


def _pair(month: str, number: int, bucket: str, category: str, difference: Decimal | None) -> Row:
    row: Row = {
        "reconciliation_key": key("einvoice", month, number), "register_type": "sales", "bucket": bucket, "category": category,
        "n_id": 0, "n_amt": 1 if difference else 0, "max_difference_myr": difference, "pass": "key", "candidate_count": 1,
        "ambiguous": False, "row_count": 1, "uuid": f"UUID{number}", "register_source_file": "erp/a.csv",
        "register_source_row": number, "einvoice_source_file": "einvoice/a.json", "einvoice_source_row": number,
        "due_state": "overdue" if category == "Missing" else None,
    }  # fmt: skip
    for side in ("register", "einvoice"):
        row |= {
            f"{side}_supplier_name": "Own Company", f"{side}_buyer_name": f"Buyer {number} Sdn Bhd", f"{side}_supplier_tin": "C111", f"{side}_buyer_tin": "C222", f"{side}_document_number": f"INV-{number:04d}",
            f"{side}_document_type": "01", f"{side}_document_date": first_day(month), f"{side}_currency_code": "MYR",
            f"{side}_total_including_tax": Decimal(1060), f"{side}_total_tax_amount": Decimal(60),
        }  # fmt: skip
    return row


def _open_item(month: str, position: int, step: str) -> Row:
    return {
        "reconciliation_key": key("open", month, step), "register_type": "sales", "currency": "MYR", "position": position,
        "step": step, "age_class": "0-30", "row_count": 1, "amount": Decimal(1060),
    }  # fmt: skip


def _field(pair: Row, name: str, left: str, right: str, difference: Decimal | None) -> Row:
    return {
        "reconciliation_key": pair["reconciliation_key"], "register_type": "sales", "position": 1 if difference is None else 2,
        "field": name, "kind": "identifier" if difference is None else "amount", "register_value": left,
        "einvoice_value": right, "equal": difference is None, "difference": difference, "difference_myr": difference,
    }  # fmt: skip


def summary(
    subject: str, month: str, rows: list[Row], left: str, right: str, difference: str, verdict: str = "status",
    currency: str = "currency",
) -> list[Row]:  # fmt: skip
    """reconciliation_summary of these rows."""
    groups = Counter((row[verdict], row[currency]) for row in rows)
    found = []
    for (name, money), count in groups.items():
        same = [row for row in rows if (row[verdict], row[currency]) == (name, money)]
        sums = {c: sum((row[c] or Decimal(0) for row in same), Decimal(0)) for c in (left, right, difference)}
        found.append(
            {
                "reconciliation_key": key(subject, month, name, money),
                "status": name,
                "currency": money,
                "row_count": count,
                "left_amount": sums[left],
                "right_amount": sums[right],
                "difference": sums[difference],
            }
        )
    return found


def _statement(subject: str, month: str, register: str | None, lines: list[tuple[int, str, Any, int]]) -> list[Row]:
    return [
        {
            "reconciliation_key": key("waterfall", subject, month, step), "register_type": register, "currency": "MYR",
            "position": position, "step": step, "row_kind": "total" if position in (10, 90) else "step",
            "amount": amount, "row_count": count,
        }
        for position, step, amount, count in lines
    ]  # fmt: skip


def intake(source: str, file: str, rows: int, rejected: int = 0, ignored: int = 0, set_aside: str | None = None) -> Row:
    return {
        "reconciliation_key": key("file", source, file), "source": source, "source_file": file, "taken_as": "records",
        "row_count": rows, "rejected_count": rejected, "ignored_count": ignored, "set_aside": set_aside,
        "ignored": "total: 2" if ignored else None,
    }  # fmt: skip


def status(subject: str, month: str, window: str = "provisional") -> Row:
    return {
        "reconciliation_key": key(subject, month), "window_status": window, "sources_missing": "ms_recon_legacy 2025-04",
        "checks_passed": 9, "checks_failed": 0, "left_rows_quarantined": 1, "right_rows_quarantined": 0, "paired_count": 1,
        "missing_count": 1,
    }  # fmt: skip


def change(subject: str, month: str, row_key: str, difference_from: str, difference_to: str) -> Row:
    return {
        "reconciliation_key": row_key, "change": "changed", "status_from": "discrepancy", "status_to": "discrepancy",
        "difference_from": Decimal(difference_from), "difference_to": Decimal(difference_to),
        "published_before_at": PUBLISHED_FIRST.replace(tzinfo=None),
    }  # fmt: skip


def publish_sample(root: Path) -> PublishedStore:
    """Three months of every subject; March of the subscriptions was published twice, with another discrepancy."""
    store = PublishedStore(root)
    for n, month in enumerate(MONTHS):
        at = PUBLISHED_FIRST + dt.timedelta(minutes=n)
        publish(store, "subscriptions", month, at, subscriptions(month))
        publish(store, "usage", month, at, usage(month))
        publish(store, "einvoices", month, at, einvoices(month))
    again = subscriptions("2025-03", "99.75")
    again["reconciliation_changes"] = [
        change("subscriptions", "2025-03", key("subscription", "2025-03", "sub-9001"), "12.50", "99.75")
    ]
    publish(store, "subscriptions", "2025-03", PUBLISHED_AGAIN, again, "run-2")
    return store
