#!/usr/bin/env bash
# pandas 3.1 writes small Decimals to CSV with an exponent, whatever float_format says: of amounts with 12 places a zero is 0E-12 and
# a ten-millionth 1.00000E-7. So does every tool whose download is to_csv (Superset's charts). pandas' JSON has the digits.
. "$(dirname "$0")/environment" pandas==3.1.1
cat > seen.py <<'PY'
from decimal import Decimal

import pandas as pd

amounts = pd.DataFrame({"amount": [Decimal("0.000000000000"), Decimal("0.000000100000"), Decimal("1.500000000000")]})
print(*amounts.to_csv(index=False, float_format="%.12f").split()[1:])
print(*amounts["amount"].to_json(orient="values").strip("[]").replace('"', "").split(","))
PY
expect "CSV, then JSON" "0E-12 1.00000E-7 1.500000000000 0.000000000000 0.000000100000 1.500000000000" "$(python seen.py | xargs)"
