"""The reporting app on millions of variations: time at the server's side, memory, and readers while a month is published.

    python benchmarks/app_latency.py [--variations 5000000]

Makes a published month in a temporary folder, starts the app on it in a process of its own, and asks it over HTTP what a
browser asks: rows of the grid, filtered, sorted, and the variations behind a row. Then 8 readers look while the month
is published again and again; every answer must be of one publication.
"""
