#!/usr/bin/env bash
# The query engine of delta-rs (deltalake 1.6.6, DataFusion): a number with a point is a DOUBLE, so an exact amount of 17 digits is not
# found by =, and 0.1 + 0.2 = 0.3 is false. A text that is cast finds it; DuckDB takes the same literal as a DECIMAL.
. "$(dirname "$0")/environment" deltalake==1.6.6 pyarrow==26.0.1 duckdb==1.5.6
cat > seen.py <<'PY'
from decimal import Decimal

import duckdb
import pyarrow as pa
from deltalake import DeltaTable, QueryBuilder, write_deltalake

amount = "12345678901234567.89"
rows = pa.table({"amount": pa.array([Decimal(amount)], pa.decimal128(38, 2))})
write_deltalake("mart", rows, configuration={"delta.dataSkippingNumIndexedCols": "0"})  # see deltalake_decimal_statistics


def asked(sql):
    return pa.table(QueryBuilder().register("mart", DeltaTable("mart")).execute(sql).read_all()).to_pylist()[0]["x"]


print(asked(f"select count(*) as x from mart where amount = {amount}"))
print(asked(f"select count(*) as x from mart where amount = cast('{amount}' as decimal(38, 2))"))
print(asked("select 0.1 + 0.2 = 0.3 as x"))
print(*duckdb.sql(f"select count(*) filter (amount = {amount}), 0.1 + 0.2 = 0.3 from rows").fetchone())
PY
expect "rows by literal, by cast, tenths; DuckDB's rows and tenths" "0 1 False 1 True" "$(python seen.py | xargs)"
