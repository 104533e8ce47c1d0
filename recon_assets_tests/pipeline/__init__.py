"""Tests of planning, building and publishing that need no dbt."""
