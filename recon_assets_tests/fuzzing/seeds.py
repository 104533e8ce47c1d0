"""Valid files that are mutated: those of our sample, our own documents, and official ones where ../shared is present."""

import gzip
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from recon_assets_tests.einvoices.ubl import TYPES, as_json, as_xml, invoice
from recon_assets_tests.shared import official
from recon_assets_tests.usage.zone import MONTH as USAGE_MONTH
from recon_assets_tests.usage.zone import USAGE, usage_row

MONTH = "2025-02"  # where a file lands that is dated in no certain month
_MOST_LINES = 16  # of a delimited file: what damages it does not need more


@dataclass(frozen=True)
class Seed:
    """A valid file, where it lands, and the files that land with it and stay as they are."""

    path: str
    content: bytes
    beside: dict[str, bytes] = field(default_factory=dict)
    origin: str = ""
    month: str = MONTH


@dataclass(frozen=True)
class Reader:
    """One kind of files of one source."""

    source: str
    seeds: Callable[[Path], Iterator[Seed]]


def _shortened(content: bytes) -> bytes:
    """The first lines of a delimited file, packed and encoded as it was."""
    if content.startswith(b"\x1f\x8b"):
        return gzip.compress(_shortened(gzip.decompress(content)), mtime=0)
    coding = "utf-16-le" if content.startswith(b"\xff\xfe") else "utf-8"
    lines = content.decode(coding).splitlines(keepends=True)
    return "".join(lines[:_MOST_LINES]).encode(coding)


def _sampled(pattern: str, target: str, landing: Path, month: str = "") -> Iterator[Seed]:
    """Files of the sample at `target`, in the month that they are of: `month`, else that of their folder."""
    for path in sorted(landing.glob(pattern)):
        content = path.read_bytes()
        if path.name.endswith((".csv", ".csv.gz")):
            content = _shortened(content)
        own = month or path.parent.name
        name = target.format(name=path.name, suffix="".join(path.suffixes), month=own)
        yield Seed(name, content, {}, path.relative_to(landing).as_posix(), own)


def sampled(pattern: str, target: str, month: str = "") -> Callable[[Path], Iterator[Seed]]:
    """Seeds that are files of the sample alone."""
    return lambda landing: _sampled(pattern, target, landing, month)


def _real(pattern: str, target: str, rows: tuple[str, ...] = ()) -> Iterator[Seed]:
    """Official files; headers without rows get some."""
    for path in official(pattern):
        content = path.read_bytes()
        if path.suffix == ".csv":
            lines = content.rstrip(b"\r\n").split(b"\n")
            content = b"\n".join([*lines[:_MOST_LINES], *(row.encode() for row in rows)]) + b"\n"
        yield Seed(target.format(name=path.name), content, {}, path.name)


def _values(header: str) -> str:
    """A row for a header of daily rated usage."""
    known = dict(zip(USAGE.split(","), usage_row("1.5").split(","), strict=True))
    return ",".join(known.get(heading, "") for heading in header.split(","))


def nce(landing: Path) -> Iterator[Seed]:
    target = "partner_center/reconciliation/MARCH2025_MSRECON_NCE{suffix}"
    yield from _sampled("partner_center/reconciliation/*[nN][cC][eE]*", target, landing, MONTH)
    yield from _real("headers/nce_*.csv", "partner_center/reconciliation/MARCH2025_MSRECON_NCE.csv")


def legacy(landing: Path) -> Iterator[Seed]:
    target = "partner_center/reconciliation/MARCH2025_MSRECON_Legacy{suffix}"
    yield from _sampled("partner_center/reconciliation/*_[lL]*", target, landing, MONTH)
    yield from _real("headers/legacy_*.csv", "partner_center/reconciliation/MARCH2025_MSRECON_Legacy.csv")


def usage_json(landing: Path) -> Iterator[Seed]:
    target = "partner_center/billed_usage/{month}/G1/{name}"
    yield from _sampled("partner_center/billed_usage/2025-01/*/second/part-00000*", target, landing, "2025-01")
    for path in official("partner-center-docs/daily_rated_usage_billed_a.json"):
        items = json.loads(path.read_text(encoding="utf-8-sig"))["items"]
        lines = "\n".join(json.dumps(item) for item in items)
        yield Seed(f"partner_center/billed_usage/{MONTH}/G1/part.json", lines.encode(), {}, path.name)


def usage_csv(landing: Path) -> Iterator[Seed]:
    yield from _sampled("partner_center/billed_usage/*/*.csv*", "partner_center/billed_usage/{month}/{name}", landing)
    for seed in _real("headers/daily_rated_usage_*.csv", f"partner_center/billed_usage/{USAGE_MONTH}/{{name}}"):
        row = _values(seed.content.decode().strip())
        yield Seed(seed.path, seed.content + f"{row}\n{row}\n".encode(), {}, seed.origin, USAGE_MONTH)


def _run(folder: Path, landing: Path, target: str) -> Seed:
    """The manifest of an export of January as the seed, its parts beside it."""
    files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}
    manifest = files.pop("manifest.json")
    beside = {f"{target}/{name}": content for name, content in files.items()}
    return Seed(f"{target}/manifest.json", manifest, beside, folder.relative_to(landing).as_posix(), "2025-01")


def usage_manifest(landing: Path) -> Iterator[Seed]:
    for folder in sorted(landing.glob("partner_center/billed_usage/2025-01/*/second")):
        yield _run(folder, landing, "partner_center/billed_usage/2025-01/G1/run")


def cost_manifest(landing: Path) -> Iterator[Seed]:
    for folder in sorted(landing.glob("cost_management/billing/*/20250101-20250131/*-second")):
        kind = folder.parent.parent.name
        yield _run(folder, landing, f"cost_management/billing/{kind}/20250101-20250131/run")


def cost_csv(landing: Path) -> Iterator[Seed]:
    target = "cost_management/actual_cost/{month}/file{suffix}"
    yield from _sampled("cost_management/actual_cost/*/costs.csv", target, landing)
    for kind in ("actual_cost", "amortized_cost"):
        pattern = f"cost_management/billing/{kind}-daily/20250101-20250131/*-second/*.csv.gz"
        yield from _sampled(pattern, f"cost_management/{kind}/{{month}}/file.csv.gz", landing, "2025-01")
    for pattern in ("finops-toolkit/EA_*.csv", "focus-converters/*.csv", "opencost/*.csv"):
        yield from _real(pattern, f"cost_management/actual_cost/{MONTH}/{{name}}")


def einvoice_json(landing: Path) -> Iterator[Seed]:
    yield from _sampled("einvoice/issued/2025-02/*.json", "einvoice/issued/{month}/{name}", landing)
    for kind in TYPES:
        yield Seed(f"einvoice/issued/{MONTH}/{kind}.json", as_json(invoice(kind)), {}, f"own document of type {kind}")
    yield from _real("myinvois/1.*.json", f"einvoice/issued/{MONTH}/{{name}}")


def einvoice_xml(landing: Path) -> Iterator[Seed]:
    for kind in TYPES:
        yield Seed(f"einvoice/issued/{MONTH}/{kind}.xml", as_xml(invoice(kind)), {}, f"own document of type {kind}")
    yield from _real("myinvois/1.*.xml", f"einvoice/issued/{MONTH}/{{name}}")


READERS: dict[str, Reader] = {
    "BSS invoices, CSV": Reader("bss_invoices", sampled("bss/invoices/*/*.csv", "bss/invoices/{month}/{name}")),
    "BSS invoices, pages of the API": Reader(
        "bss_invoices", sampled("bss/invoices/2025-02/*.json", "bss/invoices/{month}/{name}")
    ),
    "NCE reconciliation file": Reader("ms_recon_nce", nce),
    "legacy reconciliation file": Reader("ms_recon_legacy", legacy),
    "billed usage, JSON Lines of Graph": Reader("azure_invoice_usage", usage_json),
    "billed usage, portal CSV": Reader("azure_invoice_usage", usage_csv),
    "billed usage, manifest": Reader("azure_invoice_usage", usage_manifest),
    "cost export, CSV": Reader("azure_cost_export", cost_csv),
    "cost export, FOCUS in Parquet": Reader(
        "azure_cost_export",
        sampled(
            "cost_management/billing/focus-daily/20250101*/*/*.parquet",
            "cost_management/focus_cost/{month}/{name}",
            "2025-01",
        ),
    ),
    "cost export, manifest": Reader("azure_cost_export", cost_manifest),
    "sales register, CSV": Reader(
        "erp_sales_register", sampled("erp/sales_register/*/*.csv*", "erp/sales_register/{month}/{name}")
    ),
    "purchase register, CSV": Reader(
        "erp_purchase_register", sampled("erp/purchase_register/*/*.csv*", "erp/purchase_register/{month}/{name}")
    ),
    "purchase register, XLSX": Reader(
        "erp_purchase_register", sampled("erp/purchase_register/*/*.xlsx", "erp/purchase_register/{month}/{name}")
    ),
    "e-invoice, JSON": Reader("einvoices", einvoice_json),
    "e-invoice, XML": Reader("einvoices", einvoice_xml),
    "e-invoices, JSON Lines": Reader(
        "einvoices", sampled("einvoice/*/2025-02/*.jsonl", "einvoice/received/{month}/{name}")
    ),
    "e-invoices, zip": Reader("einvoices", sampled("einvoice/*/2025-02/*.zip", "einvoice/received/{month}/{name}")),
    "e-invoices, CSV": Reader("einvoices", sampled("einvoice/*/2025-02/*.csv", "einvoice/received/{month}/{name}")),
}
