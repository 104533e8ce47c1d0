#!/usr/bin/env bash
# A dbt unit test casts the expected value to the model's type before it compares: an expectation of 1.005 passes against a model
# that gives DECIMAL(18, 2) 1.01. A unit test cannot show that a model rounds to too few places.
. "$(dirname "$0")/environment" dbt-core==1.11.16 dbt-duckdb==1.11.1 duckdb==1.5.6
mkdir models
cat > dbt_project.yml <<'YML'
name: shop
version: "1.0"
profile: shop
YML
cat > profiles.yml <<'YML'
shop: {target: dev, outputs: {dev: {type: duckdb, path: shop.duckdb}}}
YML
echo "select cast(amount as decimal(18, 2)) as amount from {{ ref('lines') }}" > models/rounded.sql
echo "select 1.005 as amount" > models/lines.sql
cat > models/tests.yml <<'YML'
unit_tests:
  - name: keeps_three_places
    model: rounded
    given: [{input: ref('lines'), rows: [{amount: 1.005}]}]
    expect: {rows: [{amount: 1.005}]}
YML
seen=$(DBT_SEND_ANONYMOUS_USAGE_STATS=false "$folder/venv/bin/dbt" build --profiles-dir . 2>&1 | grep -oE "(PASS|FAIL|ERROR) rounded::keeps_three_places" | head -1)
expect "the unit test" "PASS rounded::keeps_three_places" "$seen"
