"""Storage of ours: raw months as Parquet, published tables as Delta. No Dagster here."""
