"""The bridge from the Microsoft invoice to the cost export: every step, and where it begins when a source is absent."""

import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from recon_assets.pipeline.build import run_build
from recon_assets_tests.headings import INVOICE_DETAIL, USAGE_AGGREGATED
from recon_assets_tests.landed import land_nce, nce_line
from recon_assets_tests.usage.zone import COST, MONTH, USAGE, Zone, usage_row

INVOICE = {"id": "G1", "invoiceDate": "2025-04-05T00:00:00Z", "totalCharges": 150.5, "currencyCode": "USD"}
Bridge = list[tuple[Any, ...]]


def detail(line: str, cost: str, **changed: str) -> str:
    """A line of an invoice as FOCUS 1.4 has it."""
    values = {
        "BilledCost": cost, "BillingAccountId": "b1", "BillingCurrency": "USD", "ChargeCategory": "Usage",
        "BillingPeriodStart": "2025-03-01T00:00:00Z", "BillingPeriodEnd": "2025-04-01T00:00:00Z",
        "InvoiceDetailId": line, "InvoiceId": "G2", "InvoiceIssueDate": "2025-04-05T10:30:00Z",
        "InvoiceIssueStatus": "Issued", "InvoiceIssuerName": "Microsoft", "PaymentCurrency": "USD",
        "PaymentTerms": "Net 30", "ReferenceInvoiceId": "G2",
    } | changed  # fmt: skip
    return ",".join(values.get(heading, "") for heading in INVOICE_DETAIL.split(","))


def built(zone: Zone) -> Path:
    """The database of the month's build."""
    for source in ("azure_invoice_usage", "azure_cost_export", "ms_invoices", "azure_usage_aggregated", "ms_recon_nce"):
        assert zone.load(source).outcome in ("loaded", "absent")
    build = run_build(zone.platform.settings, "usage", [MONTH], "run", dt.date(2025, 5, 1))
    assert [check.name for check in build.checks if not check.passed] == []
    return build.database


def bridge(database: Path, invoice: str) -> Bridge:
    """Position, kind, step and amount of an invoice's bridge in dollars."""
    with duckdb.connect(str(database), read_only=True) as connection:
        return connection.execute(
            "select position, row_kind, step, amount from marts.invoice_bridge "
            "where invoice_number = ? and currency = 'USD' order by position, step",
            [invoice],
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


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The build of a month with every source: invoice G1 as a document, G2 as its lines of FOCUS 1.4."""
    zone = Zone(tmp_path_factory.mktemp("bridge"))
    land(zone)
    bills = [
        nce_line(ProductName="Azure plan", Subtotal="29.99", TaxTotal="2", Currency="usd"),
        nce_line(ProductName="Microsoft 365 E3", Subtotal="100", TaxTotal="8", Currency="USD"),
        nce_line(ProductName="Visio Plan 2", Subtotal="9.5", TaxTotal="1", Currency="USD"),
        nce_line(ProductName="Visio Plan 2", Subtotal="139.49", TaxTotal="11", Currency="USD", InvoiceNumber="G2"),
        nce_line(ProductName="Microsoft 365 E3", Subtotal="-40", TaxTotal="-3", Currency="USD", InvoiceNumber="D9"),
    ]
    land_nce(zone.platform.settings.landing, MONTH, bills)
    folder = f"partner_center/invoices/{MONTH}"
    documents = [
        INVOICE,
        INVOICE | {"id": "G2", "totalCharges": 1},
        INVOICE | {"id": "D9", "totalCharges": -43, "documentType": "credit_note", "state": "Active"},
        INVOICE | {"id": "V8", "totalCharges": 75, "documentType": "invoice", "state": "Voided"},
    ]
    zone.put(f"{folder}/1.json", json.dumps(documents))
    zone.put(f"{folder}/2.csv", "\n".join([INVOICE_DETAIL, detail("l1", "7")]))
    lines = [
        detail("l1", "100"),
        detail("l2", "39.5"),
        detail("l3", "11", ChargeCategory="Tax"),
        detail("l4", "70", InvoiceIssueStatus="Open"),
    ]
    zone.put(f"{folder}/3.csv", "\n".join([INVOICE_DETAIL, *lines]))
    land_prices(zone)
    return built(zone)


def land_prices(zone: Zone) -> None:
    """G3 lost the partner earned credit on a day, G4 has a promotion; the cost export knows of neither."""
    usage = [
        "G3,c3,s3,03/01/2025,m1,n,c,s,r,/x,1,85,USD,Partner Earned Credit Applied,0.15",
        "G3,c3,s3,03/02/2025,m1,n,c,s,r,/x,1,100,USD,Credit Not Applied,0",
        "G3,c3,s3,03/02/2025,m2,n,c,s,r,/x,1,50,USD,Credit Not Applied,0",
        "G4,c4,s4,03/02/2025,m1,n,c,s,r,/x,10,80,USD,Partner Earned Credit Applied,15",
    ]
    header = f"{USAGE},CreditType,PartnerEarnedCreditPercentage"
    zone.put(f"partner_center/billed_usage/{MONTH}/credit.csv", "\n".join([header, *usage]))
    cost = [
        "G3,s3,2025-03-01,m1,Usage,1,85,USD",
        "G3,s3,2025-03-02,m1,Usage,1,85,USD",
        "G3,s3,2025-03-02,m2,Usage,1,42.5,USD",
        "G4,s4,2025-03-02,m1,Usage,10,100,USD",
    ]
    zone.put(f"cost_management/actual_cost/{MONTH}/credit.csv", "\n".join([COST, *cost]))
    values = {
        "InvoiceNumber": "G4", "EntitlementId": "S4", "MeterId": "M1", "Quantity": "10", "BillingPreTaxTotal": "80",
        "BillingCurrency": "USD", "PartnerPrice": "12", "EffectiveUnitPrice": "9.5", "PCToBCExchangeRate": "0.8",
        "PriceBenefits": "[]",
    }  # fmt: skip
    rows = [USAGE_AGGREGATED, ",".join(values.get(heading, "") for heading in USAGE_AGGREGATED.split(","))]
    zone.put(f"partner_center/billed_usage_aggregated/{MONTH}/G4.csv", "\n".join(rows))


def test_the_bridge_leads_from_the_invoice_to_the_cost_export(whole: Path) -> None:
    assert [(position, kind, step, f"{amount:.3f}") for position, kind, step, amount in bridge(whole, "G1")] == [
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


def test_an_invoice_may_come_as_its_lines_of_focus_1_4_and_the_last_file_of_it_counts_whole(whole: Path) -> None:
    assert [row for row in bridge(whole, "G2") if row[1] == "beside"] == [
        (11, "beside", "invoice_document", Decimal("150.5")),
        (12, "beside", "tax", Decimal(11)),
        (13, "beside", "invoice_residual", Decimal("0.01")),
    ]


def test_credit_that_lines_lost_beside_others_of_their_meter_is_a_sum_and_explains_the_price(whole: Path) -> None:
    found = bridge(whole, "G3")
    assert (51, "beside", "lost_partner_credit", Decimal(15)) in found
    steps = {step: amount for position, _, step, amount in found if position == 60}
    assert steps == {"lost_credit": -15, "price": Decimal("-7.5")}  # m2: nothing says that it would have had any


def test_what_a_promotion_took_off_by_the_aggregated_usage_explains_the_price(whole: Path) -> None:
    found = bridge(whole, "G4")
    assert (52, "beside", "promotions", Decimal(20)) in found
    assert [step for position, _, step, _ in found if position == 60] == ["promotion"]


def test_a_credit_note_and_a_voided_invoice_are_bridges_of_their_own_that_say_what_they_are(whole: Path) -> None:
    assert bridge(whole, "D9")[:5] == [
        (10, "total", "invoice_before_tax", -40),
        (11, "beside", "invoice_document", -43),
        (12, "beside", "tax", -3),
        (13, "beside", "invoice_residual", 0),
        (20, "step", "seats", 40),
    ]
    with duckdb.connect(str(whole), read_only=True) as connection:
        notes = connection.execute("select invoice_number, note from marts.invoice_bridge where note is not null")
        assert set(notes.fetchall()) == {("D9", "credit_note, Active"), ("V8", "invoice, Voided"), ("G2", "Issued")}


def test_without_reconciliation_lines_the_bridge_begins_at_the_daily_usage_and_says_so(zone: Zone) -> None:
    land(zone)
    found = bridge(built(zone), "G1")
    assert found[0] == (10, "absent", "invoice_before_tax", None)
    assert found[1] == (50, "total", "billed_daily_usage", Decimal(30))
    assert found[-1] == (90, "total", "cost_export", Decimal("142.004"))


def test_lines_of_an_invoice_keep_their_dates_and_a_file_without_one_is_refused(zone: Zone) -> None:
    folder = f"partner_center/invoices/{MONTH}"
    zone.put(f"{folder}/a.csv", "\n".join([INVOICE_DETAIL, detail("l1", "7"), detail("l2", "x")]))
    load = zone.load("ms_invoices")
    columns = "invoice_number, line_id, invoice_date, billing_period_start, total_charges, state, amendments"
    day = dt.date(2025, 4, 5)
    assert zone.rows(load, columns) == [("G2", "l1", day, dt.date(2025, 3, 1), Decimal(7), "Issued", "G2")]
    rejected = [(2, "BilledCost", "is not a number (or is a trillion or more)")]
    assert zone.rows(load, "source_row, column_name, reason", "quarantine") == rejected
    zone.put(f"{folder}/a.csv", INVOICE_DETAIL.replace("InvoiceDetailId", "Line") + "\n" + detail("l1", "7"))
    assert "the required columns InvoiceDetailId are missing" in zone.load("ms_invoices").problems[0]
