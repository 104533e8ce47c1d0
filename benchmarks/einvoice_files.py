"""E-invoices from files to published tables, beside a pandas script that reads, pairs and writes the same files.

    python benchmarks/einvoice_files.py --documents 500000 [--times 3] [--work DIR]

As many rows in a register (CSV) as e-invoices (JSON Lines) of one month, as einvoice_month.py plants them. Each stage
runs in a process of its own, imports included, and "whole" does the three of ours in one, as a run does. The script pairs as the passes do and writes the same results: rows with
their buckets, every field of every pair, candidates, sums. Reasons, flags, checks, keys and versions it leaves out. It
must find as many rows of each bucket, fields, differing fields and candidates.
"""

import argparse
import datetime as dt
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
from einvoice_month import AMOUNTS, MONTH, SOURCES, TEXTS, documents_sql, pandas_passes
from measure import medians, publish

OURS = ("load", "build", "publish", "whole")
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

    return Platform.from_settings(Settings(home=home, _env_file=None))  # type: ignore[call-arg]


def load(home: Path) -> None:
    for source in SOURCES:
        found = platform(home).load(source, MONTH)
        assert found.outcome == "loaded", found.problems


def build(home: Path) -> None:
    from recon_assets.pipeline.build import run_build

    run_build(platform(home).settings, "einvoices", [MONTH], "benchmark", TODAY).save()


def published_counts(home: Path) -> dict[str, int]:
    """What is published, as the script counts what it has made."""
    rows, fields, candidates = (
        f"read_parquet('{home}/published/{mart}/**/*.parquet')"
        for mart in ("einvoice_reconciliation", "einvoice_field_differences", "einvoice_candidates")
    )
    sql = f"""
        select bucket, count(*) from {rows} group by bucket
        union all select 'fields', count(*) from {fields}
        union all select 'differing', count(*) from {fields} where not equal
        union all select 'candidates', count(*) from {candidates}
    """
    return dict(duckdb.execute(sql).fetchall())


def publish_here(home: Path) -> None:
    publish(platform(home))


def whole(home: Path) -> None:
    """Load, build and publish one after the other, in a home of its own with the same files."""
    from recon_assets.pipeline.dbt_process import start_dbt

    start_dbt("duckdb")  # as `recon run` does
    own = home / "whole"
    shutil.copytree(home / "landing", own / "landing", copy_function=os.link)
    load(own)
    build(own)
    publish_here(own)


def script(home: Path) -> dict[str, int]:
    """What people write: both files read, cleaned, paired in three passes, and the same results written, sorted.

    Rows with buckets and how they differ, every field of every pair, candidates of what is missing, sums per bucket.
    """
    import pandas as pd

    texts = dict.fromkeys(TEXTS, "string[pyarrow]")  # the type 01 is no number
    left = pd.read_csv(home / "landing" / REGISTER, engine="pyarrow", dtype_backend="pyarrow", dtype=texts)
    right = pd.read_json(home / "landing" / EINVOICES, lines=True, engine="pyarrow", dtype_backend="pyarrow")
    values = []
    for side, frame in (("register", left), ("einvoice", right)):
        frame["document_date"] = frame["document_date"].astype("date32[pyarrow]")
        frame["source_row"] = range(1, len(frame) + 1)
        values.append(_shown(frame, side))
        for name in TEXTS:
            frame[f"{name}_key"] = frame[name].astype("string[pyarrow]").str.strip().str.upper()
        for name in AMOUNTS:
            frame[name] = (frame[name].astype("float64") * 100).round().astype("int64")
    buckets, pairs = pandas_passes(left, right)
    rows = pairs.merge(values[0], left_on="left", right_index=True, how="outer")
    rows = rows.merge(values[1], left_on="right", right_index=True, how="outer")
    missing = rows["right"].isna().map({True: "Missing in EInv", False: "Missing in Sales"})
    rows["bucket"] = rows["bucket"].fillna(missing)
    rows = rows.sort_values(["register_row_reference", "einvoice_uuid"])
    fields = _fields(rows[rows["left"].notna() & rows["right"].notna()])
    candidates = _candidates(rows, left, right)
    amounts = {side: rows[f"{side}_total_including_tax"] for side in ("register", "einvoice")}
    summary = rows.assign(rows=1, **amounts).groupby("bucket")[["rows", *amounts]].sum().reset_index()
    for name, frame in (("rows", rows), ("fields", fields), ("candidates", candidates), ("summary", summary)):
        frame.to_parquet(home / f"pandas-{name}.parquet", compression="zstd", index=False)
    counts = {"fields": len(fields), "differing": int((~fields["equal"]).sum()), "candidates": len(candidates)}
    return buckets | counts


def _shown(frame: Any, side: str) -> Any:
    """Columns of one side as they are written, amounts as decimals."""
    import pandas as pd
    import pyarrow as pa

    decimal = pd.ArrowDtype(pa.decimal128(18, 2))
    return frame.astype(dict.fromkeys(AMOUNTS, decimal)).add_prefix(f"{side}_")


def _fields(pairs: Any) -> Any:
    """One row per pair and compared field: both values, whether they are equal, and by how much amounts differ."""
    import pandas as pd

    parts = []
    for position, name in enumerate([*TEXTS, "document_date", *AMOUNTS], start=1):
        own, other = pairs[f"register_{name}"], pairs[f"einvoice_{name}"]
        told = [values.astype("string[pyarrow]") for values in (own, other)]
        keys = [values.str.strip().str.upper().fillna("") for values in told] if name in TEXTS else told
        part = pairs[["register_row_reference", "einvoice_uuid"]].assign(
            position=position, field=name, register_value=told[0], einvoice_value=told[1], equal=keys[0] == keys[1]
        )
        parts.append(part.assign(difference=own - other if name in AMOUNTS else None))
    return pd.concat(parts).sort_values(["register_row_reference", "position"])


def _candidates(rows: Any, left: Any, right: Any) -> Any:
    """The three nearest of the other side of each missing document: they share its number, or buyer and amount, or both
    parties and the date, and no more than 20 documents share these."""
    import pandas as pd

    compared = [*(f"{name}_key" for name in TEXTS), "document_date", *AMOUNTS]
    lone = {
        "l": left.loc[rows.loc[rows["right"].isna(), "left"]],
        "r": right.loc[rows.loc[rows["left"].isna(), "right"]],
    }
    met = []
    for keys in (
        ["loose"],
        ["buyer_tin_key", "total_payable_amount"],
        ["supplier_tin_key", "buyer_tin_key", "document_date"],
    ):
        for side, others, own, other in (("l", right, "left", "right"), ("r", left, "right", "left")):
            shared = others[[*keys, other]].merge(lone[side][keys].drop_duplicates(), on=keys)
            shared = shared[shared.groupby(keys)[other].transform("size") <= 20]
            met.append(lone[side][[*keys, own]].merge(shared, on=keys)[["left", "right"]])
    found = pd.concat(met).drop_duplicates()
    one, two = left.loc[found["left"]].reset_index(drop=True), right.loc[found["right"]].reset_index(drop=True)
    found = found.reset_index(drop=True)
    found["n_id"] = sum(
        (one[name] != two[name]).fillna(False).astype("int8") for name in compared if name not in AMOUNTS
    )
    gaps = pd.concat([(one[name] - two[name]).abs() for name in AMOUNTS], axis=1)
    found["n_amt"], found["most"], found["total"] = (gaps > 0).sum(axis=1), gaps.max(axis=1), gaps.sum(axis=1)
    found["days"] = (one["document_date"] - two["document_date"]).dt.days.abs()
    found["row_reference"], found["uuid"] = one["row_reference"], two["uuid"]
    order = ["n_id", "n_amt", "most", "total", "days", "row_reference", "uuid"]
    ranked = found.sort_values(order)
    sides = [(own, ranked[ranked[own].isin(lone[side].index)]) for side, own in (("l", "left"), ("r", "right"))]
    return pd.concat([part.groupby(own).head(3).assign(side=own) for own, part in sides])


STAGES: dict[str, Callable[[Path], dict[str, int] | None]] = {
    "load": load,
    "build": build,
    "publish": publish_here,
    "whole": whole,
    "script": script,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, default=500_000)
    parser.add_argument("--times", type=int, default=1, help="rounds, of which medians are told")
    parser.add_argument("--work", type=Path, help="folder for what is made; without it a temporary one")
    parser.add_argument("--stage", choices=STAGES, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.stage:
        made = STAGES[given.stage](given.work)
        if made is not None:
            (given.work / "script.json").write_text(json.dumps(made), encoding="utf-8")
        return
    with tempfile.TemporaryDirectory(dir=given.work) as folder:
        home = Path(folder)
        make_files(home, given.documents)
        found = medians(given.times, __file__, list(STAGES), home, "--work")
        ours = [published_counts(home), published_counts(home / "whole")]
        theirs = json.loads((home / "script.json").read_text(encoding="utf-8"))
    if any(counts != theirs for counts in ours):
        raise SystemExit(f"not the same results: {ours}, and the script's {theirs}")
    for name, (seconds, peak) in found.items():
        print(f"{name}: {seconds:.1f} s, {peak:.2f} GB")
    print(f"ratio einvoices_whole/pandas_script {found['whole'][0] / found['script'][0]:.2f} 1.0")
    print(f"ratio einvoices_whole_peak_gb {max(found[name][1] for name in OURS):.2f} 3.0")


if __name__ == "__main__":
    main()
