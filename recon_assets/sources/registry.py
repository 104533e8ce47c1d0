"""What sources there are, where they land and what they mean. Data, not behaviour."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Source:
    name: str
    subject: str
    prefix: str  # folder below the landing root, with a trailing slash
    month_from: Literal["folder", "file_name", "manifest"]
    description: str
    file_kind: str = ""  # part of the file name, for sources whose month is in the name
    suffixes: tuple[str, ...] = (".csv", ".csv.gz")
    amount: str = ""  # raw column whose sums per currency the UI shows
    may_be_empty_file: bool = False  # a file of 0 bytes counts as present with 0 rows
    manifests: Literal["", "graph", "cost"] = ""  # whose manifests say which files count (landing/manifests.py)
    context: tuple[tuple[str, str], ...] = ()  # raw columns that come from the file as a whole, with their SQL types


SOURCES: dict[str, Source] = {
    source.name: source
    for source in (
        Source(
            "bss_invoices",
            "subscriptions",
            "bss/invoices/",
            "folder",
            "Invoice lines of the partner's billing platform (BSS), CSV or pages of its API v3.",
            suffixes=(".csv", ".csv.gz", ".json", ".json.gz"),
            amount="total_cost",
        ),
        Source(
            "ms_recon_nce",
            "subscriptions",
            "partner_center/reconciliation/",
            "file_name",
            "Microsoft's New Commerce Experience reconciliation files.",
            file_kind="nce",
            amount="subtotal",
        ),
        Source(
            "ms_recon_legacy",
            "subscriptions",
            "partner_center/reconciliation/",
            "file_name",
            "Microsoft's legacy license-based reconciliation files; absent or empty is normal.",
            file_kind="legacy",
            amount="subtotal",
            may_be_empty_file=True,
        ),
        Source(
            "azure_invoice_usage",
            "usage",
            "partner_center/billed_usage/",
            "folder",
            "Billed daily usage of the partner's Microsoft invoices: Graph exports with manifest, portal CSV.",
            suffixes=(".csv", ".csv.gz", ".json", ".json.gz"),
            amount="billing_pre_tax_total",
            manifests="graph",
        ),
        Source(
            "azure_cost_export",
            "usage",
            "cost_management/",
            "manifest",
            "Cost exports of Azure Cost Management: actual, amortized and FOCUS, runs chosen by their manifests.",
            suffixes=(".csv", ".csv.gz", ".parquet"),
            amount="cost",
            manifests="cost",
            context=(("comparison", "varchar"), ("export_id", "varchar"), ("price_basis", "varchar")),
        ),
    )
}

SUBJECTS: tuple[str, ...] = ("subscriptions", "usage")

# Days after its end until a month of a subject is final (spec/usage_cost_reconciliation.md, precise rule 14).
SETTLE_DAYS: dict[str, int] = {"usage": 5}


def sources_of(subject: str) -> list[Source]:
    return [source for source in SOURCES.values() if source.subject == subject]
