#!/usr/bin/env bash
# DuckDB 1.5.6 reads every JSON number with more than a few digits through a double, also when the column is declared
# DECIMAL(38, 9) or VARCHAR: an amount of a JSON Lines export comes out with other digits, and no option asks for the text.
# pyarrow's JSON reader keeps the digits as they are written.
. "$(dirname "$0")/environment" duckdb==1.5.6 pyarrow==26.0.0
echo '{"amount": 99999999999999999.99}' > lines.jsonl
cat > seen.py <<'PY'
import duckdb
import pyarrow as pa
from pyarrow import json

for declared in ("DECIMAL(38, 9)", "VARCHAR"):
    print(duckdb.sql(f"select amount from read_json('lines.jsonl', columns = {{amount: '{declared}'}})").fetchone()[0])
print(duckdb.sql("""select '{"amount": 99999999999999999.99}' ->> 'amount'""").fetchone()[0])
schema = json.ParseOptions(explicit_schema=pa.schema([("amount", pa.decimal128(38, 9))]))
print(json.read_json("lines.jsonl", parse_options=schema)["amount"][0])
PY
expect "99999999999999999.99 as DECIMAL, VARCHAR and by ->> in DuckDB; in pyarrow" \
  "100000000000000004.764729344 1e+17 100000000000000000.0 99999999999999999.990000000" "$(python seen.py | xargs)"
