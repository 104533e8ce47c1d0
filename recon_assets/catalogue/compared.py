"""The compared fields of a document: seeds/einvoice_compared_fields.csv, and what of a source follows from them."""

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

SEEDS = Path(__file__).resolve().parents[2] / "dbt_project" / "seeds"


@dataclass(frozen=True)
class ComparedField:
    name: str
    kind: str  # identifier or amount

    @property
    def is_text(self) -> bool:
        return self.kind == "identifier" and not self.name.endswith("_date")


@cache
def compared_fields() -> tuple[ComparedField, ...]:
    """The compared fields in the order in which they are shown."""
    with (SEEDS / "einvoice_compared_fields.csv").open(encoding="utf-8", newline="") as file:
        return tuple(ComparedField(row["compared_field"], row["kind"]) for row in csv.DictReader(file))


def text_identifiers() -> list[str]:
    """Identifiers that are compared by their normalised text."""
    return [field.name for field in compared_fields() if field.is_text]


def compared_expressions(date: str) -> list[str]:
    """The compared fields, normalised, as SQL over declared columns; `date` is the SQL of the document's date."""
    return [_normalised(field, date) for field in compared_fields()]


def _normalised(field: ComparedField, date: str) -> str:
    key = f"{field.name}_key"
    if field.kind == "amount":
        return f"round(abs(coalesce({field.name}, 0)), 2)"
    if field.name.endswith("_tin"):  # zeros after its letters say nothing
        return f"regexp_replace({key}, '^([A-Z]+)0+', '\\1')"
    if field.name == "document_type":  # Excel drops the leading zero of a code that it takes for a number
        return f"case when length({key}) = 1 then '0' || {key} else {key} end"
    return key if field.is_text else date
