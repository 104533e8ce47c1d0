"""Sample of the usage reconciliation: billed usage and cost exports of the same months, with known differences.

`kinds` says which rows are planted and what a reconciliation must say of them, `files` how they land.
"""

from collections import Counter
from pathlib import Path
from typing import Any

from recon_assets.sample.usage.files import write_cost, write_invoices, write_usage
from recon_assets.sample.usage.kinds import Month, plan_month


def write(landing: Path, months: list[str], seed: int, scale: int) -> dict[str, Any]:
    """Writes the files of every month; returns what a reconciliation of them must find.

    `statuses` counts the grid rows of each month and comparison by status, `planted` names every grid row that is no
    plain match, `out_of_scope` the charges that are reported beside them, `quarantined` the rows a reader sets aside.
    """
    planned = [plan_month(month, at, seed, scale) for at, month in enumerate(months)]
    quarantined = []
    for at, month in enumerate(planned):
        quarantined += write_usage(landing, month, at)
        quarantined += write_cost(landing, month, at)
        write_invoices(landing, month)
    return {
        "statuses": {month.month: _statuses(month) for month in planned},
        "planted": [row for month in planned for row in month.expected()],
        "out_of_scope": [row for month in planned for row in month.expected_out_of_scope()],
        "quarantined": quarantined,
    }


def _statuses(month: Month) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = {
        comparison: Counter(matched=month.plain_count) for comparison in month.comparisons
    }
    for row in month.expected():
        counts[str(row["comparison"])][str(row["status"])] += 1
    return {comparison: dict(count) for comparison, count in counts.items()}
