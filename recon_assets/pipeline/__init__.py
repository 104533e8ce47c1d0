"""From raw months to published marts: plan what to load, build with dbt, publish. No Dagster here."""
