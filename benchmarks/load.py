"""Loading beside its floors: each source's files as they land, against what the fastest plain tool takes for them.

    python benchmarks/load.py [--lines 1000000] [--usage-lines 5000000] [--documents 100000] [--work DIR] [--only NAME ...]

A load is `load_month`: hashing, reading, converting, rejecting, writing, and the audit. Floors read the same files in
the same run: DuckDB copies delimited text to Parquet (every column text, zstd, two threads), polars sinks it, DuckDB's
read_json copies JSON Lines, `json.loads` parses documents of zips. Every stage runs in a process of its own; its time is
taken inside, without the imports, its peak memory is that of the process. Lines `ratio NAME VALUE TARGET` end it: a
value above its target is a miss. `memory NAME` is the peak in GB, `growth NAME` the peak over that of a quarter of the
lines.
"""

import argparse
import gzip
import json
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import usage_month
from measure import machine
from subscription_month import FILES, generate

MONTH = "2025-03"
GRAPH = f"partner_center/billed_usage/{MONTH}/G1/part-00000.json.gz"
USAGE = f"partner_center/billed_usage/{MONTH}/usage.csv.gz"
ZIPS = f"einvoice/issued/{MONTH}"


@dataclass(frozen=True)
class Case:
    """One comparison: a source, the file or folder that it lands in, its floors, and what is asked."""

    source: str
    landed: str
    target: float
    floors: tuple[str, ...]


CASES = {
    "bss": Case("bss_invoices", FILES["bss_invoices"], 2.0, ("duckdb_csv",)),
    "nce": Case("ms_recon_nce", FILES["ms_recon_nce"], 2.0, ("duckdb_csv",)),
    "usage": Case("azure_invoice_usage", USAGE, 1.4, ("duckdb_csv", "polars_csv")),
    "graph": Case("azure_invoice_usage", GRAPH, 2.5, ("duckdb_json",)),
    "ubl": Case("einvoices", ZIPS, 3.0, ("json_loads",)),
}
