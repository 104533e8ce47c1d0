"""Every benchmark still runs, on few lines, and ends with the ratios that it promises. How they turn out is not asked."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[1] / "benchmarks"
LOADS = ["bss", "nce", "usage", "graph", "ubl"]
# The others: make bench.
SUBSCRIPTIONS = ["floor: DuckDB COPY", "load", "floor: scan", "build", "publish", "whole", "pandas script"]

pytestmark = [pytest.mark.search, pytest.mark.slow]


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (
            ["load.py", "--lines", "4000", "--usage-lines", "4000", "--documents", "80", "--only", *LOADS],
            {f"load_{name}" for name in LOADS},
        ),
        (
            ["subscription_month.py", "--lines", "2000", "--only", *SUBSCRIPTIONS],
            {"subscriptions_whole/pandas_script", "subscriptions_build/scan"},
        ),
        (["usage_month.py", "--lines", "2000"], {"usage_whole/pandas", "usage_build/scan"}),
        (["einvoice_month.py", "--documents", "2000"], {"einvoices_build/pandas"}),
        (["einvoice_files.py", "--documents", "2000"], {"einvoices_whole/pandas_script"}),
        (["publish.py", "--lines", "2000"], {"publish_time", "publish_size"}),
        (["publications.py", "--publications", "30"], {"current_cold_seconds"}),
        (["period.py", "--lines", "500", "--months", "2"], {"period_seconds"}),
        (["month_runs.py", "--months", "2"], {"one_go/single_runs"}),
    ],
)
def test_a_benchmark_runs_to_its_ratios(command: list[str], named: set[str]) -> None:
    done = subprocess.run([sys.executable, *command], cwd=FOLDER, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    ratios = re.findall(r"^ratio (\S+) ([\d.]+) ([\d.]+)$", done.stdout, re.MULTILINE)
    assert named <= {name for name, _, _ in ratios}
