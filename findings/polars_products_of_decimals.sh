#!/usr/bin/env bash
# polars 2.1.0 gives a product or quotient of decimals the scale of its operands: 1.05 x 1.05 is 1.10, 1.00 / 3.00 is 0.33, and a
# quantity times a unit price of a price list loses what the list says of it. DuckDB adds the scales: 1.1025 (and divides as double).
. "$(dirname "$0")/environment" polars==2.1.0 duckdb==1.5.6
cat > seen.py <<'PY'
from decimal import Decimal

import duckdb
import polars as pl

of_cents = pl.Decimal(38, 2)
row = pl.DataFrame({"a": [Decimal("1.05")], "one": [Decimal(1)], "three": [Decimal(3)]}).cast(of_cents)
print(*row.select(pl.col("a") * pl.col("a"), third=pl.col("one") / pl.col("three")).row(0))
print(duckdb.sql("select cast(1.05 as decimal(18, 2)) * cast(1.05 as decimal(18, 2))").fetchone()[0])
PY
expect "product and third in polars, product in DuckDB" "1.10 0.33 1.1025" "$(python seen.py | xargs)"
