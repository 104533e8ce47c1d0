"""Which reader takes which landed file, and the rules over whole rows of each source."""

from pathlib import Path

from recon_assets.errors import FileProblem
from recon_assets.sources.bss_json import BOUND, read_bss_json
from recon_assets.sources.columns import bind_columns, columns_of
from recon_assets.sources.convert import EMPTY, FullKey, RowRule
from recon_assets.sources.einvoices import read_einvoices
from recon_assets.sources.records import Records, read_csv, write_records
from recon_assets.sources.registers import RegisterHints, read_register
from recon_assets.sources.registry import SOURCES
from recon_assets.sources.unpack import UnpackLimits, open_bytes

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
# What a document needs; the API's metadata of one that is Cancelled or Invalid has no amounts: it tells the status of
# its uuid (spec/intake.md, 10).
_OF_DOCUMENTS = (
    "document_number", "document_type", "currency_code",
    "total_excluding_tax", "total_tax_amount", "total_including_tax", "total_payable_amount",
)  # fmt: skip
_STATUS_ALONE = (
    "coalesce(status_key, 'VALID') in ('CANCELLED', 'INVALID') and uuid_key is not null and currency_code is null "
    "and total_including_tax is null"
)
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
        *(RowRule(f"{name} is null and not ({_STATUS_ALONE})", EMPTY, name) for name in _OF_DOCUMENTS),
        _LISTED_TYPE,
        RowRule(
            f"issued_at is null and document_date is null and not ({_STATUS_ALONE})",
            "has no date of issue",
            "document_date",
        ),
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


def read_file(
    source: str, path: Path, file: str, limits: UnpackLimits, target: Path, hints: RegisterHints
) -> tuple[Records, dict[str, int]]:
    """Text records of one landed file and the position of each declared column; FileProblem when it is unreadable."""
    if source == "einvoices":
        return read_einvoices(path, file, limits, target)
    if SOURCES[source].one_of == "register":
        return read_register(source, path, file, limits, target, hints)
    if file.lower().removesuffix(".gz").endswith(".json"):
        return read_bss_json(path, file, limits, target), BOUND
    if SOURCES[source].may_be_empty_file and _is_empty(path, file, limits):
        headings = [column.aliases[0] for column in columns_of(source)]
        return Records(target, headings, True, write_records(target, len(headings), [])), bind_columns(
            source, headings, file
        )
    records = read_csv(path, file, limits, target)
    if not records.headings:
        raise FileProblem(file, "the file has no header row")
    return records, bind_columns(source, records.headings, file)


def _is_empty(path: Path, file: str, limits: UnpackLimits) -> bool:
    """Whether a file holds no bytes, packed or not."""
    if path.stat().st_size == 0:
        return True
    with open_bytes(path, file, limits) as unpacked:
        return not unpacked.read(1)
