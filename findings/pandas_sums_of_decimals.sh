#!/usr/bin/env bash
# pandas sums a column of decimal.Decimal with Python's decimal context: 28 digits. Amounts of DECIMAL(38, 12) lose their last
# digits in a sum without a warning; DuckDB sums the same values exactly.
. "$(dirname "$0")/environment" pandas==3.1.1 duckdb==1.5.6
cat > seen.py <<'PY'
from decimal import Decimal

import duckdb
import pandas as pd

amounts = pd.Series([Decimal("12345678901234567890.123456789012"), Decimal("0.000000000001")])
(exact,) = duckdb.execute(
    "select sum(n) from (values (12345678901234567890.123456789012::decimal(38, 12)), (0.000000000001)) as t(n)"
).fetchone()
print(amounts.sum(), exact)
PY
expect "pandas, DuckDB" "12345678901234567890.12345679 12345678901234567890.123456789013" "$(python seen.py)"
