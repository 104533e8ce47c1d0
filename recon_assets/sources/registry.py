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
    currency: str = "currency"  # raw column of that currency
    may_be_empty_file: bool = False  # a file of 0 bytes counts as present with 0 rows
    subfolders: tuple[str, ...] = ()  # folders between the prefix and the month
    loads: Literal["history", "window"] = "history"  # which landed months a build wants loaded: see pipeline/plan.py
    one_of: str = ""  # of the sources of a subject that share this name, one is enough
    final_from: int | None = None  # first month that `final` asks for, where that is not the window's first
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
            "erp_sales_register",
            "einvoices",
            "erp/sales_register/",
            "folder",
            "Sales register of the ERP: the invoices and notes that the company issued, as it booked them.",
            suffixes=(".csv", ".csv.gz", ".xlsx"),
            amount="total_including_tax",
            currency="currency_code",
            loads="window",
            one_of="register",
        ),
        Source(
            "erp_purchase_register",
            "einvoices",
            "erp/purchase_register/",
            "folder",
            "Purchase register of the ERP: the invoices and notes that the company received, as it booked them.",
            suffixes=(".csv", ".csv.gz", ".xlsx"),
            amount="total_including_tax",
            currency="currency_code",
            loads="window",
            one_of="register",
        ),
        Source(
            "einvoices",
            "einvoices",
            "einvoice/",
            "folder",
            "E-invoices of MyInvois, issued and received: UBL 2.1 JSON and XML, JSON Lines, CSV, and zips of those.",
            suffixes=(
                ".json",
                ".json.gz",
                ".xml",
                ".xml.gz",
                ".jsonl",
                ".jsonl.gz",
                ".csv",
                ".csv.gz",
                ".zip",
            ),
            amount="total_including_tax",
            currency="currency_code",
            subfolders=("issued", "received"),
            loads="window",
            final_from=0,
        ),
        Source(
            "azure_invoice_usage",
            "usage",
            "partner_center/billed_usage/",
            "folder",
            "Billed daily usage of the partner's Microsoft invoices: Graph exports with manifest, portal CSV.",
            suffixes=(".csv", ".csv.gz", ".json", ".json.gz"),
            amount="billing_pre_tax_total",
            loads="window",
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
            loads="window",
            manifests="cost",
            context=(("comparison", "varchar"), ("export_id", "varchar"), ("price_basis", "varchar")),
        ),
    )
}

SUBJECTS: tuple[str, ...] = ("subscriptions", "usage", "einvoices")

# Days after its end until a month of a subject is final (spec/usage_cost_reconciliation.md, precise rule 14).
SETTLE_DAYS: dict[str, int] = {"usage": 5}


def sources_of(subject: str) -> list[Source]:
    return [source for source in SOURCES.values() if source.subject == subject]
