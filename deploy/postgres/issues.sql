-- Run once, when the PostgreSQL volume is empty: the issue log has a database of its own beside Dagster's.
create database issues;
