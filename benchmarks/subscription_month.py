"""A month of many subscriptions: load, build and publish beside what pandas, polars and datacompy take to compare it.

    python benchmarks/subscription_month.py --lines 1000000 [--times 3] [--work DIR] [--only STAGE ...]

--lines are invoice lines of the BSS and as many of Microsoft's reconciliation file, one of each per subscription, but
for 5 in 1000 on one side alone; 1 in 100 differs by more than the tolerance, 1 in 100 by less. Each stage runs in a
process of its own, and "whole" does the three of ours in one, as a run does. The floor of loading is a bare DuckDB COPY of the same files as text, that of building a bare scan of
the columns that are compared. The pandas script does the whole from the same files to written Parquet. The others read the raw Parquet that the load made, sum each side by subscription, join,
and hold the difference against the same tolerance: what the build does besides (selection by period, coverage,
explanations, items, tests) they leave out. They must find as many of each status, or the benchmark fails.
"""

import argparse
import calendar
import datetime as dt
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measure import medians, publish

MONTH = "2025-03"
TOLERANCE = 1.0  # of currency_tolerances.csv
STATUSES = ("match", "discrepancy", "missing_in_ms", "missing_in_bss")


def generate(folder: Path, lines: int, months: list[str] | None = None) -> None:
    """The landed files of both sides, of MONTH or several. Line n is subscription n on either side, in every month."""
    for month in months or [MONTH]:
        _generate_month(folder / "landing", lines, month)


def _files(month: str) -> dict[str, str]:
    """Path of a month's file of each source."""
    return {
        "bss_invoices": f"bss/invoices/{month}/lines.csv",
        "ms_recon_nce": f"partner_center/reconciliation/{month}/nce/lines.csv",
    }


FILES = _files(MONTH)


def _generate_month(landing: Path, lines: int, month: str) -> None:
    import duckdb

    first, last = f"{month}-01", f"{month}-{calendar.monthrange(int(month[:4]), int(month[5:]))[1]}"
    bss, ms = (landing / file for file in _files(month).values())

    connection = duckdb.connect()
    cost = "cast(10 + hash(n) % 100000 / 100.0 as decimal(18, 2))"
    shared = f"substr(sha256('s' || n), 1, 8) || '-0000-4000-8000-' || lpad(n::varchar, 12, '0') as id, {cost} as cost"
    connection.execute(f"create view numbers as select n, {shared} from range({lines}) as t(n)")
    for file in (bss, ms):
        file.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(f"""
        copy (select 'INV-' || n // 20 as "Invoice Code", '{last}' as "Invoice Date", 'Invoice' as "Invoice Type",
            'Approved' as "Invoice Stage", 'A' || n // 20 as "Account ID", 'A' || n // 20 as "Billing Account ID",
            id as "MS Subscription ID", 'Product ' || n % 300 as "Product", '{first}' as "Start Date",
            '{last}' as "End Date", 1 as "Qty", cost as "Unit Cost", cost as "Total Cost", 'USD' as "Currency"
            from numbers where n % 1000 not between 0 and 2)
        to '{bss}' (header, delimiter ',')
    """)
    other = "cost + case when n % 100 = 50 then 7.25 when n % 100 = 51 then 0.5 else 0 end"
    connection.execute(f"""
        copy (select 'P' as PartnerId, 'G' || n % 20 as InvoiceNumber, 'Product ' || n % 300 as ProductName,
            'new' as ChargeType, {other} as UnitPrice, 1 as Quantity, {other} as Subtotal, 0 as TaxTotal,
            {other} as Total, 'USD' as Currency, id as SubscriptionId, '{first}' as ChargeStartDate,
            '{last}' as ChargeEndDate from numbers where n % 1000 not between 3 and 4)
        to '{ms}' (header, delimiter ',')
    """)


def expected(lines: int) -> dict[str, int]:
    """Rows of each status."""
    whole, rest = divmod(lines, 1000)
    counts = [0, 0, 0, 0]
    for n in range(1000):
        kind = 2 if n in (3, 4) else 3 if n <= 2 else 1 if n % 100 == 50 else 0
        counts[kind] += whole + (n < rest)
    return {status: count for status, count in zip(STATUSES, counts, strict=True) if count}


def _platform(folder: Path) -> Any:
    from recon_assets.platform import Platform
    from recon_assets.settings import Settings

    return Platform.from_settings(Settings(home=folder, _env_file=None))  # type: ignore[call-arg]


def _raw(folder: Path, source: str) -> str:
    return str(folder / "raw" / source / MONTH / "*" / "rows-*.parquet")


def floor_copy(folder: Path) -> None:
    import duckdb

    connection = duckdb.connect()
    connection.execute("set memory_limit = '2500MB'; set threads = 2")
    for source, file in FILES.items():
        connection.execute(
            f"copy (select * from read_csv('{folder / 'landing' / file}', all_varchar = true, header = true)) "
            f"to '{folder / source}.parquet' (format parquet, compression zstd)"
        )


def load(folder: Path) -> None:
    for source in FILES:
        outcome = _platform(folder).load(source, MONTH)
        assert outcome.outcome == "loaded", outcome.problems


def floor_scan(folder: Path) -> None:
    import duckdb

    connection = duckdb.connect()
    connection.execute("set memory_limit = '2500MB'; set threads = 2")
    for source, columns in {
        "bss_invoices": "max(ms_subscription_id), max(currency), min(start_date), max(end_date), sum(total_cost)",
        "ms_recon_nce": "max(subscription_id), max(currency), min(charge_start_date), max(charge_end_date), sum(subtotal)",
    }.items():
        connection.execute(f"select {columns} from read_parquet('{_raw(folder, source)}')").fetchall()


def build(folder: Path) -> None:
    from recon_assets.pipeline.build import run_build

    made = run_build(_platform(folder).settings, "subscriptions", [MONTH], "benchmark", dt.date(2025, 5, 1))
    made.save()
    failed = [check.name for check in made.checks if not check.passed]
    assert not failed, failed
    import duckdb

    with duckdb.connect(str(made.database), read_only=True) as connection:
        counts = connection.execute(
            "select status, count(*) from marts.subscription_reconciliation group by 1"
        ).fetchall()
    _keep(folder, "build", dict(counts))


def whole(folder: Path) -> None:
    """Load, build and publish one after the other, in a home of its own with the same files."""
    from recon_assets.pipeline.dbt_process import start_dbt

    start_dbt("duckdb")  # as `recon run` does
    home = folder / "whole"
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(folder / "landing", home / "landing", copy_function=os.link)
    load(home)
    build(home)
    publish(_platform(home))


def _keep(folder: Path, stage: str, counts: dict[str, int]) -> None:
    (folder / f"{stage}.json").write_text(json.dumps(counts), encoding="utf-8")


def with_pandas(folder: Path) -> None:
    """Costs as floats, which is what such a script does."""
    left, right = _frames(folder)
    both = left.join(right, how="outer", suffixes=("_bss", "_ms"))
    apart = (both["cost_bss"] - both["cost_ms"]).abs()
    status = apart.le(TOLERANCE + 1e-9).map({True: "match", False: "discrepancy"})
    status = status.mask(both["cost_ms"].isna(), "missing_in_ms").mask(both["cost_bss"].isna(), "missing_in_bss")
    _keep(folder, "pandas", {str(name): int(n) for name, n in status.value_counts().items()})


def _frames(folder: Path) -> tuple[Any, Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    frames = []
    for source, key, cost in (
        ("bss_invoices", "ms_subscription_id", "total_cost"),
        ("ms_recon_nce", "subscription_id", "subtotal"),
    ):
        files = sorted((folder / "raw" / source / MONTH).glob("*/rows-*.parquet"))
        table = pa.concat_tables([pq.read_table(file, columns=[key, cost]) for file in files]).rename_columns(
            ["id", "cost"]
        )
        table = table.set_column(1, "cost", table["cost"].cast("float64"))
        frames.append(table.to_pandas().groupby("id").sum())
    return frames[0], frames[1]


def pandas_script(folder: Path) -> None:
    """What people write: both files read, cleaned, covered, summed and compared, items and verdicts sorted and written."""
    import pandas as pd

    start, end = pd.Timestamp(f"{MONTH}-01"), pd.Timestamp(f"{MONTH}-31")
    items = []
    for source, names in _COLUMNS.items():
        frame = pd.read_csv(folder / "landing" / FILES[source], engine="pyarrow", dtype_backend="pyarrow")
        frame = frame.rename(columns=names)
        frame["side"] = source
        frame["id"] = frame["id"].str.strip().str.lower()
        first, last = pd.to_datetime(frame["first"]), pd.to_datetime(frame["last"])
        frame = frame[(first <= end) & (last >= start)].copy()
        covered = (last.clip(upper=end) - first.clip(lower=start)).dt.days + 1
        frame["period_cost"] = (frame["cost"].astype("float64") * covered / ((last - first).dt.days + 1)).round(6)
        items.append(frame)
    lines = pd.concat(items).sort_values(["id", "side"])
    lines.to_parquet(folder / "pandas-items.parquet", compression="zstd")
    sums = lines.groupby(["id", "side"]).agg(cost=("period_cost", "sum"), product=("product", "first")).unstack()
    left, right = sums["cost"]["bss_invoices"].round(2), sums["cost"]["ms_recon_nce"].round(2)
    verdicts = pd.DataFrame({"left": left, "right": right, "difference": left - right})
    status = verdicts["difference"].abs().le(TOLERANCE + 1e-9).map({True: "match", False: "discrepancy"})
    verdicts["status"] = status.mask(right.isna(), "missing_in_ms").mask(left.isna(), "missing_in_bss")
    verdicts["product"] = sums["product"]["bss_invoices"].fillna(sums["product"]["ms_recon_nce"])
    verdicts.sort_index().to_parquet(folder / "pandas-verdicts.parquet", compression="zstd")
    _keep(folder, "pandas script", {str(name): int(n) for name, n in verdicts["status"].value_counts().items()})


_COLUMNS = {
    "bss_invoices": {
        "MS Subscription ID": "id", "Start Date": "first", "End Date": "last", "Total Cost": "cost", "Product": "product",
    },
    "ms_recon_nce": {
        "SubscriptionId": "id", "ChargeStartDate": "first", "ChargeEndDate": "last", "Subtotal": "cost",
        "ProductName": "product",
    },
}  # fmt: skip


def with_polars(folder: Path) -> None:
    """Lazily, with the decimals kept."""
    import polars as pl

    def side(source: str, key: str, cost: str) -> Any:
        scan = pl.scan_parquet(_raw(folder, source)).select(pl.col(key).alias("id"), pl.col(cost).alias(source))
        return scan.group_by("id").agg(pl.col(source).sum())

    left, right = (
        side("bss_invoices", "ms_subscription_id", "total_cost"),
        side("ms_recon_nce", "subscription_id", "subtotal"),
    )
    apart = (pl.col("bss_invoices") - pl.col("ms_recon_nce")).abs()
    status = (
        pl.when(pl.col("ms_recon_nce").is_null()).then(pl.lit("missing_in_ms"))
        .when(pl.col("bss_invoices").is_null()).then(pl.lit("missing_in_bss"))
        .when(apart <= TOLERANCE).then(pl.lit("match")).otherwise(pl.lit("discrepancy"))
    )  # fmt: skip
    found = left.join(right, on="id", how="full", coalesce=True).select(status.alias("s")).group_by("s").len().collect()
    _keep(folder, "polars", dict(found.iter_rows()))


def with_datacompy(folder: Path) -> None:
    """Its comparison of two pandas frames; its report is not made."""
    import datacompy

    left, right = _frames(folder)
    comparison = datacompy.PandasCompare(
        left.reset_index(), right.reset_index(), join_columns="id", abs_tol=TOLERANCE + 1e-9
    )
    matched = int(comparison.count_matching_rows())
    counts = {
        "match": matched, "discrepancy": len(comparison.intersect_rows) - matched,
        "missing_in_ms": len(comparison.df1_unq_rows), "missing_in_bss": len(comparison.df2_unq_rows),
    }  # fmt: skip
    _keep(folder, "datacompy", {name: count for name, count in counts.items() if count})


STAGES: dict[str, Callable[[Path], None]] = {
    "floor: DuckDB COPY": floor_copy,
    "load": load,
    "floor: scan": floor_scan,
    "build": build,
    "publish": lambda folder: publish(_platform(folder)),
    "whole": whole,
    "pandas script": pandas_script,
    "pandas": with_pandas,
    "polars": with_polars,
    "datacompy": with_datacompy,
}
COMPARED = ("build", "pandas script", "pandas", "polars", "datacompy")
OURS = ("load", "build", "publish", "whole")
# Name, stages, stage of the peer, target.
RATIOS = (
    ("subscriptions_whole/pandas_script", ("whole",), "pandas script", 1.4),
    ("subscriptions_load/copy", ("load",), "floor: DuckDB COPY", 2.0),
    ("subscriptions_build/scan", ("build",), "floor: scan", 15.0),
)
_FLOORS = {"load": "floor: DuckDB COPY", "build": "floor: scan"}


def report(lines: int, found: dict[str, tuple[float, float]]) -> None:
    print(f"{lines:,} invoice lines of the BSS, {lines:,} of Microsoft\n")
    print("| stage | seconds | peak GB | times its floor |\n|---|---|---|---|")
    for stage, (seconds, peak) in found.items():
        floor = found.get(_FLOORS.get(stage, ""))
        print(f"| {stage} | {seconds:.1f} | {peak:.2f} | {f'{seconds / floor[0]:.1f}' if floor else ''} |")
    if "whole" in found:
        seconds = found["whole"][0]
        beside = [f"{seconds / found[name][0]:.1f} times {name}" for name in COMPARED[1:] if name in found]
        print(
            f"\nLoad, build and publish as one run: {seconds:.1f} s"
            + (f"; {', '.join(beside)}; of these the script alone loads and writes" if beside else "")
        )
    for name, above, below, target in RATIOS:
        if found.keys() >= {*above, below}:
            print(f"ratio {name} {sum(found[stage][0] for stage in above) / found[below][0]:.2f} {target:.1f}")
    if "build" in found:
        peak = max(found[stage][1] for stage in OURS if stage in found)
        print(f"ratio subscriptions_peak_gb {peak:.2f} 3.0")


def check_counts(folder: Path, lines: int, stages: list[str]) -> None:
    for stage in (stage for stage in COMPARED if stage in stages):
        counts = json.loads((folder / f"{stage}.json").read_text(encoding="utf-8"))
        if counts != expected(lines):
            raise SystemExit(f"{stage} found {counts}, planted are {expected(lines)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--times", type=int, default=1, help="rounds, of which medians are told")
    parser.add_argument("--work", type=Path, help="folder for what is generated and made; without it a temporary one")
    parser.add_argument(
        "--only", nargs="+", choices=STAGES, default=list(STAGES), help="each needs those that it builds on"
    )
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stage:
        STAGES[given.stage](given.folder)
        return
    with tempfile.TemporaryDirectory(prefix="subscription_month_") as temporary:
        folder = (given.work or Path(temporary)) / f"lines-{given.lines}"
        if not (folder / "landing").is_dir():
            generate(folder, given.lines)
        found = medians(given.times, __file__, given.only, folder)
        check_counts(folder, given.lines, given.only)
        report(given.lines, found)


if __name__ == "__main__":
    main()
