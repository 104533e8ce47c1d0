"""Tests of the dbt project: macros, models, builds and what of them is published."""
