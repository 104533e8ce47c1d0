#!/usr/bin/env bash
# DuckDB 1.5.6 casts texts that are no amounts: 1_000 is 1000 (an underscore, as programmers write), 12.7 as an integer is 13.
# A check by try_cast therefore lets document numbers and quantities of another kind pass; polars and pyarrow refuse both.
. "$(dirname "$0")/environment" duckdb==1.5.6 polars==2.1.0
cat > seen.py <<'PY'
import duckdb
import polars as pl

print(*duckdb.sql("select try_cast('1_000' as decimal(18, 2)), try_cast('12.7' as integer)").fetchone())
print(pl.Series(["1_000"]).cast(pl.Decimal(18, 2), strict=False)[0], pl.Series(["12.7"]).cast(pl.Int32, strict=False)[0])
PY
expect "1_000 as DECIMAL and 12.7 as INTEGER, in DuckDB and polars" "1000.00 13 None None" "$(python seen.py | xargs)"
