#!/usr/bin/env bash
# DuckDB 1.5.6: a sum of DECIMAL(38, 0) values may have 39 digits and is still said to be DECIMAL(38, 0); no error is raised.
# What reads the result by its declared type (Arrow, Parquet) gets a number that the type cannot hold.
. "$(dirname "$0")/environment" duckdb==1.5.6
cat > seen.py <<'PY'
import duckdb

value = f"{6 * 10**37}::decimal(38, 0)"
sql = f"select sum(n) as total, typeof(sum(n)) from (values ({value}), ({value})) as t(n)"
total, kind = duckdb.execute(sql).fetchone()
print(len(str(total)), kind.replace(" ", ""))
PY
expect "digits of the sum and its type" "39 DECIMAL(38,0)" "$(python seen.py)"
