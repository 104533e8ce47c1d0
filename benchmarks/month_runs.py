"""What a run costs whatever its month holds, and months in one go beside as many single runs.

    python benchmarks/month_runs.py [--months 12] [--subject subscriptions]

The sample's months (a few hundred lines each) are landed in two homes. In the first they are run as one range, in the
second one after the other, each by `recon run` in a process of its own, as a schedule would. Runs of a month find its
window's months loaded or load them, in either home each month once.
"""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from measure import measured

from recon_assets.months import add_months, month_range
from recon_assets.sample import write_sample

FIRST = "2024-01"
_RECON = [sys.executable, "-c", "from recon_assets.cli import main; main()", "run"]


def homes(folder: Path, months: list[str]) -> tuple[Path, Path]:
    """Two homes with the same landed files."""
    found = (folder / "together", folder / "apart")
    for home in found:
        (home / "landing").mkdir(parents=True)
        write_sample(home / "landing", months)
    return found


def run(home: Path, months: str, subject: str) -> tuple[float, float]:
    environment = {"RECON_HOME": str(home), "DAGSTER_DISABLE_TELEMETRY": "yes"}
    return measured([*_RECON, "--months", months, "--subject", subject], environment)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--months", type=int, default=12)
    parser.add_argument("--subject", default="subscriptions", choices=["subscriptions", "usage", "einvoices"])
    given = parser.parse_args()
    months = month_range(FIRST, add_months(FIRST, given.months - 1))
    os.environ.pop("RECON_HOME", None)
    with tempfile.TemporaryDirectory(prefix="month_runs_") as folder:
        together, apart = homes(Path(folder), months)
        whole, whole_peak = run(together, f"{months[0]}..{months[-1]}", given.subject)
        print(f"{len(months)} months in one go: {whole:.1f} s", file=sys.stderr, flush=True)
        singles = []
        for month in months:
            singles.append(run(apart, month, given.subject))
            print(f"{month}: {singles[-1][0]:.1f} s", file=sys.stderr, flush=True)
        again, again_peak = run(apart, months[-1], given.subject)
    total = sum(seconds for seconds, _ in singles)
    print(f"{given.subject}, {len(months)} months of the sample\n")
    print("| run | seconds | peak GB |\n|---|---|---|")
    print(f"| {len(months)} months in one go | {whole:.1f} | {whole_peak:.2f} |")
    print(f"| {len(months)} single runs, one after the other | {total:.1f} | {max(peak for _, peak in singles):.2f} |")
    print(f"| one month again, nothing to load: the fixed cost | {again:.1f} | {again_peak:.2f} |")
    print(f"\nIn one go: {total / whole:.1f} times as fast; {whole / len(months):.1f} s per month.")
    print(f"ratio one_go/single_runs {whole / total:.2f} 1.0")


if __name__ == "__main__":
    main()
