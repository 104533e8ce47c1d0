#!/usr/bin/env bash
# A column of timestamps without a zone raises the whole Delta table to reader 3 / writer 7 (feature timestampNtz), which
# several readers of lakes do not open; with a zone the table stays at 1 / 2. delta-rs says nothing of it when it writes.
. "$(dirname "$0")/environment" deltalake==1.6.6 pyarrow==26.0.1
cat > seen.py <<'PY'
import datetime as dt

import pyarrow as pa
from deltalake import DeltaTable, write_deltalake

for name, kind in (("naive", pa.timestamp("us")), ("zoned", pa.timestamp("us", tz="UTC"))):
    write_deltalake(name, pa.table({"at": pa.array([dt.datetime(2025, 1, 31, 16, 30)], kind)}))
    protocol = DeltaTable(name).protocol()
    print(protocol.min_reader_version, protocol.min_writer_version, *(protocol.reader_features or []))
PY
expect "protocol of a naive and of a zoned table" "3 7 timestampNtz 1 2" "$(python seen.py | xargs)"
