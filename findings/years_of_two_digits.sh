#!/usr/bin/env bash
# The format %d/%m/%Y on 31/12/25: DuckDB and polars read the year 25, nineteen centuries before the invoice, and say nothing;
# Python and pandas refuse. A month filter then drops the row.
. "$(dirname "$0")/environment" duckdb==1.5.6 polars==2.1.0 pandas==3.1.1
cat > seen.py <<'PY'
import datetime as dt

import duckdb
import pandas as pd
import polars as pl

print(duckdb.sql("select strptime('31/12/25', '%d/%m/%Y')").fetchone()[0].year)
print(pl.Series(["31/12/25"]).str.to_date("%d/%m/%Y")[0].year)
for read in (lambda: dt.datetime.strptime("31/12/25", "%d/%m/%Y"), lambda: pd.to_datetime("31/12/25", format="%d/%m/%Y")):
    try:
        print(read().year)
    except ValueError:
        print("refused")
PY
expect "year in DuckDB, polars, Python, pandas" "25 25 refused refused" "$(python seen.py | xargs)"
