"""E-invoices from files to published tables, beside a pandas script that reads, pairs and writes the same files.

    python benchmarks/einvoice_files.py --documents 500000 [--work DIR]

As many rows in a register (CSV) as e-invoices (JSON Lines) of one month, as einvoice_month.py plants them. Each stage
runs in a process of its own, imports included. The script pairs as the passes do and writes pairs and what is left with
their buckets; reasons, candidates, field view, checks, lineage and versions it leaves out. It must find the same buckets.
"""

import argparse
import datetime as dt
import json
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from einvoice_month import AMOUNTS, MONTH, SOURCES, TEXTS, documents_sql, pandas_passes
from measure import measured, publish

WHOLE = ("load", "build", "publish")
REGISTER, EINVOICES = (f"{SOURCES[source]}/{MONTH}/{name}" for source, name in (
    ("erp_sales_register", "register.csv"), ("einvoices", "documents.jsonl"),
))  # fmt: skip
TODAY = dt.date(2025, 2, 1)


def make_files(home: Path, documents: int) -> None:
    """Amounts in cents, instants in UTC."""
    amounts = ", ".join(f"cast({name} as decimal(18, 2)) as {name}" for name in AMOUNTS)
    instants = ", ".join(f"strftime({name}, '%Y-%m-%dT%H:%M:%SZ') as {name}" for name in ("issued_at", "validated_at"))
    for file, how, told in ((REGISTER, "csv", amounts), (EINVOICES, "json", f"{amounts}, {instants}")):
        target = home / "landing" / file
        target.parent.mkdir(parents=True)
        rows = documents_sql(documents, is_register=how == "csv")
        duckdb.execute(
            f"copy (select * exclude (n) replace ({told}) from ({rows}) order by n) to '{target}' (format {how})"
        )


def platform(home: Path) -> Any:
    from recon_assets.platform import Platform
    from recon_assets.settings import Settings

    return Platform.from_settings(Settings(home=home, build_memory_limit="2GB", _env_file=None))  # type: ignore[call-arg]


def load(home: Path) -> None:
    for source in SOURCES:
        found = platform(home).load(source, MONTH)
        assert found.outcome == "loaded", found.problems


def build(home: Path) -> dict[str, int]:
    from recon_assets.pipeline.build import run_build

    made = run_build(platform(home).settings, "einvoices", [MONTH], "benchmark", TODAY)
    made.save()
    with duckdb.connect(str(made.database), read_only=True) as connection:
        sql = "select bucket, count(*) from marts.einvoice_reconciliation group by bucket order by bucket"
        return dict(connection.execute(sql).fetchall())


def publish_here(home: Path) -> None:
    publish(platform(home))


def script(home: Path) -> dict[str, int]:
    """What people write: both files read, cleaned, paired in three passes, and every row written with its bucket."""
    import pandas as pd

    texts = dict.fromkeys(TEXTS, "string[pyarrow]")  # the type 01 is no number
    left = pd.read_csv(home / "landing" / REGISTER, engine="pyarrow", dtype_backend="pyarrow", dtype=texts)
    right = pd.read_json(home / "landing" / EINVOICES, lines=True, engine="pyarrow", dtype_backend="pyarrow")
    for frame in (left, right):
        for name in TEXTS:
            frame[f"{name}_key"] = frame[name].astype("string[pyarrow]").str.strip().str.upper()
        for name in AMOUNTS:
            frame[name] = (frame[name].astype("float64") * 100).round().astype("int64")
    buckets, pairs = pandas_passes(left, right)
    rows = pairs.merge(left, on="left", how="outer").merge(right, on="right", how="outer", suffixes=("_left", "_right"))
    missing = rows["right"].isna().map({True: "Missing in EInv", False: "Missing in Sales"})
    rows["bucket"] = rows["bucket"].fillna(missing)
    rows.sort_values(["row_reference", "uuid"]).to_parquet(home / "pandas-rows.parquet", compression="zstd")
    return buckets


STAGES: dict[str, Callable[[Path], dict[str, int] | None]] = {
    "load": load,
    "build": build,
    "publish": publish_here,
    "script": script,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=500_000)
    parser.add_argument("--work", type=Path, help="folder for what is made; without it a temporary one")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stage:
        buckets = STAGES[given.stage](given.work)
        (given.work / f"{given.stage}.json").write_text(json.dumps(buckets), encoding="utf-8")
        return
    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        home = Path(folder)
        make_files(home, given.documents)
        found = {n: measured([sys.executable, __file__, "--stage", n, "--work", folder]) for n in STAGES}
        buckets = {n: json.loads((home / f"{n}.json").read_text(encoding="utf-8")) for n in ("build", "script")}
    if buckets["build"] != buckets["script"]:
        raise SystemExit(f"not the same buckets: {buckets}")
    for name, (seconds, peak) in found.items():
        print(f"{name}: {seconds:.1f} s, {peak:.2f} GB")
    whole = sum(found[name][0] for name in WHOLE)
    print(f"ratio einvoices_whole/pandas_script {whole / found['script'][0]:.2f} 1.0")
    print(f"ratio einvoices_whole_peak_gb {max(found[name][1] for name in WHOLE):.2f} 3.0")


if __name__ == "__main__":
    main()
