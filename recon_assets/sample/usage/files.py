"""Usage and cost lines as files: Graph exports, portal downloads, cost exports of several shapes with their manifests."""

import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from recon_assets.months import add_months, last_day
from recon_assets.sample.delimited import TextLayout, columns, write_delimited
from recon_assets.sample.partner_center import bridged_invoice_number, invoice_number
from recon_assets.sample.usage.kinds import METERS, Comparison, Month, UsageLine, charge_type_in

PARTNER = "5d1c7a10-2f0e-4a57-9a53-0c0a11e50f01"
USAGE_55 = columns(
    "PartnerId,PartnerName,CustomerId,CustomerName,CustomerDomainName,CustomerCountry,MpnId,Tier2MpnId,InvoiceNumber,"
    "ProductId,SkuId,AvailabilityId,SkuName,ProductName,PublisherName,PublisherId,SubscriptionDescription,SubscriptionId,"
    "ChargeStartDate,ChargeEndDate,UsageDate,MeterType,MeterCategory,MeterId,MeterSubCategory,MeterName,MeterRegion,Unit,"
    "ResourceLocation,ConsumedService,ResourceGroup,ResourceURI,ChargeType,UnitPrice,Quantity,UnitType,BillingPreTaxTotal,"
    "BillingCurrency,PricingPreTaxTotal,PricingCurrency,ServiceInfo1,ServiceInfo2,Tags,AdditionalInfo,EffectiveUnitPrice,"
    "PCToBCExchangeRate,PCToBCExchangeRateDate,EntitlementId,EntitlementDescription,PartnerEarnedCreditPercentage,"
    "CreditPercentage,CreditType,BenefitId,BenefitOrderId,BenefitType"
)
USAGE_52 = USAGE_55[:52]
USAGE_55_OLDER = (*USAGE_52, "BenefitOrderId", "BenefitId", "BenefitType")
MPA_70 = columns(
    "invoiceId,previousInvoiceId,billingAccountId,billingAccountName,billingProfileId,billingProfileName,invoiceSectionId,"
    "invoiceSectionName,partnerTenantId,partnerName,resellerName,resellerMpnId,customerTenantId,customerName,costCenter,"
    "billingPeriodEndDate,billingPeriodStartDate,servicePeriodEndDate,servicePeriodStartDate,date,serviceFamily,"
    "productOrderId,productOrderName,consumedService,meterId,meterName,meterCategory,meterSubCategory,meterRegion,ProductId,"
    "ProductName,SubscriptionId,subscriptionName,publisherType,publisherId,publisherName,resourceGroupName,ResourceId,"
    "resourceLocation,location,effectivePrice,quantity,unitOfMeasure,chargeType,billingCurrency,pricingCurrency,"
    "costInBillingCurrency,costInPricingCurrency,costInUsd,paygCostInBillingCurrency,paygCostInUsd,"
    "exchangeRatePricingToBilling,exchangeRateDate,isAzureCreditEligible,serviceInfo1,serviceInfo2,additionalInfo,tags,"
    "partnerEarnedCreditRate,partnerEarnedCreditApplied,PayGPrice,frequency,term,reservationId,reservationName,PricingModel,"
    "unitPrice,benefitId,benefitName,provider"
)
FOCUS = columns(
    "BilledCost,BillingCurrency,ChargeCategory,ChargePeriodStart,CommitmentDiscountStatus,PricingQuantity,PricingUnit,"
    "ResourceId,SubAccountId,x_CustomerId,x_InvoiceId,x_PublisherCategory,x_SkuMeterCategory,x_SkuMeterId,x_SkuMeterName,"
    "x_SkuMeterSubcategory,x_SkuRegion"
)
TYPES = {"actual_cost": "ActualCost", "amortized_cost": "AmortizedCost", "focus": "FocusCost"}


def _usage_cells(line: UsageLine, meters: Sequence[str], has_slashes: bool) -> dict[str, str]:
    category, subcategory, name = METERS[line.meter]
    day = f"{line.day:%m/%d/%Y}" if has_slashes else f"{line.day}T00:00:00Z"
    return {
        "PartnerId": PARTNER, "CustomerId": line.customer, "CustomerName": "Adatum, Inc.", "InvoiceNumber": line.invoice,
        "SubscriptionId": "4c7c2b4e-0000-4000-8000-0000000a5ead", "UsageDate": day, "MeterCategory": category,
        "MeterId": meters[line.meter].upper(), "MeterSubCategory": subcategory, "MeterName": name, "MeterRegion": "EU West",
        "Unit": "1 Hour", "ResourceURI": line.resource, "ChargeType": "new", "Quantity": format(line.quantity, "f"),
        "BillingPreTaxTotal": format(line.amount, "f"), "BillingCurrency": line.currency, "PricingCurrency": "USD",
        "EntitlementId": line.subscription, "EntitlementDescription": "Azure plan", "Tags": '{"env": "prod, eu"}',
    }  # fmt: skip


def write_usage(landing: Path, month: Month, at: int) -> list[dict[str, object]]:
    """Graph exports with manifests in even months, a portal download in odd ones; returns the rows to be set aside."""
    base = landing / "partner_center/billed_usage" / month.month
    if at % 2 == 0:
        for invoice in sorted({line.invoice for line in month.usage}):
            lines = [_usage_cells(line, month.meters, False) for line in month.usage if line.invoice == invoice]
            _write_graph(
                base / invoice / "first",
                invoice,
                lines[: len(lines) // 2],
                f"{add_months(month.month, 1)}-03T06:00:00Z",
            )
            _write_graph(base / invoice / "second", invoice, lines, f"{add_months(month.month, 1)}-04T06:00:00Z")
        return []
    header = (USAGE_55, USAGE_52, USAGE_55_OLDER)[at // 2 % 3]
    layout = (TextLayout(is_gzipped=True), TextLayout("utf-16", "\t", "\r\n"), TextLayout("utf-8-sig", ";", "\r\n"))[
        at // 2 % 3
    ]
    bad = _usage_cells(month.usage[0], month.meters, True) | {"UsageDate": "31/01/2023"}
    rows = [_usage_cells(line, month.meters, True) for line in month.usage] + [bad]
    path = base / f"usage_{month.month}{layout.suffix}"
    write_delimited(path, layout, header, ([row.get(name, "") for name in header] for row in rows))
    return [
        _set_aside(
            "azure_invoice_usage",
            month.month,
            path,
            landing,
            len(rows),
            "UsageDate",
            "31/01/2023 is no date of the known formats",
        )
    ]


def write_invoices(landing: Path, month: Month) -> None:
    """The month's invoices as Partner Center's API answers them, and one that was voided."""
    voided = f"G{month.month.replace('-', '')}0600"
    for number, total, state in (
        (invoice_number(month.month), 13000.25, "Active"),
        (bridged_invoice_number(month.month), 510.46, "Active"),  # a cent more than its lines with their tax
        (voided, 75.0, "Voided"),
    ):
        invoice = {
            "id": number, "invoiceDate": f"{add_months(month.month, 1)}-05T22:40:37.5897767Z",
            "billingPeriodStartDate": f"{month.month}-01T00:00:00Z",
            "billingPeriodEndDate": f"{last_day(month.month)}T00:00:00Z", "totalCharges": total, "paidAmount": 0,
            "currencyCode": "USD", "currencySymbol": "$", "state": state, "documentType": "invoice", "invoiceType": "OneTime",
            "amendments": [],
        }  # fmt: skip
        folder = landing / "partner_center/invoices" / month.month
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number}.json").write_text(json.dumps(invoice, indent=1), encoding="utf-8")


def _write_graph(folder: Path, invoice: str, rows: list[dict[str, str]], created: str) -> None:
    """One export: JSON Lines in parts, numbers as numbers, the manifest last."""
    half = -(-len(rows) // 2)
    blobs = []
    for number, part in enumerate((rows[:half], rows[half:])):
        name = f"part-{number:05d}.c000.json.gz"
        text = "".join(_json_line(row) for row in part)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(gzip.compress(text.encode("utf-8"), mtime=0))
        blobs.append({"name": name, "partitionValue": "default"})
    manifest = {
        "schemaVersion": "2", "dataFormat": "compressedJSON", "createdDateTime": created, "eTag": f"{invoice}-{created}",
        "partnerTenantId": PARTNER, "partitionType": "default", "blobCount": len(blobs), "blobs": blobs,
        "rootDirectory": f"https://example.invalid/v1/PartnerTenantId={PARTNER}/InvoiceId={invoice}/Fragment=full",
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def _json_line(row: dict[str, str]) -> str:
    numbers = {"Quantity", "BillingPreTaxTotal"}
    cells = (f"{json.dumps(name)}: {value if name in numbers else json.dumps(value)}" for name, value in row.items())
    return "{" + ", ".join(cells) + "}\n"


def write_cost(landing: Path, month: Month, at: int) -> list[dict[str, object]]:
    """An export per comparison; the last row of odd months' actual costs has no amount."""
    set_aside: list[dict[str, object]] = []
    for comparison in month.comparisons:
        rows = [_cost_cells(line, month, comparison) for line in month.cost]
        header = FOCUS if comparison == "focus" else MPA_70
        if comparison == "actual_cost" and at % 2:
            rows.append(rows[0] | {"costInBillingCurrency": "see contract"})
            path = landing / "cost_management/actual_cost" / month.month / "costs.csv"
            write_delimited(
                path, TextLayout("utf-8-sig"), header, ([row.get(name, "") for name in header] for row in rows)
            )
            set_aside.append(
                _set_aside(
                    "azure_cost_export",
                    month.month,
                    path,
                    landing,
                    len(rows),
                    "costInBillingCurrency",
                    "an amount is written as text",
                )
            )
            continue
        last = f"{last_day(month.month):%Y%m%d}"
        base = landing / "cost_management/billing" / f"{comparison}-daily" / f"{month.month.replace('-', '')}01-{last}"
        if month.is_restated:  # an older, shorter run that the newer one replaces
            _write_run(
                base / "0a1b-first", comparison, header, rows[: len(rows) // 2], month.month, "05T02:00:00.1234567Z"
            )
        _write_run(base / "0a1b-second", comparison, header, rows, month.month, "06T02:00:00.1234567Z")
    return set_aside


def _cost_cells(line: UsageLine, month: Month, comparison: Comparison) -> dict[str, str]:
    category, subcategory, name = METERS[line.meter]
    meter, invoice = month.meters[line.meter], line.invoice if line.has_invoice else ""
    if comparison == "focus":
        return {
            "BilledCost": format(line.amount, "f"), "BillingCurrency": line.currency,
            "ChargeCategory": charge_type_in(comparison, line.charge_type), "ChargePeriodStart": f"{line.day}T00:00:00Z",
            "PricingQuantity": format(line.quantity, "f") if line.charge_type == "Usage" else "", "PricingUnit": "Hours",
            "ResourceId": line.resource.lower(), "SubAccountId": f"/subscriptions/{line.subscription}",
            "x_CustomerId": line.customer, "x_InvoiceId": invoice, "x_PublisherCategory": "Cloud Provider",
            "x_SkuMeterCategory": category, "x_SkuMeterId": meter, "x_SkuMeterName": name, "x_SkuMeterSubcategory": subcategory,
            "x_SkuRegion": "EU West",
        }  # fmt: skip
    return {
        "invoiceId": invoice, "billingProfileId": "profile", "partnerTenantId": PARTNER, "customerTenantId": line.customer,
        "customerName": "Adatum Incorporated", "date": f"{line.day:%m/%d/%Y}", "meterId": meter, "meterName": name,
        "meterCategory": category, "meterSubCategory": subcategory, "meterRegion": "EU West",
        "SubscriptionId": line.subscription, "publisherType": "Azure", "ResourceId": line.resource + "/",
        "quantity": format(line.quantity, "f"), "unitOfMeasure": "1 Hour", "chargeType": line.charge_type,
        "billingCurrency": line.currency, "costInBillingCurrency": format(line.amount, "f"), "tags": '{"env": "prod, eu"}',
    }  # fmt: skip


def _write_run(
    folder: Path, comparison: Comparison, header: Sequence[str], rows: list[dict[str, str]], month: str, submitted: str
) -> None:
    """One run in two parts; FOCUS as Parquet. The manifest is the commit marker, so it is written last."""
    folder.mkdir(parents=True, exist_ok=True)
    half = len(rows) // 2
    blobs: list[dict[str, Any]] = []
    for number, part in enumerate((rows[:half], rows[half:])):
        if comparison == "focus":
            name = f"part_0_{number:04d}.parquet"
            table = pa.table(
                {column: pa.array([row.get(column) or None for row in part], pa.string()) for column in header}
            )
            pq.write_table(table, folder / name, compression="snappy")
        else:
            name = f"part_0_{number:04d}.csv.gz"
            (folder / name).write_bytes(gzip.compress(_csv_bytes(header, part), mtime=0))
        size = (folder / name).stat().st_size
        blobs.append(
            {"blobName": f"billing/{folder.parent.name}/{folder.name}/{name}", "byteCount": size, "dataRowCount": None}
        )
    manifest = {
        "manifestVersion": "2024-04-01", "byteCount": sum(blob["byteCount"] for blob in blobs), "blobCount": len(blobs),
        "dataRowCount": None, "blobs": blobs,
        "exportConfig": {"exportName": f"{comparison}-daily", "resourceId": "/providers/Microsoft.Billing/billingAccounts/1",
                         "dataVersion": "1.0", "type": TYPES[comparison], "timeFrame": "TheLastMonth"},
        "runInfo": {"executionType": "Scheduled", "submittedTime": f"{add_months(month, 1)}-{submitted}", "runId": folder.name,
                    "startDate": f"{month}-01T00:00:00", "endDate": f"{last_day(month)}T00:00:00"},
    }  # fmt: skip
    (folder / "manifest.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")


def _csv_bytes(header: Sequence[str], rows: list[dict[str, str]]) -> bytes:
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows([row.get(name, "") for name in header] for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _set_aside(
    source: str, month: str, path: Path, landing: Path, row: int, column: str, what: str
) -> dict[str, object]:
    return {
        "source": source, "month": month, "source_file": path.relative_to(landing).as_posix(), "source_row": row,
        "column_name": column, "what": what,
    }  # fmt: skip
