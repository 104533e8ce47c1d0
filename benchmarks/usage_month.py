"""A month of many usage lines (csv.gz) and cost lines (Parquet): time and peak memory of every stage beside its floor.

    python benchmarks/usage_month.py --lines 20000000 [--bad-lines 5000] [--times 3] [--work DIR] [--only STAGE ...]

Each stage runs in a process of its own, and "whole" does the loads, the build and publishing in one, as a run does; a
peak is that of the process and its children. The floors read the same files in the same run: a bare DuckDB COPY and a
bare polars sink of the usage file, and bare scans of the columns that the comparison needs without and with the
resources that explain it. The pandas script writes the same grid and variations with their verdicts, of which it must
find as many; explanations, checks, keys and versions it leaves out. The grid is built once alone, from raw Parquet to a
Parquet file, and once more within the whole build, which also makes the variations and runs the tests. With --work the
generated files stay there for the next run.
"""

import argparse
import datetime as dt
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from measure import clear, medians, publish

MONTH = "2025-03"
HEADER = [
    "PartnerId",
    "PartnerName",
    "CustomerId",
    "CustomerName",
    "CustomerDomainName",
    "CustomerCountry",
    "MpnId",
    "Tier2MpnId",
    "InvoiceNumber",
    "ProductId",
    "SkuId",
    "AvailabilityId",
    "SkuName",
    "ProductName",
    "PublisherName",
    "PublisherId",
    "SubscriptionDescription",
    "SubscriptionId",
    "ChargeStartDate",
    "ChargeEndDate",
    "UsageDate",
    "MeterType",
    "MeterCategory",
    "MeterId",
    "MeterSubCategory",
    "MeterName",
    "MeterRegion",
    "Unit",
    "ResourceLocation",
    "ConsumedService",
    "ResourceGroup",
    "ResourceURI",
    "ChargeType",
    "UnitPrice",
    "Quantity",
    "UnitType",
    "BillingPreTaxTotal",
    "BillingCurrency",
    "PricingPreTaxTotal",
    "PricingCurrency",
    "ServiceInfo1",
    "ServiceInfo2",
    "Tags",
    "AdditionalInfo",
    "EffectiveUnitPrice",
    "PCToBCExchangeRate",
    "PCToBCExchangeRateDate",
    "EntitlementId",
    "EntitlementDescription",
    "PartnerEarnedCreditPercentage",
    "CreditPercentage",
    "CreditType",
    "BenefitId",
    "BenefitOrderId",
    "BenefitType",
]
# Every line is made of its number alone, so both sides are made without holding either.
FACTS = {
    "customer": "lpad(cast(i % 400 as varchar), 8, '0') || '-0000-4000-8000-00000000c000'",
    "invoice": "'G' || cast(1000 + (i % 400) % 20 as varchar)",
    "subscription": "lpad(cast(i % 2000 as varchar), 8, '0') || '-0000-4000-8000-00000000a000'",
    "meter": "lpad(cast(i // 2000 % 150 as varchar), 8, '0') || '-1111-4000-8000-00000000b000'",
    "meter_name": "'Meter ' || cast(i // 2000 % 150 as varchar)",
    "resource": "'/subscriptions/' || cast(i % 2000 as varchar) || '/resourceGroups/rg-' || cast(i % 97 as varchar) "
    "|| '/providers/Microsoft.Compute/virtualMachines/vm-' || cast(i // 2000 % 25 as varchar)",
    "day": "cast(date '2025-03-01' + cast(i // 300000 % 31 as integer) as date)",
    "quantity": "cast((i * 7919 % 24000000) as decimal(18, 6)) / 1000000",
    "amount": "cast((i * 104729 % 9000000) as decimal(18, 6)) / 1000000",
}
USAGE = {
    "PartnerId": "'5d1c7a10-2f0e-4a57-9a53-0c0a11e50f01'", "CustomerId": FACTS["customer"], "InvoiceNumber": FACTS["invoice"],
    "CustomerName": "'Contoso ' || cast(i % 400 as varchar)", "EntitlementId": FACTS["subscription"],
    "UsageDate": f"strftime({FACTS['day']}, '%m/%d/%Y')", "MeterId": FACTS["meter"], "MeterName": FACTS["meter_name"],
    "MeterCategory": "'Virtual Machines'", "MeterSubCategory": "'Ddsv5 Series'", "MeterRegion": "'EU West'",
    "Unit": "'1 Hour'", "ResourceURI": FACTS["resource"], "ChargeType": "'new'", "BillingCurrency": "'USD'",
    "Quantity": f"cast(cast({FACTS['quantity']} as decimal(18, 6)) as varchar)",
    "BillingPreTaxTotal": f"cast(cast({FACTS['amount']} as decimal(18, 6)) as varchar)",
    "ProductName": "'Azure plan, consumption'", "Tags": "'{\"env\": \"prod, a\"}'", "PricingCurrency": "'USD'",
    "SubscriptionId": "'00000000-2222-4000-8000-00000000b000'", "UnitPrice": "'0.0123'",
    "PartnerEarnedCreditPercentage": "'0.15'", "CreditType": "'Partner Earned Credit Applied'",
}  # fmt: skip
COST = {
    "invoiceId": FACTS["invoice"], "billingProfileId": "'b'", "partnerTenantId": "'t'", "customerTenantId": FACTS["customer"],
    "date": FACTS["day"], "meterId": FACTS["meter"], "meterName": FACTS["meter_name"], "meterCategory": "'Virtual Machines'",
    "meterSubCategory": "'Ddsv5 Series'", "meterRegion": "'EU West'", "SubscriptionId": FACTS["subscription"],
    "publisherType": "'Azure'", "ResourceId": FACTS["resource"], "chargeType": "'Usage'", "billingCurrency": "'USD'",
    "quantity": f"cast({FACTS['quantity']} as decimal(38, 18))",
    # One subscription in fifty differs by a tenth: what there is to find.
    "costInBillingCurrency": f"cast({FACTS['amount']} * case when i % 50 = 0 then 1.1 else 1 end as decimal(38, 18))",
    "tags": "'{\"env\": \"prod, a\"}'", "resourceGroupName": "'rg-' || cast(i % 97 as varchar)",
}  # fmt: skip


def generate(folder: Path, lines: int, bad_lines: int) -> None:
    """The landing zone of the month; `bad_lines` usage lines have too few fields or no number."""
    import gzip
    import io

    import duckdb

    usage = folder / "landing/partner_center/billed_usage" / MONTH / "usage.csv.gz"
    cost = folder / "landing/cost_management/actual_cost" / MONTH
    usage.parent.mkdir(parents=True)
    cost.mkdir(parents=True)
    connection = duckdb.connect()
    connection.execute("set memory_limit = '2GB'")
    columns = ", ".join(f"{sql} as {name}" for name, sql in COST.items())
    connection.execute(
        f"copy (select {columns} from range({lines}) as t(i)) to '{cost / 'part.parquet'}' (format parquet)"
    )
    every = lines // bad_lines if bad_lines else 0
    step = 500_000
    with gzip.open(usage, "wb", compresslevel=1) as packed, io.BufferedWriter(packed, 1 << 20) as out:  # type: ignore[arg-type]
        out.write((",".join(HEADER) + "\n").encode())
        values = ", ".join(USAGE.get(name, "''") + f" as {name}" for name in HEADER)
        for start in range(0, lines, step):
            part = folder / "part.csv"
            sql = f"select {values} from range({start}, {min(start + step, lines)}) as t(i)"
            connection.execute(f"copy ({sql}) to '{part}' (header false)")
            text = part.read_bytes()
            out.write(spoilt(text, every) if every else text)
            part.unlink()


def spoilt(text: bytes, every: int) -> bytes:
    """The lines with one of `every` malformed: in turn cut off, without a date and with one field more.

    None is cut inside quotes, which the floors cannot read.
    """
    rows = text.split(b"\n")
    for turn, n in enumerate(range(every // 2, len(rows) - 1, every)):
        cut = rows[n][: rows[n].index(b'"Azure plan')]
        rows[n] = (cut, rows[n].replace(b",03/", b",33/", 1), rows[n] + b",more")[turn % 3]
    return b"\n".join(rows)


def floor_duckdb(folder: Path) -> None:
    import duckdb

    connection = duckdb.connect()
    connection.execute("set memory_limit = '2GB'")
    connection.execute(
        f"copy (select * from read_csv('{_usage_file(folder)}', all_varchar = true, header = true, ignore_errors = true)) "
        f"to '{folder / 'floor_duckdb.parquet'}' (format parquet)"
    )


def floor_polars(folder: Path) -> None:
    import polars as pl

    frame = pl.scan_csv(_usage_file(folder), infer_schema=False, truncate_ragged_lines=True)
    frame.sink_parquet(folder / "floor_polars.parquet")


def _usage_file(folder: Path) -> Path:
    return folder / "landing/partner_center/billed_usage" / MONTH / "usage.csv.gz"


def _platform(folder: Path):  # type: ignore[no-untyped-def]
    from recon_assets.platform import Platform
    from recon_assets.settings import Settings

    return Platform.from_settings(Settings(home=folder, _env_file=None))  # type: ignore[call-arg]


def load(folder: Path, source: str) -> None:
    """Load one source; the contract is measured apart, by `audit`."""
    from recon_assets.sources import audits

    audits._schema_check = lambda source, month, rows: audits.Check("schema", True, "measured apart")  # type: ignore[assignment]
    outcome = _platform(folder).load(source, MONTH)
    assert outcome.outcome == "loaded", outcome.problems
    assert outcome.raw_month is not None
    print(f"{source}: {outcome.raw_month.rows} rows, {outcome.raw_month.quarantined} quarantined", file=sys.stderr)


def audit(folder: Path, source: str) -> None:
    from recon_assets.sources.contracts import violations

    platform = _platform(folder)
    month = platform.raw.read(source, MONTH)
    assert month is not None
    assert violations(source, MONTH, [platform.raw.root / path for path in month.tables["rows"]]) == []


RESOURCES = {"azure_invoice_usage": " resource_uri", "azure_cost_export": " resource_id"}


def scan(folder: Path, resources: bool) -> None:
    """Every column that the grid's keys, texts and sums need, and its explanations if `resources`; nothing is grouped."""
    import duckdb

    connection = duckdb.connect()
    connection.execute("set memory_limit = '2500MB'; set threads = 2")
    texts = {
        "azure_invoice_usage": "billing_month invoice_number customer_id entitlement_id currency meter_id meter_name "
        "meter_category meter_sub_category meter_region",
        "azure_cost_export": "billing_month comparison export_id invoice_id customer_id subscription_id currency meter_id "
        "meter_name meter_category meter_sub_category meter_region charge_type publisher_type "
        "commitment_discount_status price_basis",
    }
    amounts = {"azure_invoice_usage": "billing_pre_tax_total", "azure_cost_export": "cost"}
    for source, names in texts.items():
        needed = names + (RESOURCES[source] if resources else "")
        lengths = ", ".join(f"max({name})" for name in needed.split())
        connection.execute(
            f"select sum(quantity), sum({amounts[source]}), {lengths} from "
            f"read_parquet('{folder}/raw/{source}/{MONTH}/*/rows-*.parquet')"
        ).fetchall()


def grid(folder: Path) -> None:
    """The models up to the grid, Parquet to Parquet; their seconds are told apart from those of dbt's start."""
    import duckdb

    from recon_assets.pipeline.engines import DuckDBEngine
    from recon_assets.pipeline.project import (
        DATABASE_NAME,
        dbt_paths,
        invoke_dbt,
        load_manifest,
        manifest_folder,
        quiet_dbt_environment,
    )

    settings = _platform(folder).settings
    target = folder / "grid"
    target.mkdir()
    chosen = {"target_months": [MONTH], "subjects": ["usage"], "as_of_date": "2025-05-01"}
    parsed = manifest_folder()
    with quiet_dbt_environment(target / DATABASE_NAME, settings.home, settings.build_memory_limit):
        only = ["--select", "+usage_cost_reconciliation", "--exclude-resource-type", "test", "unit_test"]
        variables = json.dumps(settings.dbt_vars() | chosen)
        found = invoke_dbt(["build", *dbt_paths(target / "dbt"), "--vars", variables, *only], load_manifest(parsed))
        DuckDBEngine().release()
    failed = [(result.node.name, result.message) for result in found.results if result.status != "success"]
    assert not failed, failed
    models = [result for result in found.results if str(result.node.resource_type) == "model"]
    spans = [timing for result in models for timing in result.timing]
    elapsed = max(span.completed_at for span in spans) - min(span.started_at for span in spans)
    started = time.monotonic()
    with duckdb.connect(str(target / DATABASE_NAME), read_only=True) as connection:
        connection.execute("set memory_limit = '2500MB'")
        connection.execute(f"copy marts.usage_cost_reconciliation to '{target / 'grid.parquet'}' (format parquet)")
    seconds = {result.node.name: round(result.execution_time, 2) for result in models}
    whole = elapsed.total_seconds() + time.monotonic() - started
    (folder / "grid.json").write_text(json.dumps({"grid": round(whole, 2), "models": seconds}))


def reconcile(folder: Path) -> None:
    """The whole build with its tests."""
    import duckdb

    from recon_assets.pipeline.build import run_build

    platform = _platform(folder)
    build = run_build(platform.settings, "usage", [MONTH], "benchmark", dt.date(2025, 5, 1))
    build.save()
    failed = [check.name for check in build.checks if not check.passed]
    assert not failed, failed
    (folder / "models.json").write_text(json.dumps({node.name: round(node.seconds, 2) for node in build.nodes}))
    with duckdb.connect(str(build.database), read_only=True) as connection:
        counts = {
            name: dict(
                connection.execute(f"select status, count(*) from marts.usage_cost_{name} group by 1").fetchall()
            )
            for name in ("variations", "reconciliation")
        }
    _keep(folder, "reconcile", counts)


def whole(folder: Path) -> None:
    """Load with audits, build and publish one after the other, in a home of its own with the same files."""
    import shutil

    from recon_assets.pipeline.dbt_process import start_dbt

    start_dbt("duckdb")  # as `recon run` does
    own = folder / "whole"
    shutil.rmtree(own, ignore_errors=True)
    shutil.copytree(folder / "landing", own / "landing", copy_function=os.link)
    for source in ("azure_invoice_usage", "azure_cost_export"):
        outcome = _platform(own).load(source, MONTH)
        assert outcome.outcome == "loaded", outcome.problems
    reconcile(own)
    publish(_platform(own))


def pandas_script(folder: Path) -> None:
    """What someone would write without a platform: both files read, summed, joined and judged; both tables written, sorted.

    Variations are by grid row, date and resource, the grid sums them. Amounts are whole millionths, so that sums are exact.
    """
    import pandas as pd

    keys = ["invoice", "subscription", "currency", "meter"]
    texts = ["meter_name", "meter_category", "meter_subcategory", "meter_region"]
    named = ["InvoiceNumber", "EntitlementId", "BillingCurrency", "MeterId", "MeterName", "MeterCategory",
             "MeterSubCategory", "MeterRegion", "UsageDate", "ResourceURI", "Quantity", "BillingPreTaxTotal"]  # fmt: skip
    columns = [*keys, *texts, "date", "resource", "quantity", "amount"]
    left = pd.read_csv(_usage_file(folder), usecols=named, engine="pyarrow", dtype_backend="pyarrow")[named]
    left = left.set_axis(columns, axis=1)
    left["date"] = pd.to_datetime(left["date"], format="%m/%d/%Y").astype("date32[pyarrow]")
    right = pd.read_parquet(
        folder / "landing/cost_management/actual_cost" / MONTH / "part.parquet",
        columns=["invoiceId", "SubscriptionId", "billingCurrency", "meterId", "meterName", "meterCategory",
                 "meterSubCategory", "meterRegion", "date", "ResourceId", "quantity", "costInBillingCurrency"],
        dtype_backend="pyarrow",
    ).set_axis(columns, axis=1)  # fmt: skip
    for frame in (left, right):
        for name in ("subscription", "meter", "resource"):
            frame[name] = frame[name].str.strip().str.lower()
        for name in ("quantity", "amount"):
            frame[name] = (frame[name].astype("float64") * 1_000_000).round().astype("int64")
        frame["lines"] = 1

    def summed(frame: Any, by: list[str]) -> Any:
        how = dict.fromkeys(texts, "min") | dict.fromkeys(["quantity", "amount", "lines"], "sum")
        return frame.groupby(by, dropna=False, sort=False).agg(how).reset_index()

    def judged(by: list[str]) -> Any:
        both = summed(left, by).merge(summed(right, by), on=by, how="outer", suffixes=("_usage", "_cost"))
        for name in texts:
            both[name] = both.pop(f"{name}_usage").fillna(both.pop(f"{name}_cost"))
        numbers = [f"{name}_{side}" for name in ("quantity", "amount", "lines") for side in ("usage", "cost")]
        both[numbers] = both[numbers].fillna(0).astype("int64")
        both["amount_variation"] = both["amount_cost"] - both["amount_usage"]
        both["amount_variation_percent"] = 100 * both["amount_variation"] / both["amount_usage"].abs()
        lines = both[["lines_usage", "lines_cost"]].max(axis=1)
        differs = (both["amount_variation"].abs() > 10_000) | (
            (both["quantity_cost"] - both["quantity_usage"]).abs() > lines
        )
        both["status"] = differs.map({True: "mismatched", False: "matched"})
        both.loc[both["lines_cost"] == 0, "status"] = "missing_in_cost"
        both.loc[both["lines_usage"] == 0, "status"] = "missing_in_usage"
        return both.sort_values(by)

    counts = {}
    for name, by in (("variations", [*keys, "date", "resource"]), ("reconciliation", keys)):
        rows = judged(by)
        rows.to_parquet(folder / f"pandas-{name}.parquet", compression="zstd", index=False)
        counts[name] = rows["status"].value_counts().to_dict()
    _keep(folder, "pandas script", counts)


def _keep(folder: Path, stage: str, counts: dict[str, dict[str, int]]) -> None:
    """The rows of each status that a stage found, by table."""
    (folder / f"{stage}.json").write_text(json.dumps(counts), encoding="utf-8")


STAGES: dict[str, Callable[[Path], None]] = {
    "floor: DuckDB COPY": floor_duckdb,
    "floor: polars sink_parquet": floor_polars,
    "load usage": lambda folder: load(folder, "azure_invoice_usage"),
    "audit usage": lambda folder: audit(folder, "azure_invoice_usage"),
    "load cost": lambda folder: load(folder, "azure_cost_export"),
    "audit cost": lambda folder: audit(folder, "azure_cost_export"),
    "floor: scan": lambda folder: scan(folder, resources=False),
    "floor: scan with resources": lambda folder: scan(folder, resources=True),
    "reconcile to the grid": grid,
    "reconcile": reconcile,
    "publish": lambda folder: publish(_platform(folder)),
    "whole": whole,
    "pandas script": pandas_script,
}


def report(lines: int, bad_lines: int, found: dict[str, tuple[float, float]], folder: Path) -> None:
    floors = floors_of(found)
    print(
        f"\n{lines:,} usage lines (csv.gz, {bad_lines:,} malformed), {lines:,} cost lines (Parquet), {os.cpu_count()} cores\n"
    )
    print("| stage | seconds | peak GB | floor, s | times its floor | asked |\n|---|---|---|---|---|---|")
    for stage, (seconds, peak) in found.items():
        floor, asked = floors.get(stage, (None, None))
        beside = f"{floor:.1f} | {seconds / floor:.2f} | <= {asked:g}" if floor and asked else " | | "
        print(f"| {stage} | {seconds:.1f} | {peak:.2f} | {beside} |")
    if "reconcile to the grid" in found and found.keys() >= SCANS:
        _report_grid(json.loads((folder / "grid.json").read_text()), found)
    print(f"\nHighest peak: {max(peak for stage, (_, peak) in found.items() if stage in OURS):.2f} GB (asked: <= 4)")
    if "whole" in found:
        print(f"Models of the whole build: {(folder / 'whole' / 'models.json').read_text()}")
    for name, above, below, target in RATIOS:
        if found.keys() >= {*above, *below}:
            seconds, peer = (sum(found[stage][0] for stage in stages) for stages in (above, below))
            print(f"ratio {name} {seconds / peer:.2f} {target:.1f}")
    print(f"ratio usage_peak_gb {max(peak for stage, (_, peak) in found.items() if stage in OURS):.2f} 3.0")


def _require_the_same(folder: Path, found: dict[str, Any]) -> None:
    told = {
        stage: json.loads((folder / f"{stage}.json").read_text())
        for stage in ("reconcile", "pandas script")
        if stage in found
    }
    if len(told) == 2 and told["reconcile"] != told["pandas script"]:
        raise SystemExit(f"not the same results: {told}")


def _report_grid(told: dict[str, Any], found: dict[str, tuple[float, float]]) -> None:
    """The models without dbt's start, each part beside the scan of the columns that it needs."""
    explaining = sum(told["models"][name] for name in EXPLAINING)
    for stage, seconds, floor in (
        ("its models but those by resource", told["grid"] - explaining, "floor: scan"),
        ("its models, explanations by resource included", told["grid"], "floor: scan with resources"),
    ):
        beside = found[floor][0]
        print(f"| {stage} | {seconds:.1f} | | {beside:.1f} | {seconds / beside:.2f} | <= 4 |")
    print(f"\nModels up to the grid: {json.dumps(told['models'])}")


SCANS = {"floor: scan", "floor: scan with resources"}
# What category moves are told by: these read the lines of differing subscriptions once more, with their resources.
EXPLAINING = ("int_usage__usage_cells", "int_usage__cost_cells", "int_usage__resources", "int_usage__category_moves")
OURS = {"load usage", "audit usage", "load cost", "audit cost", "reconcile", "publish", "whole"}

# Name, stages, stages of the peer, target.
RATIOS = (
    ("usage_whole/pandas", ["whole"], ["pandas script"], 1.0),
    ("usage_build/scan", ["reconcile"], ["floor: scan with resources"], 6.0),
)


def floors_of(found: dict[str, tuple[float, float]]) -> dict[str, tuple[float, float]]:
    """Seconds of the floor of a stage, and how many times it is allowed."""
    loads = [found[stage][0] for stage in ("floor: DuckDB COPY", "floor: polars sink_parquet") if stage in found]
    if not loads:
        return {}
    return {"load usage": (min(loads), 1.5), "audit usage": (min(loads), 1.0), "audit cost": (min(loads), 1.0)}


def landing_in(folder: Path, lines: int, bad_lines: int) -> None:
    """The landing zone in `folder`, generated unless an earlier run left it; what that run made of it is removed."""
    import shutil

    done = folder / "landing.done"
    clear(folder)
    if not done.exists():
        shutil.rmtree(folder / "landing", ignore_errors=True)
        generate(folder, lines, bad_lines)
        done.touch()


def main() -> None:
    import tempfile

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--bad-lines", type=int, default=0)
    parser.add_argument("--times", type=int, default=1, help="rounds, of which medians are told")
    parser.add_argument("--work", type=Path, help="folder that keeps the generated files for the next run")
    parser.add_argument("--only", nargs="+", choices=STAGES, help="stages to run; each needs those that it builds on")
    parser.add_argument("--stage", help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        STAGES[options.stage](options.folder)
        return
    with tempfile.TemporaryDirectory(prefix="usage_month_") as temporary:
        folder = (options.work or Path(temporary)) / f"{options.lines}-{options.bad_lines}"
        folder.mkdir(parents=True, exist_ok=True)
        landing_in(folder, options.lines, options.bad_lines)
        found = medians(options.times, __file__, options.only or list(STAGES), folder)
        _require_the_same(folder, found)
        report(options.lines, options.bad_lines, found, folder)


if __name__ == "__main__":
    main()
