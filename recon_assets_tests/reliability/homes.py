"""Small homes with published months, and what readers see of them. Runs go through the console script's own code."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from recon_assets.catalogue import SUBJECTS
from recon_assets.cli.console import show_outcome
from recon_assets.home import open_instance
from recon_assets.months import month_range
from recon_assets.pipeline.marts import published_marts
from recon_assets.platform import Platform
from recon_assets.runner import Outcome, run_months
from recon_assets.sample import write_sample
from recon_assets.sources import contracts  # noqa: F401 - pytest cannot import pandera from deep inside a run
from recon_assets_tests.landed import as_dicts, bss_line, land_bss, land_nce, nce_line, platform_in

REPOSITORY = Path(__file__).parents[2]
SUBJECT = "subscriptions"
MONTHS = month_range("2025-01", "2025-04")
RERUN = MONTHS[:2]  # of which Microsoft's files are replaced
SAMPLE_MONTH = "2025-02"
# Differ between two publications of the same rows.
STAMPS = ("published_at", "published_before_at", "run_id")
_RECON = "from recon_assets.cli import main; main()"

Row = dict[str, Any]
Seen = dict[str, dict[str, list[Row]]]  # month -> mart -> rows


def bss_lines(month: str, cost: str = "10") -> list[dict[str, str]]:
    """sub-1 agrees with Microsoft when it costs 10, sub-2 differs by 5, sub-3 is only here."""
    dates = {"Invoice_Date": f"{month}-10", "Start_Date": f"{month}-01", "End_Date": f"{month}-28"}
    return [
        bss_line(Invoice_Code=f"INV-{month}-{n}", MS_Subscription_ID=f"sub-{n}", Unit_Cost=amount, **dates)
        for n, amount in ((1, cost), (2, "15"), (3, "10"))
    ]


def nce_lines(month: str, cost: str = "10", count: int = 0) -> list[dict[str, str]]:
    """sub-1, sub-2 and sub-4, and `count` more subscriptions that only Microsoft has."""
    dates = {"ChargeStartDate": f"{month}-01", "ChargeEndDate": f"{month}-28"}
    amounts = {"sub-1": cost, "sub-2": "10", "sub-4": "10"} | {f"more-{n}": "1" for n in range(count)}
    return [
        nce_line(SubscriptionId=name, UnitPrice=amount, Subtotal=amount, Total=amount, **dates)
        for name, amount in amounts.items()
    ]


def land_months(landing: Path, months: Sequence[str] = MONTHS) -> None:
    """Files of both sides for `months`."""
    for month in months:
        land_bss(landing, month, bss_lines(month))
        land_nce(landing, month, nce_lines(month))


def land_corrections(landing: Path, months: Sequence[str] = MONTHS) -> None:
    """Replace Microsoft's files: sub-1 does not agree any more."""
    for month in months:
        land_nce(landing, month, nce_lines(month, cost="13"))


def make_published(home: Path, months: Sequence[str] = MONTHS) -> None:
    """A home whose months are loaded, reconciled and published."""
    platform = platform_in(home)
    land_months(platform.settings.landing, months)
    code, outcome = run(platform, months)
    assert (code, outcome.problems) == (0, [])


def make_sample_published(home: Path) -> None:
    """A home with the sample of one month, every reconciliation of it published by the jobs that the UI starts."""
    platform = platform_in(home)
    write_sample(platform.settings.landing, [SAMPLE_MONTH])
    with at_home(platform):
        outcome = run_months(platform, list(SUBJECTS), [SAMPLE_MONTH], lambda step, done, total: None)
    published = sorted((SAMPLE_MONTH, subject) for subject in SUBJECTS)
    assert (outcome.problems, sorted(outcome.published)) == ([], published), outcome.problems


def copy_home(source: Path, target: Path, **settings: Any) -> Platform:
    """A copy that a test may change."""
    shutil.copytree(source, target, dirs_exist_ok=True)
    return platform_in(target, **settings)


@contextmanager
def at_home(platform: Platform) -> Iterator[None]:
    """The environment of a process that works on this home; runs read their settings from it."""
    before = dict(os.environ)
    os.environ["RECON_HOME"] = str(platform.settings.home)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def run(platform: Platform, months: Sequence[str], subject: str = SUBJECT) -> tuple[int, Outcome]:
    """`recon run --months` in this process: its exit code and what it did."""
    with at_home(platform):
        outcome = run_months(platform, [subject], list(months), lambda step, done, total: None)
        return show_outcome(platform, outcome, [subject], list(months)), outcome


def start_run(
    platform: Platform, months: Sequence[str], subject: str = SUBJECT, stop: Sequence[str] = ()
) -> subprocess.Popen[bytes]:
    """`recon run --months` as a process of its own, which stops for ever at `stop` (see driver.py)."""
    program = ["-m", "recon_assets_tests.reliability.driver", *stop] if stop else ["-c", _RECON]
    arguments = ["run", "--months", f"{months[0]}..{months[-1]}", "--subject", subject]
    return subprocess.Popen(
        [sys.executable, *program, *arguments],
        env=os.environ | {"RECON_HOME": str(platform.settings.home), "PYTHONPATH": str(REPOSITORY)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,  # so that it can be killed with its children
    )


def run_statuses(platform: Platform) -> dict[str, int]:
    """Recorded runs by status."""
    with at_home(platform), open_instance(platform.settings) as instance:
        statuses = [run.status.value for run in instance.get_runs()]
    return {status: statuses.count(status) for status in statuses}


def seen_months(platform: Platform, stamps: bool = False) -> Seen:
    """All rows that a reader finds, by month and mart, in order; without what every publication stamps anew."""
    seen: Seen = {}
    with platform.published.connect(published_marts().values()) as reader:
        for mart in published_marts():
            for row in as_dicts(reader.execute(f"select * from marts.{mart} order by all")):
                kept = {name: value for name, value in row.items() if stamps or name not in STAMPS}
                seen.setdefault(f"{row['billing_month']:%Y-%m}", {}).setdefault(mart, []).append(kept)
    return seen


def assert_unmixed(seen: Seen) -> None:
    """Every mart of a month is of one publication. `seen` is with stamps."""
    for month, marts in seen.items():
        stamps = {(row["run_id"], row["published_at"]) for rows in marts.values() for row in rows}
        assert len(stamps) == 1, f"{month} is mixed: {stamps}"
