"""What statuses, explanations and columns mean: the descriptions of the marts' columns, which dbt's docs show too.

A column whose values are codes lists them in its description as "- `code`: text" (dbt_project/models/glossary.md).
"""

import re
from dataclasses import dataclass
from functools import cache

from recon_assets.pipeline.marts import published_marts

_VALUE = re.compile(r"^- `([^`]+)`: (.+)$", re.MULTILINE)


@dataclass(frozen=True)
class Term:
    """A column in words: what it is, and what each of its values means, in the order of the description."""

    text: str
    values: dict[str, str]


@cache
def term(mart: str, column: str) -> Term | None:
    """The description of a column of a mart; None for what is no column of it."""
    found = next((c for c in published_marts()[mart].columns if c.name == column), None)
    if found is None:
        return None
    text, _, _ = found.description.partition("\n\n")
    values = {code: " ".join(meaning.split()) for code, meaning in _VALUE.findall(found.description)}
    return Term(" ".join(text.split()), values)


@cache
def meaning(code: str) -> str:
    """What a status means, whichever column has it; nothing for what is explained nowhere."""
    for mart in published_marts().values():
        for column in mart.columns:
            found = term(mart.name, column.name)
            if found and code in found.values:
                return found.values[code]
    return ""
