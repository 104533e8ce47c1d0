"""Which reader takes which landed file, and the rules over whole rows of each source."""

from pathlib import Path

from recon_assets.errors import FileProblem
from recon_assets.sources.bss_json import BOUND, read_bss_json
from recon_assets.sources.columns import bind_columns, columns_of
from recon_assets.sources.convert import RowRule
from recon_assets.sources.records import Records, read_csv, write_records
from recon_assets.sources.registry import SOURCES
from recon_assets.sources.unpack import UnpackLimits

_START_AFTER_END = "starts after it ends"
ROW_RULES: dict[str, tuple[RowRule, ...]] = {
    "bss_invoices": (
        RowRule("start_date > end_date", _START_AFTER_END, "start_date"),
        # quantity x unit cost is the cost where there is no total (spec/sources.md, bss_invoices).
        RowRule(
            "total_cost is null and (quantity is null or unit_cost is null)",
            "has neither a total cost nor a quantity and unit cost to compute it from",
            "unit_cost",
        ),
        RowRule(
            "total_cost is null and abs(cast(quantity as double) * cast(unit_cost as double)) >= 1e12",
            "quantity x unit cost is a trillion or more",
            "unit_cost",
        ),
    ),
    "ms_recon_nce": (RowRule("charge_start_date > charge_end_date", _START_AFTER_END, "charge_start_date"),),
    "ms_recon_legacy": (RowRule("charge_start_date > charge_end_date", _START_AFTER_END, "charge_start_date"),),
    "azure_invoice_usage": (),
    "azure_cost_export": (),
}


def read_file(
    source: str, path: Path, file: str, limits: UnpackLimits, target: Path
) -> tuple[Records, dict[str, int]]:
    """Text records of one landed file and the position of each declared column; FileProblem when it is unreadable."""
    if file.lower().removesuffix(".gz").endswith(".json"):
        return read_bss_json(path, file, limits, target), BOUND
    if SOURCES[source].may_be_empty_file and path.stat().st_size == 0:
        headings = [column.aliases[0] for column in columns_of(source)]
        return Records(target, headings, True, write_records(target, len(headings), [])), bind_columns(
            source, headings, file
        )
    records = read_csv(path, file, limits, target)
    if not records.headings:
        raise FileProblem(file, "the file has no header row")
    return records, bind_columns(source, records.headings, file)
