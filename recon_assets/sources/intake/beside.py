"""Columns of a register that are not read though they bear on its tax: taxes, roundings, discounts and charges under
other headings (docs/decisions.md, "Taxes that are not read")."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import combinations
from typing import Literal

from recon_assets.errors import FileProblem
from recon_assets.landing.profiles import IN_A_PROFILE
from recon_assets.sources.intake.grid import Grid
from recon_assets.sources.intake.headings import Heading
from recon_assets.sources.intake.levels import documents_of
from recon_assets.sources.intake.numbers import Mark, parts_of, to_plain
from recon_assets.sources.intake.prepared import Columns, Facts, decimal

_EXCLUDING, _TAX, _INCLUDING, _PAYABLE = (
    "total_excluding_tax", "total_tax_amount", "total_including_tax", "total_payable_amount",
)  # fmt: skip
Kind = Literal["tax", "rounding", "discount", "charge"]
_WORDS: dict[Kind, str] = {
    "tax": r"\b(?:tax|taxes|sst|gst|vat|hst|pst|cukai|duty|levy)\d*\b|税|稅",
    "rounding": r"\b(?:rounding|rounded|round|pembundaran|bundaran)\b|四舍五入|舍入|尾差",
    "discount": r"\b(?:discount|disc|rebate|diskaun)\b|折扣",
    "charge": r"\b(?:charges?|freight|shipping|delivery|surcharge|tips?|caj|penghantaran)\b|运费",
}
# Beside the word they make it something else than the amount: a rate, a code, the number of a person, a base.
_NO_AMOUNT = re.compile(
    r"%|\b(?:rate|percent|percentage|pct|kadar|code|kod|ids?|no|number|tin|type|jenis|reg|registration|reference|name|nama"
    r"|date|tarikh|group|class|status|excl\w*|excluding|incl\w*|including|inclusive|before|after|net|less|without|with"
    r"|taxable|base|exempt\w*|sebelum|selepas|termasuk|tanpa|withholding|wht|credit note)\b"
    r"|税率|稅率|税号|稅號|含税|含稅|税前|税后|不含|未税|未稅",
    re.IGNORECASE,
)
_RATE_OF = re.compile(r"\d+(?:\.\d+)?\s*%")  # "SST 8%" is an amount, "Tax %" a rate
_MOST = 8  # columns that are tried together
_HALF_A_CENT = Decimal("0.005")


@dataclass(frozen=True)
class Beside:
    """An unread column of amounts: its kind, and a value per record."""

    heading: str
    kind: Kind
    values: list[Decimal]


def kind_of(heading: str) -> Kind | None:
    """What an unread column of numbers would hold by its heading; None for what bears on no tax."""
    bare = _RATE_OF.sub(" ", heading.replace("_", " ").lower())
    text = " ".join(re.findall(r"[^\W_]+|%", bare))
    if _NO_AMOUNT.search(text):
        return None
    return next((kind for kind, words in _WORDS.items() if re.search(words, text)), None)


def columns_beside(
    columns: Columns,
    grid: Grid,
    heading: Heading,
    marks: Mapping[str, tuple[Mark, str | None]],
    not_read: Collection[str],
) -> list[Beside]:
    """The columns of amounts that nothing reads, zeros alone left out."""
    used = {position for positions in (*heading.columns.values(), *heading.rivals.values()) for position in positions}
    left_out = used | set(heading.places(not_read))
    mark, side = marks.get(_INCLUDING, (".", "CR"))
    found = []
    for position, text in enumerate(heading.texts):
        kind = kind_of(text) if text and position not in left_out else None
        if kind is None:
            continue
        typed = grid.typed.get(position)
        plain = to_plain(
            grid.columns[position].take(columns.rows), None if typed is None else typed.take(columns.rows), mark, side
        ).to_pylist()
        amounts = [decimal(cell.strip()) if cell else Decimal(0) for cell in plain]
        is_numbers = all(
            amount is not None or parts_of(cell or "-") for amount, cell in zip(amounts, plain, strict=True)
        )
        values = [amount or Decimal(0) for amount in amounts]
        if is_numbers and any(values):
            found.append(Beside(text, kind, values))
    return found


def require_whole_tax(columns: Columns, facts: Facts, beside: list[Beside], file: str) -> None:
    """FileProblem where a column that is not read shows that the tax would be wrong, be it derived or read.

    A derived tax (including less excluding) has to be the sum of columns of taxes that are not read, if there are any,
    and must not be made of a rounding, a discount or a charge. A tax that is read must not lack another one that makes
    up the total. What is right all the same is told in the notes.
    """
    if not beside or not {_EXCLUDING, _INCLUDING} <= columns.texts.keys():
        return
    gaps = list(_gaps(columns))
    derived = [gap for gap in gaps if gap[1]]
    taxes = [one for one in beside if one.kind == "tax"]
    if derived and taxes:
        _require_sum(columns, facts, derived, taxes, beside, file)
    elif derived:
        _require_no_other(columns, facts, derived, beside, file)
    lacking = [gap for gap in gaps if not gap[1] and not any(_is_zero(amount) for amount in gap[2])]
    if lacking and (missed := _fitting(taxes, lacking, at_least=1)):
        line = columns.lines[lacking[0][0][0]].as_py()
        read = facts.bound[_TAX].split(" + ") if _TAX in facts.bound else []
        raise FileProblem(
            file,
            f"the tax that is read ({_named(*read) or 'a constant'}) is not all of it: with {_named(*_texts(missed))}, "
            f"which nothing reads, the total of row {line} adds up. {_to_write([*read, *_texts(missed)])}",
            column=missed[0].heading,
            mend={"columns": dict.fromkeys([*read, *_texts(missed)], _TAX)},
        )


Gap = tuple[list[int], bool, tuple[Decimal, ...]]  # rows of a document, whether its tax is derived, what it may be


def _gaps(columns: Columns) -> Iterator[Gap]:
    """Of each document what its total holds beside the amount excluding tax and the tax that is read.

    Of a document on several rows the amounts may be those of the rows, or of the document on each of them.
    """
    low, high = columns.amounts(_EXCLUDING), columns.amounts(_INCLUDING)
    taxes = columns.amounts(_TAX) if _TAX in columns.texts else [None] * len(columns)
    for rows in documents_of(columns).values():
        known = [(low[r], high[r], taxes[r]) for r in rows]
        differences = [b - a - (tax or 0) for a, b, tax in known if a is not None and b is not None]
        if len(differences) == len(rows):
            readings = (sum(differences, Decimal(0)), *([differences[0]] if len(set(differences)) == 1 else []))
            yield rows, any(tax is None for *_, tax in known), readings


def _is_zero(amount: Decimal) -> bool:
    return abs(amount) < _HALF_A_CENT


def _fits(chosen: tuple[Beside, ...], gap: Gap) -> bool:
    """Whether the columns together are the difference of a document."""
    rows, _, readings = gap
    values = [sum((one.values[row] for one in chosen), Decimal(0)) for row in rows]
    sums = (sum(values, Decimal(0)), *([values[0]] if len(set(values)) == 1 else []))
    return any(_is_zero(amount - total) for amount in readings for total in sums)


def _fitting(taxes: list[Beside], gaps: list[Gap], at_least: int) -> tuple[Beside, ...] | None:
    """The most columns that together are the difference in every document; None when none are."""
    tried = taxes[:_MOST]
    for count in range(len(tried), at_least - 1, -1):
        for chosen in combinations(tried, count):
            if all(_fits(chosen, gap) for gap in gaps):
                return chosen
    return None


def _require_sum(
    columns: Columns, facts: Facts, gaps: list[Gap], taxes: list[Beside], beside: list[Beside], file: str
) -> None:
    """The taxes that are not read are what was derived, in every document."""
    if fitting := _fitting(taxes, gaps, at_least=1):
        lines = ", ".join(f'"{heading}" = "{_TAX}"' for heading in _texts(fitting))
        facts.notes.append(
            f"tax_derived: in every document what {_named(*_texts(fitting))} say; [columns] {lines} reads it"
        )
        return
    wrong = next(gap for gap in gaps if not _fits(tuple(taxes), gap))
    row = wrong[0][0]
    told = sum((one.values[row] for one in taxes), Decimal(0))
    others = [one.heading for one in beside if one.kind != "tax"]
    raise FileProblem(
        file,
        f"no column is read as tax, and the difference of the two totals is not what {_named(*_texts(taxes))} say: in "
        f"row {columns.lines[row].as_py()} it is {wrong[2][0]:.2f}, they are {told:.2f}"
        + (f" ({_named(*others)} is part of the total too)" if others else "")
        + f". {_to_write(_texts(taxes))}",
        column=taxes[0].heading,
        mend={"columns": dict.fromkeys(_texts(taxes), _TAX)},
    )


def _require_no_other(columns: Columns, facts: Facts, gaps: list[Gap], beside: list[Beside], file: str) -> None:
    """What was derived as tax is not a rounding, a discount or a charge; a rounding beside the total does not count."""
    for one in beside:
        touched = [gap for gap in gaps if any(one.values[row] for row in gap[0])]
        opposite = Beside(one.heading, one.kind, [-value for value in one.values])
        is_all = all(_fits((one,), gap) or _fits((opposite,), gap) for gap in touched)
        if is_all or (one.kind == "rounding" and not _is_outside(columns, one)):
            raise FileProblem(
                file,
                f"no column is read as tax, and the difference of the two totals holds {_named(one.heading)}, which is "
                f"none. Name the heading of the tax {IN_A_PROFILE}: [columns] "
                f'"<heading>" = "{_TAX}"; or, if the total is without it, not_read = ["{one.heading}"]; a list without '
                f'any tax takes [constants] {_TAX} = "0"',
                column=one.heading,
            )
        facts.notes.append(f"tax_derived: '{one.heading}' is not read")


def _is_outside(columns: Columns, rounding: Beside) -> bool:
    """Whether the total is without the rounding: the payable amount has it."""
    if _PAYABLE not in columns.texts:
        return False
    pairs = zip(columns.amounts(_INCLUDING), columns.amounts(_PAYABLE), rounding.values, strict=True)
    return all(a is not None and b is not None and _is_zero(a + value - b) for a, b, value in pairs)


def _texts(beside: Collection[Beside]) -> list[str]:
    return [one.heading for one in beside]


def _named(*headings: str) -> str:
    return " and ".join(f"'{heading}'" for heading in headings)


def _to_write(headings: list[str]) -> str:
    lines = ", ".join(f'"{heading}" = "{_TAX}"' for heading in headings)
    each = ", ".join(f'"{heading}"' for heading in headings)
    return (
        f"Say {IN_A_PROFILE}: [columns] {lines} (several are summed), or, where "
        f"they are no taxes of the document, not_read = [{each}]"
    )
