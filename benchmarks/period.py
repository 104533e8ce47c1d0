"""`recon period` over six published months: its seconds as a command of its own, start of Python and output included.

    python benchmarks/period.py --lines 100000 [--months 6] [--work DIR]

--lines are invoice lines of the BSS and as many of Microsoft's in each month, made as subscription_month.py makes them,
then loaded, built and published. The period begins and ends within a month, so that both ends are cut; two of three
subscriptions are charged for the part of each month that lies in it. The limit is that of the issue that asked for it.
"""

import argparse
import datetime as dt
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measure import publish
from subscription_month import FILES, _platform, generate

MONTHS = ["2025-03", "2025-04", "2025-05", "2025-06", "2025-07", "2025-08", "2025-09", "2025-10", "2025-11", "2025-12"]
LIMIT_SECONDS = 3.0
TRIES = 5


def make(folder: Path, lines: int, months: list[str]) -> None:
    """Publish the months in a home."""
    from recon_assets.pipeline.build import run_build

    generate(folder, lines, months)
    platform = _platform(folder)
    for month in months:
        for source in FILES:
            outcome = platform.load(source, month)
            assert outcome.outcome == "loaded", outcome.problems
    made = run_build(platform.settings, "subscriptions", months, "benchmark", dt.date(2026, 5, 1))
    failed = [check.name for check in made.checks if not check.passed]
    assert not failed, failed
    made.save()
    publish(platform)


def seconds(folder: Path, months: list[str], out: Path) -> float:
    command = [str(Path(sys.executable).with_name("recon")), "period"]
    command += ["--from", f"{months[0]}-10", "--to", f"{months[-1]}-20", "--format", "csv"]
    with out.open("wb") as stream:
        started = time.monotonic()
        subprocess.run(command, stdout=stream, env={**os.environ, "RECON_HOME": str(folder)}, check=True)
        return time.monotonic() - started


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--months", type=int, default=6, choices=range(2, len(MONTHS) + 1))
    parser.add_argument("--work", type=Path, help="folder for what is generated and made; without it a temporary one")
    given = parser.parse_args()
    months = MONTHS[: given.months]
    with tempfile.TemporaryDirectory(prefix="period_") as temporary:
        folder = (given.work or Path(temporary)) / f"lines-{given.lines}-{given.months}"
        if not (folder / "published").is_dir():
            make(folder, given.lines, months)
        out = Path(temporary) / "period.csv"
        found = [seconds(folder, months, out) for _ in range(TRIES)]
        rows = sum(1 for _ in out.open("rb")) - 1
    if rows != given.lines:
        raise SystemExit(f"The period has {rows} subscriptions, planted are {given.lines}.")
    middle = statistics.median(found)
    print(f"{given.months} months of {given.lines:,} lines of either side, {rows:,} subscriptions, {TRIES} tries\n")
    print("| seconds, median | slowest | limit | ratio |\n|---|---|---|---|")
    print(f"| {middle:.2f} | {max(found):.2f} | {LIMIT_SECONDS:.1f} | {middle / LIMIT_SECONDS:.2f} |")
    print(f"\nratio period_seconds {middle:.2f} {LIMIT_SECONDS:.1f}")


if __name__ == "__main__":
    main()
