"""The bridge from the Microsoft invoice to the cost export: every step, and where it begins when a source is absent."""

import datetime as dt
import json
from decimal import Decimal
from typing import Any

import duckdb

from recon_assets.pipeline.build import run_build
from recon_assets_tests.landed import land_nce, nce_line
from recon_assets_tests.usage.zone import COST, MONTH, USAGE, Zone, usage_row

INVOICE = {"id": "G1", "invoiceDate": "2025-04-05T00:00:00Z", "totalCharges": 150.5, "currencyCode": "USD"}


def bridge(zone: Zone) -> list[tuple[Any, ...]]:
    """Position, kind, step and amount of the bridge of invoice G1 in dollars."""
    for source in ("azure_invoice_usage", "azure_cost_export", "ms_invoices", "ms_recon_nce"):
        assert zone.load(source).outcome in ("loaded", "absent")
    build = run_build(zone.platform.settings, "usage", [MONTH], "run", dt.date(2025, 5, 1))
    assert [check.name for check in build.checks if not check.passed] == []
    with duckdb.connect(str(build.database), read_only=True) as connection:
        return connection.execute(
            "select position, row_kind, step, amount from marts.invoice_bridge "
            "where invoice_number = 'G1' and currency = 'USD' order by position, step"
        ).fetchall()


def land(zone: Zone) -> None:
    """Usage of 30 against a cost export of 35 beside a rounding adjustment, a purchase and a tax."""
    zone.put(f"partner_center/billed_usage/{MONTH}/a.csv", "\n".join([USAGE, usage_row("10"), usage_row("20")]))
    cost = [
        "G1,s1,2025-03-01,m1,Usage,2,32,USD",
        "G1,s1,2025-03-01,m2,Usage,1,3,USD",
        "G1,s1,2025-03-01,m1,RoundingAdjustment,1,0.004,USD",
        "G1,s1,2025-03-01,m3,Purchase,1,100,USD",
        "G1,s1,2025-03-01,m3,Tax,1,7,USD",
    ]
    zone.put(f"cost_management/actual_cost/{MONTH}/a.csv", "\n".join([COST, *cost]))


def test_the_bridge_leads_from_the_invoice_to_the_cost_export(zone: Zone) -> None:
    land(zone)
    bills = [
        nce_line(ProductName="Azure plan", Subtotal="29.99", TaxTotal="2", Currency="usd"),
        nce_line(ProductName="Microsoft 365 E3", Subtotal="100", TaxTotal="8", Currency="USD"),
        nce_line(ProductName="Visio Plan 2", Subtotal="9.5", TaxTotal="1", Currency="USD"),
    ]
    land_nce(zone.platform.settings.landing, MONTH, bills)
    zone.put(f"partner_center/invoices/{MONTH}/G1.json", json.dumps(INVOICE))
    found = bridge(zone)
    assert [(position, kind, step, f"{amount:.3f}") for position, kind, step, amount in found] == [
        (10, "total", "invoice_before_tax", "139.490"),
        (11, "beside", "invoice_document", "150.500"),
        (12, "beside", "tax", "11.000"),
        (13, "beside", "invoice_residual", "0.010"),
        (20, "step", "seats", "-100.000"),
        (20, "step", "software", "-9.500"),
        (30, "total", "azure_usage_invoiced", "29.990"),
        (40, "step", "invoice_rounding", "0.010"),
        (45, "step", "invoice_against_daily_usage", "0.000"),
        (50, "total", "billed_daily_usage", "30.000"),
        (60, "step", "missing_side", "3.000"),
        (60, "step", "price", "2.000"),
        (65, "total", "cost_export_in_scope", "35.000"),
        (75, "step", "rounding_adjustments", "0.004"),
        (80, "step", "purchase", "100.000"),
        (80, "step", "tax", "7.000"),
        (90, "total", "cost_export", "142.004"),
    ]


def test_without_reconciliation_lines_the_bridge_begins_at_the_daily_usage_and_says_so(zone: Zone) -> None:
    land(zone)
    found = bridge(zone)
    assert found[0] == (10, "absent", "invoice_before_tax", None)
    assert found[1] == (50, "total", "billed_daily_usage", Decimal(30))
    assert found[-1] == (90, "total", "cost_export", Decimal("142.004"))
