"""One reader per source: landed file in, typed rows and rejected rows out. No Dagster here."""
