"""Which usage and cost files of a month are read, with what mapping, and what the file as a whole adds to its rows."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

from recon_assets.catalogue import SOURCES, columns_of, normalize_heading
from recon_assets.errors import FileProblem
from recon_assets.landing.cost_exports import COMPARISONS, choose_cost_files
from recon_assets.landing.invoice_exports import choose_invoice_files
from recon_assets.landing.manifests import Chosen, Part, is_manifest
from recon_assets.landing.profiles import Profile, require_usable
from recon_assets.landing.store import FileStore, LandedFile
from recon_assets.sources.columns import bind_by_priority, has_required
from recon_assets.sources.convert import Frame, Origin
from recon_assets.sources.delimited import open_delimited
from recon_assets.sources.json_lines import JsonLinesTable
from recon_assets.sources.parquet import open_parquet
from recon_assets.sources.stream import RecordTable, Table
from recon_assets.sources.unpack import UnpackLimits
from recon_assets.sources.values import Dialect

FOCUS = ".focus"
_COMPARISON = "comparison"
_TOLD = {"constants": {_COMPARISON}, "date_order": None, "decimal_mark": None}  # of a profile, what counts here


class SetAsideError(Exception):
    """A file that is understood and does not count, with the reason."""


@dataclass(frozen=True)
class UsageFile:
    table: Table
    frame: Frame
    facts: dict[str, str | None]


def choose_files(source: str, month: str, files: list[LandedFile], store: FileStore) -> Chosen:
    """Parts to read of the landed files of one month, by the source's manifests."""
    prefix, manifests, kind = SOURCES[source].prefix, SOURCES[source].manifests, SOURCES[source].file_kind
    if manifests == "cost":
        return choose_cost_files(store, files, prefix, month)
    if manifests == "graph":
        return choose_invoice_files(store, files, prefix, kind)
    return Chosen([Part(file, {}, True) for file in files])


def open_usage_file(
    source: str, part: Part, path: Path, origin: Origin, limits: UnpackLimits, profile: Profile | None = None
) -> UsageFile:
    """The table of one part and what is known of it; FileProblem when it cannot be read at all."""
    require_usable(profile, _TOLD, part.file.path, "usage and cost files")
    invoice = part.facts.get("invoice")
    is_by_invoice = any(c.name == "invoice_number" and c.value == "needed" for c in columns_of(source))
    constants = {"invoice_number": invoice} if invoice and is_by_invoice else {}
    table = _table(source, path, part.file.path, limits, set(constants))
    _require_daily(source, part.file.path, {normalize_heading(heading) for heading in table.headings})
    mapping = _mapping(source, table.headings)
    bound = bind_by_priority(mapping, table.headings, part.file.path, set(constants))
    facts = _facts(source, part, table.headings, profile)
    own = {name: position for name, position in bound.items() if name not in constants}
    frame = Frame(
        columns=columns_of(mapping),
        bound=own,
        origin=origin,
        kept={column.name: column.kind for column in columns_of(source)},
        constants=constants,
        context={column.name: facts[column.name] for column in SOURCES[source].context},
        dialect=_dialect(profile),
        left_out=frozenset(bound.values()) - frozenset(own.values()),
    )
    return UsageFile(table, frame, facts)


def _dialect(profile: Profile | None) -> Dialect:
    """Points and months first (Microsoft's), unless a profile says otherwise."""
    if profile is None:
        return Dialect()
    order = {"day_first": True, "month_first": False}.get(profile.date_order or "")
    return Dialect(profile.decimal_mark or ".", day_first=order)


def _table(source: str, path: Path, file: str, limits: UnpackLimits, known: set[str]) -> Table:
    name = file.lower()
    if is_manifest(name):  # a run without blobs
        return RecordTable([], lambda: iter(()))
    if name.endswith(".parquet"):
        return open_parquet(path, file)
    if name.removesuffix(".gz").endswith((".json", ".jsonl")):
        named = [(alias, column.kind) for column in columns_of(source) for alias in column.aliases]
        keys = [alias for alias, _ in named]
        decimals = {n for n, (_, kind) in enumerate(named) if kind == "decimal"}
        return JsonLinesTable(path, file, limits, keys, decimals, partial(_require_meters, source, keys, file, known))
    return open_delimited(
        path, file, limits, lambda headings: has_required(_mapping(source, headings), headings, known)
    )


def _require_daily(source: str, file: str, headings: set[str]) -> None:
    """Whether a file of billed usage holds that: other exports of Microsoft look alike."""
    if (
        SOURCES[source].dated_by != "usage_date"
        or not _is_partner_usage(source)
        or "usagedate" in headings
        or not headings
    ):
        return
    if {"subtotal", "chargestartdate"} <= headings:
        raise FileProblem(
            file,
            "holds reconciliation lines, not daily usage; land it in partner_center/reconciliation/<month>/nce/ "
            "(with its manifest, where it has one), and export billed usage for this folder",
        )
    if "billingpretaxtotal" in headings and "resourceuri" not in headings:
        raise SetAsideError(
            "aggregated billed usage: sums without days and resources; it explains prices from "
            "partner_center/billed_usage_aggregated/<month>/"
        )


def _is_partner_usage(source: str) -> bool:
    """Whether the source holds what Partner Center exports, by invoice, and not Cost Management."""
    return SOURCES[source].manifests == "graph"


def _require_meters(source: str, keys: list[str], file: str, known: set[str], found: set[str]) -> None:
    """FileProblem where no record has a meter: then keys that are missing are not only empty (attributeSet full)."""
    _require_daily(source, file, found)
    if not any(key.startswith("meter") for key in found):
        bind_by_priority(source, [key if normalize_heading(key) in found else "" for key in keys], file, known)


def _mapping(source: str, headings: list[str]) -> str:
    """FOCUS exports have columns of their own; every other shape shares one table of aliases."""
    is_focus = source == "azure_cost_export" and "billedcost" in {normalize_heading(h) for h in headings}
    return source + FOCUS if is_focus else source


def _facts(source: str, part: Part, headings: list[str], profile: Profile | None) -> dict[str, str | None]:
    if _is_partner_usage(source):
        return dict(part.facts)
    names = {normalize_heading(h) for h in headings}
    # Customer-side scopes (rule 10) know the partner and the customer, but no invoice and no billing profile.
    is_customer_side = "customertenantid" in names and not names & {"invoiceid", "billingprofileid", "partnertenantid"}
    kind = part.facts["kind"]
    is_focus = "billedcost" in names
    if kind is not None and kind not in COMPARISONS:
        raise FileProblem(
            part.file.path,
            f"belongs to no kind of cost export ({kind}); land it below {', '.join(COMPARISONS)}/<month>/",
        )
    # Nothing tells an amortized export from an actual one (spec/intake.md, 7): columns, else the profile, else actual.
    told = profile.constants.get(_COMPARISON) if profile else None
    if told is not None and told not in COMPARISONS.values():
        raise FileProblem(
            part.file.path, f"its profile says {told}, which is none of {', '.join(COMPARISONS.values())}"
        )
    comparison = COMPARISONS[kind or "focus_cost"] if kind or is_focus else told or COMPARISONS["actual_cost"]
    assumed = "true" if kind is None and not is_focus and told is None else None
    basis = "retail" if is_customer_side else "partner"
    return {**part.facts, "comparison": comparison, "price_basis": basis, "kind_assumed": assumed}
