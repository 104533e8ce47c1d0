"""Sample of the e-invoice reconciliation: ERP registers and MyInvois e-invoices of the same months.

`scenarios` says which documents are planted, `plan` records them and what is expected; how files look is in
`recon_assets.sample.erp` and `.myinvois`.
"""

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Any

from recon_assets.sample import erp, myinvois
from recon_assets.sample.einvoices import scenarios
from recon_assets.sample.einvoices.documents import MonthDocuments, Quarantined
from recon_assets.sample.einvoices.plan import Plan

PLAIN_COUNT = 30


def write(landing: Path, months: list[str], seed: int, scale: int) -> dict[str, Any]:
    """Writes the files of every month below `landing`; returns what a reconciliation of them must find.

    `buckets` counts the rows of each month, `planted` names every row that is not a plain Exact pair, `quarantined`
    every record a reader must set aside.
    """
    plan = Plan(months, seed)
    for month in months:
        for kind in scenarios.KINDS:
            kind(plan, month)
    planted = {month: len(plan.documents[month].einvoices) for month in months}
    for month in months:
        scenarios.plain(plan, month, PLAIN_COUNT * scale)
    set_aside: list[Quarantined] = []
    for at, month in enumerate(months):
        set_aside += write_month(landing, month, at, plan.documents[month], planted[month])
    counts = {month: Counter(row.bucket for row in plan.expected if row.billing_month == month) for month in months}
    return {
        "buckets": {month: dict(count) for month, count in counts.items()},
        "planted": [asdict(row) for row in plan.expected if row.what],
        "quarantined": [asdict(row) for row in set_aside],
    }


def write_month(landing: Path, month: str, at: int, documents: MonthDocuments, planted: int) -> list[Quarantined]:
    """Writes one month's folders; the first `planted` e-invoices are single documents, the others come in bulk."""
    set_aside = []
    for kind, is_sale in (("sales", True), ("purchase", False)):
        rows = [row for row in documents.rows if row.deed.is_sale == is_sale]
        set_aside += erp.write_register(landing, kind, month, at, rows)
    single, bulk = documents.einvoices[:planted], documents.einvoices[planted:]
    for direction, is_issued in (("issued", True), ("received", False)):
        set_aside += myinvois.write_einvoices(
            landing, direction, month,
            [e for e in single if e.deed.is_issued == is_issued], [e for e in bulk if e.deed.is_issued == is_issued],
        )  # fmt: skip
    return set_aside
