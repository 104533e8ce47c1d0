"""Which usage and cost files of a month are read, with what mapping, and what the file as a whole adds to its rows."""

from dataclasses import dataclass
from pathlib import Path

import duckdb

from recon_assets.catalogue import SOURCES, columns_of, normalize_heading
from recon_assets.errors import FileProblem
from recon_assets.landing.cost_exports import COMPARISONS, choose_cost_files
from recon_assets.landing.invoice_exports import choose_invoice_files
from recon_assets.landing.manifests import Chosen, Part, is_manifest
from recon_assets.landing.store import FileStore, LandedFile
from recon_assets.sources import bulk
from recon_assets.sources.blocks import IrregularFileError
from recon_assets.sources.bulk import TextRelation, parquet_headings, plain_header
from recon_assets.sources.bulk_convert import FileFrame, convert_bulk, frame_of, kind_of
from recon_assets.sources.bulk_delimited import DelimitedFile, ParquetFile
from recon_assets.sources.bulk_load import load_blocks
from recon_assets.sources.columns import bind_by_priority
from recon_assets.sources.convert import Converted, Origin
from recon_assets.sources.unpack import UnpackLimits, is_damage

FOCUS = ".focus"
# Delimited files below this size go through Python's csv module, which costs nothing at that size.
FAST_FROM_BYTES = 4_000_000


@dataclass(frozen=True)
class BulkFile:
    converted: Converted
    extra_columns: list[str]
    facts: dict[str, str | None]
    count: int


def choose_files(source: str, month: str, files: list[LandedFile], store: FileStore) -> Chosen:
    """Parts to read of the landed files of one month, by the source's manifests."""
    prefix = SOURCES[source].prefix
    if SOURCES[source].manifests == "cost":
        return choose_cost_files(store, files, prefix, month)
    return choose_invoice_files(store, files, prefix)


def load_file(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    part: Part,
    path: Path,
    origin: Origin,
    limits: UnpackLimits,
    text: Path,
    rows: Path,
    quarantine: Path,
) -> BulkFile:
    """Read and convert one part; FileProblem when it cannot be read at all."""
    invoice = part.facts.get("invoice")
    constants = {"invoice_number": invoice} if invoice else {}
    fast = _load_fast(connection, source, part, path, origin, limits, constants, rows, quarantine)
    if fast is not None:
        return fast
    records = _records(connection, source, part, path, limits, text)
    frame, facts = _frame(source, part, records.headings, constants, origin)
    try:
        converted = convert_bulk(connection, records, frame, rows, quarantine)
    except duckdb.Error as error:
        if not part.file.path.lower().endswith(".parquet") or not is_damage(error):
            raise
        raise FileProblem(part.file.path, f"the Parquet file is damaged ({error}); land it again") from error
    return BulkFile(converted, _extra(frame, records.headings), facts, records.count)


def _load_fast(
    connection: duckdb.DuckDBPyConnection,
    source: str,
    part: Part,
    path: Path,
    origin: Origin,
    limits: UnpackLimits,
    constants: dict[str, str],
    rows: Path,
    quarantine: Path,
) -> BulkFile | None:
    """A big delimited or Parquet file in one pass; None for what needs the other way."""
    name = part.file.path.lower()
    if is_manifest(name) or name.removesuffix(".gz").endswith(".json") or path.stat().st_size < FAST_FROM_BYTES:
        return None
    is_parquet = name.endswith(".parquet")
    headings, delimiter = parquet_headings(path) if is_parquet else plain_header(path, part.file.path, limits)
    if not headings:
        return None
    frame, facts = _frame(source, part, headings, constants, origin)
    kinds = {frame.bound[c.name]: kind_of(c) for c in frame.columns if c.name in frame.bound}
    file = (
        ParquetFile(path, headings, kinds)
        if is_parquet
        else DelimitedFile(path, part.file.path, limits, headings, delimiter, kinds)
    )
    try:
        converted = load_blocks(connection, file, frame, rows, quarantine)
    except IrregularFileError:
        return None
    return BulkFile(converted, _extra(frame, headings), facts, converted.rows + converted.rejected)


def _frame(
    source: str, part: Part, headings: list[str], constants: dict[str, str], origin: Origin
) -> tuple[FileFrame, dict[str, str | None]]:
    """What is known of a file by its place and headings: its frame, and the row of the table `files`."""
    mapping = _mapping(source, headings)
    bound = bind_by_priority(mapping, headings, part.file.path, set(constants))
    facts = _facts(source, part, headings)
    context = {column.name: facts[column.name] for column in SOURCES[source].context}
    return frame_of(mapping, bound, constants, context, origin), facts


def _extra(frame: FileFrame, headings: list[str]) -> list[str]:
    used = set(frame.positions)
    return [heading for n, heading in enumerate(headings) if n not in used and heading]


def _records(
    connection: duckdb.DuckDBPyConnection, source: str, part: Part, path: Path, limits: UnpackLimits, text: Path
) -> TextRelation:
    name = part.file.path.lower()
    if is_manifest(name):  # a run without blobs
        return bulk.TextRelation("(select null where false)", [], True, 0)
    if name.endswith(".parquet"):
        return bulk.read_parquet(connection, path, part.file.path)
    if name.removesuffix(".gz").endswith(".json"):
        headings = [alias for column in columns_of(source) for alias in column.aliases]
        return bulk.read_json_lines(path, part.file.path, limits, text, headings)
    return bulk.read_delimited(path, part.file.path, limits, text)


def _mapping(source: str, headings: list[str]) -> str:
    """FOCUS exports have columns of their own; every other shape shares one table of aliases."""
    is_focus = source == "azure_cost_export" and "billedcost" in {normalize_heading(h) for h in headings}
    return source + FOCUS if is_focus else source


def _facts(source: str, part: Part, headings: list[str]) -> dict[str, str | None]:
    if source == "azure_invoice_usage":
        return dict(part.facts)
    names = {normalize_heading(h) for h in headings}
    # Customer-side scopes (rule 10) know the partner and the customer, but no invoice and no billing profile.
    is_customer_side = "customertenantid" in names and not names & {"invoiceid", "billingprofileid", "partnertenantid"}
    kind = part.facts["kind"]
    if kind is None or kind not in COMPARISONS:
        raise FileProblem(part.file.path, f"belongs to no kind of cost export ({kind})")
    basis = "retail" if is_customer_side else "partner"
    return {**part.facts, "comparison": COMPARISONS[kind], "price_basis": basis}
