"""Which reader takes which landed file, and the rules over whole rows of each source."""

from dataclasses import dataclass, field
from pathlib import Path

from recon_assets.sources.bss_json import BOUND, open_bss_page
from recon_assets.sources.columns import bind_columns, columns_of
from recon_assets.sources.convert import Frame, Origin
from recon_assets.sources.delimited import open_delimited
from recon_assets.sources.einvoices import open_einvoices
from recon_assets.sources.registers import RegisterHints, open_register
from recon_assets.sources.registry import SOURCES
from recon_assets.sources.rules import FullKey, RowRule, Rules
from recon_assets.sources.stream import RecordTable, Table
from recon_assets.sources.unpack import UnpackLimits, open_bytes
from recon_assets.sources.values import Dialect

_START_AFTER_END = "starts after it ends"
# Excel drops the leading zero of a code that it takes for a number.
_DOCUMENT_TYPE = "case when length(document_type_key) = 1 then '0' || document_type_key else document_type_key end"
_LISTED_TYPE = RowRule(
    f"{_DOCUMENT_TYPE} not in ('01', '02', '03', '04', '11', '12', '13', '14')",
    "is not a document type of MyInvois (01 to 04, 11 to 14)",
    "document_type",
)
# The date in Malaysia: issued_at decides (spec/einvoice_reconciliation.md, 6.21).
_ISSUE_DATE = "coalesce(cast(issued_at + interval 8 hours as date), document_date)"
ROW_RULES: dict[str, tuple[RowRule, ...]] = {
    "bss_invoices": (
        RowRule("start_date > end_date", _START_AFTER_END, "start_date"),
        # quantity x unit cost is the cost where there is no total (spec/sources.md, bss_invoices).
        RowRule(
            "total_cost is null and (quantity is null or unit_cost is null)",
            "has neither a total cost nor a quantity and unit cost to compute it from",
            "unit_cost",
        ),
        RowRule(
            "total_cost is null and abs(cast(quantity as double) * cast(unit_cost as double)) >= 1e12",
            "quantity x unit cost is a trillion or more",
            "unit_cost",
        ),
    ),
    "ms_recon_nce": (RowRule("charge_start_date > charge_end_date", _START_AFTER_END, "charge_start_date"),),
    "ms_recon_legacy": (RowRule("charge_start_date > charge_end_date", _START_AFTER_END, "charge_start_date"),),
    "erp_sales_register": (_LISTED_TYPE,),
    "erp_purchase_register": (_LISTED_TYPE,),
    "einvoices": (
        _LISTED_TYPE,
        RowRule("issued_at is null and document_date is null", "has no date of issue", "document_date"),
        RowRule(
            "coalesce(status_key, 'VALID') not in ('SUBMITTED', 'VALID', 'INVALID', 'CANCELLED')",
            "is not a status of MyInvois (Submitted, Valid, Invalid, Cancelled)",
            "status",
        ),
    ),
    "azure_invoice_usage": (),
    "azure_cost_export": (),
}


def _compared(date: str) -> tuple[str, ...]:
    """The 13 compared fields, normalised, as SQL over declared columns."""
    tins = (f"regexp_replace({tin}_key, '^([A-Z]+)0+', '\\1')" for tin in ("supplier_tin", "buyer_tin"))
    texts = ("document_number_key", _DOCUMENT_TYPE, date, "currency_code_key", "original_document_number_key")
    totals = ("total_excluding_tax", "total_tax_amount", "total_including_tax", "total_payable_amount")
    parts = ("total_discount_value", "total_charge_amount")
    return (*tins, *texts, *(f"round(abs(coalesce({amount}, 0)), 2)" for amount in (*totals, *parts)))


# A full-key duplicate inside one file is rejected (6.19).
_REGISTER_KEY = FullKey((*_compared("document_date"), "row_reference"), column="document_number")
FULL_KEYS: dict[str, FullKey] = {
    "erp_sales_register": _REGISTER_KEY,
    "erp_purchase_register": _REGISTER_KEY,
    "einvoices": FullKey(
        (*_compared(_ISSUE_DATE), "uuid_key", "coalesce(status_key, 'VALID')"), column="document_number"
    ),
}
# Loaded, but worth a look: counted per file.
ROW_WARNINGS: dict[str, dict[str, str]] = {
    "erp_sales_register": {"date_outside_folder": "date_trunc('month', document_date) <> $month"},
    "erp_purchase_register": {"date_outside_folder": "date_trunc('month', document_date) <> $month"},
    "einvoices": {
        "date_outside_folder": f"date_trunc('month', {_ISSUE_DATE}) <> $month",
        "status_assumed": "status_key is null",
    },
}


@dataclass(frozen=True)
class Opened:
    """The tables of one landed file, each with what is known of it, and what the file holds beside them.

    `extra` are rows of further tables, by name, as texts; `facts` the file's row of the table `files`.
    """

    tables: list[tuple[Table, Frame]]
    extra: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    facts: dict[str, str | None] | None = None


def rules_of(source: str) -> Rules:
    return Rules(ROW_RULES[source], FULL_KEYS.get(source, FullKey()), ROW_WARNINGS.get(source, {}))


def open_file(source: str, path: Path, origin: Origin, limits: UnpackLimits, hints: RegisterHints) -> Opened:
    """The tables of one landed file; FileProblem when it is unreadable."""
    file, columns = origin.file, columns_of(source)
    if source == "einvoices":
        table, bound = open_einvoices(path, file, limits)
        return Opened([(table, Frame(columns, bound, origin, dialect=_by_value(table)))])
    if SOURCES[source].one_of == "register":
        table, bound, dialect = open_register(source, path, file, limits, hints)
        return Opened([(table, Frame(columns, bound, origin, dialect=dialect))])
    if file.lower().removesuffix(".gz").endswith(".json"):
        page, copies = open_bss_page(path, file, limits)
        frame = Frame(columns, BOUND, origin, dialect=Dialect(comma_groups=False))
        return Opened([(page, frame)], {"invoice_copies": copies})
    if SOURCES[source].may_be_empty_file and _is_empty(path, file, limits):
        return Opened([(RecordTable([], lambda: iter(())), Frame(columns, {}, origin))])
    table = open_delimited(path, file, limits)
    bound = bind_columns(source, table.headings, file)
    return Opened([(table, Frame(columns, bound, origin, dialect=_by_value(table)))])


def _by_value(table: Table) -> Dialect:
    """Numbers are read value by value (spec/warehouse.md): a comma that groups is told by what delimits the file."""
    return Dialect(comma_groups=table.delimiter in (None, ","))


def _is_empty(path: Path, file: str, limits: UnpackLimits) -> bool:
    """Whether a file holds no bytes, packed or not."""
    if path.stat().st_size == 0:
        return True
    with open_bytes(path, file, limits) as unpacked:
        return not unpacked.read(1)
