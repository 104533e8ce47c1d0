"""The screen of the open items: register documents that wait for an e-invoice, rolled forward over a month."""

from typing import Any

from dash import html

from recon_assets.app.format import money, number, words
from recon_assets.app.parts import facts
from recon_assets.app.screens import Context, Screen
from recon_assets.app.tables import Column, Filter, Row, Table
from recon_assets.catalogue import SUBJECTS
from recon_assets.catalogue.model import ComparedMart

_LEAVING = ("paired_late", "decided", "written_off")
_SIGN = f"case when step in {_LEAVING} then -1 else 1 end"


def _label(row: Row) -> str:
    return f"{words(row['step'])}, {row['register_type']}, {row['age_class']} days, {row['currency']}"


TABLE = Table(
    name="open_items",
    title="Open items",
    mart="open_items",
    columns=(
        Column("step", "Step", "status", 170, order="position"),
        Column("age_class", "Days old", width=110),
        Column("documents", "Documents", "count", 120, f"{_SIGN} * row_count"),
        Column("value", "Value", "money", 150, f"{_SIGN} * amount"),
        Column("currency", "Currency", width=100),
        Column("register_type", "Register", "status", 120),
        Column("billing_month", "Month", "month", 100),
    ),
    filters=(
        Filter("register", "Register", "register_type", groups={"sales": ("sales",), "purchase": ("purchase",)}),
        Filter("step", "Step", "step", is_code=True),
        Filter("age", "Days old", "age_class"),
        Filter("currency", "Currency", "currency"),
    ),
    sort="step",
    sums={},
    right_minus_left="",
    label=_label,
    judged=ComparedMart("step", "amount"),
)


def details(context: Context, table: Table, row: Row) -> list[Any]:
    """What the figure counts."""
    told = {
        "Step": words(row["step"]),
        "Days old": row["age_class"],
        "Documents": number(row["row_count"], 0),
        "Value": f"{money(row['amount'], row['currency'])} {row['currency']}",
        "Register": words(row["register_type"]),
    }
    text = "Opening and new documents, less what was paired late, decided and written off, are the closing."
    return [facts(told), html.P(text, className="note")]


SCREEN = Screen(
    SUBJECTS["einvoices"],
    (TABLE,),
    details,
    own=("open-items", "Open items", "Register documents that wait for an e-invoice, from opening to closing."),
    verdict="step",
)
