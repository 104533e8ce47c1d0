"""The tables of schema `raw` with their columns: what the loads write and what dbt reads (models/sources/raw.yml)."""

from dataclasses import dataclass

from recon_assets.catalogue.catalogue import SOURCES, columns_of
from recon_assets.catalogue.model import SQL_TYPES, Column, Source


@dataclass(frozen=True)
class RawColumn:
    name: str
    sql_type: str
    description: str


@dataclass(frozen=True)
class RawTable:
    """A table of schema `raw`. `table` is what a raw month calls it; `source` whose months hold it (empty: all)."""

    name: str
    table: str
    description: str
    columns: tuple[RawColumn, ...]
    source: str = ""


_SOURCE_FILE = RawColumn(
    "source_file", "varchar", "Path of the landed file below the landing root; an archive's member follows it."
)
_SOURCE_ROW = RawColumn("source_row", "bigint", "Number of the record in the file, from 1, after the header.")
_SOURCE_LINE = RawColumn(
    "source_line", "bigint", "Line of the file, or row of the sheet, where the record begins; null where it has none."
)
_HASH = RawColumn("content_hash", "varchar", "SHA-256 of the landed file.")
_MONTH = RawColumn("billing_month", "date", "Month the file belongs to, first day.")

# Lineage of every raw row (spec/sources.md), behind the declared columns.
LINEAGE = (
    _SOURCE_FILE,
    _SOURCE_ROW,
    _SOURCE_LINE,
    _HASH,
    RawColumn("loaded_at", "timestamp", "When the month was loaded, UTC."),
    _MONTH,
)
# Whose a rejected record is: what a source's `owner` says of it, empty where the record has nothing there.
OWNER = (
    RawColumn("subscription_id", "varchar", "Subscription that the record names."),
    RawColumn("invoice_number", "varchar", "Microsoft's invoice that the record names."),
    RawColumn("meter_id", "varchar", "Meter that the record names."),
    RawColumn("comparison", "varchar", "Of a cost line: actual_cost, amortized_cost or focus."),
    RawColumn("document_number", "varchar", "Number of the document that the record names, as it is compared."),
    RawColumn("supplier_tin", "varchar", "Supplier that the record names, as it is compared."),
)
QUARANTINE = (
    RawColumn("source", "varchar", "Raw table."),
    RawColumn("month", "varchar", "Month the file belongs to, YYYY-MM."),
    _SOURCE_FILE,
    _SOURCE_ROW,
    _SOURCE_LINE,
    RawColumn("column_name", "varchar", "Heading of the first column that is wrong; null when the record itself is."),
    RawColumn("value", "varchar", "What stands there."),
    RawColumn("reason", "varchar", "Why the record was rejected."),
    RawColumn("raw_row", "varchar", "The whole record."),
    *OWNER,
)
INTAKE = (
    RawColumn("source", "varchar", "Raw table."),
    RawColumn("month", "varchar", "Month the file belongs to, YYYY-MM."),
    RawColumn("source_file", "varchar", "Path of the landed file below the landing root, with its sheet or member."),
    RawColumn("taken_as", "varchar", "What it was read as: records, manifest, profile or nothing."),
    RawColumn("row_count", "bigint", "Rows loaded from it."),
    RawColumn("rejected_count", "bigint", "Records of it that were rejected."),
    RawColumn("ignored_count", "bigint", "Rows of it that are no records: titles, totals, footers and the like."),
    RawColumn("ignored", "varchar", "Those by kind."),
    RawColumn("set_aside", "varchar", "Why none of its records counts; null when they do."),
    RawColumn("control_totals", "varchar", "What its totals rows say, and what their rows add up to."),
    RawColumn("assumptions", "varchar", "What was decided and assumed to read it."),
    RawColumn("warnings", "varchar", "Warnings of the whole file, each with its rows; on the first sheet or member."),
)
LOADS = (
    RawColumn("source", "varchar", "Raw table."),
    _MONTH,
    _SOURCE_FILE,
    _HASH,
    RawColumn("rows", "bigint", "Rows loaded from the file."),
    RawColumn("quarantined", "bigint", "Records of the file that were rejected."),
)
# The snapshot of the decisions that hold (pipeline/decisions.py): no source lands it, and no month holds it.
DECISIONS = (
    RawColumn("decision_id", "bigint", "Number of the decision: later ones are higher."),
    RawColumn("reconciliation", "varchar", "Which reconciliation."),
    RawColumn("billing_month", "date", "Month of the row when it was decided, first day."),
    RawColumn("reconciliation_key", "varchar", "Key of the row."),
    RawColumn("other_key", "varchar", "Of a pair the key of the row of its other document."),
    RawColumn("action", "varchar", "accept, ignore, pending, pair or unpair."),
    RawColumn("is_shown", "boolean", "Whether the row shows this one: the verdict, else the newest about its pair."),
    RawColumn("reason", "varchar", "Why, as its author wrote."),
    RawColumn("until_day", "date", "Of pending: the last day of waiting."),
    RawColumn("decided_by", "varchar", "Who decided."),
    RawColumn("decided_at", "varchar", "When, ISO 8601 with its offset: the marts have it as an instant."),
    RawColumn("awaits_approval", "boolean", "Whether a second person has still to approve it."),
    RawColumn("fingerprint", "varchar", "Of the values of the row as it was (catalogue/decided.py)."),
    RawColumn("status_then", "varchar", "Status or bucket of the row as it was."),
    RawColumn("difference_then", "decimal(38, 12)", "Difference of the row as it was."),
    RawColumn("register_type", "varchar", "E-invoices: register of the row's documents; what follows finds them."),
    RawColumn("register_document_number", "varchar", "Number of the register document, as it came."),
    RawColumn("register_supplier_tin", "varchar", "Supplier of the register document, as it came."),
    RawColumn("register_row_reference", "varchar", "Row reference of the register document."),
    RawColumn("einvoice_uuid", "varchar", "UUID of the e-invoice, as it came; null for a bare document."),
    RawColumn("einvoice_document_number", "varchar", "Number of the e-invoice, as it came."),
    RawColumn("einvoice_supplier_tin", "varchar", "Supplier of the e-invoice, as it came."),
)
# What the publications of closed months show (pipeline/snapshot.py).
CLOSED_EINVOICES = (
    RawColumn("billing_month", "date", "The closed month, its first day."),
    RawColumn("is_paired", "boolean", "Whether the e-invoice is in a late pair of the month, or missing in it."),
    RawColumn("uuid", "varchar", "UUID of the e-invoice, as it came; null for a bare document."),
    RawColumn("document_number", "varchar", "Number of the e-invoice, as it came."),
    RawColumn("supplier_tin", "varchar", "Supplier of the e-invoice, as it came."),
)
_GRAIN = "One row per source_file and source_row."


def raw_tables() -> list[RawTable]:
    """Every table of schema `raw`, in the order of the catalogue."""
    shared = [
        RawTable("quarantined_rows", "quarantine", f"Records that were rejected on loading. {_GRAIN}", QUARANTINE),
        RawTable(
            "intake_files",
            "intake",
            "What became of each landed file, sheet and member. One row per source, month and source_file.",
            INTAKE,
        ),
        RawTable(
            "loads", "loads", "Landed files that are loaded, those without rows included. One row per file.", LOADS
        ),
        RawTable(
            "decisions",
            "decisions",
            "Decisions of people that held when the build began. One row per decision_id.",
            DECISIONS,
        ),
        RawTable(
            "closed_einvoices",
            "closed_einvoices",
            "E-invoices that closed months show as missing or paired late. One row per e-invoice and month.",
            CLOSED_EINVOICES,
        ),
    ]
    return [table for source in SOURCES.values() for table in _tables_of(source)] + shared


def _tables_of(source: Source) -> list[RawTable]:
    tables = [RawTable(source.name, "rows", f"{source.description} {_GRAIN}", _row_columns(source), source.name)]
    for extra in source.extra_tables:
        columns = tuple(RawColumn(c.name, c.sql_type, c.description) for c in extra.columns)
        tables.append(RawTable(extra.raw_table, extra.name, extra.description, (*columns, _SOURCE_FILE), source.name))
    if source.file_facts:
        facts = tuple(RawColumn(fact.name, fact.sql_type, fact.description) for fact in source.file_facts)
        text = "Files that were read of a month, and what is known of each as a whole. One row per source_file."
        tables.append(RawTable(f"{source.name}_files", "files", text, (*facts, _SOURCE_FILE, _MONTH), source.name))
    return tables


def _row_columns(source: Source) -> tuple[RawColumn, ...]:
    declared = (RawColumn(c.name, SQL_TYPES[c.kind], c.description or _described(c)) for c in columns_of(source.name))
    context = (RawColumn(c.name, c.sql_type, c.description) for c in source.context)
    return (*declared, *context, *LINEAGE)


def _described(column: Column) -> str:
    if column.heading == "derived":
        return f"`{column.aliases[0]}` as it is compared: NFKC, trimmed, upper case, inner blanks collapsed."
    return f"The column `{column.aliases[0]}` of the file."
