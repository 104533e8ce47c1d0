#!/usr/bin/env bash
# delta-rs (deltalake 1.6.6) keeps the smallest and largest value of a DECIMAL column as a JSON number made through a float.
# Bounds of 17 digits and more are rounded, and readers that skip files by statistics then skip rows that are there.
# Seen: the table holds 12345678901234567.89, a filter for exactly that value returns no row; without statistics it does.
. "$(dirname "$0")/environment" deltalake==1.6.6 pyarrow==26.0.1 pandas==3.1.1
cat > seen.py <<'PY'
from decimal import Decimal

import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable, write_deltalake

amount = Decimal("12345678901234567.89")
rows = pa.table({"amount": pa.array([amount], pa.decimal128(38, 2))})
write_deltalake("with", rows)
write_deltalake("without", rows, configuration={"delta.dataSkippingNumIndexedCols": "0"})
for name in ("with", "without"):
    wanted = ds.field("amount") == pa.scalar(amount, pa.decimal128(38, 2))
    print(DeltaTable(name).to_pyarrow_dataset().to_table(filter=wanted).num_rows)
PY
expect "rows found with and without statistics" "0 1" "$(python seen.py | xargs)"
