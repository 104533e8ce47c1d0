"""Random landing files of one usage month: every format, both sides, mostly agreeing, with every kind of trouble."""

import csv
import gzip
import io
import json
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

USAGE = [
    "PartnerId",
    "CustomerId",
    "CustomerName",
    "InvoiceNumber",
    "SubscriptionId",
    "UsageDate",
    "MeterCategory",
    "MeterId",
    "MeterSubCategory",
    "MeterName",
    "MeterRegion",
    "Unit",
    "ResourceURI",
    "ChargeType",
    "UnitPrice",
    "Quantity",
    "BillingPreTaxTotal",
    "BillingCurrency",
    "Tags",
    "EntitlementId",
    "PartnerEarnedCreditPercentage",
    "CreditType",
]
AGGREGATED = [
    "InvoiceNumber", "EntitlementId", "MeterId", "Quantity", "PartnerPrice", "EffectiveUnitPrice", "PCToBCExchangeRate",
    "BillingPreTaxTotal", "BillingCurrency",
]  # fmt: skip
MPA = [
    "invoiceId",
    "billingProfileId",
    "partnerTenantId",
    "customerTenantId",
    "customerName",
    "date",
    "meterId",
    "meterName",
    "meterCategory",
    "meterSubCategory",
    "meterRegion",
    "SubscriptionId",
    "publisherType",
    "ResourceId",
    "quantity",
    "chargeType",
    "billingCurrency",
    "costInBillingCurrency",
    "tags",
]
CSP = [h for h in MPA if h not in ("invoiceId", "billingProfileId", "partnerTenantId")]
EA = [
    "SubscriptionGuid",
    "UsageDateTime",
    "MeterId",
    "MeterName",
    "MeterCategory",
    "MeterSubcategory",
    "MeterRegion",
    "InstanceId",
    "UsageQuantity",
    "PreTaxCost",
    "Currency",
    "ChargeType",
    "PublisherType",
]
FOCUS = [
    "BilledCost",
    "BillingCurrency",
    "ChargeCategory",
    "ChargePeriodStart",
    "CommitmentDiscountStatus",
    "PricingQuantity",
    "ResourceId",
    "SubAccountId",
    "x_CustomerId",
    "x_InvoiceId",
    "x_SkuMeterId",
    "x_SkuMeterName",
    "x_SkuMeterCategory",
    "x_SkuMeterSubcategory",
    "x_SkuRegion",
    "x_PublisherCategory",
]


class Generator:
    """One month of files below `landing`; the same seed writes the same."""

    def __init__(self, landing: Path, seed: int, month: str) -> None:
        self.landing, self.month, self.rng = landing, month, Random(seed)
        self.prices = Random(-seed)  # of its own: what files hold beside prices stays as it was
        self.customers = [f"C0000000-0000-4000-8000-00000000000{n}" for n in range(3)]
        self.subscriptions = [f"5AB00000-0000-4000-8000-0000000000{n:02d}" for n in range(6)]
        self.meters = [f"MMMM0000-0000-4000-8000-0000000000{n:02d}" for n in range(5)] + [
            "",
            "00000000-0000-0000-0000-000000000000",
        ]
        self.invoices = [f"G{n:03d}" for n in range(self.rng.choice([1, 2, 3]))]

    def write(self) -> None:
        usage = [self._usage_row() for _ in range(self.rng.randint(10, 60))]
        usage += [row for row, _ in self._priced()]
        self._write_usage(usage)
        self._write_aggregated(usage)
        for kind in self.rng.sample(["ActualCost", "AmortizedCost", "FocusCost"], self.rng.randint(1, 3)):
            self._write_cost(kind, usage)

    def _priced(self) -> list[tuple[dict[str, Any], str]]:
        """Usage beside what the export says of it: credit that one of two lines lost, and a promotion."""
        common = {
            "customer": self.customers[0], "invoice": self.invoices[0], "subscription": self.subscriptions[0], "day": 2,
            "resource": "vm-priced", "quantity": "1", "currency": "USD", "name": "", "category": "", "subcategory": "",
            "region": "",
        }  # fmt: skip
        with_credit, without = ("0.15", "Partner Earned Credit Applied"), ("0", "Credit Not Applied")
        return [
            (common | {"meter": "priced-credit", "amount": "85", "credit": with_credit}, "85"),
            (common | {"meter": "priced-credit", "amount": "100", "credit": without}, "85"),
            (common | {"meter": "priced-promotion", "amount": "80", "credit": with_credit}, "82.5"),
        ]

    def _usage_row(self) -> dict[str, Any]:
        rng = self.rng
        sub = rng.randrange(6)
        quantity = rng.choice(["1", "2.5", "10", "0.000001", "24", "-1", "0"])
        amount = rng.choice(["0.01", "1.005", "3.14159265358979", "100", "-2.5", "0", "12.34", "0.02"])
        resource = rng.choice(["/subscriptions/x/VM-1", "/subscriptions/x/vm-1/", "/Subscriptions/x/disk-2", "", "vm3"])
        return {
            "customer": self.customers[sub % 3] if rng.random() < 0.95 else "",
            "invoice": self.invoices[(sub % 3) % len(self.invoices)] if rng.random() < 0.9 else rng.choice(self.invoices),
            "subscription": self.subscriptions[sub] if rng.random() < 0.95 else "",
            "day": rng.randint(1, 4), "meter": rng.choice(self.meters), "resource": resource, "quantity": quantity,
            "amount": amount, "currency": rng.choice(["USD", "USD", "USD", "usd", "JPY", "KWD"]),
            "credit": self.prices.choice([("0.15", "Partner Earned Credit Applied")] * 3 + [("0", "Credit Not Applied"), ("", "")]),
            "name": rng.choice(["", "Meter A", "Meter B"]), "category": rng.choice(["", "Compute"]),
            "subcategory": rng.choice(["", "Sub"]), "region": rng.choice(["", "EU West", "US"]),
        }  # fmt: skip

    def _spoil(self, cells: dict[str, Any], names: list[str]) -> None:
        if self.rng.random() < 0.03:
            cells[self.rng.choice(names)] = self.rng.choice(["", "n/a", "31/01/2023"])

    def _date(self, day: int, style: int) -> str:
        year, month = self.month.split("-")
        return [f"{self.month}-{day:02d}", f"{month}/{day:02d}/{year}", f"{self.month}-{day:02d}T00:00:00Z"][style]

    def _usage_cells(self, row: dict[str, Any], style: int) -> dict[str, Any]:
        cells = {
            "PartnerId": "p", "CustomerId": row["customer"], "CustomerName": "Contoso, Ltd", "InvoiceNumber": row["invoice"],
            "SubscriptionId": "commerce", "UsageDate": self._date(row["day"], style), "MeterCategory": row["category"],
            "MeterId": row["meter"], "MeterSubCategory": row["subcategory"], "MeterName": row["name"],
            "MeterRegion": row["region"], "Unit": "1 Hour", "ResourceURI": row["resource"],
            "ChargeType": self.rng.choice(["new", "Usage", ""]), "UnitPrice": "1", "Quantity": row["quantity"],
            "BillingPreTaxTotal": row["amount"], "BillingCurrency": row["currency"], "Tags": '{"a": "b,\nc"}',
            "EntitlementId": row["subscription"].lower(),
            "PartnerEarnedCreditPercentage": row["credit"][0], "CreditType": row["credit"][1],
        }  # fmt: skip
        self._spoil(cells, ["UsageDate", "Quantity", "BillingPreTaxTotal"])
        return cells

    def _write_aggregated(self, usage: list[dict[str, Any]]) -> None:
        """Prices before and after promotions of some meters: of a unit, as the cost export's `_changed` makes them."""
        rows = [
            {
                "InvoiceNumber": row["invoice"], "EntitlementId": row["subscription"], "MeterId": row["meter"],
                "Quantity": row["quantity"], "PartnerPrice": self.prices.choice(["7", "3.15", "1.25", ""]),
                "EffectiveUnitPrice": self.prices.choice(["3.15", "0.03", "0"]), "BillingPreTaxTotal": row["amount"],
                "PCToBCExchangeRate": self.prices.choice(["", "1", "3.9123456"]), "BillingCurrency": row["currency"],
            }
            for row in usage
            if self.prices.random() < 0.3 and not row["meter"].startswith("priced")
        ]  # fmt: skip
        (promoted, _) = self._priced()[-1]
        rows.append({
            "InvoiceNumber": promoted["invoice"], "EntitlementId": promoted["subscription"], "MeterId": promoted["meter"],
            "Quantity": "1", "PartnerPrice": "10", "EffectiveUnitPrice": "7.5", "BillingPreTaxTotal": "80",
            "PCToBCExchangeRate": "1", "BillingCurrency": "USD",
        })  # fmt: skip
        folder = self.landing / "partner_center/billed_usage_aggregated" / self.month
        if rows:
            folder.mkdir(parents=True)
            with (folder / "aggregated.csv").open("w", encoding="utf-8", newline="") as out:
                writer = csv.DictWriter(out, AGGREGATED)
                writer.writeheader()
                writer.writerows(rows)

    def _write_usage(self, usage: list[dict[str, Any]]) -> None:
        base = self.landing / "partner_center/billed_usage" / self.month
        if self.rng.random() < 0.5:
            for invoice in self.invoices:
                rows = [row for row in usage if row["invoice"] == invoice]
                stale = [self._usage_row() for _ in range(3)]
                self._graph(base / invoice / "old", invoice, stale, "2025-04-01T00:00:00Z")
                self._graph(
                    base / invoice / "new",
                    invoice,
                    rows,
                    self.rng.choice(["2025-04-02T00:00:00.5Z", "2025-04-09T00:00:00.5Z"]),
                )
            sound = {
                "UsageDate": self._date(1, 0),
                "Quantity": "1",
                "BillingPreTaxTotal": "1",
            }  # its only row is no rejected one
            self._csv(base / "ignored.csv", USAGE, [self._usage_cells(self._usage_row(), 0) | sound], ",")
        else:
            half = len(usage) // 2
            self._csv(base / "a.csv", USAGE, [self._usage_cells(r, 1) for r in usage[:half]], ",", damage=True)
            self._csv(
                base / "b.csv.gz",
                USAGE,
                [self._usage_cells(r, 0) for r in usage[half:]],
                self.rng.choice([";", "\t", ","]),
            )

    def _graph(self, folder: Path, invoice: str, rows: list[dict[str, Any]], created: str) -> None:
        folder.mkdir(parents=True)
        lines = []
        for row in rows:
            cells = self._usage_cells(row, 2)
            text = json.dumps({k[0].lower() + k[1:]: v for k, v in cells.items() if v != ""})
            lines.append(
                text.replace(f'"quantity": "{cells["Quantity"]}"', f'"quantity": {cells["Quantity"]}')
                if self.rng.random() < 0.5 and _plain(cells["Quantity"])
                else text
            )
        if self.rng.random() < 0.3:
            lines.append("{broken")
        (folder / "part-0.json.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
        root = f"https://x.example/v1/InvoiceId={invoice}/Fragment=full" if self.rng.random() < 0.5 else ""
        content = {
            "createdDateTime": created,
            "rootDirectory": root,
            "blobCount": 1,
            "blobs": [{"name": "part-0.json.gz"}],
        }
        (folder / "manifest.json").write_text(json.dumps(content))

    def _csv(
        self, path: Path, header: list[str], rows: list[dict[str, Any]], delimiter: str, damage: bool = False
    ) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        out = io.StringIO(newline="")
        writer = csv.writer(out, delimiter=delimiter, lineterminator=self.rng.choice(["\n", "\r\n"]))
        writer.writerow(header)
        numbers = {
            "quantity",
            "billingpretaxtotal",
            "costinbillingcurrency",
            "pretaxcost",
            "usagequantity",
            "billedcost",
            "pricingquantity",
        }
        for row in rows:
            cells = [row.get(h, "") for h in header]
            if delimiter != ",":
                cells = [
                    str(c).replace(".", ",") if h.lower() in numbers else c for h, c in zip(header, cells, strict=True)
                ]
            writer.writerow(cells)
            if damage and self.rng.random() < 0.05:
                writer.writerow(cells[:-3])
        data = out.getvalue().encode("utf-8-sig" if self.rng.random() < 0.5 else "utf-8")
        path.write_bytes(gzip.compress(data) if path.name.endswith(".gz") else data)

    def _write_cost(self, kind: str, usage: list[dict[str, Any]]) -> None:
        rng = self.rng
        shape = FOCUS if kind == "FocusCost" else rng.choice([MPA, MPA, CSP, EA])
        rows = [self._changed(row) for row in usage if rng.random() < 0.9 and not row["meter"].startswith("priced")]
        rows += [self._changed(row) for row in (self._usage_row() for _ in range(rng.randint(0, 4)))]
        rows += [row | {"amount": amount} for row, amount in self._priced()]
        cells = [c for row in rows for c in self._cost_cells(row, shape)]
        folder = {"ActualCost": "actual_cost", "AmortizedCost": "amortized_cost", "FocusCost": "focus_cost"}[kind]
        if rng.random() < 0.3:
            self._csv(
                self.landing / "cost_management" / folder / self.month / "x.csv", shape, cells, rng.choice([",", ";"])
            )
            return
        base = self.landing / "cost_management" / f"export-{kind}" / f"{self.month.replace('-', '')}01-period"
        if rng.random() < 0.5:
            self._run(base / "run0", kind, shape, cells[: len(cells) // 2], "2025-04-03T00:00:00.1234567Z")
        self._run(base / "run1", kind, shape, cells, "2025-04-05T00:00:00.1234567Z")

    def _changed(self, row: dict[str, Any]) -> dict[str, Any]:
        rng, row = self.rng, dict(row)
        dice = rng.random()
        if dice < 0.08:
            row["meter"] = rng.choice(self.meters)
        elif dice < 0.16:
            row["amount"] = rng.choice(["0.03", "7", "3.15", row["amount"] + "4"])
        elif dice < 0.22:
            row["quantity"], row["amount"] = "5", "5"
        elif dice < 0.26:
            row["quantity"] = "77"
        elif dice < 0.3:
            row["currency"] = rng.choice(["USD", "JPY"])
        elif dice < 0.34:
            row["day"] = 4
        return row

    def _cost_cells(self, row: dict[str, Any], shape: list[str]) -> list[dict[str, Any]]:
        rng = self.rng
        charge = rng.choice(["Usage"] * 12 + ["usage", "Purchase", "Refund"])
        found = [self._cost_row(row, shape, charge)]
        if rng.random() < 0.1:
            found.append(self._cost_row(row | {"amount": "0.001", "resource": ""}, shape, "RoundingAdjustment"))
        return found

    def _cost_row(self, row: dict[str, Any], shape: list[str], charge: str) -> dict[str, Any]:
        rng = self.rng
        day = self._date(row["day"], 1)
        invoice = row["invoice"] if rng.random() < 0.8 else ""
        customer = row["customer"] if rng.random() < 0.7 else ""
        cells = {
            "invoiceId": invoice, "billingProfileId": "b", "partnerTenantId": "t", "customerTenantId": customer,
            "customerName": "Contoso, Ltd", "date": day, "meterId": row["meter"], "meterName": row["name"] or "Other",
            "meterCategory": row["category"], "meterSubCategory": row["subcategory"], "meterRegion": row["region"],
            "SubscriptionId": row["subscription"], "publisherType": rng.choice(["Azure", "", "Marketplace"]),
            "ResourceId": row["resource"].upper(), "quantity": row["quantity"], "chargeType": charge,
            "billingCurrency": row["currency"], "costInBillingCurrency": row["amount"], "tags": 'x "y", z',
        }  # fmt: skip
        if shape is EA:
            names = dict(
                zip(
                    EA,
                    [
                        "SubscriptionId",
                        "date",
                        "meterId",
                        "meterName",
                        "meterCategory",
                        "meterSubCategory",
                        "meterRegion",
                        "ResourceId",
                        "quantity",
                        "costInBillingCurrency",
                        "billingCurrency",
                        "chargeType",
                        "publisherType",
                    ],
                    strict=True,
                )
            )
            cells = {new: cells[old] for new, old in names.items()}
            self._spoil(cells, ["UsageDateTime", "UsageQuantity", "PreTaxCost"])
        elif shape is FOCUS:
            cells = {
                "BilledCost": row["amount"], "BillingCurrency": row["currency"], "ChargeCategory": charge,
                "ChargePeriodStart": self._date(row["day"], 2), "CommitmentDiscountStatus": rng.choice(["", "", "", "Used", "Unused"]),
                "PricingQuantity": row["quantity"], "ResourceId": row["resource"], "x_CustomerId": customer, "x_InvoiceId": invoice,
                "SubAccountId": f"/subscriptions/{row['subscription']}" if row["subscription"] else "",
                "x_SkuMeterId": row["meter"], "x_SkuMeterName": row["name"], "x_SkuMeterCategory": row["category"],
                "x_SkuMeterSubcategory": row["subcategory"], "x_SkuRegion": row["region"], "x_PublisherCategory": "Vendor",
            }  # fmt: skip
            if charge == "RoundingAdjustment":
                cells |= {"ChargeCategory": "Adjustment", "PricingQuantity": ""}
            elif charge == "Purchase" and rng.random() < 0.5:
                cells["PricingQuantity"] = ""
            self._spoil(cells, ["PricingQuantity"])
        else:
            self._spoil(cells, ["date", "quantity", "costInBillingCurrency", "chargeType", "billingCurrency"])
        return cells

    def _run(self, folder: Path, kind: str, shape: list[str], cells: list[dict[str, Any]], submitted: str) -> None:
        folder.mkdir(parents=True)
        half, blobs = len(cells) // 2, []
        for n, rows in enumerate((cells[:half], cells[half:])):
            if kind == "FocusCost" and n:
                name = f"part_{n}.parquet"
                table = pa.table({h: pa.array([row.get(h) or None for row in rows], pa.string()) for h in shape})
                pq.write_table(table, folder / name)
            else:
                name = f"part_{n}.csv" + (".gz" if n else "")
                self._csv(folder / name, shape, rows, ",")
            size = (folder / name).stat().st_size
            blobs.append({"blobName": f"dir/period/run/{name}", "byteCount": size, "dataRowCount": None})
        content = {
            "blobCount": 2, "byteCount": sum(b["byteCount"] for b in blobs), "dataRowCount": None, "blobs": blobs,
            "exportConfig": {"exportName": "Daily", "resourceId": "/Billing/1", "type": kind},
            "runInfo": {"submittedTime": submitted, "startDate": f"{self.month}-01T00:00:00", "runId": folder.name},
        }  # fmt: skip
        (folder / "manifest.json").write_text(json.dumps(content), encoding="utf-8")


def _plain(text: str) -> bool:
    return text.replace(".", "").replace("-", "").isdigit()


def write_random_usage(landing: Path, seed: int, month: str) -> None:
    Generator(landing, seed, month).write()
