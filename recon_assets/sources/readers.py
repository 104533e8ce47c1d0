"""Which reader takes which landed file."""

from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from recon_assets.catalogue import SOURCES, Column, columns_of
from recon_assets.errors import FileProblem
from recon_assets.landing.manifests import is_manifest
from recon_assets.landing.profiles import OF_LISTS, Profile, require_usable
from recon_assets.sources.bss_json import BOUND as BSS_BOUND
from recon_assets.sources.bss_json import open_bss_page
from recon_assets.sources.convert import Frame, Origin
from recon_assets.sources.einvoices import BOUND, open_einvoices
from recon_assets.sources.hints import RegisterHints
from recon_assets.sources.intake.tables import OpenedLists
from recon_assets.sources.json_lines import JsonLinesTable
from recon_assets.sources.lists import RegularTable, open_list, reading_of
from recon_assets.sources.ms_invoices import open_ms_invoices
from recon_assets.sources.registers import open_register
from recon_assets.sources.rules import Rules
from recon_assets.sources.stream import RecordTable, Table
from recon_assets.sources.unpack import UnpackLimits, open_bytes
from recon_assets.sources.values import Dialect

_MADE_PLAIN = Dialect(day_first=True)  # what intake leaves: numbers with a point, and days in ISO


@dataclass(frozen=True)
class Opened:
    """The tables of one landed file, each with what is known of it, and what the file holds beside them.

    `extra` are rows of further tables, by name, as texts; `unread` names sheets and members that are not read, and why.
    """

    tables: list[tuple[Table, Frame]]
    extra: dict[str, list[dict[str, str]]] = field(default_factory=dict)
    unread: dict[str, str] = field(default_factory=dict)


def rules_of(source: str) -> Rules:
    known = SOURCES[source]
    return Rules(known.row_rules, known.repeats, known.row_warnings, known.owner)


def open_file(
    source: str, path: Path, origin: Origin, limits: UnpackLimits, hints: RegisterHints, profile: Profile | None = None
) -> Opened:
    """The tables of one landed file; FileProblem when it is unreadable."""
    file, columns, reader = origin.file, columns_of(source), SOURCES[source].reader
    _require_usable(source, file, profile)
    if reader == "einvoice":
        return _open_einvoices(path, origin, limits, profile)
    if reader == "invoices":
        return Opened([open_ms_invoices(path, origin, limits)])
    if reader == "register":
        return _of_lists(open_register(source, path, file, limits, hints, profile), columns, origin)
    if reader == "bss" and file.lower().removesuffix(".gz").endswith(".json"):
        page, copies = open_bss_page(path, file, limits)
        frame = Frame(columns, BSS_BOUND, origin)
        return Opened([(page, frame)], {"invoice_copies": copies})
    is_run_without_lines = reader == "delimited" and is_manifest(file)
    if is_run_without_lines or (SOURCES[source].may_be_empty_file and _is_empty(path, file, limits)):
        return Opened([(RecordTable([], lambda: iter(())), Frame(columns, {}, origin))])
    if file.lower().removesuffix(".gz").endswith((".json", ".jsonl")):
        return Opened([_open_reconciliation_lines(source, path, origin, limits)])
    opened = open_list(source, path, file, limits, origin.month, profile)
    if isinstance(opened, RegularTable):
        return Opened([(opened, Frame(columns, opened.bound, origin))])
    return _of_lists(opened, columns, origin)


def _require_usable(source: str, file: str, profile: Profile | None) -> None:
    """FileProblem for what a profile says of a file that cannot take it."""
    is_page = file.lower().removesuffix(".gz").endswith((".json", ".jsonl", ".ndjson", ".xml"))
    if is_page or SOURCES[source].reader == "invoices":
        require_usable(profile, {}, file, "documents and pages of an API")
    elif SOURCES[source].reader == "einvoice":
        require_usable(profile, dict.fromkeys((*OF_LISTS, "document_types")), file, "lists of e-invoices")
    elif SOURCES[source].reader != "register":
        require_usable(profile, dict.fromkeys(OF_LISTS), file, f"files of {source}")


def _open_einvoices(path: Path, origin: Origin, limits: UnpackLimits, profile: Profile | None) -> Opened:
    known = SOURCES["einvoices"]
    found = open_einvoices(path, origin.file, limits, reading_of(known, origin.month, profile))
    tables: list[tuple[Table, Frame]] = [
        (table, Frame(known.columns, table.bound, origin, dialect=replace(_MADE_PLAIN, zone_minutes=zone)))
        for table, zone in found.lists
    ]
    if found.documents is not None:
        tables.insert(0, (found.documents, Frame(known.columns, BOUND, origin)))
    return Opened(tables, unread=found.unread)


def _of_lists(lists: OpenedLists, columns: tuple[Column, ...], origin: Origin) -> Opened:
    """Lists that intake has made plain, each with its frame."""
    frames = [Frame(columns, table.bound, origin, dialect=_MADE_PLAIN) for table in lists.tables]
    return Opened(list(zip(lists.tables, frames, strict=True)), unread=lists.unread)


def by_intake(table: Table, frame: Frame) -> tuple[Table, Frame]:
    """The only list of a text that turned out not to be regular, as intake reads it; FileProblem as it raises it."""
    assert isinstance(table, RegularTable)
    (found,) = table.as_lists().tables
    return found, replace(frame, bound=found.bound, dialect=_MADE_PLAIN)


def _open_reconciliation_lines(source: str, path: Path, origin: Origin, limits: UnpackLimits) -> tuple[Table, Frame]:
    """The JSON Lines of Graph's reconciliation export, whose keys are the headings of the file from Partner Center."""
    columns = columns_of(source)
    keys = [column.aliases[0] for column in columns]
    decimals = {n for n, column in enumerate(columns) if column.kind == "decimal"}
    table = JsonLinesTable(path, origin.file, limits, keys, decimals, partial(_require_charges, origin))
    bound = {column.name: position for position, column in enumerate(columns)}
    return table, Frame(columns, bound, origin)


def _require_charges(origin: Origin, found: set[str]) -> None:
    if "usagedate" in found and "subtotal" not in found:
        raise FileProblem(origin.file, "holds daily usage, not reconciliation lines; land it in billed_usage/<month>/")


def _is_empty(path: Path, file: str, limits: UnpackLimits) -> bool:
    """Whether a file holds no bytes, packed or not."""
    if path.stat().st_size == 0:
        return True
    with open_bytes(path, file, limits) as unpacked:
        return not unpacked.read(1)
