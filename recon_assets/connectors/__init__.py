"""Connectors: what fetches files from a service into the landing zone. No Dagster here, and no reading of the files."""
