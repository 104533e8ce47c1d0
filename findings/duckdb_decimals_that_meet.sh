#!/usr/bin/env bash
# Where decimals of 38 digits and different places meet in one column or expression (union all, coalesce, case, greatest, a list),
# DuckDB keeps the places of the one that has fewest and rounds the other: 2.0.1 as 1.5.6. Of 18 digits and 38 it keeps the most places.
. "$(dirname "$0")/environment" duckdb==2.0.1
cat > seen.py <<'PY'
import duckdb

two, twelve = "cast(1 as decimal(38, 2))", "cast(1.005 as decimal(38, 12))"
for sql in (
    f"select x from (select {two} as x union all select {twelve}) order by x desc limit 1",
    f"select coalesce(case when false then {two} end, {twelve})",
    f"select greatest({two}, {twelve})",
    f"select x from (select cast(1 as decimal(18, 2)) as x union all select {twelve}) order by x desc limit 1",
):
    print(duckdb.sql(sql).fetchall()[0][0])
PY
expect "union, coalesce, greatest; of 18 and 38 digits" "1.01 1.01 1.01 1.005000000000" "$(python seen.py | xargs)"
