#!/usr/bin/env bash
# SQLAlchemy 2.1 took another driver for addresses that name none: postgresql://... means psycopg 3, where 2.0 meant psycopg2.
# dagster-postgres installs psycopg2 only, and its own settings build addresses without a driver: a storage that worked fails
# at start after the upgrade until the address says postgresql+psycopg2://.
. "$(dirname "$0")/environment" sqlalchemy==2.1.0 dagster-postgres==0.29.24
cat > seen.py <<'PY'
import importlib.util

from sqlalchemy.engine import make_url

print(make_url("postgresql://recon@db/dagster").get_dialect().driver)
print(*(name for name in ("psycopg", "psycopg2") if importlib.util.find_spec(name)))
PY
expect "driver of postgresql:// and drivers installed" "psycopg psycopg2" "$(python seen.py | xargs)"
