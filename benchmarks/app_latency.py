"""The reporting app on millions of variations: time at the server's side, memory, readers while a month is published.

    python benchmarks/app_latency.py [--variations 5000000] [--readers 8] [--seconds 20]

Publishes a month of usage, starts the app on it in a process of its own, and asks it over HTTP what a browser asks: the
page, the rows of its grids, filtered, sorted, and the variations behind a meter. Then readers look at the page while the
month is published again and again; within an answer, and between a page and its grid, all must be of one publication.
"""

import argparse
import contextlib
import datetime as dt
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import psutil

from recon_assets.catalogue.marts import Mart
from recon_assets.lakehouse.log import MartVersion, Publication
from recon_assets.lakehouse.published import PublishedStore
from recon_assets.pipeline.marts import marts_of, published_marts

MONTH = "2025-03"
VARIATIONS_OF_A_METER = 250
LIMIT_MS, LIMIT_MB = 150, 500
START = dt.datetime(2025, 4, 6, 6, tzinfo=dt.UTC)

_METERS = """
    create or replace table meters as
    select
        n, 'sub-' || lpad((n % 300)::varchar, 5, '0') as azure_subscription_id,
        'G' || lpad((n % 20)::varchar, 6, '0') as invoice_number, sha256('meter' || n) as meter_id,
        sha256('grid' || n) as grid_key, case when n % 10 = 0 then 'mismatched' else 'matched' end as status
    from range({meters}) as t(n)
"""
_AMOUNTS = "(hash({seed}) % 1000000) / 100.0 as a, case when {differs} then (hash({seed} + 1) % 9999) / 1000.0 - 5 else 0 end as v"


class Publisher:
    """Publishes the month; `shift` is added to every cost, so that publications can be told apart."""

    def __init__(self, root: Path, variations: int) -> None:
        self.store = PublishedStore(root)
        self.meters = variations // VARIATIONS_OF_A_METER
        self._connection = duckdb.connect()
        self._connection.execute(_METERS.format(meters=self.meters))
        self._variations: MartVersion | None = None

    def publish(self, number: int) -> None:
        """Variations are written once and stay the same file: what is read meanwhile are the smaller marts."""
        at = START + dt.timedelta(minutes=number)
        versions = {}
        for mart in marts_of("usage"):
            if mart.name == "usage_cost_variations" and self._variations is not None:
                versions[mart.name] = self._variations
                continue
            files = self.store.write_month(mart, MONTH, "usage", self._connection, _select(mart, number))
            versions[mart.name] = self.store.commit_month(files)
        self._variations = versions["usage_cost_variations"]
        self.store.record(Publication(MONTH, "usage", f"run-{number}", at, versions))


def _select(mart: Mart, number: int) -> str:
    shared = {
        "billing_month": f"date '{MONTH}-01'", "comparison": "'actual_cost'", "currency": "'USD'", "price_basis": "'partner'",
        "reconciliation": "'usage'", "published_at": f"timestamptz '2025-04-06 06:00:00+00' + interval {number} minute",
        "run_id": f"'run-{number}'", "tolerance": "0.01", "meter_name": "'Meter ' || n % 997", "meter_region": "'Region ' || n % 13",
        "meter_category": "'Category ' || n % 17", "meter_subcategory": "'Sub ' || n % 91", "usage_line_count": "1",
        "cost_line_count": "1", "usage_quantity": "1.5", "cost_quantity": "1.5", "quantity_variation": "0",
        "rounding_adjustment_amount": "0", "usage_amount": "a", "cost_amount": f"a + v + {number}", "amount_variation": f"v + {number}",
        "amount_variation_percent": "v", "azure_subscription_id": "azure_subscription_id", "status": "status",
        "invoice_number": "invoice_number", "meter_id": "meter_id", "reconciliation_key": "grid_key",
    }  # fmt: skip
    sources = {
        "usage_cost_reconciliation": f"(select *, {_AMOUNTS.format(seed='n', differs='n % 10 = 0')} from meters)",
        "usage_cost_variations": f"(select *, {_AMOUNTS.format(seed='n * 1000 + d', differs='n % 10 = 0 and d % 5 = 0')} "
        f"from meters, range({VARIATIONS_OF_A_METER}) as days(d))",
        "usage_cost_summary": "(select azure_subscription_id, invoice_number, 'mismatched' as status, max(n) as n, "
        "sha256(azure_subscription_id || invoice_number) as grid_key, count(*) as a, 1 as v from meters group by all)",
        "month_status": "(select 'final' as window_status, sha256('s') as grid_key, 0 as n)",
        "reconciliation_summary": f"(select status, count(*) as row_count, sha256(status) as grid_key, count(*) + {number} as left_amount "
        "from meters group by all)",
    }
    if mart.name == "usage_cost_variations":
        shared |= {
            "usage_date": f"date '{MONTH}-01' + (d % 31)::integer", "grid_reconciliation_key": "grid_key",
            "resource_id": "'/subscriptions/' || azure_subscription_id || '/resourcegroups/rg/vm-' || d // 31",
            "reconciliation_key": "sha256('v' || n || '-' || d)",
        }  # fmt: skip
    if mart.name not in sources:
        columns = ", ".join(f"cast(null as {c.sql_type}) as {c.name}" for c in mart.columns)
        return f"select {columns} where false"
    source = sources[mart.name]
    named = {"window_status", "row_count", "left_amount", "status"}
    own = {name for name in named if f"as {name}" in source or (name == "status" and "status" in source)}
    columns = ", ".join(
        f"cast({shared.get(c.name, c.name if c.name in own else 'null')} as {c.sql_type}) as {c.name}"
        for c in mart.columns
    )
    return f"select {columns} from {source} order by {', '.join(mart.grain)}"


class Client:
    """A browser's requests to the app, timed."""

    def __init__(self, url: str) -> None:
        self.url = url

    def _ask(self, body: dict[str, Any]) -> Any:
        headers = {"Content-Type": "application/json", "Origin": self.url}
        asked = urllib.request.Request(f"{self.url}/_dash-update-component", json.dumps(body).encode(), headers)
        with urllib.request.urlopen(asked, timeout=60) as answer:
            return json.load(answer)["response"] if answer.status == 200 else None

    def page(
        self, search: str, before: dict[str, str] | None = None, path: str = "/usage"
    ) -> tuple[str, dict[str, str]]:
        """What the page of an address holds, as text, and what it remembers of it; `before`: what is shown already."""
        outputs = [("page", "children"), ("details", "children"), ("shown", "data")]
        found = self._ask(
            {
                "output": "..page.children...details.children...shown.data..",
                "outputs": [{"id": name, "property": prop} for name, prop in outputs],
                "inputs": [_value("pathname", path), _value("search", search)],
                "changedPropIds": ["url.search"],
                "state": [{"id": "shown", "property": "data", "value": before}],
            }
        )
        return json.dumps([found.get("page"), found["details"]]), found.get("shown", {}).get("data") or before or {}

    def rows(
        self, table: str, search: str, shown: dict[str, str], sort: str = "", start: int = 0
    ) -> list[dict[str, str]]:
        """A block of a grid."""
        identity = {"mark": "x", "table": table, "type": "grid"}
        text = json.dumps(identity, sort_keys=True, separators=(",", ":"))
        order = [{"colId": sort.lstrip("-"), "sort": "desc" if sort.startswith("-") else "asc"}] if sort else []
        asked = {"startRow": start, "endRow": start + 100, "sortModel": order, "filterModel": {}}
        found = self._ask(
            {
                "output": '{"mark":["MATCH"],"table":["MATCH"],"type":"grid"}.getRowsResponse',
                "outputs": {"id": identity, "property": "getRowsResponse"},
                "inputs": [{"id": identity, "property": "getRowsRequest", "value": asked}],
                "changedPropIds": [f"{text}.getRowsRequest"],
                "state": [_value("search", search), {"id": "shown", "property": "data", "value": shown}],
            }
        )
        rows: list[dict[str, str]] = found[text]["getRowsResponse"]["rowData"]
        return rows


def _value(name: str, value: str) -> dict[str, str]:
    return {"id": "url", "property": name, "value": value}


def measure(client: Client, publisher: Publisher) -> dict[str, float]:
    """Milliseconds of each question: the median of 7, and the first of all by itself."""
    march = f"?month={MONTH}"
    _, shown = client.page(march)
    meter = client.rows("meters", march, shown)[0]["id"]
    filtered, row = f"{march}&subscription=sub-00013&status=mismatched", f"{march}&row=meters:{meter}"
    questions = {
        "overview": lambda: client.page("", path="/"),
        "page (filters, totals)": lambda: client.page(march),
        "first grid": lambda: client.rows("meters", march, shown),
        "grid, far down": lambda: client.rows("meters", march, shown, start=publisher.meters - 100),
        "filter: page": lambda: client.page(filtered),
        "filter: grid": lambda: client.rows("meters", filtered, shown),
        "search: grid": lambda: client.rows("meters", f"{march}&q=meter+77", shown),
        "sort": lambda: client.rows("meters", march, shown, "meter_name"),
        "drawer, with next and previous": lambda: client.page(row, shown),
        "drill-down: variations": lambda: client.rows("variations", row, shown),
        "drill-down: variations sorted": lambda: client.rows("variations", row, shown, "resource"),
        "link to a row: page and details": lambda: client.page(row),
    }
    found = {}
    for name, ask in questions.items():
        times = []
        for _ in range(7):
            start = time.perf_counter()
            ask()
            times.append(1000 * (time.perf_counter() - start))
        found[name] = statistics.median(times)
        print(f"{name:32} median {found[name]:7.0f} ms, slowest {max(times):7.0f} ms")
    return found


def read_while_publishing(
    client: Client, publisher: Publisher, readers: int, seconds: float
) -> tuple[int, int, list[str]]:
    """How many pages were read and months published meanwhile, and what was wrong with any of them."""
    problems: list[str] = []
    reads = [0] * readers
    end = time.monotonic() + seconds

    def read(place: int) -> None:
        while time.monotonic() < end:
            try:
                text, shown = client.page(f"?month={MONTH}")
                number = int(re.findall(r"runs/run-(\d+)", text)[0])
                for row in client.rows("meters", f"?month={MONTH}", shown, "amount_variation"):
                    if (row["status"] == "Matched") and row["amount_variation"].replace(",", "") != f"{number}.0000":
                        problems.append(f"page of run-{number} with a variation of {row['amount_variation']}")
                reads[place] += 1
            except (OSError, urllib.error.URLError, IndexError, KeyError) as error:
                problems.append(repr(error))

    threads = [threading.Thread(target=read, args=(place,)) for place in range(readers)]
    for thread in threads:
        thread.start()
    published = 0
    while time.monotonic() < end:
        published += 1
        publisher.publish(published)
    for thread in threads:
        thread.join()
    return sum(reads), published, problems


@contextlib.contextmanager
def running_app(home: Path) -> Iterator[tuple[Client, psutil.Process]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-c", "from recon_assets.cli import main; main()", "app", "--port", str(port)]
    process = subprocess.Popen(command, env={**os.environ, "RECON_HOME": str(home)}, stdout=subprocess.DEVNULL)
    client = Client(f"http://127.0.0.1:{port}")
    try:
        for _ in range(300):
            with contextlib.suppress(OSError), urllib.request.urlopen(f"{client.url}/healthz"):
                break
            time.sleep(0.2)
        yield client, psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def peak_mb(process: psutil.Process) -> float:
    """Most memory the process ever held (VmHWM)."""
    status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--variations", type=int, default=5_000_000)
    parser.add_argument("--readers", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=20)
    arguments = parser.parse_args()
    published_marts()
    with tempfile.TemporaryDirectory(prefix="recon-app-latency-") as folder:
        publisher = Publisher(Path(folder) / "published", arguments.variations)
        publisher.publish(0)
        with running_app(Path(folder)) as (client, process):
            times = measure(client, publisher)
            memory = peak_mb(process)
            print(f"peak memory of the app: {memory:.0f} MB")
            reads, published, problems = read_while_publishing(client, publisher, arguments.readers, arguments.seconds)
            print(
                f"{arguments.readers} readers read {reads} pages while {published} publications were made; "
                f"{len(problems)} problems {problems[:3]}; peak memory {peak_mb(process):.0f} MB"
            )
            memory = max(memory, peak_mb(process))
    asked = [median for name, median in times.items() if not name.startswith(("link", "overview"))]
    print(f"ratio app_slowest_median_ms {max(asked):.0f} {LIMIT_MS}")
    print(f"ratio app_peak_mb {memory:.0f} {LIMIT_MB}")
    print(f"ratio app_problems_of_readers {len(problems)} 0")


if __name__ == "__main__":
    main()
