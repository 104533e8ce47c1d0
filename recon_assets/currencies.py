"""Currencies: how many decimals their amounts have, by the seed that the marts round by."""

import csv
from decimal import Decimal
from functools import cache

from recon_assets.pipeline.project import PROJECT_DIR


@cache
def minor_units() -> dict[str, Decimal]:
    """The smallest unit of each currency; `*` is every other one."""
    with (PROJECT_DIR / "seeds" / "currency_minor_units.csv").open(encoding="utf-8") as file:
        return {row["currency"]: Decimal(row["minor_unit"]) for row in csv.DictReader(file)}


def decimals(currency: str | None) -> int:
    """Decimals of an amount: KWD 3, JPY 0, most 2; 2 for what is no single currency."""
    exponent = minor_units().get(currency or "", minor_units()["*"]).as_tuple().exponent
    assert isinstance(exponent, int)
    return -exponent
