"""Reading the log of publications: when nothing has changed, after a change, and in a new process.

    python benchmarks/publications.py --publications 10000

They are appended one by one, as runs append them, seven marts each. Seconds are of the processor, the median of 5.
"""

import argparse
import datetime as dt
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from recon_assets.lakehouse.log import MartVersion, Publication
from recon_assets.lakehouse.published import PublishedStore

UNCHANGED, COLD = 0.050, 0.300  # seconds
START = dt.datetime(2025, 1, 1, tzinfo=dt.UTC)
MARTS = {
    name: MartVersion(1, [f"{name}/billing_month=2025-01-01/{'0' * 32}.parquet"])
    for name in (
        "month_status", "quarantined_rows", "reconciliation_changes", "reconciliation_summary", "usage_cost_reconciliation",
        "usage_cost_summary", "usage_cost_variations",
    )
}  # fmt: skip


def publication(number: int) -> Publication:
    """Ten years of months, in turn."""
    month = f"{2015 + number // 12 % 10}-{number % 12 + 1:02d}"
    return Publication(month, "usage", f"run-{number}", START + dt.timedelta(minutes=number), MARTS)


def seconds(read: Callable[[], object]) -> float:
    taken = []
    for _ in range(5):
        started = time.process_time()
        read()
        taken.append(time.process_time() - started)
    return statistics.median(taken)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--publications", type=int, default=10_000)
    parser.add_argument("--read", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.read:
        print(seconds(lambda: PublishedStore(given.read).current()))
        return
    with tempfile.TemporaryDirectory(prefix="publications_") as folder:
        store = PublishedStore(Path(folder))
        for number in range(given.publications):
            store.record(publication(number))
        files = len(list(Path(folder, "publications").glob("*.parquet")))
        cold = float(subprocess.check_output([sys.executable, __file__, "--read", folder]))
        store.current()
        unchanged = seconds(store.current)
        started = time.process_time()
        store.record(publication(given.publications))
        print(
            f"{given.publications:,} publications; appending one more: {time.process_time() - started:.3f} s, {files} files"
        )
        print(f"ratio current_unchanged_seconds {unchanged:.3f} {UNCHANGED:.3f}")
        print(f"ratio current_cold_seconds {cold:.3f} {COLD:.3f}")


if __name__ == "__main__":
    main()
