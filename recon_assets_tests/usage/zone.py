"""A landing zone of usage and cost files to write into, and lines for them."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from recon_assets.platform import Platform
from recon_assets.settings import Settings
from recon_assets.sources.loading import Load
from recon_assets.sources.values import connect

MONTH = "2025-03"
COST = "InvoiceId,SubscriptionId,Date,MeterId,ChargeType,Quantity,Cost,BillingCurrency"
USAGE = (
    "InvoiceNumber,CustomerId,EntitlementId,UsageDate,MeterId,MeterName,MeterCategory,MeterSubCategory,MeterRegion,ResourceURI,"
    "Quantity,BillingPreTaxTotal,BillingCurrency"
)


class Zone:
    """A landing zone to write into, and the platform that reads it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.platform = Platform.from_settings(Settings(home=home, quarantine_limit=Decimal(1)))

    def put(self, path: str, content: str | bytes) -> Path:
        target = self.home / "landing" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)
        return target

    def run(self, folder: str, submitted: str, rows: list[str], export: str = "daily", **changed: Any) -> None:
        """A run of an actual cost export in one part, with its manifest."""
        text = "\n".join([COST, *rows])
        self.put(f"cost_management/{folder}/part.csv", text)
        manifest = {
            "blobCount": 1, "byteCount": len(text), "dataRowCount": None,
            "blobs": [{"blobName": f"x/{folder}/part.csv", "byteCount": len(text)}],
            "exportConfig": {"exportName": export, "resourceId": "/billing/1", "type": "ActualCost"},
            "runInfo": {"submittedTime": submitted, "startDate": f"{MONTH}-01T00:00:00"},
        } | changed  # fmt: skip
        self.put(f"cost_management/{folder}/manifest.json", json.dumps(manifest))

    def load(self, source: str = "azure_cost_export", month: str = MONTH) -> Load:
        return self.platform.load(source, month)

    def rows(self, load: Load, columns: str, table: str = "rows") -> list[Any]:
        assert load.outcome == "loaded", load.problems
        assert load.raw_month is not None
        paths = [str(self.platform.raw.root / path) for path in load.raw_month.tables[table]]
        return connect().read_parquet(paths).project(columns).fetchall()


def cost_row(amount: str, subscription: str = "s1", day: str = f"{MONTH}-01") -> str:
    return f"G1,{subscription},{day},m1,Usage,1,{amount},USD"


def usage_row(amount: str, quantity: str = "1", day: str = "03/01/2025", invoice: str = "G1") -> str:
    return f"{invoice},c1,s1,{day},m1,n,c,s,r,/x,{quantity},{amount},USD"
