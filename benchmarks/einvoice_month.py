"""The e-invoice reconciliation at size: the dbt models against a script of pandas merges that does the same passes.

    python benchmarks/einvoice_month.py --documents 2000000 --work /tmp/einvoices

All read the same raw Parquet: as many register rows as e-invoices of one month, of which 5% differ in one field, 1% are
repeated and 0.1% tie. Each way runs in a process of its own and reports seconds, CPU seconds and peak memory:

build    a whole build by dbt in this process: models, marts, tests, and dbt's own start;
passes   only the SQL of the models that the buckets rest on, from raw Parquet to the count per bucket, without dbt;
read     every row of the three e-invoice marts, read once as the publication reads it (they are views);
pandas   the passes as merges, from the same raw Parquet to the count per bucket;
scan     the floor: the compared columns of both sides read and hashed.

The inputs stay in --work and are made again only when they are absent.
"""

import argparse
import datetime as dt
import json
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import duckdb
import measure

MONTH = "2025-01"
TEXTS = (
    "supplier_tin", "buyer_tin", "document_number", "document_type", "currency_code", "original_document_number",
)  # fmt: skip
AMOUNTS = (
    "total_excluding_tax", "total_tax_amount", "total_including_tax", "total_payable_amount",
    "total_discount_value", "total_charge_amount",
)  # fmt: skip
WAYS = ("scan", "pandas", "build", "passes", "read")
SOURCES = {"erp_sales_register": "erp/sales_register", "einvoices": "einvoice/issued"}
# Which document a row repeats: of every 400, two rows on both sides, one only in the register and one only in MyInvois.
REPEATS = "case when n % 200 = 7 or (n % 400 = {only} and n > 0) then n - 1 else n end"
# Every 20th e-invoice differs in one field; which one, changes from one to the next.
SLIPS = ("number_spelling", "number", "buyer_tin", "document_date", "original_document_number", "total_tax_amount")


def make_raw(home: Path, documents: int) -> None:
    """Raw months as a load would leave them; written directly, since reading files is not what is measured."""
    connection = duckdb.connect()
    connection.execute("set preserve_insertion_order = false")
    for source, prefix in SOURCES.items():
        is_register = source == "erp_sales_register"
        folder = home / "raw" / source / MONTH / "load"
        folder.mkdir(parents=True)
        keys = [*TEXTS, *(["consolidated_einvoice_number"] if is_register else ["uuid", "status"])]
        file = f"{prefix}/{MONTH}/list.csv"
        connection.execute(f"""
            copy (
                select * exclude (n), {", ".join(f"upper({name}) as {name}_key" for name in keys)},
                    '{file}' as source_file, n + 1 as source_row, 'hash' as content_hash,
                    timestamp '2025-02-01' as loaded_at, date '{MONTH}-01' as billing_month
                from ({documents_sql(documents, is_register)})
            ) to '{folder / "rows-0000.parquet"}' (format parquet, compression zstd)
        """)
        entry = {"path": file, "etag": "e", "size": 1, "content_hash": "hash", "rows": documents, "quarantined": 0}
        commit = {"source": source, "month": MONTH, "load_id": "load", "loaded_at": "2025-02-01T00:00:00",
                  "files": [entry], "rows": documents, "quarantined": 0,
                  "tables": {"rows": [f"{source}/{MONTH}/load/rows-0000.parquet"], "quarantine": []}}  # fmt: skip
        (folder.parent / "month.json").write_text(json.dumps(commit), encoding="utf-8")


def documents_sql(documents: int, is_register: bool) -> str:
    """Register rows or e-invoices `n`; `d` is the document that row n holds."""
    slip = "null" if is_register else f"case when n % 20 = 3 then (n // 20) % {len(SLIPS)} end"
    # Of a tie the two documents have all but their numbers in common, and MyInvois has neither number.
    content = "case when d % 1000 = 12 then d - 1 else d end"
    tie = "false" if is_register else "d % 1000 in (11, 12)"
    money = "cast({} as decimal(38, 12))"
    own = (
        f"{money.format('null')} as exchange_rate, cast(null as varchar) as consolidated_einvoice_number, "
        "'R' || lpad(cast(n as varchar), 10, '0') as row_reference"
        if is_register
        else "'U' || lpad(cast(n as varchar), 25, '0') as uuid, cast(null as varchar) as submission_uid, 'Valid' as status, "
        "cast(document_date as timestamp) + interval 1 hour as issued_at, "
        f"cast(document_date as timestamp) + interval 2 hours as validated_at, {money.format('null')} as exchange_rate"
    )
    return f"""
        with rows_in as (
            select n, {REPEATS.format(only=107 if is_register else 307)} as d, {slip} as slip
            from range({documents}) as numbers(n)
        ),
        contents as (
            select *, {tie} as is_tie, hash({content}) as h,
                cast(1000 + hash({content}, 'net') % 5000000 as decimal(18, 2)) / 100 as net_float
            from rows_in
        ),
        amounts as (
            select *, cast(net_float as decimal(18, 2)) as net, cast(round(net_float * 0.08, 2) as decimal(18, 2)) as tax
            from contents
        )
        select n, 'C1000' as supplier_tin,
            case when slip = 2 then 'C99999' else 'C' || (20000 + h % 5000) end as buyer_tin,
            case when is_tie then 'ELSE/' || d when slip = 0 then 'INV/' || d when slip = 1 then 'X' || d || 'X'
                else 'INV-' || d end as document_number,
            '01' as document_type,
            date '{MONTH}-01' + cast(h % 30 + case when slip = 3 then 1 else 0 end as integer) as document_date,
            'MYR' as currency_code,
            case when slip = 4 then 'INV-0' end as original_document_number,
            {money.format("net")} as total_excluding_tax,
            {money.format("tax + case when slip = 5 then 0.5 else 0 end")} as total_tax_amount,
            {money.format("net + tax")} as total_including_tax, {money.format("net + tax")} as total_payable_amount,
            {money.format("0")} as total_discount_value, {money.format("0")} as total_charge_amount, {own}
        from amounts
    """


def raw_file(home: Path, source: str) -> Path:
    return home / "raw" / source / MONTH / "load" / "rows-0000.parquet"


def run_scan(home: Path) -> dict[str, Any]:
    columns = [*(f"{name}_key" for name in TEXTS), "document_date", *AMOUNTS]
    connection = duckdb.connect()
    for source in SOURCES:
        connection.execute(f"select bit_xor(hash({', '.join(columns)})) from '{raw_file(home, source)}'").fetchall()
    return {}


def run_build(home: Path) -> dict[str, Any]:
    from recon_assets.pipeline.build import run_build as build_months
    from recon_assets.pipeline.dbt_process import end_dbt
    from recon_assets.settings import Settings

    started = time.perf_counter()
    memory = os.environ.get("BENCHMARK_MEMORY", "2GB")
    settings = Settings(home=home, build_memory_limit=memory, _env_file=None)  # type: ignore[call-arg]
    build = build_months(settings, "einvoices", [MONTH], "benchmark", dt.date(2025, 2, 1))
    seconds = time.perf_counter() - started
    end_dbt()  # what its process took is known once it has ended
    with duckdb.connect(str(build.database), read_only=True) as connection:
        buckets = connection.execute(
            "select bucket, count(*) from marts.einvoice_reconciliation group by bucket order by bucket"
        ).fetchall()
    return {
        "seconds": seconds,
        "seconds of models": sum(node.seconds for node in build.nodes),
        "buckets": dict(buckets),
        "failed checks": [check.name for check in build.checks if not check.passed],
        "models": {n.name: round(n.seconds, 2) for n in sorted(build.nodes, key=lambda n: -n.seconds)},
    }


def prepared_passes(home: Path) -> tuple[duckdb.DuckDBPyConnection, list[str]]:
    """A copy of the build's database, and the statements that make int_einvoices__rows anew in it, in order."""
    from recon_assets.pipeline.project import manifest_folder

    folder = home / "build" / "benchmark"
    copy = home / "passes" / "build.duckdb"  # the statements name the database
    copy.parent.mkdir(exist_ok=True)
    shutil.copy(folder / "build.duckdb", copy)
    nodes = json.loads((manifest_folder() / "manifest.json").read_text(encoding="utf-8"))["nodes"]
    ordered: list[str] = []

    def visit(node: str) -> None:
        if node in nodes and node not in ordered:
            for parent in nodes[node]["depends_on"].get("nodes", []):
                visit(parent)
            if nodes[node]["resource_type"] == "model":
                ordered.append(node)

    visit("model.recon.int_einvoices__rows")
    statements = []
    for name in ordered:
        node = nodes[name]
        compiled = folder / "dbt" / "compiled" / "recon" / node["original_file_path"]
        kind = node["config"]["materialized"]
        statements.append(f"create or replace {kind} {node['relation_name']} as {compiled.read_text(encoding='utf-8')}")
    connection = duckdb.connect(str(copy))
    connection.execute(
        f"set memory_limit = '{os.environ.get('BENCHMARK_MEMORY', '2GB')}'; set threads = 2; set timezone = 'UTC'; "
        "set preserve_insertion_order = false"
    )
    return connection, statements


def run_passes(home: Path) -> dict[str, Any]:
    connection, statements = prepared_passes(home)
    started = time.perf_counter()
    for statement in statements:
        connection.execute(statement)
    buckets = connection.execute(
        "select bucket, count(*) from intermediate.int_einvoices__rows group by bucket order by bucket"
    ).fetchall()
    return {"seconds": time.perf_counter() - started, "models": len(statements), "buckets": dict(buckets)}


def run_read(home: Path) -> dict[str, Any]:
    from recon_assets.pipeline.marts import published_marts

    parts = {}
    with duckdb.connect(str(home / "build" / "benchmark" / "build.duckdb"), read_only=True) as connection:
        memory = os.environ.get("BENCHMARK_MEMORY", "2GB")
        connection.execute(f"set memory_limit = '{memory}'; set threads = 2; set timezone = 'UTC'")
        connection.execute("set preserve_insertion_order = false")
        for name, mart in published_marts().items():
            if not name.startswith("einvoice_"):
                continue
            started = time.perf_counter()
            rows = connection.execute(f"select * from marts.{name} order by {', '.join(mart.grain)}").to_arrow_reader(
                100_000
            )
            parts[name] = {"rows": sum(batch.num_rows for batch in rows)}
            parts[name]["seconds"] = round(time.perf_counter() - started, 2)
    return {"marts": parts}


def run_pandas(home: Path) -> dict[str, Any]:
    """The three passes as merges, with the same order of acceptance; no reasons, candidates or field view."""
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    def read(source: str, own: list[str]) -> Any:
        columns = [*(f"{name}_key" for name in TEXTS), "document_date", *AMOUNTS, *own]
        table = pq.read_table(raw_file(home, source), columns=columns)
        for amount in AMOUNTS:  # cents; Decimal objects would take minutes
            cents = pc.cast(pc.round(pc.multiply(pc.cast(table[amount], "float64"), 100)), "int64")
            table = table.set_column(table.schema.get_field_index(amount), amount, cents)
        return table.to_pandas()

    left, right = read("erp_sales_register", ["row_reference"]), read("einvoices", ["uuid", "validated_at"])
    return {"buckets": pandas_passes(left, right)[0]}


def pandas_passes(left: Any, right: Any) -> tuple[dict[str, int], Any]:
    """Rows per bucket, and the pairs: index of either side, pass, how they differ, and bucket.

    The frames hold the compared texts as keys, the date, amounts in cents, and what breaks ties.
    """
    import pandas as pd

    texts, amounts = [f"{name}_key" for name in TEXTS], list(AMOUNTS)
    for frame in (left, right):
        frame["document_date"] = pd.to_datetime(frame["document_date"])
        frame["loose"] = frame["document_number_key"].str.replace(r"[^A-Z0-9]", "", regex=True).str.lstrip("0")
        frame["year"] = frame["document_date"].dt.year
        frame["original_document_number_key"] = frame["original_document_number_key"].fillna("")
    left["left"], right["right"] = left.index, right.index

    def compared(pairs: pd.DataFrame) -> pd.DataFrame:
        pairs["n_id"] = sum((pairs[f"{t}_l"] != pairs[f"{t}_r"]).astype("int8") for t in [*texts, "document_date"])
        gaps = pd.concat([(pairs[f"{a}_l"] - pairs[f"{a}_r"]).abs() for a in amounts], axis=1)
        pairs["n_amt"], pairs["mx"], pairs["total"] = (gaps > 0).sum(axis=1), gaps.max(axis=1), gaps.sum(axis=1)
        pairs["days"] = (pairs["document_date_l"] - pairs["document_date_r"]).dt.days.abs()
        return pairs

    def accepted(pairs: pd.DataFrame) -> pd.DataFrame:
        order = ["n_id", "n_amt", "mx", "total", "days", "document_date_l", "row_reference", "validated_at", "uuid"]
        rival = pairs["left"].duplicated(keep=False) | pairs["right"].duplicated(keep=False)
        kept, pairs = [pairs[~rival]], pairs[rival].sort_values(order)
        while len(pairs):
            first = ~pairs.duplicated("left") & ~pairs.duplicated("right")
            kept.append(pairs[first])
            pairs = pairs[
                ~pairs["left"].isin(pairs.loc[first, "left"]) & ~pairs["right"].isin(pairs.loc[first, "right"])
            ]
        return pd.concat(kept)[["left", "right", "n_id", "n_amt", "mx"]]

    def merged(keys: list[str]) -> pd.DataFrame:
        shared = [*texts, "document_date", *amounts]
        a = left[[*shared, "loose", "year", "left", "row_reference"]]
        b = right[[*shared, "loose", "year", "right", "uuid", "validated_at"]]
        joined = a.merge(b, left_on=keys, right_on=keys, suffixes=("_l", "_r"))
        for key in keys:
            if key in shared:
                joined[f"{key}_l"] = joined[f"{key}_r"] = joined[key]
        return compared(joined)

    def take(pairs: pd.DataFrame, name: str) -> None:
        nonlocal left, right
        found.append(accepted(pairs).assign(**{"pass": name}))
        left, right = left[~left["left"].isin(found[-1]["left"])], right[~right["right"].isin(found[-1]["right"])]

    found: list[pd.DataFrame] = []
    take(merged(["supplier_tin_key", "document_number_key", "document_type_key", "year"]), "key")
    take(merged(["loose", "buyer_tin_key"]), "number")
    identifiers = [*texts, "document_date"]
    last = pd.concat([merged([*(t for t in identifiers if t != out), *amounts]) for out in identifiers])
    take(last[(last["n_id"] == 1) & (last["n_amt"] == 0)], "amounts")
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
    return {k: v for k, v in sorted(counts.items()) if v}, pairs.assign(bucket=buckets.to_numpy())


def measured(way: str, home: Path) -> dict[str, Any]:
    """What one way found, in a process of its own, and the peak of that and of its children."""
    _, peak = measure.measured([sys.executable, __file__, "--only", way, "--work", str(home)])
    return json.loads((home / f"{way}.json").read_text(encoding="utf-8")) | {"peak_gb": round(peak, 2)}


def measure_here(way: str, home: Path) -> dict[str, Any]:
    """Its seconds and results; processor time is that of this process, so not of a build, which dbt's makes."""
    if way == "build":
        from recon_assets.pipeline.project import manifest_folder

        manifest_folder()  # parsed once per version of the project, not per run
    before, started = time.process_time(), time.perf_counter()
    result = globals()[f"run_{way}"](home)
    took = {"seconds": time.perf_counter() - started, "cpu_seconds": round(time.process_time() - before, 2)}
    return ({"seconds": took["seconds"]} if way == "build" else took) | result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=2_000_000)
    parser.add_argument("--times", type=int, default=1, help="rounds, of which the median by seconds is told")
    parser.add_argument("--work", type=Path, help="folder that keeps the inputs; without it a temporary one")
    parser.add_argument("--only", choices=WAYS, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        found = measure_here(arguments.only, arguments.work)
        (arguments.work / f"{arguments.only}.json").write_text(json.dumps(found), encoding="utf-8")
        return
    with tempfile.TemporaryDirectory() as temporary:
        home = (arguments.work or Path(temporary)) / f"documents-{arguments.documents}"
        if not (home / "made").exists():
            shutil.rmtree(home, ignore_errors=True)
            make_raw(home, arguments.documents)
            (home / "made").touch()
        results = {}
        for way in WAYS:
            rounds = sorted((measured(way, home) for _ in range(arguments.times)), key=lambda found: found["seconds"])
            results[way] = rounds[len(rounds) // 2]
            print(way, json.dumps(results[way], indent=1), flush=True)
    pandas = results["pandas"]["seconds"]
    for way in ("passes", "build"):
        print(f"{way}: {pandas / results[way]['seconds']:.2f} x as fast as pandas")
        print(f"{way}: the same buckets as pandas: {results[way]['buckets'] == results['pandas']['buckets']}")
    print(f"ratio einvoices_build/pandas {results['build']['seconds'] / pandas:.2f} 0.6")
    print(f"ratio einvoices_peak_gb {results['build']['peak_gb']:.2f} 3.0")


if __name__ == "__main__":
    main()
