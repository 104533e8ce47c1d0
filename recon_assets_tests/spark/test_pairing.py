"""Contested pairs of e-invoices on Spark: rounds, and one pass over what they leave, accept what going in order accepts."""

import random
from typing import Any

import jinja2
import pytest

from recon_assets.pipeline.project import PROJECT_DIR

pytestmark = [pytest.mark.spark, pytest.mark.slow, pytest.mark.timeout(600)]
Pair = tuple[int, int]  # register document, e-invoice


def test_contested_pairs_are_accepted_as_if_gone_through_in_order(session: Any) -> None:
    clusters = [(4 * block + left, 4 * block + right) for block in range(20) for left in range(4) for right in range(4)]
    random.Random(7).shuffle(clusters)
    # Each pair waits for the one before it: one more is settled in a round, and most are left to the last pass.
    chain = [(1000 + (number + 1) // 2, 1000 + number // 2) for number in range(60)]
    pairs = [*clusters, *chain]
    # Documents that share pairs are of one register.
    rows = [
        (*pair, "purchase" if pair[0] % 8 < 4 and pair in clusters else "sales", n) for n, pair in enumerate(pairs, 1)
    ]
    shape = "register_id bigint, einvoice_id bigint, register_type string, position int"
    session.createDataFrame(rows, shape).createOrReplaceTempView("contested")
    accepted = session.sql(first_on_both_sides()).collect()
    assert sorted((row.register_id, row.einvoice_id) for row in accepted) == sorted(in_order(pairs))


def first_on_both_sides() -> str:
    """The query of the macro for Spark; it reads `contested`."""
    text = (PROJECT_DIR / "macros" / "einvoice_pairing.sql").read_text(encoding="utf-8")
    macros = jinja2.Environment(extensions=["jinja2.ext.do"]).from_string(text).module
    return str(macros.default__first_on_both_sides())  # type: ignore[attr-defined]


def in_order(pairs: list[Pair]) -> list[Pair]:
    registers: set[int] = set()
    einvoices: set[int] = set()
    accepted = []
    for register, einvoice in pairs:
        if register not in registers and einvoice not in einvoices:
            registers.add(register)
            einvoices.add(einvoice)
            accepted.append((register, einvoice))
    return accepted
