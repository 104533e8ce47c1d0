#!/usr/bin/env bash
# DuckDB 1.5.6 tells the order of day and month by a whole CSV file: 01/02/2025 is the first of February in a file whose later rows
# have a day over 12 in front, the second of January where one stands in the middle, and the first of February where nothing
# tells. The monthly files of one program are read in different ways, without a warning; polars leaves the second kind texts.
. "$(dirname "$0")/environment" duckdb==1.5.6 polars==2.1.0
printf 'day,amount\n01/02/2025,1\n13/02/2025,2\n' > day_first.csv
printf 'day,amount\n01/02/2025,1\n02/13/2025,2\n' > month_first.csv
printf 'day,amount\n01/02/2025,1\n03/04/2025,2\n' > open.csv
cat > seen.py <<'PY'
import duckdb
import polars as pl

for name in ("day_first", "month_first", "open"):
    print(duckdb.sql(f"select day from '{name}.csv' limit 1").fetchone()[0])
for name in ("day_first", "month_first", "open"):
    print(pl.read_csv(f"{name}.csv", try_parse_dates=True)["day"].dtype)
PY
expect "01/02/2025 in DuckDB, and what polars makes of the columns" \
  "2025-02-01 2025-01-02 2025-02-01 Date String Date" "$(python seen.py | xargs)"
