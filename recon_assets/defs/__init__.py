"""Dagster wrappers: assets, checks, jobs, schedules, sensors. Whatever decides anything is in the domain packages."""
