"""What sources there are, where they land and what they mean. Data, not behaviour."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Source:
    name: str
    subject: str
    prefix: str  # folder below the landing root, with a trailing slash
    month_from: Literal["folder", "file_name"]
    description: str
    file_kind: str = ""  # part of the file name, for sources whose month is in the name
    suffixes: tuple[str, ...] = (".csv", ".csv.gz")
    amount: str = ""  # raw column whose sums per currency the UI shows
    may_be_empty_file: bool = False  # a file of 0 bytes counts as present with 0 rows


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
    )
}

SUBJECTS: tuple[str, ...] = ("subscriptions",)


def sources_of(subject: str) -> list[Source]:
    return [source for source in SOURCES.values() if source.subject == subject]
