"""The print view: a page of plain HTML with all filtered rows, their totals and what they are of. No script."""

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, select_autoescape

from recon_assets.app import queries
from recon_assets.app.format import number, shown, words
from recon_assets.app.glossary import term
from recon_assets.app.parts import footing, total_title
from recon_assets.app.screens import Context
from recon_assets.app.tables import NUMERIC, Column, Row, Table
from recon_assets.app.workbook import said
from recon_assets.errors import InputError

MOST_ROWS = 5_000
TEMPLATES = Environment(loader=PackageLoader("recon_assets.app"), autoescape=select_autoescape())


def render_print(context: Context, table: Table, marked: Callable[[list[Row]], list[str]]) -> str:
    """The page of what `context` shows of `table`, each row with what it is `marked` with; InputError above MOST_ROWS.

    The marks have a column where there are any.
    """
    restriction = context.restriction(table)
    totals = context.rows(queries.totals(table, restriction))
    count = sum(row["row_count"] for row in totals)
    if count > MOST_ROWS:
        raise InputError(f"{count:,} rows are too many to print; at most {MOST_ROWS:,} are. Filter further.")
    measure = next((context.chosen(f)[0] for f in table.filters if f.kind == "view"), None)
    columns = table.shown(measure, context.address.columns.get(table.name, ()))
    rows = context.rows(queries.page(table, restriction, context.sort(table), 0, MOST_ROWS))
    headings = [{"title": column.title, "kind": _alignment(column)} for column in columns]
    lines = [[shown(row[c.name], c.kind, row.get("currency")) for c in columns] for row in rows]
    marks = marked(rows)
    if any(marks):
        headings.insert(1, {"title": "Marks", "kind": "text"})
        lines = [[line[0], mark, *line[1:]] for line, mark in zip(lines, marks, strict=True)]
    return TEMPLATES.get_template("print.html").render(
        title=f"{context.screen.title}: {table.title.lower()}",
        said=said(context, table, count),
        totals=_totals(table, totals),
        columns=headings,
        rows=lines,
        meanings=_meanings(table, columns, rows),
    )


def _alignment(column: Column) -> str:
    if column.kind in NUMERIC:
        return "number"
    return "date" if column.kind in ("date", "month") else "text"


def _totals(table: Table, totals: list[dict[str, Any]]) -> dict[str, Any]:
    lines = []
    for line in (line for part in footing(table, totals) for line in part):
        is_total = line["status"] is None
        sums = [number(line[f"sum_{n}"], table.places(line["currency"])) for n in range(len(table.sums))]
        name = total_title(table) if is_total else words(line["status"])
        cells = [name, line["currency"] or "", f"{line['row_count']:,}", *sums]
        lines.append({"is_total": is_total, "cells": cells})
    return {"headings": ["Status", "Currency", "Rows", *table.sums.values()], "lines": lines}


def _meanings(table: Table, columns: list[Column], rows: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """What the codes mean that stand in these rows."""
    found: dict[str, str] = {}
    for column in columns:
        told = term(table.mart, column.name) if column.kind == "status" else None
        present = {row[column.name] for row in rows} if told else set()
        found |= {words(code): text for code, text in (told.values if told else {}).items() if code in present}
    return list(found.items())
