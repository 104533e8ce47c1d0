"""The compared fields of a document: seeds/einvoice_compared_fields.csv, and what of a source follows from them."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

from recon_assets.errors import ReconError

SEED = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds" / "einvoice_compared_fields.csv"
Form = Literal["tin", "type", "text", "date", "amount"]


@dataclass(frozen=True)
class ComparedField:
    name: str
    kind: str  # identifier or amount
    form: Form  # how its values are normalised
    label: str

    @property
    def has_key(self) -> bool:
        """Whether its normalised text is a column of its own, <name>_key."""
        return self.form in ("tin", "type", "text")


@cache
def compared_fields() -> tuple[ComparedField, ...]:
    """The compared fields in the order in which they are shown; ReconError with the line of one that is wrong."""
    with SEED.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for line, row in enumerate(rows, start=2):
        is_amount = row["form"] == "amount"
        if row["form"] not in get_args(Form) or row["kind"] != ("amount" if is_amount else "identifier"):
            raise ReconError(f"{SEED.name}, line {line}: form is one of {', '.join(get_args(Form))}, as kind says")
    return tuple(ComparedField(row["compared_field"], row["kind"], row["form"], row["label"]) for row in rows)  # type: ignore[arg-type]


def key_fields() -> list[str]:
    """Fields that are compared by their normalised text."""
    return [field.name for field in compared_fields() if field.has_key]


def compared_expressions(date: str) -> list[str]:
    """The compared fields, normalised, as SQL over declared columns; `date` is the SQL of the document's date."""
    return [_normalised(field, date) for field in compared_fields()]


def _normalised(field: ComparedField, date: str) -> str:
    """As macros/einvoice_fields.sql has it."""
    key = f"{field.name}_key"
    match field.form:
        case "amount":
            positive = f"abs(coalesce({field.name}, 0))"
            small = f"cast(round(cast({positive} as decimal(18, 12)), 2) as decimal(18, 2))"  # 64 bits, far faster
            return f"case when {positive} < 1000000 then {small} else cast(round({positive}, 2) as decimal(18, 2)) end"
        case "tin":  # zeros after its letters say nothing
            return f"regexp_replace({key}, '^([A-Z]+)0+', '\\1')"
        case "type":  # Excel drops the leading zero of a code that it takes for a number
            return f"case when length({key}) = 1 then '0' || {key} else {key} end"
        case "date":
            return date if field.name == "document_date" else field.name
        case _:
            return key
