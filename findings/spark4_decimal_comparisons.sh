#!/usr/bin/env bash
# Spark 4.3 compares two decimals after it has cast both to a type that has room for all whole digits, at the cost of places: beside a
# count times a unit of three places (38, 3), 0.01012 of type (38, 12) is 0.010, and so not above 0.01. 3.5 keeps the places, as 4 does with
# spark.sql.legacy.decimal.retainFractionDigitsOnTruncate. ANSI mode changes nothing. Needs Java 17.
. "$(dirname "$0")/environment" pyspark==4.3.0
cat > seen.py <<'PY'
from pyspark.sql import SparkSession

session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").config("spark.log.level", "ERROR").getOrCreate()
session.conf.set("spark.sql.decimalOperations.allowPrecisionLoss", "false")
sql = "select cast(0.01012 as decimal(38, 12)) <= cast(1 as bigint) * cast(0.01 as decimal(18, 3)) as at_most"
for ansi in ("true", "false"):
    session.conf.set("spark.sql.ansi.enabled", ansi)
    print(session.sql(sql).collect()[0].at_most)
session.conf.set("spark.sql.legacy.decimal.retainFractionDigitsOnTruncate", "true")
print(session.sql(sql).collect()[0].at_most)
PY
expect "ANSI mode, not, places kept" "True True False" "$(python seen.py 2> log | xargs)"
