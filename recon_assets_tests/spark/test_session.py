"""What the session of profiles.yml does with numbers and texts."""

import sys
import unicodedata
from typing import Any

import duckdb
import jinja2
import pytest

from recon_assets.pipeline.project import PROJECT_DIR

pytestmark = [pytest.mark.spark, pytest.mark.timeout(300)]


def test_decimals_are_compared_in_every_place(session: Any) -> None:
    difference, allowed = "cast(0.01012 as decimal(38, 12))", "cast(1 as bigint) * cast(0.01 as decimal(18, 3))"
    (row,) = session.sql(f"select {difference} <= {allowed} as is_rounding").collect()
    assert not row.is_rounding


def test_texts_are_trimmed_of_the_blanks_that_duckdb_trims(session: Any) -> None:
    characters = [
        chr(code) for code in range(1, sys.maxunicode) if unicodedata.category(chr(code)) in ("Zs", "Zl", "Zp", "Cc")
    ]
    texts = [*(f"{one} a{one}b {one}" for one in characters), " a ", "a", "", "é"]
    keys = (PROJECT_DIR / "macros" / "keys.sql").read_text(encoding="utf-8")
    trimmed = jinja2.Environment().from_string(keys).module.default__trimmed("text")  # type: ignore[attr-defined]
    session.createDataFrame(
        [(number, text) for number, text in enumerate(texts)], "number int, text string"
    ).createOrReplaceTempView("texts")
    found = [row.trimmed for row in session.sql(f"select {trimmed} as trimmed from texts order by number").collect()]
    assert found == [duckdb.execute("select trim(?)", [text]).fetchall()[0][0] for text in texts]
