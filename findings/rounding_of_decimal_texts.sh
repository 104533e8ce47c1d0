#!/usr/bin/env bash
# The text 0.125 as a decimal of 2 places: DuckDB rounds half away from zero, polars half to even, pyarrow refuses, and
# with safe=False it cuts digits off. The same file loaded by two engines differs by a minor unit, without a word.
. "$(dirname "$0")/environment" duckdb==1.5.6 polars==2.1.0 pyarrow==26.0.1
cat > seen.py <<'PY'
import duckdb
import polars as pl
import pyarrow as pa

(in_duckdb,) = duckdb.execute("select cast('0.125' as decimal(18, 2))").fetchone()
in_polars = pl.Series(["0.125"]).cast(pl.Decimal(18, 2))[0]
texts = pa.array(["0.125"])
try:
    in_arrow = texts.cast(pa.decimal128(18, 2))[0]
except pa.ArrowInvalid:
    in_arrow = "refused"
exact = texts.cast(pa.decimal128(18, 3))
print(in_duckdb, in_polars, in_arrow, exact.cast(pa.decimal128(18, 2), safe=False)[0])
PY
expect "DuckDB, polars, pyarrow, pyarrow unsafe" "0.13 0.12 refused 0.12" "$(python seen.py)"
