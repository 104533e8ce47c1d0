"""Which reader takes which landed file."""

from pathlib import Path

from recon_assets.catalogue import SOURCES, columns_of
from recon_assets.errors import FileProblem
from recon_assets.sources.bss_json import BOUND, read_bss_json
from recon_assets.sources.columns import bind_columns
from recon_assets.sources.einvoices import read_einvoices
from recon_assets.sources.ms_invoices import read_ms_invoices
from recon_assets.sources.records import Records, read_csv, write_records
from recon_assets.sources.registers import RegisterHints, read_register
from recon_assets.sources.unpack import UnpackLimits, open_bytes


def read_file(
    source: str, path: Path, file: str, limits: UnpackLimits, target: Path, hints: RegisterHints
) -> tuple[Records, dict[str, int]]:
    """Text records of one landed file and the position of each declared column; FileProblem when it is unreadable."""
    reader = SOURCES[source].reader
    if reader == "einvoice":
        return read_einvoices(path, file, limits, target)
    if reader == "invoices":
        return read_ms_invoices(path, file, limits, target)
    if reader == "register":
        return read_register(source, path, file, limits, target, hints)
    if reader == "bss" and file.lower().removesuffix(".gz").endswith(".json"):
        return read_bss_json(path, file, limits, target), BOUND
    if SOURCES[source].may_be_empty_file and _is_empty(path, file, limits):
        headings = [column.aliases[0] for column in columns_of(source)]
        return Records(target, headings, True, write_records(target, len(headings), [])), bind_columns(
            source, headings, file
        )
    records = read_csv(path, file, limits, target)
    if not records.headings:
        raise FileProblem(file, "the file has no header row")
    return records, bind_columns(source, records.headings, file)


def _is_empty(path: Path, file: str, limits: UnpackLimits) -> bool:
    """Whether a file holds no bytes, packed or not."""
    if path.stat().st_size == 0:
        return True
    with open_bytes(path, file, limits) as unpacked:
        return not unpacked.read(1)
