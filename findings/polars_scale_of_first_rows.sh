#!/usr/bin/env bash
# polars 2.1.0: str.to_decimal() takes the number of decimals from the first 100 texts and rounds all later ones to it, silently: a price of
# 1.12999 behind 150 prices of 1.10 is 1.13. With scale=5 it is kept, as by DuckDB's cast to
# DECIMAL(38, 12).
. "$(dirname "$0")/environment" polars==2.1.0 duckdb==1.5.6
cat > seen.py <<'PY'
import duckdb
import polars as pl

texts = pl.Series(["1.10"] * 150 + ["1.12999"])
print(texts.str.to_decimal()[-1], texts.str.to_decimal(scale=2)[-1], texts.str.to_decimal(scale=5)[-1])
print(duckdb.sql("select cast('1.12999' as decimal(38, 12))").fetchone()[0].normalize())
PY
expect "1.12999 by inference, with scale 2, with scale 5, in DuckDB" "1.13 1.13 1.12999 1.12999" "$(python seen.py | xargs)"
