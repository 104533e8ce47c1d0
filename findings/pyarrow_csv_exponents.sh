#!/usr/bin/env bash
# pyarrow 26 writes small decimals to CSV with an exponent: of DECIMAL(38, 12) a zero is 0E-12 and a billionth 1.000E-9, though the
# column has no exponent in it. polars and DuckDB write the digits. Who reads amounts by a pattern of digits loses the zeros.
. "$(dirname "$0")/environment" pyarrow==26.0.1 polars==2.1.0 duckdb==1.5.6
cat > seen.py <<'PY'
import io
from decimal import Decimal

import duckdb
import polars as pl
import pyarrow as pa
import pyarrow.csv as csv

amounts = pa.table({"amount": pa.array([Decimal(0), Decimal("0.000000001"), Decimal("1.5")], pa.decimal128(38, 12))})
written = io.BytesIO()
csv.write_csv(amounts, written)
print(*written.getvalue().decode().split()[1:])
print(*pl.DataFrame(amounts).write_csv().split()[1:3])
duckdb.from_arrow(amounts).write_csv("duckdb.csv")
print(*open("duckdb.csv").read().split()[1:3])
PY
expect "pyarrow, polars and DuckDB" \
  "0E-12 1.000E-9 1.500000000000 0.000000000000 0.000000001000 0.000000000000 0.000000001000" "$(python seen.py | xargs)"
