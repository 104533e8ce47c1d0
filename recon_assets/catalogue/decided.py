"""What the decision about a row rests on: the columns of its fingerprint, by which a change is noticed."""

from recon_assets.catalogue.catalogue import SUBJECTS
from recon_assets.catalogue.compared import compared_fields


def fingerprint_columns(subject: str) -> list[tuple[str, bool]]:
    """Columns of the decided mart, and whether each is an amount: status, difference, and both sides' values."""
    decided = SUBJECTS[subject].decided
    compared = SUBJECTS[subject].marts[decided.mart]
    fields = [(f"{side}_{f.name}", f.kind == "amount") for side in decided.documents for f in compared_fields()]
    return [
        (compared.status, False),
        (compared.difference, True),
        *((name, False) for name in decided.texts),
        *((name, True) for name in decided.amounts),
        *fields,
    ]


def fingerprint_sql(subject: str) -> str:
    """SQL of a row's fingerprint, as macros/decisions.sql makes it: SHA-256 of the values, amounts at 6 decimals."""
    texts = [
        f"coalesce(cast({f'cast({name} as decimal(38, 6))' if is_amount else name} as varchar), '')"
        for name, is_amount in fingerprint_columns(subject)
    ]
    return "sha256(" + " || '|' || ".join(texts) + ")"
