"""The declared columns of every source, read from columns.csv: names, kinds, what is required, aliases.

`heading` says whether a file must have the column: required, optional, derived, or `else OTHER`: required, but the
column OTHER stands in where it is missing. `value` says whether a row must: `needed` (there and convertible), `checked`
(may be empty, else convertible), `usage` (`needed` of cost lines that are usage; of others it may be empty, and is 0
then: spec/usage_cost_reconciliation.md, rule 11) or `optional` (null, with a warning, when it does not convert).
A `derived` column is in no file: it is the normalised text of the column that stands as its alias.
"""

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

from recon_assets.errors import FileProblem

Kind = Literal["text", "decimal", "date", "timestamp", "integer"]
SQL_TYPES: dict[Kind, str] = {
    "text": "varchar",
    "decimal": "decimal(38, 12)",
    "date": "date",
    "timestamp": "timestamp",
    "integer": "integer",
}
# Lineage of every raw row (spec/sources.md), appended to the declared columns.
LINEAGE: dict[str, str] = {
    "source_file": "varchar",
    "source_row": "bigint",
    "content_hash": "varchar",
    "loaded_at": "timestamp",
    "billing_month": "date",
}

_REMEDIES = {"azure_invoice_usage": " (meter columns are only in exports with attributeSet full)"}


@dataclass(frozen=True)
class Column:
    name: str
    kind: Kind
    heading: str
    value: Literal["needed", "checked", "usage", "optional"]
    aliases: tuple[str, ...]

    @property
    def is_required(self) -> bool:
        return self.heading not in ("optional", "derived")


@cache
def columns_of(source: str) -> tuple[Column, ...]:
    """Declared columns of a source, in the order of columns.csv."""
    text = files("recon_assets.sources").joinpath("columns.csv").read_text(encoding="utf-8")
    return tuple(
        Column(row["column"], row["kind"], row["heading"], row["value"], tuple(row["aliases"].split("|")))  # type: ignore[arg-type]
        for row in csv.DictReader(text.splitlines())
        if row["source"] == source
    )


def normalize_heading(heading: str) -> str:
    """A heading without case, blanks, underscores and BOM: how headings are compared (spec/sources.md)."""
    return "".join(heading.replace("\ufeff", "").replace("_", "").split()).lower()


def bind_columns(source: str, headings: list[str], file: str) -> dict[str, int]:
    """Position in the file of each declared column that it has, by column name.

    FileProblem when a required column is missing or a declared one appears twice.
    """
    positions: dict[str, list[int]] = {}
    for position, heading in enumerate(headings):
        positions.setdefault(normalize_heading(heading), []).append(position)
    bound: dict[str, int] = {}
    for column in columns_of(source):
        if column.heading == "derived":
            continue
        spellings = {normalize_heading(alias) for alias in (column.name, *column.aliases)}
        found = [position for spelling in spellings for position in positions.get(spelling, [])]
        if len(found) > 1:
            raise FileProblem(file, "the heading appears more than once; keep one", row=0, column=headings[found[1]])
        if found:
            bound[column.name] = found[0]
    stand_ins = {c.name: bound.get(c.heading.removeprefix("else ")) for c in columns_of(source) if c.name not in bound}
    bound |= {name: position for name, position in stand_ins.items() if position is not None}
    _require_columns(source, bound, headings, file)
    return bound


def bind_by_priority(mapping: str, headings: list[str], file: str, known: set[str]) -> dict[str, int]:
    """As `bind_columns` for files whose shapes differ: of several aliases that are there the first named wins.

    A heading `Text (Name)` of a localised export answers to Name too. Needed columns not in `known` must be there.
    """
    positions: dict[str, list[int]] = {}
    for position, heading in enumerate(headings):
        inner = heading.rpartition("(")[2].removesuffix(")") if heading.endswith(")") else heading
        for spelling in {normalize_heading(heading), normalize_heading(inner)}:
            positions.setdefault(spelling, []).append(position)
    bound: dict[str, int] = {}
    for column in columns_of(mapping):
        found = next((positions[s] for a in column.aliases if (s := normalize_heading(a)) in positions), [])
        if len(found) > 1:
            raise FileProblem(file, "the heading appears more than once; keep one", row=0, column=headings[found[1]])
        if found:
            bound[column.name] = found[0]
    if headings:
        _require_columns(mapping, bound, headings, file)
        for column in columns_of(mapping):
            if column.value == "needed" and column.name not in bound and column.name not in known:
                raise FileProblem(
                    file, "the needed column is missing; export the file again with it", 0, column.aliases[0]
                )
    return bound


def _require_columns(source: str, bound: dict[str, int], headings: list[str], file: str) -> None:
    missing = [c.aliases[0] for c in columns_of(source) if c.is_required and c.name not in bound]
    if missing:
        found = ", ".join(heading.strip()[:100] for heading in headings[:60]) or "nothing"
        raise FileProblem(
            file,
            f"the required columns {', '.join(missing)} are missing; found: {found}. "
            f"Export the file again with them{_REMEDIES.get(source, '')}, "
            f"or add the heading to sources/columns.csv as an alias",
            row=0,
            column=missing[0],
        )
