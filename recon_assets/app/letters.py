"""Letters to suppliers, customers and partners: what of theirs differs, as text to copy, with a workbook to attach.

A letter is of the rows that a screen's filters leave, restricted to one addressee and to what differs and nobody
accepted or ignored: the same rows as on the screen and in the workbook of that address.
"""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from recon_assets.app import queries
from recon_assets.app.decided import DIFFERS
from recon_assets.app.format import money, number, words
from recon_assets.app.printing import TEMPLATES
from recon_assets.app.screens import Context
from recon_assets.app.tables import Filter, Row, Table
from recon_assets.errors import InputError

MOST_ITEMS = 500  # of a letter; what are more stand in the workbook
_MOST_ADDRESSEES = 500  # lines of a list


def path(table: Table) -> str:
    return f"/letters/{table.name}"


def render_letters(context: Context, table: Table, user: str, links: dict[str, str]) -> str:
    """The page of an address: the letter to its addressee, or the list of those who can be written to."""
    if not table.addressees:
        raise InputError(f"{table.title} name nobody to write to.")
    context = replace(context, address=context.address.with_filter(DIFFERS, (DIFFERS,)))
    addressed = next((f for f in _addressees(table) if f.name in context.address.filters), None)
    shown = {
        "links": links,
        "user": user,
        "back": context.screen.path + context.address.search,
        "screen": context.screen,
    }
    if addressed is None:
        groups = [{"title": f.title, "rows": _group(context, table, f)} for f in _addressees(table)]
        return TEMPLATES.get_template("letters.html").render(**shown, groups=groups, months=context.span())
    (name,) = context.address.filters[addressed.name][:1]
    text = letter(context, table, name, user)
    workbook = f"/download/{table.name}.xlsx{context.pinned().search}"
    others = path(table) + context.address.with_filter(addressed.name, ()).with_filter(DIFFERS, ()).search
    return TEMPLATES.get_template("letters.html").render(
        **shown, text=text, name=name, workbook=workbook, others=others, lines=text.count("\n") + 1
    )


def _addressees(table: Table) -> list[Filter]:
    return [filter_ for name in table.addressees if (filter_ := table.filter(name)) is not None]


def _group(context: Context, table: Table, filter_: Filter) -> list[dict[str, Any]]:
    """Who can be written to, those with most rows first: rows, differences per currency, and the link to the letter."""
    listed = [f"{filter_.column} as addressee", f"{table.currency} as currency"]
    listed.append(f"{table.right_minus_left} as difference")
    inner, values = queries.listing(table, context.restriction(table), None, listed)
    sql = (
        "select addressee, currency, count(*) as row_count, sum(difference) as difference, "
        f"sum(count(*)) over (partition by addressee) as own_count from ({inner}) group by addressee, currency "
        f"order by addressee is null, own_count desc, addressee, currency limit {_MOST_ADDRESSEES}"
    )
    found: dict[str | None, dict[str, Any]] = {}
    for row in context.rows((sql, values)):
        name, count = row["addressee"], number(row["own_count"], 0)
        own = found.setdefault(name, {"name": name, "row_count": count, "differences": [], "href": ""})
        if name is not None:
            own["href"] = path(table) + context.address.with_filter(filter_.name, (name,)).search
        if row["difference"] is not None:
            own["differences"].append(f"{money(row['difference'], row['currency'])} {row['currency'] or ''}".strip())
    return list(found.values())


def letter(context: Context, table: Table, name: str, user: str) -> str:
    """The text of a letter about the rows of a context; InputError when none of them differs."""
    sums = list(table.sums)[:2]
    listed = ["*", f"{sums[0]} as left_value", f"{sums[1]} as right_value"]
    listed += [f"{table.right_minus_left} as value_difference", f"{table.currency} as value_currency"]
    sql, values = queries.listing(table, context.restriction(table), context.sort(table), listed)
    rows = context.rows((f"{sql} limit {MOST_ITEMS}", values))
    if not rows:
        raise InputError(f"Nothing of {name[:80]} differs in {context.span()}.")
    totals = context.rows(queries.totals(table, context.restriction(table)))
    count = sum(row["row_count"] for row in totals)
    why = context.screen.why(context, rows) if context.screen.why else {}
    subject = context.screen.subject
    left, right = subject.left.title, subject.right.title
    items = [_item(table, row, n, left, right, why.get(row["reconciliation_key"], "")) for n, row in enumerate(rows, 1)]
    if count > len(rows):
        items.append(f"... and {count - len(rows):,} more, which the workbook has.")
    noun, verb = ("item", "differs") if count == 1 else ("items", "differ")
    return "\n".join(
        [
            f"To: {name}",
            f"Subject: {context.screen.title} of {context.span()}: {count:,} {noun} that {verb}",
            "",
            "Dear Sir or Madam,",
            "",
            f"for {context.span()} we compared {left} and {right}. With you {count:,} {noun} {verb}:",
            "",
            *items,
            "",
            *_totals(totals, left, right),
            "",
            "The workbook that comes with this letter holds them with every value. Please tell us which of them",
            "you will correct, and which we should.",
            "",
            "Yours faithfully",
            user,
        ]
    )


def _item(table: Table, row: Row, place: int, left: str, right: str, why: str) -> str:
    currency = row["value_currency"]

    def said(title: str, value: Any) -> str:
        return (
            f"{title} {money(value, currency)} {currency or ''}".rstrip() if value is not None else f"{title} nothing"
        )

    difference = row["value_difference"]
    parts = [said(left, row["left_value"]), said(right, row["right_value"])]
    if difference is not None:
        parts.append(f"difference {money(difference, currency)}")
    reason = "; ".join(filter(None, (words(row[table.status]), why)))
    return f"{place}. {table.label(row)}: {', '.join(parts)} ({reason})"


def _totals(totals: list[Row], left: str, right: str) -> list[str]:
    """Per currency what both sides add up to."""
    found = []
    for currency in sorted({row["currency"] or "" for row in totals}):
        own = [row for row in totals if (row["currency"] or "") == currency]
        one, other = (sum((row[name] or Decimal(0) for row in own), Decimal(0)) for name in ("sum_0", "sum_1"))
        found.append(
            f"In all, {currency or 'no currency'}: {left} {money(one, currency)}, {right} {money(other, currency)}."
        )
    return found
