#!/usr/bin/env bash
# A CSV file whose lines end with CR alone (older accounting programs on a Mac, some SAP downloads): polars takes the whole
# file for one heading line and returns no rows, without an error. DuckDB, pyarrow and pandas read two rows.
. "$(dirname "$0")/environment" polars==2.1.0 duckdb==1.5.6 pyarrow==26.0.0
printf 'document,amount\rINV-1,10.00\rINV-2,20.00\r' > register.csv
cat > seen.py <<'PY'
import duckdb
import polars as pl
from pyarrow import csv

print(pl.read_csv("register.csv").height, duckdb.sql("from 'register.csv'").arrow().read_all().num_rows)
print(csv.read_csv("register.csv").num_rows)
PY
expect "rows in polars, DuckDB, pyarrow" "0 2 2" "$(python seen.py | xargs)"
