"""Loading beside its floors: files as they land, against what the fastest plain tool takes for the same files.

    python benchmarks/load.py [--lines 1000000] [--usage-lines 5000000] [--documents 100000] [--work DIR] [--only NAME ...]

A load is `load_month`: hashing, reading, converting, rejecting, writing and the audit. The floors: DuckDB copies delimited
text to Parquet (every column text, zstd, two threads), polars sinks it, DuckDB's read_json copies JSON Lines,
`json.loads` parses the documents of zips, and python-calamine reads a workbook into Arrow. Every stage runs in a process of its own and is timed inside it, imports left
out; its peak memory is that of the process. It ends with lines `ratio NAME VALUE TARGET` (a value above its target is a
miss): seconds over those of the floor, peak GB, and the peak over that of a quarter of the lines (but for workbooks, which are held whole).
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import usage_month
from measure import machine
from subscription_month import FILES, generate

MONTH = "2025-03"
GRAPH = f"partner_center/billed_usage/{MONTH}/part-00000.json.gz"
USAGE = f"partner_center/billed_usage/{MONTH}/usage.csv.gz"
ZIPS = f"einvoice/issued/{MONTH}"
_IN_A_ZIP = 10_000
_MEMORY, _GROWTH = 1.0, 1.25  # GB; and of four times the lines


@dataclass(frozen=True)
class Case:
    """A source, where its files land, its floors (the fastest counts), and how many times that a load may take."""

    source: str
    landed: str
    floors: tuple[str, ...]
    target: float


REGISTER = f"erp/sales_register/{MONTH}/register.xlsx"
_REGISTER_LINES = 300_000
_REGISTER_HEADINGS = [
    "Supplier TIN", "Buyer TIN", "Customer", "Document No", "Document Date", "Currency", "Total Excl. Tax", "Tax Amount",
    "Total Incl. Tax",
]  # fmt: skip

CASES = {
    "bss": Case("bss_invoices", FILES["bss_invoices"], ("duckdb_csv",), 2.0),
    "nce": Case("ms_recon_nce", FILES["ms_recon_nce"], ("duckdb_csv",), 2.0),
    "usage": Case("azure_invoice_usage", USAGE, ("duckdb_csv", "polars_csv"), 1.4),
    "graph": Case("azure_invoice_usage", GRAPH, ("duckdb_json",), 2.5),
    "ubl": Case("einvoices", ZIPS, ("json_loads",), 3.0),
    "xlsx": Case("erp_sales_register", REGISTER, ("calamine_arrow",), 5.0),
}


def make(name: str, folder: Path, lines: int) -> None:
    """The landing zone of one case."""
    if name in ("bss", "nce"):
        generate(folder, lines)
    elif name == "usage":
        usage_month.generate(folder, lines, 0)
    elif name == "graph":
        _make_graph(folder, lines)
    elif name == "xlsx":
        _make_register(folder, lines)
    else:
        _make_zips(folder, lines)


def _make_graph(folder: Path, lines: int) -> None:
    """Lines of all 55 attributes, numbers unquoted, as Graph exports them."""
    import duckdb

    target = folder / "landing" / GRAPH
    target.parent.mkdir(parents=True)
    numbers = {"Quantity": 6, "BillingPreTaxTotal": 6, "UnitPrice": 4, "PricingPreTaxTotal": 6, "EffectiveUnitPrice": 9,
               "PartnerEarnedCreditPercentage": 2}  # fmt: skip
    texts = [name for name in usage_month.HEADER if name not in numbers]
    fields = [f"'{name[0].lower()}{name[1:]}', {usage_month.USAGE.get(name, repr(name))}" for name in texts]
    fields += [
        f"'{name[0].lower()}{name[1:]}', cast(i % 9999991 / 1e6 as decimal(18, {n}))" for name, n in numbers.items()
    ]
    sql = f"copy (select to_json(json_object({', '.join(fields)})) from range({lines}) as t(i))"
    duckdb.execute(f"{sql} to '{target}' (format csv, header false, quote '', delimiter '\\x01', compression gzip)")


def _make_zips(folder: Path, documents: int) -> None:
    sys.path.append(str(Path(__file__).parents[1]))  # the tests' documents are not installed
    from recon_assets_tests.einvoices.ubl import as_json, invoice

    (folder / "landing" / ZIPS).mkdir(parents=True)
    text = as_json(invoice("01")).decode().replace("2025-02-14", f"{MONTH}-14")
    for first in range(0, documents, _IN_A_ZIP):
        path = folder / "landing" / ZIPS / f"documents-{first:08d}.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for number in range(first, min(first + _IN_A_ZIP, documents)):
                archive.writestr(f"{number:08d}.json", text.replace("DOC-01", f"DOC-{number:08d}"))


def _make_register(folder: Path, documents: int) -> None:
    """A register as an accounting program writes it: a title, dates and numbers of their own kinds, a column of
    numbers with leading zeros, and a total."""
    import datetime as dt

    import xlsxwriter

    target = folder / "landing" / REGISTER
    target.parent.mkdir(parents=True)
    book = xlsxwriter.Workbook(str(target), {"constant_memory": True})
    sheet = book.add_worksheet("Register")
    day, money, padded = (book.add_format({"num_format": code}) for code in ("dd/mm/yyyy", "#,##0.00", "00000000"))
    sheet.write_row(0, 0, ["Sales register"])
    sheet.write_row(1, 0, _REGISTER_HEADINGS)
    total = [0, 0, 0]  # cents
    for n in range(documents):
        net = n * 7919 % 5_000_000 + 100
        amounts = (net, net * 6 // 100, net + net * 6 // 100)
        sheet.write_row(n + 2, 0, ["C20830570210", f"C{10_000_000_000 + n % 5000}", f"Customer {n % 5000}"])
        sheet.write_number(n + 2, 3, n + 1, padded)
        sheet.write_datetime(n + 2, 4, dt.datetime(2025, 3, 1 + n % 31), day)
        sheet.write_string(n + 2, 5, "MYR")
        for at, cents in enumerate(amounts):
            total[at] += cents
            sheet.write_number(n + 2, 6 + at, cents / 100, money)
    sheet.write_string(documents + 2, 0, "Total")
    for at, cents in enumerate(total):
        sheet.write_number(documents + 2, 6 + at, cents / 100, money)
    book.close()


def calamine_arrow(path: Path) -> None:
    import pyarrow as pa
    from python_calamine import CalamineWorkbook

    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python()[2:-1]
    pa.table([pa.array(column) for column in zip(*rows, strict=True)], names=_REGISTER_HEADINGS)


def duckdb_csv(path: Path) -> None:
    _duckdb(f"read_csv('{path}', all_varchar = true, header = true)", path)


def duckdb_json(path: Path) -> None:
    _duckdb(f"read_json('{path}', format = 'newline_delimited')", path)


def _duckdb(source: str, path: Path) -> None:
    import duckdb

    connection = duckdb.connect()
    connection.execute("set threads = 2")
    connection.execute(f"copy (select * from {source}) to '{path}.floor' (format parquet, compression zstd)")


def polars_csv(path: Path) -> None:
    import polars as pl

    pl.scan_csv(path, infer_schema=False).sink_parquet(f"{path}.floor", compression="zstd")


def json_loads(path: Path) -> None:
    for file in sorted(path.glob("*.zip")):
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                json.loads(archive.read(name))


def load(home: Path, source: str) -> None:
    from recon_assets.platform import Platform
    from recon_assets.settings import Settings
    from recon_assets.sources import contracts  # noqa: F401 - its import is none of a load's time

    platform = Platform.from_settings(Settings(home=home, _env_file=None))  # type: ignore[call-arg]
    started, cpu = time.monotonic(), time.process_time()
    outcome = platform.load(source, MONTH)
    assert outcome.outcome == "loaded", outcome.problems
    _report(started, cpu)


def _report(started: float, cpu: float) -> None:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    took = {"seconds": time.monotonic() - started, "cpu": time.process_time() - cpu}
    print(json.dumps(took | {"peak": peak}))


def stage(*arguments: str) -> dict[str, float]:
    """Seconds, seconds of processor time and peak GB of one stage in a process of its own."""
    done = subprocess.run([sys.executable, __file__, "--stage", *arguments], stdout=subprocess.PIPE, check=True)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def run_stage(arguments: list[str]) -> None:
    if arguments[0] == "load":
        load(Path(arguments[1]), arguments[2])
        return
    floor: Any = globals()[arguments[0]]
    started, cpu = time.monotonic(), time.process_time()
    floor(Path(arguments[1]))
    _report(started, cpu)


def compare(name: str, lines: int, work: Path) -> list[str]:
    """The lines of one case."""
    case = CASES[name]
    peaks = []
    for count in (lines // 4, lines):
        with tempfile.TemporaryDirectory(dir=work) as folder:
            make(name, Path(folder), count)
            floors = {f: stage(f, str(Path(folder, "landing", case.landed))) for f in case.floors}
            for copy in Path(folder).rglob("*.floor"):
                copy.unlink()
            loaded = stage("load", folder, case.source)
            peaks.append(loaded["peak"])
    told = ", ".join(f"{floor} {_told(took)}" for floor, took in floors.items())
    least = {unit: min(took[unit] for took in floors.values()) for unit in ("seconds", "cpu")}
    return [
        f"{name}: {lines:,} records in {_told(loaded)}; {told}; {loaded['cpu'] / least['cpu']:.2f} times the processor time",
        f"ratio load_{name} {loaded['seconds'] / least['seconds']:.2f} {case.target}",
        f"ratio load_{name}_peak_gb {peaks[-1]:.2f} {_MEMORY}",
        *([f"ratio load_{name}_growth {peaks[-1] / peaks[0]:.2f} {_GROWTH}"] if name != "xlsx" else []),
    ]


def _told(took: dict[str, float]) -> str:
    return f"{took['seconds']:.1f} s ({took['cpu']:.1f} of a processor)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=1_000_000)
    parser.add_argument("--usage-lines", type=int, default=5_000_000)
    parser.add_argument("--documents", type=int, default=100_000)
    parser.add_argument("--work", type=Path, help="where landing zones are made")
    parser.add_argument("--only", nargs="+", choices=CASES, default=list(CASES))
    parser.add_argument("--stage", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.stage:
        run_stage(options.stage)
        return
    sizes = {"usage": options.usage_lines, "ubl": options.documents, "xlsx": min(options.lines, _REGISTER_LINES)}
    found = [compare(name, sizes.get(name, options.lines), options.work) for name in options.only]
    print(*machine(), *(line for lines in found for line in lines), sep="\n")


if __name__ == "__main__":
    main()
