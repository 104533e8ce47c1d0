"""Tests of the Dagster layer, on instances of their own."""
