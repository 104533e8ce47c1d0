#!/usr/bin/env bash
# pandas.to_datetime(dayfirst=True), as one reads registers of day-first countries, also turns ISO dates around: 2025-02-01
# becomes the second of January, without a warning. A list that mixes both spellings gets wrong months.
. "$(dirname "$0")/environment" pandas==3.1.1
cat > seen.py <<'PY'
import pandas as pd

print(pd.to_datetime(pd.Series(["2025-02-01"]), dayfirst=True)[0].date())
print(*pd.to_datetime(pd.Series(["31/01/2025", "2025-02-01"]), dayfirst=True, format="mixed").dt.date)
PY
expect "2025-02-01 alone; after 31/01/2025" "2025-01-02 2025-01-31 2025-01-02" "$(python seen.py | xargs)"
