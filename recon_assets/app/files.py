"""The screen of landed files: what became of each, and every rejected record with its place, value and reason."""

from typing import Any

from dash import html

from recon_assets.app.format import shown
from recon_assets.app.parts import facts
from recon_assets.app.screens import Context, Screen
from recon_assets.app.tables import Column, Filter, Row, Table
from recon_assets.catalogue import SOURCES, SUBJECTS
from recon_assets.catalogue.model import ComparedMart, Side, Subject

_TITLES = " ".join(
    f"when '{name}' then '{source.title.replace(chr(39), chr(39) * 2)}'" for name, source in SOURCES.items()
)
_SOURCE = f"case source {_TITLES} else source end"
_OUTCOME = (
    "case when set_aside is not null then 'set_aside' when taken_as = 'nothing' then 'not_read' "
    "when rejected_count > 0 then 'partly_rejected' when ignored_count > 0 then 'partly_ignored' else 'loaded' end"
)
_SHARED = (
    Filter("q", "Search", "concat_ws(' ', source_file, source)", "text"),
    Filter("reconciliation", "Reconciliation", "reconciliation", "group", {name: (name,) for name in SUBJECTS}),
    Filter("source", "Source", _SOURCE),
)


def _file_label(row: Row) -> str:
    return str(row["source_file"])


def _record_label(row: Row) -> str:
    return f"{row['source_file']}, record {row['source_row']}"


FILES = Table(
    name="files",
    title="Files",
    mart="intake_files",
    columns=(
        Column("source_file", "File, with its sheet or member", width=420),
        Column("source", "Source", width=190, sql=_SOURCE),
        Column("outcome", "What became of it", "status", 150, _OUTCOME),
        Column("row_count", "Rows loaded", "count", 110),
        Column("rejected_count", "Rejected", "count", 100),
        Column("ignored_count", "Ignored", "count", 100),
        Column("set_aside", "Why it was set aside", width=260),
        Column("ignored", "Ignored, by kind", width=180),
        Column("control_totals", "Its totals rows", width=200, is_optional=True),
        Column("warnings", "Warnings", width=260, is_optional=True),
        Column("assumptions", "Decided and assumed", width=260, is_optional=True),
        Column("billing_month", "Month", "month", 90),
    ),
    filters=(*_SHARED, Filter("outcome", "What became of it", _OUTCOME, is_code=True)),
    sort="-rejected_count",
    sums={"row_count": "Rows loaded", "rejected_count": "Rejected", "ignored_count": "Ignored"},
    right_minus_left="",
    label=_file_label,
    currency="cast(null as varchar)",
    judged=ComparedMart(_OUTCOME, "rejected_count"),
)

REJECTED = Table(
    name="rejected",
    title="Rejected records",
    mart="quarantined_rows",
    columns=(
        Column("source_file", "File, with its sheet or member", width=380),
        Column("source_line", "Line or row", "count", 110),
        Column("source_row", "Record", "count", 115),
        Column("column_name", "Column", width=150),
        Column("value", "What stands there", width=190),
        Column("reason", "Why it was rejected", width=360),
        Column("source", "Source", width=190, sql=_SOURCE),
        Column("billing_month", "Month", "month", 90),
        Column("raw_row", "The whole record", width=400, is_optional=True),
    ),
    filters=(*_SHARED, Filter("reason", "Why it was rejected", "reason")),
    sort="source_file,source_row",
    sums={},
    right_minus_left="",
    label=_record_label,
    currency="cast(null as varchar)",
    judged=ComparedMart("'rejected'", "source_row"),
)


def details(context: Context, table: Table, row: Row) -> list[Any]:
    """Everything that is known of a file, or of a rejected record."""
    known = [column for column in table.columns if row.get(column.name) is not None and column.name != "raw_row"]
    told = {column.title: shown(row[column.name], column.kind) for column in known}
    content: list[Any] = [facts(told | {"Source": SOURCES[row["source"]].title or row["source"]})]
    if row.get("raw_row"):
        content += [html.H3("The whole record"), html.Pre(row["raw_row"], className="record", tabIndex=0)]
    if table is REJECTED:
        text = "Mend the record where the file came from and land the file again: nobody edits what has landed."
        content.append(html.P(text, className="note"))
    return content


SCREEN = Screen(
    Subject("files", "Files", "What became of every landed file, and the records that could not be loaded.",
            Side("", ()), Side("", ()), (), {}, SUBJECTS["subscriptions"].at_stake, SUBJECTS["subscriptions"].decided),
    (REJECTED, FILES),
    details,
    verdict="outcome",
    is_compared=False,
)  # fmt: skip
