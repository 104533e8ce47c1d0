#!/usr/bin/env bash
# pyarrow: a sum of decimal128(38, 2) whose result has more than 38 digits wraps around to a negative amount, without an
# error; polars raises for the same values.
. "$(dirname "$0")/environment" pyarrow==26.0.0 polars==2.1.0
cat > seen.py <<'PY'
from decimal import Decimal

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

amounts = [Decimal("9" * 36 + ".99")] * 20
print(pc.sum(pa.array(amounts, pa.decimal128(38, 2))).as_py() < 0)
try:
    pl.Series(amounts, dtype=pl.Decimal(38, 2)).sum()
except pl.exceptions.ComputeError:
    print("raised")
PY
expect "a sum beyond 38 digits is negative in pyarrow, in polars" "True raised" "$(python seen.py | xargs)"
