"""Statements held against sums that are made here, row by row: not the SQL that made them (spec/bridge.md, 1)."""

from collections import defaultdict
from collections.abc import Iterable
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from recon_assets.currencies import minor_units

Rows = list[dict[str, Any]]
Sums = dict[tuple[Any, ...], Decimal]
STATEMENT = ("billing_month", "register_type", "currency")


def rounded(amount: Decimal, currency: str) -> Decimal:
    """At the minor unit of the currency, half away from zero."""
    units = minor_units()
    return amount.quantize(units.get(currency, units["*"]), ROUND_HALF_UP)


def summed(rows: Iterable[tuple[tuple[Any, ...], Decimal]]) -> Sums:
    """Sums by key, without those that are zero."""
    found: Sums = defaultdict(Decimal)
    for key, amount in rows:
        found[key] += amount
    return {key: amount for key, amount in found.items() if amount}


def statement_sums(statement: Rows) -> tuple[Sums, Sums, Sums]:
    """Left totals and right totals by statement, and the steps by statement and step; each statement foots."""
    parts: dict[str, Sums] = {"left_total": {}, "right_total": {}}
    steps: Sums = {}
    for row in statement:
        place = tuple(row[name] for name in STATEMENT)
        if row["row_kind"] == "total":
            parts[row["step"]][place] = row["amount"]
        else:
            steps[*place, row["step"]] = row["amount"]
    left, right = parts["left_total"], parts["right_total"]
    assert left.keys() == right.keys()
    for place in left:
        reached = left[place] + sum((a for key, a in steps.items() if key[:-1] == place), Decimal(0))
        assert reached == right[place], place
    return (
        *({key: a for key, a in sums.items() if a} for sums in (left, right)),
        {k: a for k, a in steps.items() if a},
    )


def require_bridges_foot(bridge: Rows) -> None:
    """Every total of every invoice's bridge is the total above it and the steps between, to the last decimal."""
    places: dict[tuple[Any, ...], Rows] = defaultdict(list)
    for row in bridge:
        if row["row_kind"] in ("total", "step"):
            places[row["billing_month"], row["comparison"], row["invoice_number"], row["currency"]].append(row)
    assert places
    for place, rows in places.items():
        rows.sort(key=lambda row: row["position"])
        reached = rows[0]["amount"]
        assert (rows[0]["row_kind"], rows[-1]["step"]) == ("total", "cost_export"), place
        for row in rows[1:]:
            reached += row["amount"] if row["row_kind"] == "step" else 0
            assert row["row_kind"] == "step" or row["amount"] == reached, (place, row["step"])
