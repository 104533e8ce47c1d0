"""What a command costs when there is nothing to do: seconds beside those that importing Dagster and dbt take.

    python benchmarks/fixed_cost.py [--rounds 3] [--home FOLDER]

A home with twelve small months of subscriptions is made, loaded and published; then every command runs in rounds, each
beside the import, in processes of their own. Prints medians as `ratio NAME VALUE TARGET` (seconds where NAME says so).
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from statistics import median

MONTHS = "2025-01..2025-12"
RECON = [sys.executable, "-c", "from recon_assets.cli import main; main()"]
SUBJECT = ["--subject", "subscriptions"]
COMMANDS = {
    "imports": [sys.executable, "-c", "import dagster, dagster_dbt, dbt.cli.main"],
    "run": [*RECON, "run", "--months", "2025-06", *SUBJECT],
    "run of twelve months": [*RECON, "run", "--months", MONTHS, *SUBJECT],
    "status": [*RECON, "status"],
    "query": [*RECON, "query", "select count(*) from marts.subscription_reconciliation"],
}


def seconds(command: list[str], home: Path) -> float:
    # Compiled modules are kept, as on the machine of whoever uses it: without them imports take twice as long.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    started = time.monotonic()
    subprocess.run(command, env=environment | {"RECON_HOME": str(home)}, check=True, capture_output=True)
    return time.monotonic() - started


def measured(home: Path, rounds: int) -> dict[str, float]:
    """Median seconds of every command, all of them in each round."""
    seconds([*RECON, "sample", "--months", MONTHS], home)
    seconds(COMMANDS["run of twelve months"], home)
    taken: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for name, command in COMMANDS.items():
            taken[name].append(seconds(command, home))
    return {name: median(values) for name, values in taken.items()}


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--rounds", type=int, default=3)
    arguments.add_argument("--home", type=Path, help="Kept; default: a temporary folder.")
    chosen = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        took = measured(chosen.home or Path(temporary), chosen.rounds)
    for name, value in took.items():
        print(f"seconds {name.replace(' ', '_')} {value:.2f}")
    print(f"ratio run/imports {took['run'] / took['imports']:.2f} 2.0")
    print(f"ratio twelve_months/one {took['run of twelve months'] / took['run']:.2f} 2.0")
    print(f"ratio status_seconds {took['status']:.2f} 1.0")
    print(f"ratio query_seconds {took['query']:.2f} 1.0")


if __name__ == "__main__":
    main()
