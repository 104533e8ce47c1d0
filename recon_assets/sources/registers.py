"""ERP registers as tables of the one stream: what settings and profiles say of a file, and its lists made plain."""

from pathlib import Path

from recon_assets.catalogue import SOURCES
from recon_assets.landing.profiles import Profile
from recon_assets.sources.hints import RegisterHints
from recon_assets.sources.intake.lacking import Direction, Lacks
from recon_assets.sources.intake.reading import Reading
from recon_assets.sources.intake.tables import OpenedLists, open_lists
from recon_assets.sources.unpack import UnpackLimits

_DIRECTIONS: dict[str, Direction] = {"erp_sales_register": "sales", "erp_purchase_register": "purchase"}


def open_register(
    source: str, path: Path, file: str, limits: UnpackLimits, hints: RegisterHints, profile: Profile | None
) -> OpenedLists:
    """The lists of one register; FileProblem when it is unreadable, or leaves open what decides over its values."""
    direction = _DIRECTIONS[source]
    known = SOURCES[source]
    reading = Reading(
        known.columns,
        hints.month,
        profile,
        Lacks(direction, hints.company_tins, profile),
        known.named_by,
        ((profile.month_from if profile else None) or known.dated_by,),
        hints.date_order(file),
        hints.decimal_mark(file),
        # Of two document numbers in a purchase register the supplier's is the one (spec/intake.md, 2).
        frozenset({"document_number"} if direction == "purchase" else ()),
    )
    return open_lists(path, file, limits, reading)
