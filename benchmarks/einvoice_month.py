"""The e-invoice reconciliation at size: the dbt models against a script of pandas merges that does the same passes.

    python benchmarks/einvoice_month.py --documents 2000000

Both read the same raw Parquet: register rows and e-invoices of one month, 5% with one differing field, 1% duplicates,
0.1% ties. Reports seconds and peak memory of each, run in a process of its own, and whether they pair alike.
"""

import argparse
import datetime as dt
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

MONTH = "2025-01"
FIELDS = (
    "supplier_tin", "buyer_tin", "document_number", "document_type", "currency_code", "original_document_number",
)  # fmt: skip
AMOUNTS = (
    "total_excluding_tax", "total_tax_amount", "total_including_tax", "total_payable_amount",
    "total_discount_value", "total_charge_amount",
)  # fmt: skip


def make_raw(home: Path, documents: int) -> None:
    """Raw months as a load would leave them; written directly, since reading files is not what is measured."""
    connection = duckdb.connect()
    connection.execute("set preserve_insertion_order = false")
    base = f"""
        select n, 'C1000' as supplier_tin, 'C' || (20000 + n % 5000) as buyer_tin,
            -- 1% repeat the number before them; of 0.1% everything but the row's own id is alike.
            'INV-' || (case when n % 100 = 7 then n - 1 else n end) as document_number,
            date '{MONTH}-01' + cast(n % 31 as integer) as document_date,
            cast(case when n % 1000 = 8 then (n - 1) % 90000 else n % 90000 end + 100 as decimal(38, 12)) as net
        from range({documents}) as numbers(n)
    """
    for source, is_register in (("erp_sales_register", True), ("einvoices", False)):
        slip = "false" if is_register else "n % 20 = 3"
        number = f"document_number || case when {slip} and n % 60 = 3 then 'X' else '' end"
        buyer = f"case when {slip} and n % 60 = 23 then 'C99999' else buyer_tin end"
        tax = f"net * 0.08 + case when {slip} and n % 60 = 43 then 0.5 else 0 end"
        own = (
            "cast(null as decimal(38, 12)) as exchange_rate, cast(null as varchar) as consolidated_einvoice_number, "
            "'R' || lpad(cast(n as varchar), 10, '0') as row_reference"
            if is_register
            else "'U' || lpad(cast(n as varchar), 25, '0') as uuid, cast(null as varchar) as submission_uid, 'Valid' as status, "
            "cast(document_date as timestamp) + interval 1 hour as issued_at, "
            "cast(document_date as timestamp) + interval 2 hours as validated_at, "
            "cast(null as decimal(38, 12)) as exchange_rate"
        )
        keys = [*FIELDS, *(["consolidated_einvoice_number"] if is_register else ["uuid", "status"])]
        folder = home / "raw" / source / MONTH / "load"
        folder.mkdir(parents=True)
        prefix = "erp/sales_register" if is_register else "einvoice/issued"
        connection.execute(f"""
            copy (
                select * exclude (n, net), {", ".join(f"upper({name}) as {name}_key" for name in keys)},
                    '{prefix}/{MONTH}/list.csv' as source_file, n + 1 as source_row, 'hash' as content_hash,
                    timestamp '2025-02-01' as loaded_at, date '{MONTH}-01' as billing_month
                from (
                    select n, net, supplier_tin, {buyer} as buyer_tin, {number} as document_number, '01' as document_type,
                        document_date, 'MYR' as currency_code, cast(null as varchar) as original_document_number,
                        net as total_excluding_tax, cast({tax} as decimal(38, 12)) as total_tax_amount,
                        cast(net * 1.08 as decimal(38, 12)) as total_including_tax,
                        cast(net * 1.08 as decimal(38, 12)) as total_payable_amount,
                        cast(0 as decimal(38, 12)) as total_discount_value,
                        cast(0 as decimal(38, 12)) as total_charge_amount, {own}
                    from ({base})
                )
            ) to '{folder / "rows-0000.parquet"}' (format parquet, compression zstd)
        """)
        file = {"path": f"{prefix}/{MONTH}/list.csv", "etag": "e", "size": 1, "content_hash": "hash",
                "rows": documents, "quarantined": 0}  # fmt: skip
        commit = {"source": source, "month": MONTH, "load_id": "load", "loaded_at": "2025-02-01T00:00:00",
                  "files": [file], "rows": documents, "quarantined": 0,
                  "tables": {"rows": [f"{source}/{MONTH}/load/rows-0000.parquet"], "quarantine": []}}  # fmt: skip
        (folder.parent / "month.json").write_text(json.dumps(commit), encoding="utf-8")


def run_dbt(home: Path) -> dict[str, object]:
    """The build without its tests: from raw to every mart of the month."""
    from recon_assets.pipeline.build import run_build
    from recon_assets.pipeline.project import manifest_folder
    from recon_assets.settings import Settings

    manifest_folder()  # parsed once per version of the project, not per run
    started = time.perf_counter()
    settings = Settings(home=home, build_memory_limit=os.environ.get("BENCHMARK_MEMORY", "2GB"), _env_file=None)  # type: ignore[call-arg]
    build = run_build(settings, "einvoices", [MONTH], "benchmark", dt.date(2025, 2, 1))
    seconds = time.perf_counter() - started
    with duckdb.connect(str(build.database), read_only=True) as connection:
        counts = connection.execute(
            "select bucket, count(*) from marts.einvoice_reconciliation group by bucket order by bucket"
        ).fetchall()
    models = sum(node.seconds for node in build.nodes)
    slowest = {node.name: round(node.seconds, 2) for node in sorted(build.nodes, key=lambda n: -n.seconds)[:8]}
    failed = [check.name for check in build.checks if not check.passed]
    return {"seconds": seconds, "models": models, "slowest": slowest, "buckets": dict(counts), "failed": failed}


def run_pandas(home: Path) -> dict[str, object]:
    """The three passes as merges, with the same order of acceptance; no candidates, duplicates or field view."""
    import pandas as pd

    started = time.perf_counter()
    texts, amounts = [f"{name}_key" for name in FIELDS], list(AMOUNTS)

    def read(source: str, own: list[str]) -> pd.DataFrame:
        path = home / "raw" / source / MONTH / "load" / "rows-0000.parquet"
        frame = pd.read_parquet(path, columns=[*texts, "document_date", *amounts, *own])
        frame[amounts] = (frame[amounts].astype("float64") * 100).round().astype("int64")
        frame["loose"] = frame["document_number_key"].str.replace(r"[^A-Z0-9]", "", regex=True).str.lstrip("0")
        frame["year"] = pd.to_datetime(frame["document_date"]).dt.year
        frame["original_document_number_key"] = frame["original_document_number_key"].fillna("")
        return frame

    left, right = read("erp_sales_register", ["row_reference"]), read("einvoices", ["uuid", "validated_at"])
    left["left"], right["right"] = left.index, right.index

    def compared(pairs: pd.DataFrame) -> pd.DataFrame:
        pairs["n_id"] = sum((pairs[f"{t}_l"] != pairs[f"{t}_r"]).astype("int8") for t in [*texts, "document_date"])
        gaps = pd.concat([(pairs[f"{a}_l"] - pairs[f"{a}_r"]).abs() for a in amounts], axis=1)
        pairs["n_amt"], pairs["mx"], pairs["total"] = (gaps > 0).sum(axis=1), gaps.max(axis=1), gaps.sum(axis=1)
        days = pd.to_datetime(pairs["document_date_l"]) - pd.to_datetime(pairs["document_date_r"])
        pairs["days"] = days.dt.days.abs()
        return pairs

    def accepted(pairs: pd.DataFrame) -> pd.DataFrame:
        order = ["n_id", "n_amt", "mx", "total", "days", "document_date_l", "row_reference", "validated_at", "uuid"]
        pairs = pairs.sort_values(order)
        kept = []
        while len(pairs):
            first = ~pairs.duplicated("left") & ~pairs.duplicated("right")
            kept.append(pairs[first])
            pairs = pairs[
                ~pairs["left"].isin(pairs.loc[first, "left"]) & ~pairs["right"].isin(pairs.loc[first, "right"])
            ]
        return pd.concat(kept) if kept else pairs

    def merged(keys: list[str]) -> pd.DataFrame:
        shared = [c for c in [*texts, "document_date", *amounts] if c in left.columns]
        a = left[[*shared, "loose", "year", "left", "row_reference"]]
        b = right[[*shared, "loose", "year", "right", "uuid", "validated_at"]]
        joined = a.merge(b, left_on=keys, right_on=keys, suffixes=("_l", "_r"))
        for key in keys:
            if key in shared:
                joined[f"{key}_l"] = joined[f"{key}_r"] = joined[key]
        return compared(joined)

    found = []
    for keys in (["supplier_tin_key", "document_number_key", "document_type_key", "year"], ["loose", "buyer_tin_key"]):
        found.append(accepted(merged(keys)))
        left, right = left[~left["left"].isin(found[-1]["left"])], right[~right["right"].isin(found[-1]["right"])]
    compared_fields = [*texts, "document_date"]
    last = pd.concat([merged([*(t for t in compared_fields if t != out), *amounts]) for out in compared_fields])
    found.append(accepted(last[(last["n_id"] == 1) & (last["n_amt"] == 0)]))
    left, right = left[~left["left"].isin(found[-1]["left"])], right[~right["right"].isin(found[-1]["right"])]
    pairs = pd.concat(found)
    buckets = pd.Series("Mismatch", index=range(len(pairs)))
    n_id, n_amt, mx = (pairs[c].to_numpy() for c in ("n_id", "n_amt", "mx"))
    for bucket, condition in (
        ("High", (n_id == 0) & (n_amt >= 2) & (mx <= 1500)), ("Medium", (n_id == 0) & (n_amt >= 2) & (mx <= 500)),
        ("Low", (n_id == 0) & (n_amt >= 2) & (mx <= 100)), ("Suggested", (n_id == 0) & (n_amt == 1) & (mx <= 1500)),
        ("Suggested", (n_id == 1) & (n_amt == 0)), ("Exact", (n_id == 0) & (n_amt == 0)),
    ):  # fmt: skip
        buckets[condition] = bucket
    counts = buckets.value_counts().to_dict() | {"Missing in EInv": len(left), "Missing in Sales": len(right)}
    return {"seconds": time.perf_counter() - started, "buckets": {k: v for k, v in sorted(counts.items()) if v}}


def measured(way: str, home: Path) -> dict[str, object]:
    """One way in a process of its own, so that its peak memory is its own."""
    output = subprocess.run(
        [sys.executable, __file__, "--only", way, "--home", str(home)], check=True, capture_output=True, text=True
    )
    return dict(json.loads(output.stdout.splitlines()[-1]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=int, default=2_000_000)
    parser.add_argument("--only", choices=["dbt", "pandas"])
    parser.add_argument("--home", type=Path)
    arguments = parser.parse_args()
    if arguments.only:
        result = run_dbt(arguments.home) if arguments.only == "dbt" else run_pandas(arguments.home)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
        print(json.dumps(result | {"peak_gb": round(peak, 2)}))
        return
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        make_raw(home, arguments.documents)
        results = {way: measured(way, home) for way in ("dbt", "pandas")}
    for way, result in results.items():
        print(way, json.dumps(result, indent=1))
    print("the same buckets:", results["dbt"]["buckets"] == results["pandas"]["buckets"])


if __name__ == "__main__":
    main()
