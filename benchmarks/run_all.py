"""Every benchmark, and docs/benchmarks.md of what they said (`make bench`).

    python benchmarks/run_all.py [--only NAME ...] [--out FILE]

Sizes come from the environment: BENCH_LINES (of e-invoices and subscriptions; 1,000,000), BENCH_USAGE_LINES
(5,000,000), BENCH_DOCUMENTS (of e-invoices from files; 500,000), BENCH_VARIATIONS (of the app; 5,000,000),
BENCH_PUBLICATIONS (10,000), BENCH_ROUNDS (of small commands; 3), BENCH_PERIOD_LINES (of each month of a period;
100,000), BENCH_MONTHS (12), BENCH_ENGINE_LINES (of each subject on both engines, and 2 and 4 times as many; 250,000;
only where .venv-spark is, the environment of `make test-spark`). BENCH_TIMES (3) is how often whole months are
measured; their medians are told. A benchmark that fails is told so in its part; the others still run. With --only the
other parts stay as they were.
"""

import argparse
import datetime as dt
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from measure import machine

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Benchmark:
    name: str
    title: str
    size: str  # its option
    variable: str
    default: int
    about: str
    environment: str = ""  # one of its own, beside the default one
    rounds: bool = False  # takes --times


BENCHMARKS = (
    Benchmark("subscription_month", "A month of subscriptions", "--lines", "BENCH_LINES", 1_000_000,
              "The pandas script does the whole from the same files; pandas, polars and datacompy only join, from the raw Parquet.",
              rounds=True),
    Benchmark("usage_month", "A month of usage", "--lines", "BENCH_USAGE_LINES", 5_000_000,
              "The floors read the same files without deciding anything; the pandas script makes the same comparison. The limits are "
              "asked of 20,000,000 lines: below, what does not grow with them weighs more.",
              rounds=True),
    Benchmark("einvoice_month", "A month of e-invoices", "--documents", "BENCH_LINES", 1_000_000,
              "pandas makes the same passes as merges; `scan` is the floor.",
              rounds=True),
    Benchmark("einvoice_files", "E-invoices from files to published tables", "--documents", "BENCH_DOCUMENTS", 500_000,
              "A register as CSV and e-invoices as JSON Lines; the pandas script reads, pairs and writes the same files.",
              rounds=True),
    Benchmark("load", "Loading", "--lines", "BENCH_LINES", 1_000_000,
              "Each kind of file beside the fastest plain tool that reads it; the audit is part of a load."),
    Benchmark("period", "A period of any days", "--lines", "BENCH_PERIOD_LINES", 100_000,
              "`recon period` as a command, over six months of so many lines on either side; at most 3 s."),
    Benchmark("publish", "Publishing", "--lines", "BENCH_LINES", 1_000_000,
              "A month of subscriptions written to its tables, beside a bare sorted COPY of the same rows to Parquet.",
              rounds=True),
    Benchmark("publications", "The log of publications", "--publications", "BENCH_PUBLICATIONS", 10_000,
              "What readers wait for before they know which versions to read."),
    Benchmark("fixed_cost", "What a command costs when there is nothing to do", "--rounds", "BENCH_ROUNDS", 3,
              "Twelve small months, loaded; beside importing Dagster and dbt in one process."),
    Benchmark("month_runs", "What a run costs, and many months in one go", "--months", "BENCH_MONTHS", 12,
              "The sample's months through `recon run`, each run a process of its own."),
    Benchmark("app_latency", "The app", "--variations", "BENCH_VARIATIONS", 5_000_000,
              "Asked over HTTP what a browser asks; then readers look while the month is published again and again."),
    Benchmark("engines", "Spark beside DuckDB", "--lines", "BENCH_ENGINE_LINES", 250_000,
              "Whole builds, tests included, at 1, 2 and 4 times the lines; every mart of one held against the other's.",
              ".venv-spark"),
)  # fmt: skip


def run(benchmark: Benchmark) -> str:
    """Its part of the page."""
    size = os.environ.get(benchmark.variable, str(benchmark.default))
    python = HERE.parent / benchmark.environment / "bin" / "python" if benchmark.environment else Path(sys.executable)
    times = ["--times", os.environ.get("BENCH_TIMES", "3")] if benchmark.rounds else []
    command = [str(python), str(HERE / f"{benchmark.name}.py"), benchmark.size, size, *times]
    told = " ".join([f"{benchmark.name}.py", *command[2:]])
    head = [f"## {benchmark.title}", "", benchmark.about, f"`{told}`", ""]
    if not python.exists():
        return "\n".join([*head, f"Not run: there is no {benchmark.environment} (it needs Java).", ""])
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    said = done.stdout.strip() or "It said nothing."
    verdict = [] if done.returncode == 0 else ["", f"**It failed, with exit code {done.returncode}.**"]
    table = said if "|---" in said else f"```\n{said}\n```"
    return "\n".join([*head, table, *verdict, ""])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=[benchmark.name for benchmark in BENCHMARKS])
    parser.add_argument("--out", type=Path, default=HERE.parent / "docs" / "benchmarks.md")
    given = parser.parse_args()
    about = machine()
    written = given.out.read_text(encoding="utf-8") if given.only and given.out.is_file() else ""
    before = {
        part.partition("\n")[0]: part.rstrip() + "\n" for part in re.split(r"^## ", written, flags=re.MULTILINE)[1:]
    }
    parts = [
        run(benchmark) if not given.only or benchmark.name in given.only else f"## {before[benchmark.title]}"
        for benchmark in BENCHMARKS
        if not given.only or benchmark.name in given.only or benchmark.title in before
    ]
    day = dt.datetime.now(dt.UTC).date().isoformat()
    head = ["# Benchmarks", "", f"Written by `make bench` on {day}; do not edit. Measured on:", ""]
    told = (
        "Lines `ratio NAME VALUE TARGET` are misses where the value is above the target. Peaks are of resident memory."
    )
    lines = [*head, *(f"* {line}" for line in about), "", told, ""]
    given.out.write_text("\n".join([*lines, *parts]), encoding="utf-8")
    print(f"wrote {given.out}")


if __name__ == "__main__":
    main()
