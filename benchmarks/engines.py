"""The same month on DuckDB and on Spark, at 1, 2 and 4 times the lines: seconds and peak memory of the whole build.

    python benchmarks/engines.py [--lines 250000] [--subjects usage ...] [--times 1 2 4] [--master local[2]]

Runs in the environment of `make test-spark`. The months are those that the benchmarks of the subjects generate; each
build, its tests included, runs in a process of its own, and the peak counts Spark's JVM (in local mode driver and
executor are one). Ends with 1 when a mart differs between the engines.
"""

import argparse
import datetime as dt
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import einvoice_month
import subscription_month
import usage_month
from measure import measured

from recon_assets.pipeline.build import Build, run_build
from recon_assets.settings import Settings
from recon_assets_tests.spark.builds import differing

ENGINES = ("duckdb", "spark")


@dataclass(frozen=True)
class Subject:
    month: str
    as_of: dt.date
    make: Callable[[Path, int], None]  # raw months of that many lines on either side


def _subscriptions(home: Path, lines: int) -> None:
    subscription_month.generate(home, lines)
    subscription_month.load(home)


def _usage(home: Path, lines: int) -> None:
    usage_month.generate(home, lines, bad_lines=0)
    for source in ("azure_invoice_usage", "azure_cost_export"):
        usage_month.load(home, source)


SUBJECTS = {
    "subscriptions": Subject(subscription_month.MONTH, dt.date(2025, 5, 1), _subscriptions),
    "usage": Subject(usage_month.MONTH, dt.date(2025, 5, 1), _usage),
    "einvoices": Subject(einvoice_month.MONTH, dt.date(2025, 2, 1), einvoice_month.make_raw),
}


def build(home: Path, subject: str, engine: str, master: str) -> None:
    settings = Settings(
        home=home, engine=engine, spark_master=master, spark_driver_memory="4g", spark_partitions=4, _env_file=None
    )  # type: ignore[call-arg,arg-type]
    chosen = SUBJECTS[subject]
    made = run_build(settings, subject, [chosen.month], engine, chosen.as_of)
    made.save()
    failed = [check.name for check in made.checks if not check.passed]
    assert not failed, failed


def compare(home: Path, subject: str, lines: int, master: str) -> bool:
    """A line of the table; whether the marts are equal."""
    SUBJECTS[subject].make(home, lines)
    cells = []
    for engine in ENGINES:
        command = [sys.executable, __file__, "--stage", engine, "--home", str(home), "--subjects", subject]
        seconds, peak = measured([*command, "--master", master])
        print(f"{subject}, {lines:,} lines, {engine}: {seconds:.1f} s, {peak:.2f} GB", file=sys.stderr, flush=True)
        cells.append(f"{seconds:.1f} | {peak:.2f}")
    settings = Settings(home=home, _env_file=None)  # type: ignore[call-arg]
    apart = differing(*(Build.load(settings, engine) for engine in ENGINES))
    print(f"| {subject} | {lines:,} | {' | '.join(cells)} | {'yes' if not apart else 'no: ' + ', '.join(apart)} |")
    return not apart


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=250_000)
    parser.add_argument("--subjects", nargs="+", choices=SUBJECTS, default=list(SUBJECTS))
    parser.add_argument("--times", nargs="+", type=int, default=[1, 2, 4])
    parser.add_argument("--master", default="local[2]")
    parser.add_argument("--stage", choices=ENGINES, help=argparse.SUPPRESS)
    parser.add_argument("--home", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stage:
        build(given.home, given.subjects[0], given.stage, given.master)
        return
    print(f"pyspark {version('pyspark')}, dbt-spark {version('dbt-spark')}, {given.master}\n")
    print(
        "| subject | lines | DuckDB, s | GB | Spark, s | GB | marts equal |\n|---|---|---|---|---|---|---|", flush=True
    )
    equal = []
    for subject in given.subjects:
        for times in given.times:
            with tempfile.TemporaryDirectory(prefix="engines_") as home:
                equal.append(compare(Path(home), subject, given.lines * times, given.master))
    print(f"\nratio engines_builds_that_differ {equal.count(False)} 0")


if __name__ == "__main__":
    main()
