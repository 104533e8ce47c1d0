#!/usr/bin/env bash
# DuckDB 1.5.6 does not read an ISO 8601 instant that has a zone and no seconds: try_cast gives NULL, so a fallback to the
# day alone puts an evening in UTC on the wrong day of Malaysia. With seconds, or without a zone, it is read.
. "$(dirname "$0")/environment" duckdb==1.5.6
cat > seen.py <<'PY'
import duckdb

for text in ("2025-01-31T16:30Z", "2025-01-31T16:30:00Z", "2025-01-31T16:30"):
    (found,) = duckdb.execute("select try_cast(? as timestamptz) is not null", [text]).fetchone()
    print("read" if found else "null")
PY
expect "without seconds, with seconds, without zone" "null read read" "$(python seen.py | xargs)"
