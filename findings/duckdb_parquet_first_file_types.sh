#!/usr/bin/env bash
# Two Parquet files whose column is DECIMAL in one and DOUBLE in the other: DuckDB takes the type of the file that is named
# first, without an error, so a sum is exact or not by the order of the files.
. "$(dirname "$0")/environment" duckdb==1.5.6
cat > seen.py <<'PY'
import duckdb

duckdb.execute("copy (select cast(0.1 as decimal(18, 2)) as amount) to 'exact.parquet'")
duckdb.execute("copy (select cast(0.1 as double) as amount) to 'float.parquet'")
for files in (["exact.parquet", "float.parquet"], ["float.parquet", "exact.parquet"]):
    (kind,) = duckdb.execute("select distinct typeof(amount) from read_parquet(?)", [files]).fetchone()
    print(kind.replace(" ", ""))
PY
expect "type by the order of the files" "DECIMAL(18,2) DOUBLE" "$(python seen.py | xargs)"
