"""Telling people: what is worth a message, to whom it goes, and a record so that nothing is told twice. No Dagster."""
