"""The screen of the e-invoice reconciliation: buckets, documents, one document field by field, nearest candidates."""

from typing import Any

from dash import html

from recon_assets.app import decided
from recon_assets.app.format import number, plain, words
from recon_assets.app.parts import data_table, facts, scrolled
from recon_assets.app.queries import Query
from recon_assets.app.screens import Context, Late, Pairing, Screen
from recon_assets.app.tables import CHANGED, REJECTED, Column, Filter, Row, Table
from recon_assets.catalogue import SUBJECTS, source_windows
from recon_assets.catalogue.compared import compared_fields
from recon_assets.months import add_months, first_day

# The step of the waterfall that a row is in, as int_einvoices__waterfall has it.
_WHY = (
    "case when pass is null or upper(coalesce(register_currency_code, 'MIXED')) = "
    "upper(coalesce(einvoice_currency_code, 'MIXED')) then bucket else 'not_comparable' end"
)
# As int_einvoices__summary has it.
_CURRENCY = (
    "case when pass is not null and register_currency_code is null then 'MIXED/' || upper(einvoice_currency_code) "
    "when register_currency_code is null then upper(einvoice_currency_code) "
    "when einvoice_currency_code is null then upper(register_currency_code) "
    "when upper(register_currency_code) = upper(einvoice_currency_code) then upper(register_currency_code) "
    "else upper(register_currency_code) || '/' || upper(einvoice_currency_code) end"
)
_MORE = "E-invoice \N{MINUS SIGN} register"
# A document that one side lacks has its whole value as the difference.
_DIFFERENCE = (
    "case when register_currency_code is null or einvoice_currency_code is null "
    "or upper(register_currency_code) = upper(einvoice_currency_code) "
    "then coalesce(einvoice_total_including_tax, 0) - coalesce(register_total_including_tax, 0) end"
)
_TINS = "concat_ws(' ', register_supplier_tin, register_buyer_tin, einvoice_supplier_tin, einvoice_buyer_tin)"
_NAMES = "concat_ws(' ', register_supplier_name, register_buyer_name, einvoice_supplier_name, einvoice_buyer_name)"
_COUNTERPARTY_NAME = (
    "case when register_type = 'sales' then coalesce(register_buyer_name, einvoice_buyer_name) "
    "else coalesce(register_supplier_name, einvoice_supplier_name) end"
)
_COUNTERPARTY = (
    "case when register_type = 'sales' then coalesce(register_buyer_tin, einvoice_buyer_tin) "
    "else coalesce(register_supplier_tin, einvoice_supplier_tin) end"
)


# By name and TIN, as far as an address of a page can hold it.
_ADDRESSEE = f"nullif(left(concat_ws(', ', {_COUNTERPARTY_NAME}, {_COUNTERPARTY}), 200), '')"
_SEARCHED = (
    "register_document_number, einvoice_document_number, register_row_reference, uuid, register_supplier_tin, "
    "register_buyer_tin, einvoice_supplier_tin, einvoice_buyer_tin, register_supplier_name, register_buyer_name, "
    "einvoice_supplier_name, einvoice_buyer_name"
)


def _label(row: Row) -> str:
    number_ = row["register_document_number"] or row["einvoice_document_number"] or "without a number"
    return f"{words(row['register_type'])} document {number_}"


def _tooltip(row: Row) -> str:
    lines = []
    if row["n_id"] is not None:
        lines.append(f"{row['n_id']} identifiers and {row['n_amt']} amounts differ")
        lines.append(f"Paired by {row['pass']}" + (", a rival is as near" if row["ambiguous"] else ""))
    if row["reason"]:
        lines.append(f"Reason: {words(row['reason'])}")
    if row["due_state"]:
        lines.append(f"Due: {words(row['due_state'])}")
    return "\n".join(lines)


DOCUMENTS = Table(
    name="documents",
    title="Documents",
    mart="einvoice_reconciliation",
    columns=(
        Column(
            "document_number", "Document", width=150, sql="coalesce(register_document_number, einvoice_document_number)"
        ),
        Column("counterparty_name", "Counterparty", width=150, sql=_COUNTERPARTY_NAME),
        Column("counterparty", "Counterparty TIN", width=135, sql=_COUNTERPARTY),
        Column("currency", "Currency", width=90, sql=_CURRENCY),
        Column("register_total_including_tax", "Register value", "money", 120),
        Column("einvoice_total_including_tax", "E-invoice value", "money", 125),
        Column("difference", _MORE, "verdict", 150, _DIFFERENCE, f"abs({_DIFFERENCE})"),
        Column("max_difference_myr", "Largest of a field, MYR", "ringgit", 150),
        Column("bucket", "Bucket", "status", 165),
        Column("document_date", "Date", "date", 100, sql="coalesce(register_document_date, einvoice_document_date)"),
        Column("reason", "Reason", "status", 100),
        decided.COLUMN,
        Column("due_state", "Due", "status", 90),
        Column("register_type", "Register", "status", 90),
        Column("billing_month", "Month", "month", 85),
        Column("einvoice_document_number", "E-invoice number", width=150, is_optional=True),
        Column("uuid", "UUID", width=240, is_optional=True),
        Column("pass", "Paired by", "status", is_optional=True),
        Column("paired_after_days", "Paired after days", "count", is_optional=True),
        Column("flags", "Flags", is_optional=True),
        Column("n_id", "Identifiers that differ", "count", is_optional=True),
        Column("n_amt", "Amounts that differ", "count", is_optional=True),
        Column("register_total_excluding_tax", "Register before tax", "money", is_optional=True),
        Column("einvoice_total_excluding_tax", "E-invoice before tax", "money", is_optional=True),
        Column("register_total_tax_amount", "Register tax", "money", is_optional=True),
        Column("einvoice_total_tax_amount", "E-invoice tax", "money", is_optional=True),
        Column("register_source_file", "Register file", width=240, is_optional=True),
        Column("einvoice_source_file", "E-invoice file", width=240, is_optional=True),
    ),
    filters=(
        Filter("q", "Search", f"concat_ws(' ', {_SEARCHED})", "text"),
        Filter("register", "Register", "register_type", groups={"sales": ("sales",), "purchase": ("purchase",)}),
        Filter("tin", "TIN (supplier or buyer)", _TINS, "text"),
        Filter("party", "Name (supplier or buyer)", _NAMES, "text"),
        Filter(
            "number", "Document number", "concat_ws(' ', register_document_number, einvoice_document_number)", "text"
        ),
        Filter("bucket", "Bucket", "bucket", is_code=True),
        Filter("why", "Why", decided.step(_WHY), is_code=True, is_quiet=True),
        Filter("currency", "Currency", _CURRENCY),
        Filter("reason", "Reason", "reason", is_code=True),
        Filter("due", "Due", "due_state", is_code=True),
        decided.FILTER,
        decided.differing("bucket", SUBJECTS["einvoices"].decided.agreeing),
        Filter("party_is", "Supplier or customer", _ADDRESSEE, is_quiet=True),
        *CHANGED,
    ),
    sort="-max_difference_myr",
    sums={
        "register_total_including_tax": "Register value",
        "einvoice_total_including_tax": "E-invoice value",
        _DIFFERENCE: _MORE,
    },
    right_minus_left=_DIFFERENCE,
    label=_label,
    currency=_CURRENCY,
    extra=("ambiguous", *REJECTED, *decided.EXTRA),
    tooltip=_tooltip,
    addressees=("party_is",),
    marks={"ambiguous": "ambiguous", **REJECTED},
)

_CANDIDATE = (
    Column("side", "For the", "status"),
    Column("candidate_rank", "Rank", "count"),
    Column("candidate_document_number", "Document"),
    Column("candidate_document_date", "Date", "date"),
    Column("candidate_currency_code", "Currency"),
    Column("candidate_total_including_tax", "Value", "money"),
    Column("obstacle", "What stands in the way", "status"),
    Column("bucket_as_pair", "As a pair", "status"),
    Column("differing_fields", "Fields that differ"),
    Column("max_difference_myr", "Difference, MYR", "ringgit"),
    Column("candidate_uuid", "UUID"),
    Column("candidate_row_reference", "Row reference"),
)

_CONSOLIDATED = ("consolidated", "consolidated_lines")  # such a pair is not taken apart
_FIELDS = [field.name for field in compared_fields()]


def fields_query(row: Row) -> Query:
    return (
        "select * from marts.einvoice_field_differences where billing_month = ? and reconciliation_key = ? "
        "order by position",
        [row["billing_month"], row["reconciliation_key"]],
    )


def candidates_query(row: Row) -> Query:
    return (
        "select * from marts.einvoice_candidates where billing_month = ? and reconciliation_key = ? "
        "order by side, candidate_rank",
        [row["billing_month"], row["reconciliation_key"]],
    )


def counterparts_query(row: Row, candidates: list[Row]) -> Query:
    """The published rows in which candidates are, with the place of their documents in the files."""
    months = [month for window in source_windows("einvoices") for month in window.offsets]
    first, last = (first_day(add_months(f"{row['billing_month']:%Y-%m}", n)) for n in (min(months), max(months)))
    conditions: list[str] = []
    values: list[Any] = []
    for side, other in (("register", "einvoice"), ("einvoice", "register")):
        own = [candidate for candidate in candidates if candidate["side"] == side]
        if own:  # numbers first: of millions of rows few are compared by their texts
            marks = ", ".join("?" * len(own))
            conditions.append(f"({other}_source_row in ({marks}) and {other}_source_file in ({marks}))")
            values += [c["candidate_source_row"] for c in own] + [c["candidate_source_file"] for c in own]
    return (
        "select reconciliation_key, pass, "
        "concat_ws('|', register_source_file, register_source_row) as register_place, "
        "concat_ws('|', einvoice_source_file, einvoice_source_row) as einvoice_place "
        f"from marts.einvoice_reconciliation where billing_month between ? and ? and ({' or '.join(conditions)}) "
        "order by billing_month",
        [first, last, *values],
    )


def pairings(context: Context, row: Row) -> list[Pairing]:
    """The pairs that a person can make of a row and its candidates, and its own, which can be parted."""
    key, found = row["reconciliation_key"], []
    paired_by = row["pass"]
    if paired_by in _CONSOLIDATED:
        return []
    if paired_by is not None:
        found.append(Pairing("", key))
    candidates = [c for c in context.rows(candidates_query(row)) if c["obstacle"] != "own_pair"]
    if not candidates:
        return found
    others = context.rows(counterparts_query(row, candidates))
    for candidate in candidates:
        is_einvoice = candidate["side"] == "register"
        side = "einvoice" if is_einvoice else "register"
        place = f"{candidate['candidate_source_file']}|{candidate['candidate_source_row']}"
        other = next((o for o in reversed(others) if o[f"{side}_place"] == place), None)
        if other is None or other["pass"] in _CONSOLIDATED or (paired_by and other["pass"]):
            continue
        text = f"Pair with {words(side)} {candidate['candidate_document_number'] or place}"
        keys = (key, other["reconciliation_key"]) if is_einvoice else (other["reconciliation_key"], key)
        found.append(Pairing(text, *keys))
    return found


def details(context: Context, table: Table, row: Row) -> list[Any]:
    """Both documents field by field, where they lie, and for what did not match its nearest candidates."""
    compared = context.rows(fields_query(row))
    candidates = context.rows(candidates_query(row))
    content: list[Any] = [facts(_facts(row)), _side_by_side(compared) if compared else _one_side(row)]
    if candidates:
        content += [html.H3("Nearest candidates"), data_table("Nearest candidates", _CANDIDATE, candidates)]
    elif row["category"] != "Match":
        content.append(html.P("No document of the other side comes near this one.", className="empty"))
    return content


def why(context: Context, rows: list[Row]) -> dict[str, str]:
    """Which fields of each pair differ, with both values."""
    query = (
        "select reconciliation_key, field, register_value, einvoice_value from marts.einvoice_field_differences "
        "where reconciliation_key in (select unnest(?)) and not equal order by reconciliation_key, position",
        [[row["reconciliation_key"] for row in rows]],
    )
    found: dict[str, list[str]] = {}
    for field in context.rows(query):
        values = f"{_value(field, 'register_value')} against {_value(field, 'einvoice_value')}"
        found.setdefault(field["reconciliation_key"], []).append(f"{words(field['field'])} {values}")
    return {key: "; ".join(texts) for key, texts in found.items()}


def _facts(row: Row) -> dict[str, Any]:
    found = {
        "Register file": _place(row, "register"),
        "E-invoice file": _place(row, "einvoice"),
        "Supplier": row["register_supplier_name"] or row["einvoice_supplier_name"],
        "Buyer": row["register_buyer_name"] or row["einvoice_buyer_name"],
        "UUID": row["uuid"],
        "E-invoice status": row["einvoice_status"],
        "Paired by": words(row["pass"]),
        "Candidates": row["candidate_count"] or None,
        "Reason": words(row["reason"]),
        "Duplicate of": row["duplicate_of"],
        "Register rows": row["row_count"] if row["row_count"] != 1 else None,
        "Due": words(row["due_state"]),
        **decided.decision_facts(row, "einvoice_reconciliation"),
    }
    return {name: plain(value) for name, value in found.items() if value}


def _place(row: Row, side: str) -> str | None:
    file = row[f"{side}_source_file"]
    return f"{file}, record {row[f'{side}_source_row']}" if file else None


def _side_by_side(compared: list[Row]) -> html.Div:
    cells = [html.Th(title, scope="col") for title in ("Field", "Register", "E-invoice", _MORE, "Verdict")]
    rows = [_field_row(field) for field in compared]
    return scrolled("Fields", html.Table([html.Thead(html.Tr(cells)), html.Tbody(rows)], className="data fields"))


def _field_row(field: Row) -> html.Tr:
    kind = "number" if field["kind"] == "amount" else "text"
    verdict = (
        html.Span("Equal", className="badge good") if field["equal"] else html.Span("Differs", className="badge bad")
    )
    return html.Tr(
        [
            html.Th(words(field["field"]), scope="row"),
            html.Td(_value(field, "register_value"), className=kind),
            html.Td(_value(field, "einvoice_value"), className=kind),
            html.Td(_more(field), className="number"),
            html.Td(verdict),
        ],
        className="" if field["equal"] else "differs",
    )


def _more(field: Row) -> str:
    """What the e-invoice has more than the register in a field that differs: the mart says it the other way round."""
    difference = field["difference"]
    return "" if field["equal"] or difference is None else number(-difference, 2)


def _value(field: Row, name: str) -> str:
    return plain(field[name]) or "none"


def _one_side(row: Row) -> html.Div:
    side = "register" if row["register_source_file"] else "einvoice"
    title = "Register" if side == "register" else "E-invoice"
    rows = [
        html.Tr([html.Th(words(name), scope="row"), html.Td(plain(row[f"{side}_{name}"]) or "none")])
        for name in _FIELDS
    ]
    head = html.Thead(html.Tr([html.Th("Field", scope="col"), html.Th(title, scope="col")]))
    return scrolled("Fields", html.Table([head, html.Tbody(rows)], className="data fields"))


SCREEN = Screen(
    SUBJECTS["einvoices"],
    (DOCUMENTS,),
    details,
    verdict="bucket",
    late=Late("due_state = 'overdue'", "due", "overdue"),
    pairings=pairings,
    why=why,
)
